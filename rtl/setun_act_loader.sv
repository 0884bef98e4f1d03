/// Fetches activation chunks ahead of their use and feeds them to the leaf's shadow chunk.
///
/// For every tile, plane and chunk of a job, in the engine's order, it requests the chunk of each token; a matrix of a single chunk is loaded once.
/// Requests run ahead as far as the FIFO has room, across jobs too, unless a job carries the fence flag: then they wait until all
/// earlier commands have completed.
`default_nettype none
`include "setun_assert.svh"

module setun_act_loader #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TileRows = 1024
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,
    input  wire logic [31:0]         completed_i,   // commands completed in this run

    input  wire logic                job_valid_i,
    output logic                     job_ready_o,
    input  wire logic                job_fence_i,
    input  wire logic [31:0]         job_index_i,
    input  wire logic [63:0]         job_addr_i,
    input  wire logic [31:0]         job_stride_i,
    input  wire logic [20:0]         job_groups_i,
    input  wire logic [11:0]         job_chunks_i,
    input  wire logic [2:0]          job_last_beats_i,  // beats of the last chunk, 1 .. 5
    input  wire logic [2:0]          job_planes_i,
    input  wire logic [3:0]          job_tokens_i,

    output logic                     req_valid_o,
    input  wire logic                req_ready_i,
    output logic [63:0]              req_addr_o,
    output logic [2:0]               req_beats_o,
    output logic [2:0]               req_token_o,
    output logic                     req_last_o,
    output logic [31:0]              req_index_o,
    input  wire logic                beat_valid_i,
    input  wire logic [2:0]          beat_group_i,
    input  wire logic [2:0]          beat_token_i,
    input  wire logic                beat_last_i,
    input  wire logic [PortBits-1:0] beat_i,

    output logic                     load_valid_o,
    input  wire logic                load_ready_i,
    output logic                     load_last_o,
    output logic [2:0]               load_token_o,
    output logic [2:0]               load_group_o,
    output logic [PortBits-1:0]      load_data_o
);
  localparam int unsigned ChunkBytes = 5 * PortBits / 8;
  localparam int unsigned Depth = (Tokens <= 2) ? 32 : 16 * Tokens;  // two chunks of all tokens, at least
  localparam int unsigned RoomW = $clog2(Depth) + 1;

  logic active_q, fence_q;
  logic [31:0] index_q, stride_q;
  logic [63:0] base_q, chunk_addr_q, addr_q;
  logic [20:0] groups_left_q;
  logic [11:0] chunks_q, chunk_q;
  logic [2:0] planes_q, plane_q, last_beats_q, beats_q;
  logic [3:0] tokens_q, token_q;
  logic [RoomW-1:0] room_q;
  logic take, pop, token_last;

  assign token_last  = token_q + 1'b1 == tokens_q;
  assign req_valid_o = active_q && !fence_q && room_q >= RoomW'(beats_q);
  assign req_beats_o = beats_q;
  assign req_addr_o  = addr_q;
  assign req_token_o = token_q[2:0];
  assign req_last_o  = token_last;
  assign req_index_o = index_q;
  assign take        = req_valid_o && req_ready_i;
  assign job_ready_o = !active_q;

  always_ff @(posedge clk_i) begin : p_requests
    logic [11:0] chunk;
    if (!rst_ni) begin
      active_q <= 1'b0;
    end else if (!active_q) begin
      if (job_valid_i) begin
        active_q      <= 1'b1;
        fence_q       <= job_fence_i;
        index_q       <= job_index_i;
        stride_q      <= job_stride_i;
        base_q        <= job_addr_i;
        chunk_addr_q  <= job_addr_i;
        addr_q        <= job_addr_i;
        groups_left_q <= job_groups_i;
        chunks_q      <= job_chunks_i;
        last_beats_q  <= job_last_beats_i;
        beats_q       <= (job_chunks_i == 12'd1) ? job_last_beats_i : 3'd5;
        planes_q      <= job_planes_i;
        tokens_q      <= job_tokens_i;
        token_q       <= '0;
        chunk_q       <= '0;
        plane_q       <= '0;
      end
    end else if (fence_q) begin
      // Everything before this command is in memory once that many commands are complete.
      if (completed_i == index_q) fence_q <= 1'b0;
    end else if (take) begin
      token_q <= token_q + 1'b1;
      addr_q  <= addr_q + 64'(stride_q);
      if (token_last) begin
        token_q      <= '0;
        chunk        = chunk_q + 1'b1;
        chunk_addr_q <= chunk_addr_q + 64'(ChunkBytes);
        addr_q       <= chunk_addr_q + 64'(ChunkBytes);
        if (chunk == chunks_q) begin
          chunk        = '0;
          chunk_addr_q <= base_q;
          addr_q       <= base_q;
          plane_q      <= plane_q + 1'b1;
          if (plane_q + 1'b1 == planes_q) begin
            plane_q       <= '0;
            groups_left_q <= groups_left_q - 21'(TileRows);
            if (groups_left_q <= 21'(TileRows)) active_q <= 1'b0;
          end
          // A matrix of one chunk keeps its activations: they are loaded once.
          if (chunks_q == 12'd1) active_q <= 1'b0;
        end
        chunk_q <= chunk;
        beats_q <= (chunk + 1'b1 == chunks_q) ? last_beats_q : 3'd5;
      end
    end
  end

  assign pop = load_valid_o && load_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) room_q <= RoomW'(Depth);
    else if (take) room_q <= room_q - RoomW'(req_beats_o) + RoomW'(pop);
    else if (pop) room_q <= room_q + 1'b1;
  end

  logic fifo_ready;
  setun_fifo #(.Width(PortBits + 7), .Depth(Depth)) u_beats (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(beat_valid_i),
      .ready_o(fifo_ready),
      .data_i ({beat_last_i, beat_token_i, beat_group_i, beat_i}),
      .valid_o(load_valid_o),
      .ready_i(load_ready_i),
      .data_o ({load_last_o, load_token_o, load_group_o, load_data_o})
  );


  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_room_for_beat, !beat_valid_i || fifo_ready)
endmodule

`default_nettype wire
