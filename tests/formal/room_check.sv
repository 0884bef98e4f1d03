/// The room of setun_weight_port, by induction: it never asks for more beats than its FIFO has places for, so that RREADY may always be high.
///
/// The slave is any that gives each burst at least one beat, marks one of them last and gives no beat that was not asked for: the real ones, and
/// more. The wires of "inside" are tied to the port's registers by run.py. Two facts are assumed and proven elsewhere: jobs come
/// out of the queue as they were put in (fifo_4), with an aligned address and at least one beat (setun_command_decode's part of the contract).
`default_nettype none
`include "setun_assert.svh"

module room_check #(
    parameter int unsigned PortBits = 128,
    parameter int unsigned FifoBeats = 4,
    parameter int unsigned MaxBeats = 2,
    localparam int unsigned AW = $clog2(FifoBeats),
    localparam int unsigned OffsetW = $clog2(PortBits / 8)
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic        halt_i,
    input wire logic        job_valid_i,
    input wire logic [63:0] job_addr_i,
    input wire logic [33:0] job_beats_i,
    input wire logic        ready_i,
    input wire logic        arready_i,
    input wire logic        rvalid_i,
    input wire logic        rlast_i
);
  logic idle, job_ready, valid, error, arvalid, rready;
  logic [PortBits-1:0] data;
  logic [63:0] error_addr, araddr;
  logic [31:0] error_index;
  logic [7:0] arlen;
  setun_weight_port #(.PortBits(PortBits), .FifoBeats(FifoBeats), .MaxBeats(MaxBeats)) dut (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .halt_i       (halt_i),
      .idle_o       (idle),
      .job_valid_i  (job_valid_i),
      .job_ready_o  (job_ready),
      .job_addr_i   (job_addr_i),
      .job_beats_i  (job_beats_i),
      .job_index_i  (32'd0),
      .valid_o      (valid),
      .ready_i      (ready_i),
      .data_o       (data),
      .error_o      (error),
      .error_addr_o (error_addr),
      .error_index_o(error_index),
      .arvalid_o    (arvalid),
      .arready_i    (arready_i),
      .araddr_o     (araddr),
      .arlen_o      (arlen),
      .rvalid_i     (rvalid_i),
      .rready_o     (rready),
      .rdata_i      ('0),
      .rresp_i      (2'b00),
      .rlast_i      (rlast_i)
  );
  always_comb begin
    if (job_valid_i) assume (job_beats_i != '0 && job_addr_i[OffsetW-1:0] == '0);
  end

  // ---- The slave: beats and bursts that it owes; and all beats asked for that are not yet taken from the FIFO ----
  logic [AW+2:0] owed_q, promised_q, asked;
  logic [5:0] bursts_q;
  logic take, give, pop;
  assign asked = (AW + 3)'(arlen) + 1'b1;
  assign take  = arvalid && arready_i;
  assign give  = rvalid_i && rready;
  assign pop   = valid && ready_i;
  always_comb begin
    if (rvalid_i) assume (bursts_q != '0 && (rlast_i ? bursts_q != 6'd1 || owed_q == (AW + 3)'(1) : owed_q > (AW + 3)'(bursts_q)));
    if (!rst_ni) assume (!rvalid_i);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      owed_q     <= '0;
      promised_q <= '0;
      bursts_q   <= '0;
    end else begin
      owed_q     <= owed_q + (take ? asked : '0) - (AW + 3)'(give);
      promised_q <= promised_q + (take ? asked : '0) - (AW + 3)'(pop);
      bursts_q   <= bursts_q + 6'(take) - 6'(give && rlast_i);
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_room, (AW + 4)'(promised_q) + (arvalid ? (AW + 4)'(asked) : '0) <= (AW + 4)'(FifoBeats))
  `SETUN_ASSERT(a_length, !arvalid || arlen < 8'(MaxBeats))
  `SETUN_ASSERT(a_r_ready, rready)
  always_ff @(posedge clk_i) begin
    c_full: cover (rst_ni && promised_q == (AW + 3)'(FifoBeats) && owed_q == '0);
  end

`ifdef INDUCTION
  // ---- inside ----
  logic [AW:0] room, beats_wptr, beats_rptr, level;
  logic beats_fresh, track_valid, track_fresh;
  logic [4:0] track_wptr, track_rptr, tracked;
  logic queued_valid, last;
  logic [2:0] jobs_wptr, jobs_rptr;
  logic [129:0] queued;
  logic [1:0] state;
  logic [33:0] left;
  logic [63:0] address;
  logic [8:0] burst;
  assign level   = beats_wptr - beats_rptr;
  assign tracked = track_wptr - track_rptr;
  always_comb begin
    assume (!queued_valid || (queued[97:64] != '0 && queued[OffsetW-1:0] == '0));
  end
  `SETUN_ASSERT(i_queued, !queued_valid || jobs_wptr != jobs_rptr)
  // Splitter: 1 plans a burst, 2 offers it
  `SETUN_ASSERT(i_left, state == 2'd0 || left != '0)
  `SETUN_ASSERT(i_more, state != 2'd2 || last || left > 34'(burst))
  `SETUN_ASSERT(i_aligned, state == 2'd0 || address[OffsetW-1:0] == '0)
  `SETUN_ASSERT(i_state, state != 2'd3)
  // Every place of the FIFO is free, promised or in use
  `SETUN_ASSERT(i_room, (AW + 3)'(room) + promised_q + (arvalid ? asked : '0) == (AW + 3)'(FifoBeats))
  `SETUN_ASSERT(i_promised, promised_q == (AW + 3)'(level) + owed_q && owed_q <= promised_q)
  `SETUN_ASSERT(i_owed, owed_q >= (AW + 3)'(bursts_q) && (bursts_q != '0 || owed_q == '0))
  `SETUN_ASSERT(i_valid, !valid || level != '0)
  `SETUN_ASSERT(i_fresh, valid || beats_fresh == (level != '0))
  // The queue of bursts in flight also holds the one at the address channel
  `SETUN_ASSERT(i_tracked, 6'(tracked) == bursts_q + 6'(arvalid) && bursts_q <= 6'd16)
  `SETUN_ASSERT(i_track_valid, !track_valid || tracked != '0)
  `SETUN_ASSERT(i_track_fresh, (track_valid || track_fresh == (tracked != '0)) && (!track_fresh || bursts_q == '0))
`endif
endmodule

`default_nettype wire
