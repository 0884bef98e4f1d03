/// Comparison unit: INT8 multiplier, signed 8 x 8 to 16 bits, exact; one product a cycle.
///
/// The rows are added in one expression, which synthesis builds as a carry-save array with one carry adder.
/// Latency 2: operand registers, result register. No reset: the first outputs are undefined.
`default_nettype none

module setun_int8_mul (
    input  wire logic        clk_i,
    input  wire logic [7:0]  a_i,
    input  wire logic [7:0]  b_i,
    output logic [15:0]      product_o
);
  logic [7:0] operand_a_q, operand_b_q;
  logic [15:0] product_q;
  logic [127:0] rows;
  setun_int8_rows u_rows (
      .a_i   (operand_a_q),
      .b_i   (operand_b_q),
      .rows_o(rows)
  );

  logic [15:0] product;
  always_comb begin
    product = 16'h8100;  // -32512
    for (int i = 0; i < 8; i++) product = product + rows[16*i +: 16];
  end
  always_ff @(posedge clk_i) begin
    operand_a_q <= a_i;
    operand_b_q <= b_i;
    product_q   <= product;
  end
  assign product_o = product_q;
endmodule

`default_nettype wire
