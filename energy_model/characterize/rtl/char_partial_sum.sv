/// Characterisation only: the partial-sum path of setun_engine for one port and token, with its registers and without its memory.
///
/// The lines between the leaf and setun_ram, as they stand in setun_engine: base = 0, old, or 3 * old between digit planes; then base + sum.
/// Latency 2 from the inputs to acc_o, which the engine writes to memory.
`default_nettype none

module char_partial_sum #(
    parameter int unsigned SumW = 15
) (
    input  wire logic            clk_i,
    input  wire logic            valid_i,
    input  wire logic            first_i,
    input  wire logic            next_plane_i,
    input  wire logic [SumW-1:0] sum_i,
    input  wire logic [31:0]     old_i,
    output logic [31:0]          acc_o
);
  // What the leaf's and the memory's output registers are in the engine.
  logic operand_valid_q, operand_first_q, operand_next_q;
  logic [SumW-1:0] operand_sum_q;
  logic [31:0] operand_old_q;
  always_ff @(posedge clk_i) begin
    operand_valid_q <= valid_i;
    operand_first_q <= first_i;
    operand_next_q  <= next_plane_i;
    operand_sum_q   <= sum_i;
    operand_old_q   <= old_i;
  end

  logic [31:0] base_q;
  logic signed [SumW-1:0] sum_q;
  always_ff @(posedge clk_i) begin
    if (operand_valid_q) begin
      sum_q  <= $signed(operand_sum_q);
      base_q <= operand_first_q ? 32'd0 : operand_next_q ? (operand_old_q << 1) + operand_old_q : operand_old_q;
    end
  end
  assign acc_o = base_q + 32'(sum_q);
endmodule

`default_nettype wire
