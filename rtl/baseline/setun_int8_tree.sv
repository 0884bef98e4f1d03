/// Comparison unit: INT8 dot product of Lanes pairs with accumulator, 32 bits (modulo 2^32); Lanes products a cycle.
///
/// sum_o is the sum of all products since the last set that came with restart_i, that set included; lane i is bits [8*i +: 8] of both
/// operands. The rows of Group lanes are added in one carry-save array with one carry adder; the group sums in another, where the
/// Baugh-Wooley constant of all lanes is taken off, once; then the accumulator. Latency 4: operand registers, group sums, their sum,
/// accumulator. Products have no registers of their own. No reset: outputs are undefined until the first restart.
`default_nettype none

module setun_int8_tree #(
    parameter int unsigned Lanes = 64,
    parameter int unsigned Group = 4
) (
    input  wire logic               clk_i,
    input  wire logic               restart_i,
    input  wire logic [Lanes*8-1:0] a_i,
    input  wire logic [Lanes*8-1:0] b_i,
    output logic [31:0]             sum_o
);
  if (Group < 1 || Lanes < Group || Lanes % Group != 0) begin : gen_bad_group
    $error("setun_int8_tree: Lanes must be a multiple of Group");
  end
  localparam int unsigned Groups = Lanes / Group;
  localparam int unsigned GroupW = $clog2(Group * 48896 + 1);  // see setun_int8_rows

  logic [Lanes*8-1:0] operand_a_q, operand_b_q;
  logic operand_restart_q;
  always_ff @(posedge clk_i) begin
    operand_a_q       <= a_i;
    operand_b_q       <= b_i;
    operand_restart_q <= restart_i;
  end

  logic [Groups*GroupW-1:0] partial, partial_q;
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [Group*128-1:0] rows;
    for (genvar l = 0; l < Group; l++) begin : gen_lane
      setun_int8_rows u_rows (
          .a_i   (operand_a_q[8*(g*Group+l) +: 8]),
          .b_i   (operand_b_q[8*(g*Group+l) +: 8]),
          .rows_o(rows[128*l +: 128])
      );
    end
    logic [GroupW-1:0] group_sum;
    always_comb begin
      group_sum = '0;
      for (int unsigned i = 0; i < 8 * Group; i++) group_sum = group_sum + GroupW'(rows[16*i +: 16]);
    end
    assign partial[g*GroupW +: GroupW] = group_sum;
  end

  // The sum of all lanes fits SetW bits; negative sets are sign-extended into the accumulator.
  localparam int unsigned SetW = $clog2(Lanes * 16384 + 1) + 1;
  logic restart_q, set_restart_q;
  logic [SetW-1:0] set, set_q;
  logic [31:0] sum_q;
  always_comb begin
    set = SetW'(32'd0 - 32'(Lanes * 32512));
    for (int unsigned g = 0; g < Groups; g++) set = set + SetW'(partial_q[g*GroupW +: GroupW]);
  end
  always_ff @(posedge clk_i) begin
    restart_q     <= operand_restart_q;
    partial_q     <= partial;
    set_restart_q <= restart_q;
    set_q         <= set;
    sum_q         <= (sum_q & {32{~set_restart_q}}) + 32'($signed(set_q));
  end
  assign sum_o = sum_q;
endmodule

`default_nettype wire
