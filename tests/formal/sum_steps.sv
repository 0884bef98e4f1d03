/// setun_sum_tree by induction on its structure, at the sizes that the kernel has.
///
/// sum_step: a tree of N words is one level of nodes and a tree of ceil(N / Radix) words that are Radix times as large; both sides become the
/// same netlist when equal cells are merged. sum_node: a node is the exact sum of Radix words within their range, and is in the range of
/// the next level. The base, a tree of at most Radix words, is a node. Together: the tree is the exact sum. sum_width: the low bits
/// of that sum are what a tree gives whose SumW is the least that the unit accepts, which the sum then fits into.
`default_nettype none

module sum_step #(
    parameter int unsigned N = 48,
    parameter int unsigned W = 11,
    parameter int unsigned Max = 896,
    parameter bit Signed = 1'b1,
    parameter int unsigned Radix = 3,
    parameter int unsigned Levels = 4,
    parameter int unsigned SumW = 20
) (
    input wire logic           clk_i,
    input wire logic [N*W-1:0] data_i
);
  localparam int unsigned Next = (N + Radix - 1) / Radix;
  localparam int unsigned NextW = $clog2(Max * Radix + 1) + (Signed ? 1 : 0);
  logic [SumW-1:0] whole, stepped;
  setun_sum_tree #(.Inputs(N), .Width(W), .Max(Max), .Signed(Signed), .Radix(Radix), .Stages(Levels), .SumW(SumW)) u_whole (
      .clk_i (clk_i),
      .data_i(data_i),
      .sum_o (whole)
  );

  logic [Next*NextW-1:0] level, level_q;
  for (genvar i = 0; i < Next; i++) begin : gen_node
    logic [NextW-1:0] a, b, c;
    assign a = Signed ? NextW'($signed(data_i[i*W +: W])) : NextW'(data_i[i*W +: W]);
    if (i + Next < N) begin : gen_b
      assign b = Signed ? NextW'($signed(data_i[(i+Next)*W +: W])) : NextW'(data_i[(i+Next)*W +: W]);
      if (i + 2 * Next < N) begin : gen_c
        assign c = Signed ? NextW'($signed(data_i[(i+2*Next)*W +: W])) : NextW'(data_i[(i+2*Next)*W +: W]);
        assign level[i*NextW +: NextW] = a + b + c;
      end else begin : gen_two
        assign level[i*NextW +: NextW] = a + b;
      end
    end else begin : gen_one
      assign level[i*NextW +: NextW] = a;
    end
  end
  always_ff @(posedge clk_i) level_q <= level;
  setun_sum_tree #(
      .Inputs(Next), .Width(NextW), .Max(Max * Radix), .Signed(Signed), .Radix(Radix), .Stages(Levels - 1), .SumW(SumW)
  ) u_rest (
      .clk_i (clk_i),
      .data_i(level_q),
      .sum_o (stepped)
  );

  logic [3:0] age_q = '0;
  always_ff @(posedge clk_i) begin
    if (age_q != 4'(Levels + 1)) age_q <= age_q + 1'b1;
    if (age_q == 4'(Levels + 1)) a_step: assert (whole == stepped);
  end
endmodule

// A node of the words of a level, as the unit writes it; SumW is the width of the next level.
module sum_node #(
    parameter int unsigned W = 11,
    parameter int unsigned Max = 896,
    parameter bit Signed = 1'b1,
    parameter int unsigned Radix = 3,
    parameter int unsigned SumW = 13
) (
    input wire logic           clk_i,
    input wire logic [3*W-1:0] data_i
);
  logic [W*Radix-1:0] words;
  logic [SumW-1:0] sum;
  logic [31:0] exact, value;
  logic in_range;
  assign words = data_i[W*Radix-1:0];
  setun_sum_tree #(.Inputs(Radix), .Width(W), .Max(Max), .Signed(Signed), .Radix(Radix), .Stages(0), .SumW(SumW)) u_node (
      .clk_i (clk_i),
      .data_i(words),
      .sum_o (sum)
  );
  always_comb begin
    exact    = '0;
    in_range = 1'b1;
    for (int unsigned i = 0; i < Radix; i++) begin
      value = Signed ? 32'($signed(words[i*W +: W])) : 32'(words[i*W +: W]);
      exact = exact + value;
      if ($signed(value) > $signed(32'(Max)) || $signed(value) < -$signed(32'(Max))) in_range = 1'b0;
    end
    value = Signed ? 32'($signed(sum)) : 32'(sum);
  end
  always_ff @(posedge clk_i) begin
    if (in_range) begin
      a_exact: assert (value == exact);
      a_range: assert ($signed(value) <= $signed(32'(Max * Radix)) && $signed(value) >= -$signed(32'(Max * Radix)));
    end
  end
endmodule

// Trees of Words words, of half as many, and so on, Trees of them.
module sum_steps #(
    parameter int unsigned Words = 48,
    parameter int unsigned Trees = 3,
    parameter int unsigned Width = 11,
    parameter int unsigned Max = 896,
    parameter bit Signed = 1'b1,
    parameter int unsigned Radix = 3
) (
    input wire logic                   clk_i,
    input wire logic [Words*Width-1:0] data_i
);
  localparam int unsigned SignBit = Signed ? 1 : 0;
  for (genvar start = 0; start < Trees; start++) begin : gen_start
    localparam int unsigned First = Words >> start;
    localparam int unsigned Levels = (Radix == 2) ? $clog2(First)
        : (First <= 3) ? 1 : (First <= 9) ? 2 : (First <= 27) ? 3 : (First <= 81) ? 4 : (First <= 243) ? 5 : 6;
    localparam int unsigned Wide = $clog2(Max * Radix ** Levels + 1) + SignBit;
    localparam int unsigned Narrow = $clog2(Max * First + 1) + SignBit;
    for (genvar l = 0; l < Levels; l++) begin : gen_level
      localparam int unsigned N = (First + Radix ** l - 1) / Radix ** l;
      localparam int unsigned Most = Max * Radix ** l;
      localparam int unsigned W = (l == 0) ? Width : $clog2(Most + 1) + SignBit;
      if (l + 1 < Levels) begin : gen_step
        sum_step #(.N(N), .W(W), .Max(Most), .Signed(Signed), .Radix(Radix), .Levels(Levels - l), .SumW(Wide)) u_step (
            .clk_i (clk_i),
            .data_i((N*W)'({data_i, data_i, data_i}))
        );
      end
      if (start == 0) begin : gen_node
        sum_node #(.W(W), .Max(Most), .Signed(Signed), .Radix(Radix), .SumW($clog2(Most * Radix + 1) + SignBit)) u_node (
            .clk_i (clk_i),
            .data_i((3*W)'({data_i, data_i, data_i}))
        );
      end
    end

    logic [Wide-1:0] wide;
    logic [Narrow-1:0] narrow;
    setun_sum_tree #(.Inputs(First), .Width(Width), .Max(Max), .Signed(Signed), .Radix(Radix), .Stages(Levels), .SumW(Wide)) u_wide (
        .clk_i (clk_i),
        .data_i(data_i[First*Width-1:0]),
        .sum_o (wide)
    );
    setun_sum_tree #(.Inputs(First), .Width(Width), .Max(Max), .Signed(Signed), .Radix(Radix), .Stages(Levels), .SumW(Narrow)) u_narrow (
        .clk_i (clk_i),
        .data_i(data_i[First*Width-1:0]),
        .sum_o (narrow)
    );
    logic [3:0] age_q = '0;
    always_ff @(posedge clk_i) begin
      if (age_q != 4'(Levels + 1)) age_q <= age_q + 1'b1;
      if (age_q == 4'(Levels + 1)) assert (narrow == wide[Narrow-1:0]);
    end
  end
endmodule

`default_nettype wire
