/// The ternary matrix engine: sequences the beats of each matrix product through the leaf and keeps the partial sums.
///
/// One job is one MATMUL command. For each tile, plane, chunk and group of rows (docs/memory-format.md, section 3) it takes one beat from
/// every weight port in the same cycle, adds the leaf's sums to the partial-sum memory and, on the last chunk of the last plane, pushes one result
/// word (Ports rows x Tokens columns of INT32) into the result FIFO. Nothing stalls once a beat has entered the leaf: a beat is taken only
/// when its activations are current and a result place is free. Latency from the beat to its result word: leaf latency + 2 cycles.
/// Back-to-back chunks, tiles and commands follow each other without a bubble, except that two visits of one row are at least
/// three cycles apart (tiles of one or two groups).
///
/// Activations arrive in the leaf's shadow chunk through load_*; load_last_i marks the last word of a chunk. load_ready_o is low while
/// the shadow chunk waits for its use.
`default_nettype none
`include "setun_assert.svh"

module setun_engine #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TileRows = 1024,
    parameter int unsigned TreeCut = 3,
    parameter int unsigned Leaf = 0,
    parameter int unsigned FillGroups = (Leaf == 3) ? 2 : 8,  // of the leaves with tables
    parameter int unsigned CountNonzero = 1,
    parameter int unsigned Ram32m16 = 0,
    localparam int unsigned B = PortBits / 8,
    localparam int unsigned Lanes = 5 * B,
    localparam int unsigned ResultW = Ports * Tokens * 32,
    localparam int unsigned CountW = $clog2(Ports * Lanes + 1)
) (
    input  wire logic                      clk_i,
    input  wire logic                      rst_ni,
    input  wire logic                      halt_i,    // take no more beats

    // Job: one command
    input  wire logic                      job_valid_i,
    output logic                           job_ready_o,
    input  wire logic [20:0]               job_groups_i,   // groups of rows in the matrix, 1 .. 2^20
    input  wire logic [11:0]               job_chunks_i,   // 1 ..
    input  wire logic [2:0]                job_planes_i,   // 1 .. 5
    input  wire logic [3:0]                job_tokens_i,   // 1 .. Tokens
    input  wire logic [31:0]               job_index_i,    // position in the command list
    input  wire logic [63:0]               job_offset_i,   // weight offset, to report an address

    // Weights, one stream a port
    input  wire logic [Ports-1:0]          weight_valid_i,
    output logic                           weight_ready_o,
    input  wire logic [Ports*PortBits-1:0] weight_i,

    // Activations
    input  wire logic                      load_valid_i,
    output logic                           load_ready_o,
    input  wire logic                      load_last_i,
    input  wire logic [2:0]                load_token_i,
    input  wire logic [2:0]                load_group_i,
    input  wire logic [PortBits-1:0]       load_data_i,

    // Results
    output logic                           result_valid_o,
    input  wire logic                      result_ready_i,
    output logic [ResultW-1:0]             result_o,

    // Illegal trit codes: one pulse with the first port that saw one
    output logic                           error_o,
    output logic [3:0]                     error_port_o,
    output logic [31:0]                    error_index_o,
    output logic [63:0]                    error_offset_o,  // of the beat, from the port's base

    // Counters: one pulse a cycle
    output logic                           busy_o,
    output logic                           stall_w_o,
    output logic                           stall_x_o,
    output logic                           stall_y_o,
    output logic [CountW-1:0]              nonzero_o
);
  localparam int unsigned RowW = $clog2(TileRows);
  localparam int unsigned SumW = $clog2(Lanes * 128 + 1) + 1;
  localparam int unsigned Latency = 1 + ($clog2(Lanes) + TreeCut - 1) / TreeCut;
  // Where a word is at most one AXI word, results leave as fast as they come; otherwise the FIFO holds a whole tile.
  localparam int unsigned ResultDepth = (ResultW <= PortBits) ? 64 : TileRows;
  localparam int unsigned CreditW = $clog2(ResultDepth) + 1;
  // A row's sum is in memory two cycles after the leaf; its next visit may be three cycles later.
  localparam int unsigned MIN_GROUPS = 3;

  // ---- Job and loop counters. A pass is one chunk of one plane over the groups of one tile. ----
  logic        active_q, slot_q;
  logic [20:0] groups_left_q;   // of the matrix, from the first of this tile
  logic [11:0] chunks_q, chunk_q;
  logic [2:0]  planes_q, plane_q;
  logic [2:0]  last_token_q;    // tokens of the job, less one
  logic [RowW-1:0] group_q;
  logic [1:0]  gap_q;
  logic [1:0]  slot_busy_q;
  // Facts of the current pass, worked out once when it begins.
  logic [RowW-1:0] last_group_q;
  logic first_q, next_plane_q, final_q, last_pass_q, need_swap_q;

  logic group_last, job_last, fire, take_job, result_free, weights_here, x_here, swap;
  logic shadow_full_q, shadow_full2_q, fill_busy;
  logic [CreditW-1:0] credit_q;
  logic result_pop;

  assign group_last   = group_q == last_group_q;
  assign job_last     = group_last && last_pass_q;
  assign result_free  = !final_q || credit_q != '0;
  assign x_here       = !need_swap_q || (shadow_full2_q && !fill_busy);
  assign weights_here = &weight_valid_i;

  assign fire = active_q && !halt_i && gap_q == '0 && weights_here && x_here && result_free;
  assign swap = fire && need_swap_q;
  assign weight_ready_o = fire;

  // The next job may start when the job before the last has left the pipeline (its context slot is free).
  assign job_ready_o = !halt_i && (!active_q || (fire && job_last)) && !slot_busy_q[~slot_q];
  assign take_job    = job_valid_i && job_ready_o;

  assign busy_o    = fire;
  assign stall_w_o = active_q && !weights_here;
  assign stall_x_o = active_q && weights_here && !x_here;
  assign stall_y_o = active_q && weights_here && x_here && !result_free;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      slot_q   <= 1'b0;
      gap_q    <= '0;
    end else begin
      if (gap_q != '0) gap_q <= gap_q - 1'b1;
      if (fire && group_last) begin
        // last_group_q is 0 or 1 for the tiles that need a gap.
        if (last_group_q < RowW'(MIN_GROUPS - 1)) gap_q <= 2'(MIN_GROUPS - 1) - last_group_q[1:0];
        if (last_pass_q) active_q <= 1'b0;
      end
      if (take_job) begin
        active_q <= 1'b1;
        slot_q   <= ~slot_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_pass
    logic [20:0] groups_left;
    logic [11:0] chunk, chunks;
    logic [2:0] plane, planes;
    logic last_tile, fresh;
    if (take_job || (fire && group_last)) begin
      groups_left = groups_left_q;
      chunk       = chunk_q + 1'b1;
      chunks      = chunks_q;
      plane       = plane_q;
      planes      = planes_q;
      fresh       = take_job;
      if (take_job) begin
        groups_left = job_groups_i;
        chunk       = '0;
        chunks      = job_chunks_i;
        plane       = '0;
        planes      = job_planes_i;
        last_token_q <= 3'(job_tokens_i - 4'd1);
      end else if (chunk == chunks) begin
        chunk = '0;
        plane = plane + 1'b1;
        if (plane == planes) begin
          plane       = '0;
          groups_left = groups_left - 21'(TileRows);
        end
      end
      last_tile     = groups_left <= 21'(TileRows);
      groups_left_q <= groups_left;
      chunk_q       <= chunk;
      chunks_q      <= chunks;
      plane_q       <= plane;
      planes_q      <= planes;
      group_q       <= '0;
      last_group_q  <= last_tile ? RowW'(groups_left - 21'd1) : RowW'(TileRows - 1);
      first_q       <= chunk == '0 && plane == '0;
      next_plane_q  <= chunk == '0 && plane != '0;
      final_q       <= chunk + 1'b1 == chunks && plane + 1'b1 == planes;
      last_pass_q   <= chunk + 1'b1 == chunks && plane + 1'b1 == planes && last_tile;
      // A matrix of one chunk keeps its activations from the first beat to the last.
      need_swap_q   <= fresh || chunks != 12'd1;
    end else if (fire) begin
      group_q     <= group_q + 1'b1;
      need_swap_q <= 1'b0;
    end
  end

  // ---- Shadow chunk: full from the last word loaded (one cycle later for the leaf's input stage) until it is made current.
  // Leaves with tables keep fill_busy high until these are filled. ----
  assign load_ready_o = !shadow_full_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      shadow_full_q  <= 1'b0;
      shadow_full2_q <= 1'b0;
    end else if (swap) begin
      shadow_full_q  <= 1'b0;
      shadow_full2_q <= 1'b0;
    end else begin
      if (load_valid_i && load_ready_o && load_last_i) shadow_full_q <= 1'b1;
      shadow_full2_q <= shadow_full_q;
    end
  end

  // ---- Leaf ----
  logic [Ports*Tokens*SumW-1:0] sums;
  logic [Ports-1:0] illegal;
  logic [CountW-1:0] nonzero;

  setun_leaf #(
      .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TreeCut(TreeCut), .Leaf(Leaf), .FillGroups(FillGroups),
      .CountNonzero(CountNonzero), .Ram32m16(Ram32m16)
  ) u_leaf (
      .clk_i       (clk_i),
      .rst_ni      (rst_ni),
      .load_i      (load_valid_i && load_ready_o),
      .load_last_i (load_last_i),
      .load_token_i(load_token_i),
      .load_group_i(load_group_i),
      .load_data_i (load_data_i),
      .fill_busy_o (fill_busy),
      .swap_i      (swap),
      .valid_i     (fire),
      .beat_i      (weight_i),
      .sum_o       (sums),
      .illegal_o   (illegal),
      .nonzero_o   (nonzero)
  );

  // ---- Control that travels with each beat ----
  localparam int unsigned CtrlW = RowW + 9;
  logic [CtrlW-1:0] ctrl, ctrl_read, ctrl_sum;
  // {tokens - 1, slot, job_last, final, next_plane, first, valid, row}
  assign ctrl = {last_token_q, slot_q, job_last, final_q, next_plane_q, first_q, fire, group_q};
  for (genvar i = 0; i < Latency; i++) begin : gen_pipe
    logic [CtrlW-1:0] ctrl_q;
    if (i == 0) begin : gen_first
      always_ff @(posedge clk_i) ctrl_q <= (!rst_ni) ? '0 : ctrl;
    end else begin : gen_next
      always_ff @(posedge clk_i) ctrl_q <= (!rst_ni) ? '0 : gen_pipe[i-1].ctrl_q;
    end
  end
  assign ctrl_read = gen_pipe[Latency-2].ctrl_q;
  assign ctrl_sum  = gen_pipe[Latency-1].ctrl_q;

  logic sum_valid, sum_first, sum_next_plane, sum_final, sum_last, sum_slot;
  logic [2:0] sum_tokens;
  logic [RowW-1:0] sum_row;
  assign {sum_tokens, sum_slot, sum_last, sum_final, sum_next_plane, sum_first, sum_valid, sum_row} = ctrl_sum;

  // ---- Partial sums: base in the first cycle, base + sum in the second ----
  logic acc_valid_q, acc_final_q;
  logic [RowW-1:0] acc_row_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      acc_valid_q <= 1'b0;
      acc_final_q <= 1'b0;
    end else begin
      acc_valid_q <= sum_valid;
      acc_final_q <= sum_valid && sum_final;
    end
  end
  always_ff @(posedge clk_i) acc_row_q <= sum_row;

  logic [ResultW-1:0] result;
  logic [Tokens-1:0] keep;  // tokens that the command uses
  assign keep = Tokens'(~(8'hFE << sum_tokens));
  for (genvar p = 0; p < Ports; p++) begin : gen_port
    for (genvar t = 0; t < Tokens; t++) begin : gen_token
      logic [31:0] old, acc;
      logic [31:0] base_q;
      logic signed [SumW-1:0] sum_q;
      setun_ram #(.Width(32), .Depth(TileRows)) u_psum (
          .clk_i  (clk_i),
          .write_i(acc_valid_q),
          .waddr_i(acc_row_q),
          .wdata_i(acc),
          .read_i (ctrl_read[RowW]),
          .raddr_i(ctrl_read[RowW-1:0]),
          .rdata_o(old)
      );
      always_ff @(posedge clk_i) begin
        // Columns of tokens that the command does not use are zero. Zeros by the registers' reset cost no logic.
        if (sum_valid) begin
          sum_q  <= $signed(sums[(p*Tokens+t)*SumW +: SumW]);
          base_q <= old + (sum_next_plane ? old << 1 : 32'd0);
          if (!keep[t]) sum_q <= '0;
          if (sum_first || !keep[t]) base_q <= '0;
        end
      end
      assign acc = base_q + 32'(sum_q);
      assign result[(p*Tokens+t)*32 +: 32] = acc;
    end
  end

  // ---- Results: a place is reserved when the beat is taken ----
  logic result_push_ready;
  setun_fifo #(.Width(ResultW), .Depth(ResultDepth)) u_results (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(acc_final_q),
      .ready_o(result_push_ready),
      .data_i (result),
      .valid_o(result_valid_o),
      .ready_i(result_ready_i),
      .data_o (result_o)
  );
  assign result_pop = result_valid_o && result_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) credit_q <= CreditW'(ResultDepth);
    else if (fire && final_q && !result_pop) credit_q <= credit_q - 1'b1;
    else if (result_pop && !(fire && final_q)) credit_q <= credit_q + 1'b1;
  end

  // ---- Context of the two jobs that can be in the pipeline; the beat's address for error reports ----
  logic [31:0] index0_q, index1_q;
  logic [63:0] offset0_q, offset1_q;
  logic [33:0] beat_q;  // beats of the current job that have left the leaf
  always_ff @(posedge clk_i) begin
    if (take_job && !slot_q) begin
      index1_q  <= job_index_i;
      offset1_q <= job_offset_i;
    end
    if (take_job && slot_q) begin
      index0_q  <= job_index_i;
      offset0_q <= job_offset_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      slot_busy_q <= '0;
      beat_q      <= '0;
    end else begin
      if (sum_valid) begin
        beat_q <= sum_last ? '0 : beat_q + 1'b1;
        if (sum_last) slot_busy_q[sum_slot] <= 1'b0;
      end
      if (take_job) slot_busy_q[~slot_q] <= 1'b1;
    end
  end

  always_comb begin
    error_port_o   = '0;
    error_index_o  = '0;
    error_offset_o = '0;
    if (error_o) begin
      error_index_o  = sum_slot ? index1_q : index0_q;
      error_offset_o = (sum_slot ? offset1_q : offset0_q) + 64'(beat_q) * 64'(B);
    end
    for (int unsigned i = Ports; i > 0; i--) begin
      if (illegal[i-1]) error_port_o = 4'(i - 1);
    end
  end
  assign error_o        = sum_valid && illegal != '0;
  assign nonzero_o      = sum_valid ? nonzero : '0;

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_result_place, !acc_final_q || result_push_ready)
  `SETUN_ASSERT(a_load_waits, !(load_valid_i && load_ready_o && shadow_full2_q))
endmodule

`default_nettype wire
