/// Comparison unit: serial INT8 multiply-accumulate, signed 8 x 8 bits into 32 (modulo 2^32); one product a cycle.
///
/// sum_o is the sum of the products since the last one that came with restart_i, that one included. Rows and accumulator are added in one
/// carry-save array: there is no product register and one carry adder. Latency 2: operand registers, accumulator. No reset: outputs are
/// undefined until the first restart.
`default_nettype none

module setun_int8_mac (
    input  wire logic        clk_i,
    input  wire logic        restart_i,
    input  wire logic [7:0]  a_i,
    input  wire logic [7:0]  b_i,
    output logic [31:0]      sum_o
);
  logic [7:0] operand_a_q, operand_b_q;
  logic operand_restart_q;
  logic [31:0] sum_q;
  logic [127:0] rows;
  setun_int8_rows u_rows (
      .a_i   (operand_a_q),
      .b_i   (operand_b_q),
      .rows_o(rows)
  );

  logic [31:0] sum;
  always_comb begin
    sum = 32'hFFFF_8100;  // -32512
    for (int i = 0; i < 8; i++) sum = sum + 32'(rows[16*i +: 16]);
    sum = sum + (sum_q & {32{~operand_restart_q}});
  end
  always_ff @(posedge clk_i) begin
    operand_a_q       <= a_i;
    operand_b_q       <= b_i;
    operand_restart_q <= restart_i;
    sum_q             <= sum;
  end
  assign sum_o = sum_q;
endmodule

`default_nettype wire
