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
  logic a_full, b_full, sign, endless, none, sticky;
  logic [6:0] exponent;
  logic [21:0] significand;
  assign a_full  = &a_i[14:10];
  assign b_full  = &b_i[14:10];
  assign sign    = a_i[15] ^ b_i[15];
  // endless alone: infinity; none alone: zero; both, as infinity times zero has it anyway: NaN.
  assign endless = a_full | b_full;
  assign none    = ~(|a_i[14:10] & |b_i[14:10]) | (a_full & |a_i[9:0]) | (b_full & |b_i[9:0]);
  // Biased, -13 to 45 for normal operands; two's complement.
  assign exponent    = 7'(a_i[14:10]) + 7'(b_i[14:10]) - 7'd15;
  assign significand = 22'({1'b1, a_i[9:0]}) * 22'({1'b1, b_i[9:0]});
  assign sticky      = |significand[8:0];

  // ---- The cut ----
  logic cut_sign, cut_endless, cut_none, cut_sticky;
  logic [6:0] cut_exponent;
  logic [12:0] cut_high;
  setun_delay #(.Width(24), .Stages((Stages == 2) ? 1 : 0)) u_cut (
      .clk_i (clk_i),
      .data_i({sign, endless, none, exponent, significand[21:9], sticky}),
      .data_o({cut_sign, cut_endless, cut_none, cut_exponent, cut_high, cut_sticky})
  );

  // ---- Normalise (the significand is in [1, 4)), round, pack ----
  logic above, bump, round, underflow, overflow;
  logic [9:0] fraction, rounded_fraction;
  logic [4:0] rounded_exponent;
  logic [15:0] product, product_q;
  assign above    = cut_high[12];
  assign fraction = above ? cut_high[11:2] : cut_high[10:1];
  assign round    = above ? cut_high[1] & (cut_high[2] | cut_high[0] | cut_sticky) : cut_high[0] & (cut_high[1] | cut_sticky);
  assign rounded_fraction = fraction + 10'(round);
  // A fraction of ones below 2 that is rounded up makes 2; from 2 on, no product of two significands has such a fraction (2047^2 is the
  // greatest). So the exponent grows by one at most, and none of this has to wait for the rounding.
  assign bump             = above | (&cut_high[10:0]);
  assign rounded_exponent = cut_exponent[4:0] + 5'(bump);
  assign underflow        = cut_none | cut_exponent[6] | (cut_exponent == 7'd0 & ~bump);
  assign overflow         = ~cut_exponent[6] & (cut_exponent >= 7'd31 | (cut_exponent == 7'd30 & bump));
  always_comb begin
    product = {cut_sign, rounded_exponent, rounded_fraction};
    if (underflow) product = {cut_sign, 15'd0};
    if (overflow || cut_endless) product = {cut_sign, 5'd31, 10'd0};
    if (cut_endless && cut_none) product = 16'h7E00;
  end
  always_ff @(posedge clk_i) product_q <= product;
  assign product_o = product_q;
endmodule

`default_nettype wire
