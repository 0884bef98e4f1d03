/// Properties of setun_fifo: nothing lost, invented, reordered or stuck. A watched word, picked freely, stands for every word.
///
/// The wires of "inside" are tied to the FIFO's registers by run.py; only induction needs them.
`default_nettype none
`include "setun_assert.svh"

module fifo_check #(
    parameter int unsigned Width = 4,
    parameter int unsigned Depth = 4,
    localparam int unsigned AW = $clog2(Depth)
) (
    input wire logic             clk_i,
    input wire logic             rst_ni,
    input wire logic             valid_i,
    input wire logic [Width-1:0] data_i,
    input wire logic             ready_i,
    input wire logic             watch_i
);
  logic ready, valid, push, pop;
  logic [Width-1:0] data;
  setun_fifo #(.Width(Width), .Depth(Depth)) dut (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_i),
      .ready_o(ready),
      .data_i (data_i),
      .valid_o(valid),
      .ready_i(ready_i),
      .data_o (data)
  );
  assign push = valid_i && ready;
  assign pop  = valid && ready_i;

  logic [AW:0] level_q, ahead_q;  // words inside; words before the watched one
  logic watching_q, was_full_q;
  logic [Width-1:0] word_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      level_q    <= '0;
      watching_q <= 1'b0;
      was_full_q <= 1'b0;
    end else begin
      level_q <= level_q + (AW + 1)'(push) - (AW + 1)'(pop);
      if (!watching_q && push && watch_i) begin
        watching_q <= 1'b1;
        word_q     <= data_i;
        ahead_q    <= level_q - (AW + 1)'(pop);
      end else if (watching_q && pop) begin
        if (ahead_q == '0) watching_q <= 1'b0;
        ahead_q <= ahead_q - 1'b1;
      end
      if (level_q == (AW + 1)'(Depth)) was_full_q <= 1'b1;
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_no_overflow, level_q <= (AW + 1)'(Depth))
  `SETUN_ASSERT(a_ready_unless_full, ready == (level_q != (AW + 1)'(Depth)))
  `SETUN_ASSERT(a_no_underflow, !valid || level_q != '0)
  `SETUN_ASSERT(a_order_and_data, !(watching_q && valid && ahead_q == '0) || data == word_q)
  `SETUN_ASSERT(a_not_lost, !watching_q || ahead_q < level_q)
  always_ff @(posedge clk_i) begin
    if (f_past_valid && rst_ni && $past(rst_ni)) begin
      // A word inside shows on the output in the second cycle at the latest.
      if ($past(level_q != '0 && !valid)) a_not_stuck: assert (valid);
      if ($past(valid && !ready_i)) a_hold: assert (valid && $stable(data));
    end
    c_full: cover (rst_ni && !ready && watching_q && ahead_q == (AW + 1)'(Depth - 1));
    c_empty_again: cover (rst_ni && was_full_q && level_q == '0 && !valid);
  end

`ifdef INDUCTION
  // ---- inside ----
  logic [AW:0] wptr, rptr;
  logic fresh;
  logic [Depth*Width-1:0] mem;
  logic [AW:0] place;
  assign place = rptr + ahead_q;
  `SETUN_ASSERT(i_level, level_q == wptr - rptr)
  `SETUN_ASSERT(i_first, !valid || data == mem[32'(rptr[AW-1:0])*Width +: Width])
  `SETUN_ASSERT(i_fresh, valid || fresh == (level_q != '0))
  `SETUN_ASSERT(i_word, !watching_q || mem[32'(place[AW-1:0])*Width +: Width] == word_q)
`endif
endmodule

`default_nettype wire
