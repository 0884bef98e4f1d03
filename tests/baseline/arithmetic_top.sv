/// Test bench top: the adders and multipliers of rtl/baseline side by side, all on the low bits of the same operands.
`default_nettype none

module arithmetic_top (
    input  wire logic        clk_i,
    input  wire logic [31:0] a_i,
    input  wire logic [31:0] b_i,
    output logic [7:0]       int_add_8_o,
    output logic [15:0]      int_add_16_o,
    output logic [31:0]      int_add_32_o,
    output logic [15:0]      int8_mul_o,
    output logic [15:0]      fp16_mul_1_o,
    output logic [15:0]      fp16_mul_2_o,
    output logic [15:0]      fp16_add_2_o,
    output logic [15:0]      fp16_add_3_o
);
  setun_int_add #(.Width(8)) u_int_add_8 (.clk_i(clk_i), .a_i(a_i[7:0]), .b_i(b_i[7:0]), .sum_o(int_add_8_o));
  setun_int_add #(.Width(16)) u_int_add_16 (.clk_i(clk_i), .a_i(a_i[15:0]), .b_i(b_i[15:0]), .sum_o(int_add_16_o));
  setun_int_add #(.Width(32)) u_int_add_32 (.clk_i(clk_i), .a_i(a_i), .b_i(b_i), .sum_o(int_add_32_o));
  setun_int8_mul u_int8_mul (.clk_i(clk_i), .a_i(a_i[7:0]), .b_i(b_i[7:0]), .product_o(int8_mul_o));
  setun_fp16_mul #(.Stages(1)) u_mul_1 (.clk_i(clk_i), .a_i(a_i[15:0]), .b_i(b_i[15:0]), .product_o(fp16_mul_1_o));
  setun_fp16_mul #(.Stages(2)) u_mul_2 (.clk_i(clk_i), .a_i(a_i[15:0]), .b_i(b_i[15:0]), .product_o(fp16_mul_2_o));
  setun_fp16_add #(.Stages(2)) u_add_2 (.clk_i(clk_i), .a_i(a_i[15:0]), .b_i(b_i[15:0]), .sum_o(fp16_add_2_o));
  setun_fp16_add #(.Stages(3)) u_add_3 (.clk_i(clk_i), .a_i(a_i[15:0]), .b_i(b_i[15:0]), .sum_o(fp16_add_3_o));
endmodule

`default_nettype wire
