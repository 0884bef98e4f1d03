/// What table_byte_check and table_parts_check share: a leaf with tables, one load of it after reset, and one byte, picked freely, that
/// stands for all of them.
///
/// sum_o follows the operations of the walk as setun_table_fill does its sum, but holds how often each activation is in it: five trits,
/// which must be weights_o, what setun_trit_decode makes of the byte, when the byte's entry is written. The wires of "inside" are tied to the leaf's by run.py.
`default_nettype none
`include "setun_assert.svh"

module table_watch #(
    parameter int unsigned Leaf = 3,
    parameter int unsigned FillGroups = 1
) (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    input  wire logic [7:0]  byte_i,
    output logic [7:0]       byte_o,     // the byte; every byte of the beat, from the first cycle after reset
    output logic             started_o,  // the load was given
    output logic             busy_o,     // the leaf fills its tables
    output logic [8:0]       cycles_o,   // for so long so far
    output logic [14:0]      sum_o,      // signed, 3 bits each
    output logic [14:0]      weights_o,
    output logic [2:0]       nonzero_o,  // of the weights
    output logic             illegal_o
);
  // ---- One load after reset, and the byte ----
  always_ff @(posedge clk_i) begin
    started_o <= rst_ni;
    if (!rst_ni) byte_o <= byte_i;
  end
  logic [31:0] beat;
  for (genvar j = 0; j < 8; j++) begin : gen_beat
    assign beat[j*4 +: 4] = {4{byte_o[j]}};
  end
  setun_leaf #(.PortBits(32), .Leaf(Leaf), .FillGroups(FillGroups), .TreeCut(2)) u_leaf (
      .clk_i       (clk_i),
      .rst_ni      (rst_ni),
      .load_i      (rst_ni && !started_o),
      .load_last_i (1'b1),
      .load_token_i(3'd0),
      .load_group_i(3'd0),
      .load_data_i (32'd0),
      .fill_busy_o (busy_o),
      .swap_i      (1'b0),
      .valid_i     (1'b1),
      .beat_i      (beat),
      .sum_o       (),
      .illegal_o   (),
      .nonzero_o   ()
  );

  // ---- What the byte means ----
  logic [4:0] nz, s;
  setun_trit_decode #(.PortBits(8)) u_decode (
      .beat_i   (byte_o),
      .nz0_o    (nz[0]),
      .s0_o     (s[0]),
      .nz1_o    (nz[1]),
      .s1_o     (s[1]),
      .nz2_o    (nz[2]),
      .s2_o     (s[2]),
      .nz3_o    (nz[3]),
      .s3_o     (s[3]),
      .nz4_o    (nz[4]),
      .s4_o     (s[4]),
      .illegal_o(illegal_o)
  );
  assign nonzero_o = 3'(nz[0]) + 3'(nz[1]) + 3'(nz[2]) + 3'(nz[3]) + 3'(nz[4]);
  for (genvar t = 0; t < 5; t++) begin : gen_weight
    assign weights_o[t*3 +: 3] = {nz[t] && s[t], nz[t] && s[t], nz[t]};
  end

  // ---- inside ----
  logic walk_clear, walk_subtract;
  logic [2:0] walk_lane;

  // ---- Trits in the sum ----
  logic clear_q, subtract_q;
  logic [2:0] lane_q;
  always_ff @(posedge clk_i) begin
    clear_q    <= walk_clear;
    subtract_q <= walk_subtract;
    lane_q     <= walk_lane;
    for (int unsigned t = 0; t < 5; t++) begin
      if (clear_q) sum_o[t*3 +: 3] <= 3'd0;
      else if (lane_q == 3'(t)) sum_o[t*3 +: 3] <= sum_o[t*3 +: 3] + (subtract_q ? 3'd7 : 3'd1);
    end
    cycles_o <= rst_ni ? cycles_o + 9'(busy_o) : 9'd0;
  end

  // One reset, at the start.
  `SETUN_FORMAL_INIT
  always_comb begin
    if (f_past_valid) assume (rst_ni);
  end
endmodule

`default_nettype wire
