/// The walk that fills the tables of setun_leaf_table_lut, and their addresses: the two entries that a byte addresses are written once each, and
/// together they are what its weights ask for.
///
/// One byte, picked freely, stands for all: see table_watch.sv. The leaf has its addresses one cycle after the beat, before anything is written. The
/// entry of weights 0 to 2 is to be negated when the leaf says so. Complete, as table_byte_check.
`default_nettype none
`include "setun_assert.svh"

module table_parts_check (
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic [7:0] byte_i
);
  localparam int unsigned FillGroups = 1;
  localparam int unsigned FILL_CYCLES = 32 * FillGroups + 2;
  logic started, fill_busy, illegal;
  logic [8:0] cycles;
  logic [14:0] sum, weights;
  logic [2:0] nonzero;
  table_watch #(.Leaf(2), .FillGroups(FillGroups)) watch (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .byte_i   (byte_i),
      .byte_o   (),
      .started_o(started),
      .busy_o   (fill_busy),
      .cycles_o (cycles),
      .sum_o    (sum),
      .weights_o(weights),
      .nonzero_o(nonzero),
      .illegal_o(illegal)
  );

  // ---- inside ----
  logic write, write_low;
  logic [3:0] write_entry;
  logic [11:0] counts;
  logic [3:0] esc, b7, b6, b5, i3, i2, i1, i0, minus, leaf_illegal;  // of the port's four bytes, which are equal

  // ---- The two entries ----
  logic high_seen_q, low_seen_q, high_here, low_here;
  logic [14:0] high_q, low_q, total;
  assign high_here = write && !write_low && write_entry == {esc[0], b7[0], b6[0], b5[0]};
  assign low_here  = write && write_low && write_entry == {i3[0], i2[0], i1[0], i0[0]};
  always_ff @(posedge clk_i) begin
    if (high_here) high_q <= sum;
    if (low_here) low_q <= sum;
    high_seen_q <= rst_ni && (high_seen_q || high_here);
    low_seen_q  <= rst_ni && (low_seen_q || low_here);
  end
  for (genvar t = 0; t < 5; t++) begin : gen_total
    assign total[t*3 +: 3] = high_q[t*3 +: 3] + (minus[0] ? 3'd0 - low_q[t*3 +: 3] : low_q[t*3 +: 3]);
  end

  `SETUN_FORMAL_INIT
  logic ready_q, done;
  always_ff @(posedge clk_i) ready_q <= rst_ni && started;
  assign done = started && !fill_busy;
  `SETUN_ASSERT(a_illegal, !ready_q || leaf_illegal == {4{illegal}})
  `SETUN_ASSERT(a_same, !ready_q || ({esc, b7, b6, b5} == {{4{esc[0]}}, {4{b7[0]}}, {4{b6[0]}}, {4{b5[0]}}}
                                     && {i3, i2, i1, i0, minus} == {{4{i3[0]}}, {4{i2[0]}}, {4{i1[0]}}, {4{i0[0]}}, {4{minus[0]}}}))
  `SETUN_ASSERT(a_once, !(high_here && high_seen_q) && !(low_here && low_seen_q))
  `SETUN_ASSERT(a_written, !done || (high_seen_q && low_seen_q))
  `SETUN_ASSERT(a_trits, !done || illegal || total == weights)
  `SETUN_ASSERT(a_count, !ready_q || illegal || counts == {4{nonzero}})
  `SETUN_ASSERT(a_time, !done || cycles == 9'(FILL_CYCLES))
endmodule

`default_nettype wire
