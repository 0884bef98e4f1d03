/// The walk that fills the tables of setun_leaf_table_lut, and their addresses: the two entries that a byte addresses are written once each, and
/// together they are what its weights ask for.
///
/// One byte, picked freely, stands for all; see table_byte_check.sv. The entry of weights 0 to 2 is to be negated when the leaf says so.
`default_nettype none
`include "setun_assert.svh"

module table_parts_check (
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic [7:0] byte_i
);
  localparam int unsigned FillGroups = 1;
  localparam int unsigned FILL_CYCLES = 32 * FillGroups + 2;

  // ---- One load after reset, and the byte. The leaf has its addresses one cycle after the beat, before anything is written. ----
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
  setun_leaf_table_lut #(.PortBits(32), .FillGroups(FillGroups), .TreeCut(2)) dut (
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
  logic walk_clear, walk_subtract, write, write_low;
  logic [2:0] walk_lane;
  logic [3:0] write_entry;
  logic [1:0] write_count;
  logic [3:0] esc, b7, b6, b5, i3, i2, i1, i0, minus, leaf_illegal;  // of the port's four bytes, which are equal

  // ---- Trits in the sum; the two entries ----
  logic clear_q, subtract_q, high_seen_q, low_seen_q;
  logic [2:0] lane_q;
  logic [14:0] trits_q, high_q, low_q, total, expected;
  logic [1:0] high_count_q, low_count_q;
  logic [5:0] busy_q;
  logic high_here, low_here;
  assign high_here = write && !write_low && write_entry == {esc[0], b7[0], b6[0], b5[0]};
  assign low_here  = write && write_low && write_entry == {i3[0], i2[0], i1[0], i0[0]};
  always_ff @(posedge clk_i) begin
    clear_q    <= walk_clear;
    subtract_q <= walk_subtract;
    lane_q     <= walk_lane;
    for (int unsigned t = 0; t < 5; t++) begin
      if (clear_q) trits_q[t*3 +: 3] <= 3'd0;
      else if (lane_q == 3'(t)) trits_q[t*3 +: 3] <= trits_q[t*3 +: 3] + (subtract_q ? 3'd7 : 3'd1);
    end
    if (high_here) begin
      high_q       <= trits_q;
      high_count_q <= write_count;
    end
    if (low_here) begin
      low_q       <= trits_q;
      low_count_q <= write_count;
    end
    high_seen_q <= rst_ni && (high_seen_q || high_here);
    low_seen_q  <= rst_ni && (low_seen_q || low_here);
    busy_q      <= rst_ni ? busy_q + 6'(fill_busy) : 6'd0;
  end
  for (genvar t = 0; t < 5; t++) begin : gen_expected
    assign expected[t*3 +: 3] = {nz[t] && s[t], nz[t] && s[t], nz[t]};
    assign total[t*3 +: 3]    = high_q[t*3 +: 3] + (minus[0] ? 3'd0 - low_q[t*3 +: 3] : low_q[t*3 +: 3]);
  end

  `SETUN_FORMAL_INIT
  always_comb begin
    if (f_past_valid) assume (rst_ni);
  end
  logic ready_q, done;
  always_ff @(posedge clk_i) ready_q <= rst_ni && started_q;
  assign done = started_q && !fill_busy;
  `SETUN_ASSERT(a_illegal, !ready_q || leaf_illegal == {4{illegal}})
  `SETUN_ASSERT(a_same, !ready_q || ({esc, b7, b6, b5} == {{4{esc[0]}}, {4{b7[0]}}, {4{b6[0]}}, {4{b5[0]}}}
                                     && {i3, i2, i1, i0, minus} == {{4{i3[0]}}, {4{i2[0]}}, {4{i1[0]}}, {4{i0[0]}}, {4{minus[0]}}}))
  `SETUN_ASSERT(a_once, !(high_here && high_seen_q) && !(low_here && low_seen_q))
  `SETUN_ASSERT(a_written, !done || (high_seen_q && low_seen_q))
  `SETUN_ASSERT(a_trits, !done || illegal || total == expected)
  `SETUN_ASSERT(a_count, !done || illegal
                || 3'(high_count_q) + 3'(low_count_q) == 3'(nz[0]) + 3'(nz[1]) + 3'(nz[2]) + 3'(nz[3]) + 3'(nz[4]))
  `SETUN_ASSERT(a_time, !done || busy_q == 6'(FILL_CYCLES))
endmodule

`default_nettype wire
