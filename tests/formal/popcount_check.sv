/// setun_popcount: each word of its sum is the number of ones in its six bits, at most 6, and its output is what setun_sum_tree, which has
/// its own proofs, makes of these words. Without feedback: a few cycles are complete. The wires of "inside" are tied to the unit's by run.py.
`default_nettype none

module popcount_check #(
    parameter int unsigned Inputs = 1280,
    parameter int unsigned Stages = 3,
    localparam int unsigned Words = (Inputs + 5) / 6,
    localparam int unsigned CountW = $clog2(Inputs + 1)
) (
    input wire logic              clk_i,
    input wire logic [Inputs-1:0] data_i
);
  logic [CountW-1:0] count;
  setun_popcount #(.Inputs(Inputs), .Stages(Stages), .CountW(CountW)) dut (
      .clk_i  (clk_i),
      .data_i (data_i),
      .count_o(count)
  );

  // ---- inside ----
  logic [3*Words-1:0] counts;

  logic [6*Words-1:0] bits;
  assign bits = (6*Words)'(data_i);
  for (genvar w = 0; w < Words; w++) begin : gen_word
    logic [2:0] ones;
    always_comb begin
      ones = '0;
      for (int unsigned i = 0; i < 6; i++) ones = ones + 3'(bits[6*w+i]);
    end
    always_ff @(posedge clk_i) assert (counts[3*w +: 3] == ones);
  end
  logic [CountW-1:0] sum;
  setun_sum_tree #(.Inputs(Words), .Width(3), .Max(6), .Signed(1'b0), .Stages(Stages), .SumW(CountW)) u_sum (
      .clk_i (clk_i),
      .data_i(counts + {3*Words{1'b0}}),  // not another name of the wire, so that run.py can tie it
      .sum_o (sum)
  );
  logic [3:0] age_q = '0;
  always_ff @(posedge clk_i) begin
    if (age_q != 4'(Stages)) age_q <= age_q + 1'b1;
    if (age_q == 4'(Stages)) a_sum: assert (count == sum);
    c_all: cover (age_q == 4'(Stages) && count == CountW'(Inputs));
  end
endmodule

`default_nettype wire
