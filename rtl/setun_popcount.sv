/// Number of ones in a word, spread over Stages cycles; one count a cycle.
///
/// Six bits at a time become a 3-bit count, which takes three 6-input LUTs; setun_sum_tree adds the counts.
`default_nettype none

module setun_popcount #(
    parameter int unsigned Inputs = 320,
    parameter int unsigned Stages = 3,
    parameter int unsigned CountW = 9
) (
    input  wire logic              clk_i,
    input  wire logic [Inputs-1:0] data_i,
    output logic [CountW-1:0]      count_o
);
  localparam int unsigned Words = (Inputs + 5) / 6;
  logic [6*Words-1:0] bits;
  assign bits = (6 * Words)'(data_i);

  logic [3*Words-1:0] counts;
  for (genvar i = 0; i < Words; i++) begin : gen_word
    logic a, b, c, d, e, f, sum_low, sum_high, carry_low, carry_high, carry;
    assign {f, e, d, c, b, a} = bits[6*i +: 6];
    assign sum_low    = a ^ b ^ c;
    assign sum_high   = d ^ e ^ f;
    assign carry_low  = (a & b) | (a & c) | (b & c);
    assign carry_high = (d & e) | (d & f) | (e & f);
    assign carry      = sum_low & sum_high;
    assign counts[3*i +: 3] = {(carry_low & carry_high) | (carry_low & carry) | (carry_high & carry),
                               carry_low ^ carry_high ^ carry, sum_low ^ sum_high};
  end

  setun_sum_tree #(
      .Inputs(Words), .Width(3), .Max(6), .Signed(1'b0), .Stages(Stages), .SumW(CountW)
  ) u_sum (
      .clk_i (clk_i),
      .data_i(counts),
      .sum_o (count_o)
  );
endmodule

`default_nettype wire
