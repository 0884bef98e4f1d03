/// Cuts a contiguous transfer into AXI bursts: at most MaxBeats beats each, none across a 4 KiB boundary.
///
/// A job (address, beats >= 1) is taken when the previous one is finished; bursts are offered one at a time, in order. burst_last_o marks the
/// last burst of a job. The burst is stable while it waits. Throughput: one burst a cycle; a new job's first burst is offered the
/// cycle after it is taken. The address must be a multiple of the beat size.
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
    input  wire logic              clear_i,
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

  logic valid_q;
  logic [63:0] addr_q;
  logic [CountW-1:0] left_q;
  logic [UserW-1:0] user_q;
  logic [8:0] to_page, limit;

  // Beats up to the next page; a page holds at most 256 beats (16-byte beats).
  assign to_page = 9'(PageBeats) - 9'(addr_q[11 -: PageW]);
  assign limit   = (to_page < 9'(MaxBeats)) ? to_page : 9'(MaxBeats);

  assign burst_valid_o = valid_q;
  assign burst_addr_o  = addr_q;
  assign burst_last_o  = left_q <= CountW'(limit);
  assign burst_beats_o = burst_last_o ? left_q[8:0] : limit;
  assign burst_user_o  = user_q;
  assign job_ready_o   = !valid_q || (burst_ready_i && burst_last_o);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) valid_q <= 1'b0;
    else if (job_ready_o) valid_q <= job_valid_i;
  end
  always_ff @(posedge clk_i) begin
    if (job_ready_o) begin
      addr_q <= job_addr_i;
      left_q <= job_beats_i;
      user_q <= job_user_i;
    end else if (valid_q && burst_ready_i) begin
      addr_q <= addr_q + (64'(burst_beats_o) << OffsetW);
      left_q <= left_q - CountW'(burst_beats_o);
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_burst_size, !valid_q || left_q == '0 || (burst_beats_o != 9'd0 && burst_beats_o <= 9'(MaxBeats)))
  `SETUN_ASSERT(a_burst_page, !valid_q || 13'(burst_addr_o[11:0]) + (13'(burst_beats_o) << OffsetW) <= 13'd4096)
endmodule

`default_nettype wire
