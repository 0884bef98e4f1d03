/// The walk that fills the tables of setun_leaf_table_bram: every byte's entry is written once, from the activations that its weights ask for.
///
/// One byte, picked freely, stands for all. A vector of five trits follows the operations of the walk as setun_table_fill does its sum; when
/// the byte is written, it must be what setun_trit_decode makes of the byte. The wires of "inside" are tied to the leaf's by run.py.
/// Complete: nothing is free but the byte, and the bound is longer than the walk.
`default_nettype none
`include "setun_assert.svh"

module table_byte_check (
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic [7:0] byte_i
);
  localparam int unsigned FillGroups = 1;
  localparam int unsigned FILL_CYCLES = 256 * FillGroups + 2;

  // ---- One load after reset, and the byte ----
  logic started_q, fill_busy;
  logic [7:0] byte_q;
  always_ff @(posedge clk_i) begin
    started_q <= rst_ni;
    if (!rst_ni) byte_q <= byte_i;
  end
  logic [31:0] beat;
  for (genvar j = 0; j < 8; j++) begin : gen_beat
    assign beat[j*4 +: 4] = {4{byte_q[j]}};
  end
  setun_leaf_table_bram #(.PortBits(32), .FillGroups(FillGroups), .TreeCut(2)) dut (
      .clk_i       (clk_i),
      .rst_ni      (rst_ni),
      .load_i      (rst_ni && !started_q),
      .load_last_i (1'b1),
      .load_token_i(3'd0),
      .load_group_i(3'd0),
      .load_data_i (32'd0),
      .fill_busy_o (fill_busy),
      .swap_i      (1'b0),
      .valid_i     (1'b1),
      .beat_i      (beat),
      .sum_o       (),
      .illegal_o   (),
      .nonzero_o   ()
  );

  // ---- What the byte means ----
  logic [4:0] nz, s;
  logic illegal;
  setun_trit_decode #(.PortBits(8)) u_decode (
      .beat_i   (byte_q),
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
      .illegal_o(illegal)
  );

  // ---- inside ----
  logic walk_clear, walk_subtract, write, write_illegal;
  logic [2:0] walk_lane, write_count;
  logic [7:0] write_byte, read_byte;

  // ---- Trits in the sum ----
  logic clear_q, subtract_q, seen_q;
  logic [2:0] lane_q;
  logic [14:0] trits_q, expected;
  logic [8:0] busy_q;
  logic here;
  assign here = write && write_byte == read_byte;
  always_ff @(posedge clk_i) begin
    clear_q    <= walk_clear;
    subtract_q <= walk_subtract;
    lane_q     <= walk_lane;
    for (int unsigned t = 0; t < 5; t++) begin
      if (clear_q) trits_q[t*3 +: 3] <= 3'd0;
      else if (lane_q == 3'(t)) trits_q[t*3 +: 3] <= trits_q[t*3 +: 3] + (subtract_q ? 3'd7 : 3'd1);
    end
    seen_q <= rst_ni && (seen_q || here);
    busy_q <= rst_ni ? busy_q + 9'(fill_busy) : 9'd0;
  end
  for (genvar t = 0; t < 5; t++) begin : gen_expected
    assign expected[t*3 +: 3] = {nz[t] && s[t], nz[t] && s[t], nz[t]};
  end

  `SETUN_FORMAL_INIT
  always_comb begin
    if (f_past_valid) assume (rst_ni);
  end
  `SETUN_ASSERT(a_address, read_byte == byte_q)
  `SETUN_ASSERT(a_illegal, !here || write_illegal == illegal)
  `SETUN_ASSERT(a_trits, !here || illegal || trits_q == expected)
  `SETUN_ASSERT(a_count, !here || illegal || write_count == 3'(nz[0]) + 3'(nz[1]) + 3'(nz[2]) + 3'(nz[3]) + 3'(nz[4]))
  `SETUN_ASSERT(a_once, !here || !seen_q)
  `SETUN_ASSERT(a_written, !started_q || fill_busy || seen_q)
  `SETUN_ASSERT(a_time, !started_q || fill_busy || busy_q == 9'(FILL_CYCLES))
endmodule

`default_nettype wire
