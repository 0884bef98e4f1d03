/// setun_add_tree by induction on its structure, at the sizes that the kernel has.
///
/// tree_step shows that a tree of N words of W bits is one level of adders followed by a tree of ceil(N/2) words of W + 1 bits.
/// node_check shows that such an adder, {a, c} + {b, c} without its low bit, is exact: a + b + c without overflow. The tree of two words, the base, is tree_check's. Together: the
/// tree is the exact sum for every N on the way from 320, 160 or 80 to 2. Both sides of a step become the same netlist when equal cells
/// are merged; the solver has nothing left to do.
`default_nettype none

module tree_step #(
    parameter int unsigned N = 80,
    parameter int unsigned W = 8
) (
    input wire logic           clk_i,
    input wire logic [N*W-1:0] data_i,
    input wire logic [N-1:0]   carry_i
);
  localparam int unsigned Half = N / 2;
  localparam int unsigned Next = N - Half;
  localparam int unsigned SumW = W + $clog2(N) + 1;
  logic [SumW-1:0] whole, stepped;
  setun_add_tree #(.Inputs(N), .Width(W), .Cut(1), .SumW(SumW)) u_whole (
      .clk_i  (clk_i),
      .data_i (data_i),
      .carry_i(carry_i),
      .sum_o  (whole)
  );

  logic [Next*(W+1)-1:0] level, level_q;
  logic [Next-1:0] carry_q;
  for (genvar i = 0; i < Half; i++) begin : gen_node
    logic unused_low;
    // Concatenation, sign bit by hand: the same words as in the tree.
    assign {level[i*(W+1) +: W+1], unused_low} =
        {data_i[i*W+W-1], data_i[i*W +: W], carry_i[i]} + {data_i[(i+Half)*W+W-1], data_i[(i+Half)*W +: W], carry_i[i]};
  end
  if (N % 2 != 0) begin : gen_odd
    assign level[Half*(W+1) +: W+1] = {data_i[(N-1)*W+W-1], data_i[(N-1)*W +: W]};
  end
  always_ff @(posedge clk_i) begin
    level_q <= level;
    carry_q <= carry_i[N-1 -: Next];
  end
  setun_add_tree #(.Inputs(Next), .Width(W + 1), .Cut(1), .SumW(SumW)) u_rest (
      .clk_i  (clk_i),
      .data_i (level_q),
      .carry_i(carry_q),
      .sum_o  (stepped)
  );

  logic [3:0] age_q = '0;
  always_ff @(posedge clk_i) begin
    if (age_q != 4'd9) age_q <= age_q + 1'b1;
    if (age_q == 4'd9) a_step: assert (whole == stepped);
  end
endmodule

module node_check #(
    parameter int unsigned W = 8
) (
    input wire logic         clk_i,
    input wire logic [W-1:0] a_i,
    input wire logic [W-1:0] b_i,
    input wire logic         c_i
);
  logic signed [W:0] sum;
  logic unused_low;
  assign {sum, unused_low} = {a_i[W-1], a_i, c_i} + {b_i[W-1], b_i, c_i};
  always_ff @(posedge clk_i) begin
    a_node: assert (32'(sum) == 32'($signed(a_i)) + 32'($signed(b_i)) + 32'(c_i));
  end
endmodule

// All steps of the trees of Words words, of half as many, and so on, Trees of them.
module tree_steps #(
    parameter int unsigned Words = 320,
    parameter int unsigned Trees = 3
) (
    input wire logic               clk_i,
    input wire logic [Words*8-1:0] data_i,
    input wire logic [Words-1:0]   carry_i
);
  for (genvar start = 0; start < Trees; start++) begin : gen_start
    for (genvar l = 0; l < 8; l++) begin : gen_level
      localparam int unsigned N = ((Words >> start) + (1 << l) - 1) >> l;
      if (N > 2) begin : gen_step
        tree_step #(.N(N), .W(8 + l)) u_step (
            .clk_i  (clk_i),
            .data_i ((N*(8+l))'({data_i, data_i})),
            .carry_i(carry_i[N-1:0])
        );
      end
    end
  end
endmodule

module tree_nodes (
    input wire logic        clk_i,
    input wire logic [31:0] data_i,
    input wire logic [0:0]  carry_i
);
  for (genvar w = 8; w < 17; w++) begin : gen_node
    node_check #(.W(w)) u_node (
        .clk_i(clk_i),
        .a_i  (data_i[w-1:0]),
        .b_i  (data_i[2*w-1:w]),
        .c_i  (carry_i[0])
    );
  end
endmodule

`default_nettype wire
