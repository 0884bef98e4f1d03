/// The walk that fills the tables of setun_leaf_table_bram: every byte's entry is written once, from the activations that its weights ask for.
///
/// One byte, picked freely, stands for all: see table_watch.sv. Complete: nothing is free but the byte, and the bound is longer than the walk.
`default_nettype none
`include "setun_assert.svh"

module table_byte_check (
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic [7:0] byte_i
);
  localparam int unsigned FillGroups = 1;
  localparam int unsigned FILL_CYCLES = 256 * FillGroups + 2;
  logic [7:0] watched;
  logic started, fill_busy, illegal;
  logic [8:0] cycles;
  logic [14:0] sum, weights;
  logic [2:0] nonzero;
  table_watch #(.Leaf(3), .FillGroups(FillGroups)) watch (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .byte_i   (byte_i),
      .byte_o   (watched),
      .started_o(started),
      .busy_o   (fill_busy),
      .cycles_o (cycles),
      .sum_o    (sum),
      .weights_o(weights),
      .nonzero_o(nonzero),
      .illegal_o(illegal)
  );

  // ---- inside ----
  logic write, write_illegal;
  logic [2:0] write_count;
  logic [7:0] write_byte, read_byte;

  logic here, seen_q;
  assign here = write && write_byte == read_byte;
  always_ff @(posedge clk_i) seen_q <= rst_ni && (seen_q || here);

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_address, read_byte == watched)
  `SETUN_ASSERT(a_illegal, !here || write_illegal == illegal)
  `SETUN_ASSERT(a_trits, !here || illegal || sum == weights)
  `SETUN_ASSERT(a_count, !here || illegal || write_count == nonzero)
  `SETUN_ASSERT(a_once, !here || !seen_q)
  `SETUN_ASSERT(a_written, !started || fill_busy || seen_q)
  `SETUN_ASSERT(a_time, !started || fill_busy || cycles == 9'(FILL_CYCLES))
endmodule

`default_nettype wire
