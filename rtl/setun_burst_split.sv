/// Cuts a contiguous transfer into AXI bursts: at most MaxBeats beats each, none across a 4 KiB boundary.
///
/// A job (address, beats >= 1) is taken when the previous one is finished; bursts are offered one at a time, in order. burst_last_o marks the
/// last burst of a job. The burst is stable while it waits. Throughput: one burst every two cycles. The address must be a multiple of
/// the beat size. Nothing is computed while a burst waits.
`default_nettype none
`include "setun_assert.svh"

module setun_burst_split #(
    parameter int unsigned BeatBytes = 64,
    parameter int unsigned MaxBeats = 64,
    parameter int unsigned CountW = 34,
    parameter int unsigned UserW = 1
) (
    input  wire logic              clk_i,
    input  wire logic              rst_ni,
    input  wire logic              job_valid_i,
    output logic                   job_ready_o,
    input  wire logic [63:0]       job_addr_i,
    input  wire logic [CountW-1:0] job_beats_i,
    input  wire logic [UserW-1:0]  job_user_i,   // handed on with every burst
    output logic                   burst_valid_o,
    input  wire logic              burst_ready_i,
    output logic [63:0]            burst_addr_o,
    output logic [8:0]             burst_beats_o,  // 1 .. MaxBeats
    output logic                   burst_last_o,
    output logic [UserW-1:0]       burst_user_o
);
  localparam int unsigned OffsetW = $clog2(BeatBytes);
  localparam int unsigned PageBeats = 4096 / BeatBytes;
  localparam int unsigned PageW = 12 - OffsetW;
  if (MaxBeats == 0 || MaxBeats > 256) begin : gen_bad_beats
    $error("setun_burst_split: MaxBeats must be 1 to 256");
  end

  typedef enum logic [1:0] {S_IDLE, S_PLAN, S_OFFER} state_e;
  state_e state_q;
  logic [63:0] addr_q;
  logic [CountW-1:0] left_q;  // beats from addr_q on
  logic [UserW-1:0] user_q;
  logic [8:0] beats_q, to_page, limit;
  logic last_q;

  // Beats up to the next page; a page holds at most 256 beats (16-byte beats).
  always_comb begin
    to_page = '0;
    limit   = '0;
    if (state_q == S_PLAN) begin
      to_page = 9'(PageBeats) - 9'(addr_q[11 -: PageW]);
      limit   = (to_page < 9'(MaxBeats)) ? to_page : 9'(MaxBeats);
    end
  end

  assign burst_valid_o = state_q == S_OFFER;
  assign burst_addr_o  = addr_q;
  assign burst_beats_o = beats_q;
  assign burst_last_o  = last_q;
  assign burst_user_o  = user_q;
  assign job_ready_o   = state_q == S_IDLE;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= S_IDLE;
    end else begin
      unique case (state_q)
        S_IDLE: if (job_valid_i) state_q <= S_PLAN;
        S_PLAN: state_q <= S_OFFER;
        S_OFFER: if (burst_ready_i) state_q <= last_q ? S_IDLE : S_PLAN;
        default: state_q <= S_IDLE;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    unique case (state_q)
      S_IDLE: if (job_valid_i) begin
        addr_q <= job_addr_i;
        left_q <= job_beats_i;
        user_q <= job_user_i;
      end
      S_PLAN: begin
        last_q  <= left_q <= CountW'(limit);
        beats_q <= (left_q <= CountW'(limit)) ? left_q[8:0] : limit;
      end
      default: if (burst_ready_i) begin
        addr_q <= addr_q + (64'(beats_q) << OffsetW);
        left_q <= left_q - CountW'(beats_q);
      end
    endcase
  end

  `SETUN_FORMAL_INIT
  `SETUN_PROVE(a_burst_size, state_q != S_OFFER || (beats_q != 9'd0 && beats_q <= 9'(MaxBeats)))
  `SETUN_PROVE(a_burst_page, state_q != S_OFFER || 13'(addr_q[11:0]) + (13'(beats_q) << OffsetW) <= 13'd4096)
endmodule

`default_nettype wire
