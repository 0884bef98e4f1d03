/// FP16 multiplier without operand registers: product_o is the product of the operands given Stages cycles earlier (1 or 2); one a cycle.
///
/// IEEE binary16, round to nearest even. Subnormal operands count as zeros of their sign. A result that, rounded with unbounded exponent, is below
/// 2^-14 becomes a zero of its sign; from 65520 on, infinity. Every NaN is given as 0x7E00; infinity times zero is NaN.
/// Stages = 2 cuts after the product of the significands, of which only the upper 13 bits and an OR of the rest are kept.
`default_nettype none

module setun_fp16_mul_pipe #(
    parameter int unsigned Stages = 2
) (
    input  wire logic        clk_i,
    input  wire logic [15:0] a_i,
    input  wire logic [15:0] b_i,
    output logic [15:0]      product_o
);
  if (Stages < 1 || Stages > 2) begin : gen_bad_stages
    $error("setun_fp16_mul_pipe: Stages must be 1 or 2");
  end

  // ---- Multiply ----
  logic a_zero, b_zero, a_full, b_full, sign, nan, inf, zero, sticky;
  logic [6:0] exponent;
  logic [21:0] significand;
  assign a_zero = a_i[14:10] == 5'd0;
  assign b_zero = b_i[14:10] == 5'd0;
  assign a_full = &a_i[14:10];
  assign b_full = &b_i[14:10];
  assign sign   = a_i[15] ^ b_i[15];
  assign nan    = (a_full & (|a_i[9:0] | b_zero)) | (b_full & (|b_i[9:0] | a_zero));
  assign inf    = a_full | b_full;
  assign zero   = a_zero | b_zero;
  // Biased, -13 to 45 for normal operands; two's complement.
  assign exponent    = 7'(a_i[14:10]) + 7'(b_i[14:10]) - 7'd15;
  assign significand = 22'({1'b1, a_i[9:0]}) * 22'({1'b1, b_i[9:0]});
  assign sticky      = |significand[8:0];

  // ---- The cut ----
  logic cut_sign, cut_nan, cut_inf, cut_zero, cut_sticky;
  logic [6:0] cut_exponent;
  logic [12:0] cut_high;
  setun_delay #(.Width(25), .Stages(Stages - 1)) u_cut (
      .clk_i (clk_i),
      .data_i({sign, nan, inf, zero, exponent, significand[21:9], sticky}),
      .data_o({cut_sign, cut_nan, cut_inf, cut_zero, cut_exponent, cut_high, cut_sticky})
  );

  // ---- Normalise (the significand is in [1, 4)), round, pack ----
  logic above, round;
  logic [9:0] fraction, rounded_fraction;
  logic [6:0] rounded_exponent;
  logic [15:0] product, product_q;
  assign above    = cut_high[12];
  assign fraction = above ? cut_high[11:2] : cut_high[10:1];
  assign round    = above ? cut_high[1] & (cut_high[2] | cut_high[0] | cut_sticky) : cut_high[0] & (cut_high[1] | cut_sticky);
  // A fraction of ones that is rounded up carries into the exponent.
  assign {rounded_exponent, rounded_fraction} = {cut_exponent + 7'(above), fraction} + 17'(round);
  always_comb begin
    product = {cut_sign, rounded_exponent[4:0], rounded_fraction};
    if (cut_nan) product = 16'h7E00;
    else if (cut_inf) product = {cut_sign, 5'd31, 10'd0};
    else if (cut_zero || $signed(rounded_exponent) <= 0) product = {cut_sign, 15'd0};
    else if ($signed(rounded_exponent) >= 31) product = {cut_sign, 5'd31, 10'd0};
  end
  always_ff @(posedge clk_i) product_q <= product;
  assign product_o = product_q;
endmodule

`default_nettype wire
