/// AXI4 read master of the data port, shared by the command fetcher (client c) and the activation loader (client x).
///
/// Short requests, served in order, the fetcher first. The clients reserve room before they ask, so RREADY is always high. Every returned beat
/// carries its request's user field and its beat number within the request. The R channel is registered once. halt_i stops new requests; idle_o: no response is owed.
`default_nettype none
`include "setun_assert.svh"

module setun_data_read #(
    parameter int unsigned PortBits = 512
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,
    input  wire logic                halt_i,
    output logic                     idle_o,

    input  wire logic                c_valid_i,
    output logic                     c_ready_o,
    input  wire logic [63:0]         c_addr_i,
    input  wire logic [2:0]          c_beats_i,
    input  wire logic [31:0]         c_index_i,

    input  wire logic                x_valid_i,
    output logic                     x_ready_o,
    input  wire logic [63:0]         x_addr_i,
    input  wire logic [2:0]          x_beats_i,
    input  wire logic [2:0]          x_token_i,
    input  wire logic                x_last_i,   // last request of a chunk
    input  wire logic [31:0]         x_index_i,

    // Returned beats
    output logic                     c_valid_o,
    output logic                     x_valid_o,
    output logic [PortBits-1:0]      data_o,
    output logic [2:0]               beat_o,     // number within the request
    output logic                     last_o,     // last beat of the request
    output logic [2:0]               token_o,
    output logic                     chunk_last_o,

    output logic                     error_o,
    output logic                     error_list_o,  // the fetcher's request, else the loader's
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
  localparam int unsigned UserW = 37;  // {list, token, chunk_last, index}

  logic split_ready, burst_valid, burst_take, burst_last, track_ready, track_valid;
  logic [63:0] burst_addr;
  logic [8:0] burst_beats;
  logic [UserW-1:0] burst_user;

  assign c_ready_o = split_ready && !halt_i;
  assign x_ready_o = split_ready && !halt_i && !c_valid_i;

  setun_burst_split #(.BeatBytes(PortBits / 8), .MaxBeats(8), .CountW(9), .UserW(UserW)) u_split (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .job_valid_i  ((c_valid_i || x_valid_i) && !halt_i),
      .job_ready_o  (split_ready),
      .job_addr_i   (c_valid_i ? c_addr_i : x_addr_i),
      .job_beats_i  ({6'd0, c_valid_i ? c_beats_i : x_beats_i}),
      .job_user_i   (c_valid_i ? {1'b1, 3'd0, 1'b0, c_index_i} : {1'b0, x_token_i, x_last_i, x_index_i}),
      .burst_valid_o(burst_valid),
      .burst_ready_i(burst_take),
      .burst_addr_o (burst_addr),
      .burst_beats_o(burst_beats),
      .burst_last_o (burst_last),
      .burst_user_o (burst_user)
  );

  // ---- Address channel ----
  logic arvalid_q;
  logic [63:0] araddr_q;
  logic [7:0] arlen_q;
  assign burst_take = burst_valid && !halt_i && track_ready && (!arvalid_q || arready_i);
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

  // ---- Bursts in flight ----
  logic [UserW+64:0] track;
  logic track_list, track_chunk_last, track_burst_last;
  logic [2:0] track_token;
  logic [31:0] track_index;
  logic [63:0] track_addr;
  setun_fifo #(.Width(UserW + 65), .Depth(16)) u_track (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(burst_take),
      .ready_o(track_ready),
      .data_i ({burst_user, burst_last, burst_addr}),
      .valid_o(track_valid),
      .ready_i(rvalid_q && rlast_q),
      .data_o (track)
  );
  assign {track_list, track_token, track_chunk_last, track_index, track_burst_last, track_addr} = track;
  assign idle_o = !track_valid && !arvalid_q;

  // ---- Returned beats ----
  logic rvalid_q, rlast_q, rerror_q, request_end;
  logic [PortBits-1:0] rdata_q;
  logic [2:0] beat_q;
  assign rready_o = 1'b1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) rvalid_q <= 1'b0;
    else rvalid_q <= rvalid_i;
  end
  always_ff @(posedge clk_i) begin
    if (rvalid_i) begin
      rdata_q  <= rdata_i;
      rlast_q  <= rlast_i;
      rerror_q <= rresp_i[1];
    end
  end
  assign request_end = rvalid_q && rlast_q && track_burst_last;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) beat_q <= '0;
    else if (rvalid_q) beat_q <= request_end ? '0 : beat_q + 1'b1;
  end
  assign c_valid_o     = rvalid_q && track_list;
  assign x_valid_o     = rvalid_q && !track_list;
  assign data_o        = rdata_q;
  assign beat_o        = beat_q;
  assign last_o        = request_end;
  assign token_o       = track_token;
  assign chunk_last_o  = request_end && track_chunk_last;
  assign error_o       = rvalid_q && rerror_q;
  assign error_list_o  = track_list;
  assign error_addr_o  = track_addr;
  assign error_index_o = track_index;

  logic unused;
  assign unused = rresp_i[0];

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_read_was_requested, !rvalid_q || track_valid)
  `SETUN_ASSERT_IF(a_ar_page, arvalid_o, 13'(araddr_o[11:0]) + ((13'(arlen_o) + 13'd1) << $clog2(PortBits / 8)) <= 13'd4096)
  `SETUN_ASSERT_HOLD(a_ar_stable, arvalid_o, arready_i, {araddr_o, arlen_o})
endmodule

`default_nettype wire
