/// FP16 adder without operand registers: sum_o is the sum of the operands given Stages cycles earlier (2 or 3); one a cycle.
///
/// IEEE binary16, round to nearest even. Subnormal operands count as zeros of their sign, and a sum below 2^-14 (it is exact) becomes a zero of its sign;
/// from 65520 on, infinity. An exact zero is +0, unless both operands are (flushed to) -0. Every NaN is given as 0x7E00; infinity minus infinity is NaN.
/// Steps: order by magnitude and align | add | normalise, round, pack. Stages = 2 cuts at the second bar, 3 at both.
`default_nettype none

module setun_fp16_add_pipe #(
    parameter int unsigned Stages = 3
) (
    input  wire logic        clk_i,
    input  wire logic [15:0] a_i,
    input  wire logic [15:0] b_i,
    output logic [15:0]      sum_o
);
  if (Stages < 2 || Stages > 3) begin : gen_bad_stages
    $error("setun_fp16_add_pipe: Stages must be 2 or 3");
  end

  // ---- Order by magnitude ----
  logic swap, subtract, nan, greater_normal;
  logic [15:0] greater;
  logic [14:0] lesser;
  logic [4:0] a_minus_b, b_minus_a, distance;
  logic [10:0] greater_sig, lesser_sig;
  assign swap       = a_i[14:0] < b_i[14:0];
  assign greater        = swap ? b_i : a_i;
  assign lesser      = swap ? a_i[14:0] : b_i[14:0];
  assign subtract   = a_i[15] ^ b_i[15];
  assign greater_normal = |greater[14:10];
  assign greater_sig    = {greater_normal, greater[9:0] & {10{greater_normal}}};
  assign lesser_sig  = {1'b1, lesser[9:0]} & {11{|lesser[14:10]}};
  // A NaN is greater than infinity, so the greater operand tells them all.
  assign nan        = (&greater[14:10]) & (|greater[9:0] | ((&lesser[14:10]) & subtract));
  // Both differences of the exponents beside the comparison, not behind it.
  assign a_minus_b  = a_i[14:10] - b_i[14:10];
  assign b_minus_a  = b_i[14:10] - a_i[14:10];
  assign distance   = swap ? b_minus_a : a_minus_b;

  // ---- Align: two bits below the significand, and an OR of what is shifted out of them ----
  logic [12:0] shift_0, shift_1, shift_2, shift_4, shift_8, aligned;
  logic sticky;
  assign shift_0 = {lesser_sig, 2'b00};
  assign shift_1 = distance[0] ? {1'b0, shift_0[12:1]} : shift_0;
  assign shift_2 = distance[1] ? {2'b0, shift_1[12:2]} : shift_1;
  assign shift_4 = distance[2] ? {4'b0, shift_2[12:4]} : shift_2;
  assign shift_8 = distance[3] ? {8'b0, shift_4[12:8]} : shift_4;
  assign aligned = shift_8 & {13{~distance[4]}};
  // The first two shifts lose shift_1[1] at most: the lowest two bits of shift_0 are zeros, and so is shift_1[0].
  assign sticky  = (distance[1] & shift_1[1]) | (distance[2] & (|shift_2[3:0])) | (distance[3] & (|shift_4[7:0])) |
                   (distance[4] & (|shift_8));

  // ---- The first cut ----
  logic add_sign, add_subtract, add_nan, add_sticky;
  logic [4:0] add_exponent;
  logic [10:0] add_greater;
  logic [12:0] add_lesser;
  setun_delay #(.Width(33), .Stages((Stages == 3) ? 1 : 0)) u_cut_add (
      .clk_i (clk_i),
      .data_i({greater[15], subtract, nan, greater[14:10], greater_sig, aligned, sticky}),
      .data_o({add_sign, add_subtract, add_nan, add_exponent, add_greater, add_lesser, add_sticky})
  );

  // ---- Add: 11 bits, three below, and a carry ----
  logic [15:0] add_wide;  // the low bit makes the carry-in
  logic [14:0] add_sum;
  assign add_wide = {1'b0, add_greater, 3'b000, add_subtract} + {1'b0, {add_lesser, add_sticky} ^ {14{add_subtract}}, add_subtract};
  assign add_sum  = {add_wide[15] & ~add_subtract, add_wide[14:1]};
  logic unused_low;
  assign unused_low = add_wide[0];

  // ---- The second cut ----
  logic sign, was_subtract, is_nan;
  logic [4:0] exponent;
  logic [14:0] sum;
  setun_delay #(.Width(23), .Stages(1)) u_cut_round (
      .clk_i (clk_i),
      .data_i({add_sign, add_subtract, add_nan, add_exponent, add_sum}),
      .data_o({sign, was_subtract, is_nan, exponent, sum})
  );

  // ---- Leading one in the carry, where it belongs or one below: round ----
  logic round;
  logic [9:0] near_fraction, rounded_fraction;
  logic [5:0] near_exponent, rounded_exponent;
  always_comb begin
    if (sum[14]) begin
      near_fraction = sum[13:4];
      near_exponent = 6'(exponent) + 6'd1;
      round         = sum[3] & (sum[4] | (|sum[2:0]));
    end else if (sum[13]) begin
      near_fraction = sum[12:3];
      near_exponent = 6'(exponent);
      round         = sum[2] & (sum[3] | (|sum[1:0]));
    end else begin
      near_fraction = sum[11:2];
      near_exponent = 6'(exponent) - 6'd1;
      round         = sum[1] & (sum[2] | sum[0]);
    end
  end
  assign {rounded_exponent, rounded_fraction} = {near_exponent, near_fraction} + 16'(round);

  // ---- Leading one further down: the exponents differed by one at most, so the sum is exact and ends at sum[2]; shift ----
  logic [3:0] zeros;
  logic none;
  logic [8:0] left_8, left_4, left_2, left_1;
  logic [5:0] left_exponent;
  setun_lead_zeros u_zeros (
      .data_i ({sum[11:2], 6'b0}),
      .count_o(zeros),
      .none_o (none)
  );
  // Without the leading one itself.
  assign left_8        = zeros[3] ? {sum[2], 8'b0} : sum[10:2];
  assign left_4        = zeros[2] ? {left_8[4:0], 4'b0} : left_8;
  assign left_2        = zeros[1] ? {left_4[6:0], 2'b0} : left_4;
  assign left_1        = zeros[0] ? {left_2[7:0], 1'b0} : left_2;
  assign left_exponent = 6'(exponent) - 6'd2 - 6'(zeros);  // -17 to 28

  // ---- Pack ----
  logic near, flushed;
  logic [15:0] result, result_q;
  assign near    = |sum[14:12];
  // What is rounded has an exponent of 0 at least; only sum[12] with the least exponent gives 0, and exactly.
  assign flushed = near ? rounded_exponent == 6'd0 : $signed(left_exponent) <= 0;
  always_comb begin
    result = near ? {sign, rounded_exponent[4:0], rounded_fraction} : {sign, left_exponent[4:0], left_1, 1'b0};
    if (flushed) result = {sign, 15'd0};
    if (!near && none) result = {sign & ~was_subtract, 15'd0};
    if (&exponent || (near && rounded_exponent >= 6'd31)) result = {sign, 5'd31, 10'd0};
    if (is_nan) result = 16'h7E00;
  end
  always_ff @(posedge clk_i) result_q <= result;
  assign sum_o = result_q;
endmodule

`default_nettype wire
