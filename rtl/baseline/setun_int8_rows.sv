/// Partial products of a signed 8 x 8 bit multiplication in Baugh-Wooley form; combinational.
///
/// Row i stands at rows_o[16*i +: 16] and is already shifted. The rows are unsigned: a * b = (sum of the rows) - 32512, and the sum of the
/// rows fits 16 bits (16256 to 48896). So nothing is sign-extended: many products can be summed as they are and one constant
/// taken off at the end. The terms with one sign bit count negative; -t = ~t - 1 makes them positive, and all the -1 are the constant.
`default_nettype none

module setun_int8_rows (
    input  wire logic [7:0] a_i,
    input  wire logic [7:0] b_i,
    output logic [127:0]    rows_o
);
  for (genvar i = 0; i < 7; i++) begin : gen_row
    assign rows_o[16*i +: 16] = 16'({~(a_i[7] & b_i[i]), a_i[6:0] & {7{b_i[i]}}}) << i;
  end
  assign rows_o[16*7 +: 16] = {1'b0, a_i[7] & b_i[7], ~(a_i[6:0] & {7{b_i[7]}}), 7'b0};
endmodule

`default_nettype wire
