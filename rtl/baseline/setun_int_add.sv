/// Comparison unit: integer adder, Width bits, the sum modulo 2^Width; one sum a cycle.
///
/// Latency 2: operand registers, result register. No reset: the first outputs are undefined.
`default_nettype none

module setun_int_add #(
    parameter int unsigned Width = 8
) (
    input  wire logic             clk_i,
    input  wire logic [Width-1:0] a_i,
    input  wire logic [Width-1:0] b_i,
    output logic [Width-1:0]      sum_o
);
  logic [Width-1:0] operand_a_q, operand_b_q, sum_q;
  always_ff @(posedge clk_i) begin
    operand_a_q <= a_i;
    operand_b_q <= b_i;
    sum_q       <= operand_a_q + operand_b_q;
  end
  assign sum_o = sum_q;
endmodule

`default_nettype wire
