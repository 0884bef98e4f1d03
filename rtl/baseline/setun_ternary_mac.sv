/// Serial ternary multiply-accumulate: weight in {-1, 0, +1} times INT8 activation into AccW bits (modulo 2^AccW); one product a cycle.
///
/// The partner of setun_int8_mac and setun_fp16_mac, one lane against one lane; the engine itself adds many lanes in a tree. A weight is given as
/// nonzero_i and negative_i (which only counts with nonzero_i); as in the engine, -x is ~x with a carry in. sum_o is the sum of the products since the last
/// one that came with restart_i, that one included. Latency 2: operand registers, accumulator. No reset: outputs are undefined until the first restart.
`default_nettype none

module setun_ternary_mac #(
    parameter int unsigned AccW = 24
) (
    input  wire logic            clk_i,
    input  wire logic            restart_i,
    input  wire logic [7:0]      x_i,
    input  wire logic            nonzero_i,
    input  wire logic            negative_i,
    output logic [AccW-1:0]      sum_o
);
  logic [7:0] operand_x_q;
  logic operand_nonzero_q, operand_negative_q, operand_restart_q;
  logic [AccW-1:0] sum_q;

  logic carry;
  logic [7:0] selected;
  // {a, carry} + {b, carry}: the low bit is the carry-in of one adder.
  logic [AccW:0] wide;
  assign carry    = operand_negative_q & operand_nonzero_q;
  assign selected = (operand_x_q ^ {8{operand_negative_q}}) & {8{operand_nonzero_q}};
  assign wide     = {sum_q & {AccW{~operand_restart_q}}, carry} + {AccW'($signed(selected)), carry};
  logic unused_low;
  assign unused_low = wide[0];

  always_ff @(posedge clk_i) begin
    operand_x_q        <= x_i;
    operand_nonzero_q  <= nonzero_i;
    operand_negative_q <= negative_i;
    operand_restart_q  <= restart_i;
    sum_q              <= wide[AccW:1];
  end
  assign sum_o = sum_q;
endmodule

`default_nettype wire
