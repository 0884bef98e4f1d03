/// Test bench top: the units of rtl/baseline that accumulate, side by side. Integer units take the low lanes of a_i and b_i, FP16 units those of x_i and y_i.
`default_nettype none

module accumulate_top (
    input  wire logic         clk_i,
    input  wire logic         restart_i,
    input  wire logic [511:0] a_i,
    input  wire logic [511:0] b_i,
    input  wire logic [127:0] x_i,
    input  wire logic [127:0] y_i,
    output logic [23:0]       ternary_mac_24_o,
    output logic [8:0]        ternary_mac_9_o,
    output logic [31:0]       int8_mac_o,
    output logic [31:0]       int8_tree_64_o,
    output logic [31:0]       int8_tree_6_o,
    output logic [15:0]       fp16_mac_12_o,
    output logic [15:0]       fp16_mac_22_o,
    output logic [15:0]       fp16_mac_23_o,
    output logic [15:0]       fp16_tree_2_o,
    output logic [15:0]       fp16_tree_8_o
);
  setun_ternary_mac u_ternary_mac_24 (
      .clk_i(clk_i), .restart_i(restart_i), .x_i(a_i[7:0]), .nonzero_i(b_i[0]), .negative_i(b_i[1]), .sum_o(ternary_mac_24_o)
  );
  setun_ternary_mac #(.AccW(9)) u_ternary_mac_9 (
      .clk_i(clk_i), .restart_i(restart_i), .x_i(a_i[7:0]), .nonzero_i(b_i[0]), .negative_i(b_i[1]), .sum_o(ternary_mac_9_o)
  );
  setun_int8_mac u_int8_mac (.clk_i(clk_i), .restart_i(restart_i), .a_i(a_i[7:0]), .b_i(b_i[7:0]), .sum_o(int8_mac_o));
  setun_int8_tree u_int8_tree_64 (.clk_i(clk_i), .restart_i(restart_i), .a_i(a_i), .b_i(b_i), .sum_o(int8_tree_64_o));
  setun_int8_tree #(.Lanes(6), .Group(3)) u_int8_tree_6 (
      .clk_i(clk_i), .restart_i(restart_i), .a_i(a_i[47:0]), .b_i(b_i[47:0]), .sum_o(int8_tree_6_o)
  );
  setun_fp16_mac #(.MulStages(1), .AddStages(2)) u_fp16_mac_12 (
      .clk_i(clk_i), .restart_i(restart_i), .a_i(x_i[15:0]), .b_i(y_i[15:0]), .sum_o(fp16_mac_12_o)
  );
  setun_fp16_mac #(.MulStages(2), .AddStages(2)) u_fp16_mac_22 (
      .clk_i(clk_i), .restart_i(restart_i), .a_i(x_i[15:0]), .b_i(y_i[15:0]), .sum_o(fp16_mac_22_o)
  );
  setun_fp16_mac #(.MulStages(2), .AddStages(3)) u_fp16_mac_23 (
      .clk_i(clk_i), .restart_i(restart_i), .a_i(x_i[15:0]), .b_i(y_i[15:0]), .sum_o(fp16_mac_23_o)
  );
  setun_fp16_tree #(.Lanes(2), .MulStages(1), .AddStages(2)) u_fp16_tree_2 (
      .clk_i(clk_i), .restart_i(restart_i), .a_i(x_i[31:0]), .b_i(y_i[31:0]), .sum_o(fp16_tree_2_o)
  );
  setun_fp16_tree #(.Lanes(8), .MulStages(2), .AddStages(3)) u_fp16_tree_8 (
      .clk_i(clk_i), .restart_i(restart_i), .a_i(x_i), .b_i(y_i), .sum_o(fp16_tree_8_o)
  );
endmodule

`default_nettype wire
