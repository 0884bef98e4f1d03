/// Characterisation only: ternary dot product of Lanes pairs in carry-save form with one pipeline cut and an accumulator.
///
/// What a tree costs that is written for an ASIC instead of for simulation and FPGAs: the selected activations of Group lanes, and the count of
/// their negated lanes, are added in one carry-save array; after the cut, group sums and accumulator in another. sum_o is the sum since the last
/// set that came with restart_i, that set included, modulo 2^AccW. With nonzero low, negative must be low. Latency 3. No reset.
`default_nettype none

module char_ternary_tree #(
    parameter int unsigned Lanes = 64,
    parameter int unsigned Group = 8,
    parameter int unsigned AccW = 24
) (
    input  wire logic               clk_i,
    input  wire logic               restart_i,
    input  wire logic [Lanes*8-1:0] x_i,
    input  wire logic [Lanes-1:0]   nonzero_i,
    input  wire logic [Lanes-1:0]   negative_i,
    output logic [AccW-1:0]         sum_o
);
  localparam int unsigned Groups = Lanes / Group;
  localparam int unsigned GroupW = 8 + $clog2(Group) + 1;

  logic [Lanes*8-1:0] operand_x_q;
  logic [Lanes-1:0] operand_nonzero_q, operand_negative_q;
  logic operand_restart_q;
  always_ff @(posedge clk_i) begin
    operand_x_q        <= x_i;
    operand_nonzero_q  <= nonzero_i;
    operand_negative_q <= negative_i;
    operand_restart_q  <= restart_i;
  end

  // Two's complement without sign extension: the sign bit is inverted and 128 taken off for every lane, all at once at the end.
  logic [Groups*GroupW-1:0] partial, partial_q;
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [Group*8-1:0] selected;
    for (genvar l = 0; l < Group; l++) begin : gen_lane
      assign selected[8*l +: 8] = (operand_x_q[8*(g*Group+l) +: 8] ^ {8{operand_negative_q[g*Group+l]}})
                                  & {8{operand_nonzero_q[g*Group+l]}};
    end
    logic [GroupW-1:0] group_sum;
    always_comb begin
      group_sum = '0;
      for (int unsigned i = 0; i < Group; i++) begin
        group_sum = group_sum + GroupW'({~selected[8*i+7], selected[8*i +: 7]}) + GroupW'(operand_negative_q[g*Group+i]);
      end
    end
    assign partial[g*GroupW +: GroupW] = group_sum;
  end

  logic restart_q;
  logic [AccW-1:0] sum, sum_q;
  always_comb begin
    sum = AccW'(0) - AccW'(Lanes * 128);
    for (int unsigned g = 0; g < Groups; g++) sum = sum + AccW'(partial_q[g*GroupW +: GroupW]);
    sum = sum + (sum_q & {AccW{~restart_q}});
  end
  always_ff @(posedge clk_i) begin
    restart_q <= operand_restart_q;
    partial_q <= partial;
    sum_q     <= sum;
  end
  assign sum_o = sum_q;
endmodule

`default_nettype wire
