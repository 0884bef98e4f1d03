/// AXI4 read master of one weight port: keeps long bursts in flight and hands the beats on in order.
///
/// Jobs (one a command) are queued, so that the next matrix is being fetched while this one is consumed. A burst is requested only when the
/// beat FIFO has room for all of it, hence RREADY is always high. A bus error is reported with its burst's address and command and the
/// beat is handed on; the caller stops the run. halt_i stops new requests; idle_o tells that no response is owed any more. It may be
/// reset when idle.
`default_nettype none
`include "setun_assert.svh"

module setun_weight_port #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned FifoBeats = 256,
    parameter int unsigned MaxBeats = 64
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,
    input  wire logic                halt_i,
    output logic                     idle_o,

    input  wire logic                job_valid_i,
    output logic                     job_ready_o,
    input  wire logic [63:0]         job_addr_i,
    input  wire logic [33:0]         job_beats_i,
    input  wire logic [31:0]         job_index_i,

    output logic                     valid_o,
    input  wire logic                ready_i,
    output logic [PortBits-1:0]      data_o,

    output logic                     error_o,
    output logic [63:0]              error_addr_o,
    output logic [31:0]              error_index_o,

    output logic                     arvalid_o,
    input  wire logic                arready_i,
    output logic [63:0]              araddr_o,
    output logic [7:0]               arlen_o,
    input  wire logic                rvalid_i,
    output logic                     rready_o,
    input  wire logic [PortBits-1:0] rdata_i,
    input  wire logic [1:0]          rresp_i,
    input  wire logic                rlast_i
);
  localparam int unsigned LevelW = $clog2(FifoBeats) + 1;
  if (FifoBeats < 2 * MaxBeats) begin : gen_bad_fifo
    $error("setun_weight_port: FifoBeats must hold at least two bursts");
  end

  logic queued_valid, queued_ready, burst_valid, burst_take, burst_last, track_ready, track_valid;
  logic [129:0] queued;
  logic [63:0] burst_addr;
  logic [8:0] burst_beats;
  logic [31:0] burst_index;

  setun_fifo #(.Width(130), .Depth(4)) u_jobs (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(job_valid_i),
      .ready_o(job_ready_o),
      .data_i ({job_index_i, job_beats_i, job_addr_i}),
      .valid_o(queued_valid),
      .ready_i(queued_ready),
      .data_o (queued)
  );

  setun_burst_split #(.BeatBytes(PortBits / 8), .MaxBeats(MaxBeats), .CountW(34), .UserW(32)) u_split (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .job_valid_i  (queued_valid && !halt_i),
      .job_ready_o  (queued_ready),
      .job_addr_i   (queued[63:0]),
      .job_beats_i  (queued[97:64]),
      .job_user_i   (queued[129:98]),
      .burst_valid_o(burst_valid),
      .burst_ready_i(burst_take),
      .burst_addr_o (burst_addr),
      .burst_beats_o(burst_beats),
      .burst_last_o (burst_last),
      .burst_user_o (burst_index)
  );

  // ---- Address channel: one register stage, filled when the FIFO has room for the whole burst ----
  logic arvalid_q;
  logic [63:0] araddr_q;
  logic [7:0] arlen_q;
  logic [LevelW-1:0] room_q;  // FIFO places not promised to any burst
  logic pop;

  assign burst_take = burst_valid && room_q >= LevelW'(burst_beats) && !halt_i && track_ready && (!arvalid_q || arready_i);
  assign arvalid_o  = arvalid_q;
  assign araddr_o   = araddr_q;
  assign arlen_o    = arlen_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) arvalid_q <= 1'b0;
    else if (burst_take) arvalid_q <= 1'b1;
    else if (arready_i) arvalid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (burst_take) begin
      araddr_q <= burst_addr;
      arlen_q  <= 8'(burst_beats - 9'd1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) room_q <= LevelW'(FifoBeats);
    else if (burst_take) room_q <= room_q - LevelW'(burst_beats) + LevelW'(pop);
    else if (pop) room_q <= room_q + 1'b1;
  end

  // ---- Bursts in flight, for error reports and to know when nothing is owed ----
  logic [95:0] track;
  setun_fifo #(.Width(96), .Depth(16)) u_track (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(burst_take),
      .ready_o(track_ready),
      .data_i ({burst_index, burst_addr}),
      .valid_o(track_valid),
      .ready_i(rvalid_i && rlast_i),
      .data_o (track)
  );
  assign idle_o        = !track_valid && !arvalid_q;
  // The error is registered once; track_q keeps what it belonged to.
  logic error_q;
  logic [95:0] track_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_q <= 1'b0;
    else error_q <= rvalid_i && rresp_i[1];
  end
  always_ff @(posedge clk_i) begin
    if (rvalid_i && rresp_i[1]) track_q <= track;
  end
  assign error_o       = error_q;
  assign error_addr_o  = track_q[63:0];
  assign error_index_o = track_q[95:64];

  // ---- Read data ----
  logic fifo_ready;
  assign rready_o = 1'b1;
  assign pop      = valid_o && ready_i;
  setun_fifo #(.Width(PortBits), .Depth(FifoBeats)) u_beats (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(rvalid_i),
      .ready_o(fifo_ready),
      .data_i (rdata_i),
      .valid_o(valid_o),
      .ready_i(ready_i),
      .data_o (data_o)
  );

  logic unused;
  assign unused = ^{burst_last, rresp_i[0]};

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_room_for_read, !rvalid_i || fifo_ready)
  `SETUN_ASSERT(a_read_was_requested, !rvalid_i || track_valid)
  `SETUN_ASSERT_IF(a_ar_page, arvalid_o, 13'(araddr_o[11:0]) + ((13'(arlen_o) + 13'd1) << $clog2(PortBits / 8)) <= 13'd4096)
  `SETUN_ASSERT_HOLD(a_ar_stable, arvalid_o, arready_i, {araddr_o, arlen_o})
endmodule

`default_nettype wire
