/// Comparison unit: FP16 multiplier with operand registers; one result a cycle.
///
/// The numerics are those of setun_fp16_mul_pipe. Latency 1 + Stages: operand registers, then Stages ranks, the result register among them.
/// No reset: the first outputs are undefined.
`default_nettype none

module setun_fp16_mul #(
    parameter int unsigned Stages = 2
) (
    input  wire logic        clk_i,
    input  wire logic [15:0] a_i,
    input  wire logic [15:0] b_i,
    output logic [15:0]      product_o
);
  logic [15:0] operand_a_q, operand_b_q;
  always_ff @(posedge clk_i) begin
    operand_a_q <= a_i;
    operand_b_q <= b_i;
  end
  setun_fp16_mul_pipe #(.Stages(Stages)) u_pipe (
      .clk_i    (clk_i),
      .a_i      (operand_a_q),
      .b_i      (operand_b_q),
      .product_o(product_o)
  );
endmodule

`default_nettype wire
