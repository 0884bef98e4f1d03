/// Walks through the entries of the two tables that each T5 byte addresses in setun_leaf_table_lut: which activation to add or subtract
/// next, and where the sum belongs.
///
/// 32 steps a group. Steps 0..15 are for the table of weights 3 and 4, addressed by {esc, b7, b6, b5}: first its eight zero entries
/// (esc), then a ring of the others. Steps 16..31 are for the table of weights 0 to 2, addressed by {i3, i2, i1, i0} (see the leaf):
/// first the entry that only illegal bytes address, then a path through the 15 others. Neighbours differ by one
/// activation. start_i begins a walk, also in the middle of one. A step's operation stands at the outputs in its own cycle (to
/// setun_table_fill), its entry two cycles later, with the sum.
/// busy_o is high from the cycle after start_i for 32 * FillGroups + 2 cycles; then all entries are written.
`default_nettype none

module setun_table_walk_parts #(
    parameter int unsigned FillGroups = 8
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic       start_i,
    output logic            busy_o,
    // Operation
    output logic [2:0]      sub_o,
    output logic [2:0]      lane_o,
    output logic            clear_o,
    output logic            subtract_o,
    // Entry, two cycles later
    output logic            write_o,
    output logic [2:0]      write_sub_o,
    output logic            low_o,      // the table of weights 0 to 2
    output logic [3:0]      entry_o     // address in the table
);
  logic active_q, active1_q, write_q;
  logic [4:0] step_q;
  logic [2:0] sub_q, sub1_q, write_sub_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q  <= 1'b0;
      active1_q <= 1'b0;
      write_q   <= 1'b0;
    end else begin
      if (start_i) active_q <= 1'b1;
      else if (step_q == '1 && sub_q == 3'(FillGroups - 1)) active_q <= 1'b0;
      active1_q <= active_q;
      write_q   <= active1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      step_q <= '0;
      sub_q  <= '0;
    end else begin
      step_q <= step_q + 1'b1;
      if (step_q == '1) sub_q <= sub_q + 1'b1;
    end
    sub1_q      <= sub_q;
    write_sub_q <= sub1_q;
  end

  // {clear, subtract, lane, entry}; the comment is the new sum
  logic [8:0] step;
  always_comb begin
    unique case (step_q)
      5'd8:    step = {2'b00, 3'd4, 4'b0010};  // x4
      5'd9:    step = {2'b00, 3'd3, 4'b0000};  // x4 + x3
      5'd10:   step = {2'b01, 3'd4, 4'b0011};  // x3
      5'd11:   step = {2'b01, 3'd4, 4'b0100};  // x3 - x4
      5'd12:   step = {2'b01, 3'd3, 4'b0110};  // -x4
      5'd13:   step = {2'b01, 3'd3, 4'b0101};  // -x4 - x3
      5'd14:   step = {2'b00, 3'd4, 4'b0111};  // -x3
      5'd15:   step = {2'b00, 3'd4, 4'b0001};  // x4 - x3
      5'd16:   step = {2'b10, 3'd0, 4'b1111};  // illegal
      5'd17:   step = {2'b01, 3'd0, 4'b1101};  // -x0
      5'd18:   step = {2'b00, 3'd0, 4'b1110};  // 0
      5'd19:   step = {2'b00, 3'd0, 4'b1100};  // x0
      5'd20:   step = {2'b00, 3'd1, 4'b0011};  // x1 + x0
      5'd21:   step = {2'b01, 3'd0, 4'b1011};  // x1
      5'd22:   step = {2'b01, 3'd0, 4'b0111};  // x1 - x0
      5'd23:   step = {2'b00, 3'd2, 4'b0001};  // x2 + x1 - x0
      5'd24:   step = {2'b00, 3'd0, 4'b0010};  // x2 + x1
      5'd25:   step = {2'b00, 3'd0, 4'b0000};  // x2 + x1 + x0
      5'd26:   step = {2'b01, 3'd1, 4'b1000};  // x2 + x0
      5'd27:   step = {2'b01, 3'd0, 4'b1010};  // x2
      5'd28:   step = {2'b01, 3'd0, 4'b1001};  // x2 - x0
      5'd29:   step = {2'b01, 3'd1, 4'b0101};  // x2 - x1 - x0
      5'd30:   step = {2'b00, 3'd0, 4'b0110};  // x2 - x1
      5'd31:   step = {2'b00, 3'd0, 4'b0100};  // x2 - x1 + x0
      default: step = {2'b10, 3'd0, 1'b1, step_q[2:0]};  // 0..7: esc, zero
    endcase
  end
  assign sub_o      = sub_q;
  assign clear_o    = step[8];
  assign subtract_o = step[7];
  assign lane_o     = step[6:4];

  logic [4:0] entry1_q, entry2_q;
  always_ff @(posedge clk_i) begin
    entry1_q <= {step_q[4], step[3:0]};
    entry2_q <= entry1_q;
  end
  assign write_o     = write_q;
  assign write_sub_o = write_sub_q;
  assign {low_o, entry_o} = entry2_q;
  assign busy_o      = active_q || active1_q || write_q;
endmodule

`default_nettype wire
