/// Both leaf forms against sum(w * x): five loads of any data, a swap at the earliest moment the contract allows, then any beats and any
/// further loads, which must not disturb the current chunk.
///
/// Without OneLane all weights of a port of 16 bits, ten lanes, are free: what every lane gives to the tree, each group's part in the planes leaf,
/// and the total of the parts. (A population count takes no fewer lanes.) With OneLane a port is wider and every weight but one, picked freely,
/// is zero: each lane adds, subtracts or drops its own activation and nothing else.
`default_nettype none

module leaf_check #(
    parameter int unsigned PortBits = 16,
    parameter int unsigned TreeCut = 2,
    parameter bit OneLane = 1'b0,
    localparam int unsigned B = PortBits / 8,
    localparam int unsigned Lanes = 5 * B,
    localparam int unsigned Latency = 1 + ($clog2(Lanes) + TreeCut - 1) / TreeCut,
    localparam int unsigned SumW = $clog2(Lanes * 128 + 1) + 1,
    localparam int unsigned CountW = $clog2(Lanes + 1)
) (
    input wire logic                clk_i,
    input wire logic                later_load_i,
    input wire logic [2:0]          later_group_i,
    input wire logic [PortBits-1:0] load_data_i,
    input wire logic                valid_i,
    input wire logic [PortBits-1:0] beat_i
);
  logic signed [SumW-1:0] planes_sum, tree_sum;
  logic planes_illegal, tree_illegal, planes_busy, tree_busy;
  logic [CountW-1:0] planes_count, tree_count;
  setun_leaf_planes #(.PortBits(PortBits), .Ports(1), .Tokens(1), .TreeCut(TreeCut)) planes (
      .clk_i       (clk_i),
      .rst_ni      (1'b1),
      .load_i      (load),
      .load_last_i (1'b0),
      .load_token_i(3'd0),
      .load_group_i(load_group),
      .load_data_i (load_data_i),
      .fill_busy_o (planes_busy),
      .swap_i      (swap),
      .valid_i     (valid_i),
      .beat_i      (beat_i),
      .sum_o       (planes_sum),
      .illegal_o   (planes_illegal),
      .nonzero_o   (planes_count)
  );
  setun_leaf_tree #(.PortBits(PortBits), .Ports(1), .Tokens(1), .TreeCut(TreeCut)) tree (
      .clk_i       (clk_i),
      .rst_ni      (1'b1),
      .load_i      (load),
      .load_last_i (1'b0),
      .load_token_i(3'd0),
      .load_group_i(load_group),
      .load_data_i (load_data_i),
      .fill_busy_o (tree_busy),
      .swap_i      (swap),
      .valid_i     (valid_i),
      .beat_i      (beat_i),
      .sum_o       (tree_sum),
      .illegal_o   (tree_illegal),
      .nonzero_o   (tree_count)
  );

  // ---- Loads in cycles 0 to 4, swap in cycle 6: two cycles after the last load ----
  logic [2:0] cycle_q = '0;
  logic load, swap;
  logic [2:0] load_group;
  assign load       = cycle_q < 3'd5 || (cycle_q == 3'd7 && later_load_i);
  assign load_group = (cycle_q < 3'd5) ? cycle_q : later_group_i;
  assign swap       = cycle_q == 3'd6;
  logic [Lanes*8-1:0] chunk_q;  // what was loaded first
  always_ff @(posedge clk_i) begin
    if (cycle_q != 3'd7) cycle_q <= cycle_q + 3'd1;
    for (int unsigned g = 0; g < 5; g++) begin
      if (cycle_q == 3'(g)) chunk_q[g*PortBits +: PortBits] <= load_data_i;
    end
  end
  logic current;
  assign current = cycle_q >= 3'd6;  // the beat of the swap's cycle already has the new chunk

  // ---- Specification ----
  logic [31:0] term [0:Lanes-1];
  logic [Lanes-1:0] nonzero;
  (* anyconst *) logic [9:0] live;
  // The weights: the decoder is proven against its table by decode_check.
  logic [B-1:0] nz [0:4];
  logic [B-1:0] s [0:4];
  logic bad;
  setun_trit_decode #(.PortBits(PortBits)) decode (
      .beat_i   (beat_i),
      .nz0_o    (nz[0]),
      .s0_o     (s[0]),
      .nz1_o    (nz[1]),
      .s1_o     (s[1]),
      .nz2_o    (nz[2]),
      .s2_o     (s[2]),
      .nz3_o    (nz[3]),
      .s3_o     (s[3]),
      .nz4_o    (nz[4]),
      .s4_o     (s[4]),
      .illegal_o(bad)
  );
  for (genvar i = 0; i < B; i++) begin : gen_code
    for (genvar t = 0; t < 5; t++) begin : gen_trit
      localparam int unsigned L = t * B + i;
      logic [31:0] x;
      assign x          = {{24{chunk_q[L*8+7]}}, chunk_q[L*8 +: 8]};
      assign nonzero[L] = nz[t][i];
      assign term[L]    = !nz[t][i] ? 32'd0 : s[t][i] ? 32'd0 - x : x;
      if (OneLane) begin : gen_dead
        always_comb assume (live == 10'(L) || !nz[t][i]);
      end
    end
  end

  logic [66*Latency-1:0] pipe_q;  // {checked, illegal, count, sum}, newest on top
  logic [65:0] was;               // what the outputs belong to
  assign was = pipe_q[65:0];
  logic [31:0] expected, count;   // of the lanes
  logic signed [SumW-1:0] planes_expected;
  if (OneLane) begin : gen_one
    assign planes_expected = SumW'(was[31:0]);  // a value of 9 bits
    always_comb begin
      expected = '0;
      for (int unsigned l = 0; l < Lanes; l++) begin
        if (live == 10'(l)) expected = term[l];
      end
    end
  end else begin : gen_all
    if (B != 2) begin : gen_bad
      $error("leaf_check: all lanes are free only for PortBits = 16");
    end
    if (Latency != 3) begin : gen_bad_latency
      $error("leaf_check: the planes leaf must have no delay after its total");
    end
    logic [5*SumW-1:0] part;    // of the planes leaf, two cycles after the beat
    // The total is that of the parts, which are proven group by group; 10 * 128 fits into SumW bits.
    logic signed [SumW-1:0] parts_q;
    always_ff @(posedge clk_i) begin
      parts_q <= $signed(part[0 +: SumW]) + $signed(part[SumW +: SumW]) + $signed(part[2*SumW +: SumW])
          + $signed(part[3*SumW +: SumW]) + $signed(part[4*SumW +: SumW]);
    end
    assign expected        = '0;
    assign planes_expected = parts_q;

    // ---- inside: what each lane gives to the sums. setun_add_tree's own proofs then make the tree leaf's sum exact. ----
    localparam int unsigned TermW = 32 * Lanes + 1;
    logic [Lanes*32-1:0] terms;
    logic [Lanes*8-1:0] selected;  // words and carries that enter the tree, one cycle after it
    logic [Lanes-1:0] carry;
    logic [TermW*2-1:0] term_q;  // {checked, terms} one and two cycles after the beat, newest on top
    logic lane_age_q = 1'b0, part_age_q = 1'b0;
    always_ff @(posedge clk_i) begin
      term_q     <= {valid_i && current && !bad, terms, term_q[TermW +: TermW]};
      lane_age_q <= 1'b1;
      part_age_q <= lane_age_q;
    end
    for (genvar l = 0; l < Lanes; l++) begin : gen_lane
      assign terms[l*32 +: 32] = term[l];
      always_ff @(posedge clk_i) begin
        if (lane_age_q && term_q[TermW+32*Lanes]) begin
          assert (32'($signed(selected[l*8 +: 8])) + 32'(carry[l]) == term_q[TermW+l*32 +: 32]);
        end
      end
    end
    for (genvar g = 0; g < 5; g++) begin : gen_part
      always_ff @(posedge clk_i) begin
        if (part_age_q && term_q[32*Lanes]) begin
          assert (32'($signed(part[g*SumW +: SumW])) == term_q[g*64 +: 32] + term_q[g*64+32 +: 32]);
        end
      end
    end
  end
  always_comb begin
    count = '0;
    for (int unsigned l = 0; l < Lanes; l++) count = count + 32'(nonzero[l]);
  end

  logic [3:0] age_q = '0;
  always_ff @(posedge clk_i) begin
    pipe_q <= (66*Latency)'({valid_i && current, bad, count, expected, pipe_q} >> 66);
    if (age_q != 4'(Latency)) age_q <= age_q + 1'b1;
    if (age_q == 4'(Latency) && was[65]) begin
      a_illegal: assert (planes_illegal == was[64] && tree_illegal == was[64]);
      if (!was[64]) begin
        a_planes: assert (planes_sum == planes_expected);
        if (OneLane) a_tree: assert (32'(tree_sum) == was[31:0]);
        a_count: assert (32'(planes_count) == was[63:32] && 32'(tree_count) == was[63:32]);
      end
    end
    c_negative: cover (age_q == 4'(Latency) && was[65] && !was[64] && 32'(planes_sum) == 32'hFFFF_FFFF);
  end
endmodule

`default_nettype wire
