/// Comparison unit: serial FP16 multiply-accumulate: FP16 product, rounded, added to an FP16 accumulator, rounded; one product a cycle.
///
/// The adder takes AddStages cycles, so AddStages accumulators take turns: product n is added to accumulator n mod AddStages, and sum_o is that accumulator
/// after it. A product that comes with restart_i is added to +0 instead: hold it for AddStages products to start a new dot product. Adding up the
/// AddStages sums at the end is left to the surroundings. Numerics: setun_fp16_mul_pipe, setun_fp16_add_pipe. Latency 1 + MulStages + AddStages.
/// No reset: outputs are undefined until each accumulator was restarted.
`default_nettype none

module setun_fp16_mac #(
    parameter int unsigned MulStages = 2,
    parameter int unsigned AddStages = 3
) (
    input  wire logic        clk_i,
    input  wire logic        restart_i,
    input  wire logic [15:0] a_i,
    input  wire logic [15:0] b_i,
    output logic [15:0]      sum_o
);
  logic [15:0] operand_a_q, operand_b_q;
  logic operand_restart_q;
  always_ff @(posedge clk_i) begin
    operand_a_q       <= a_i;
    operand_b_q       <= b_i;
    operand_restart_q <= restart_i;
  end

  logic [15:0] product;
  logic restart;
  setun_fp16_mul_pipe #(.Stages(MulStages)) u_mul (
      .clk_i    (clk_i),
      .a_i      (operand_a_q),
      .b_i      (operand_b_q),
      .product_o(product)
  );
  setun_delay #(.Width(1), .Stages(MulStages)) u_restart (
      .clk_i (clk_i),
      .data_i(operand_restart_q),
      .data_o(restart)
  );
  setun_fp16_add_pipe #(.Stages(AddStages)) u_add (
      .clk_i(clk_i),
      .a_i  (product),
      .b_i  (sum_o & {16{~restart}}),
      .sum_o(sum_o)
  );
endmodule

`default_nettype wire
