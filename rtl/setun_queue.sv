/// Short queue in registers or distributed RAM: a word can be popped the cycle after its push.
///
/// Depth is a power of two, at least 2; one push and one pop a cycle. clear_i empties it and wins over a push.
`default_nettype none
`include "setun_assert.svh"

module setun_queue #(
    parameter int unsigned Width = 32,
    parameter int unsigned Depth = 4
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
    input  wire logic             clear_i,
    input  wire logic             valid_i,
    output logic                  ready_o,
    input  wire logic [Width-1:0] data_i,
    output logic                  valid_o,
    input  wire logic             ready_i,
    output logic [Width-1:0]      data_o
);
  localparam int unsigned AW = $clog2(Depth);
  if (Depth < 2 || (1 << AW) != Depth) begin : gen_bad_depth
    $error("setun_queue: Depth must be a power of two, at least 2");
  end

  logic [Width-1:0] mem [0:Depth-1];
  logic [AW:0] wptr_q, rptr_q;
  logic push, pop;

  assign ready_o = (wptr_q - rptr_q) != (AW + 1)'(Depth);
  assign valid_o = wptr_q != rptr_q;
  assign data_o  = mem[rptr_q[AW-1:0]];
  assign push    = valid_i && ready_o;
  assign pop     = valid_o && ready_i;

  always_ff @(posedge clk_i) begin
    if (push) mem[wptr_q[AW-1:0]] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      wptr_q <= '0;
      rptr_q <= '0;
    end else begin
      if (push) wptr_q <= wptr_q + 1'b1;
      if (pop) rptr_q <= rptr_q + 1'b1;
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_queue_level, (wptr_q - rptr_q) <= (AW + 1)'(Depth))
endmodule

`default_nettype wire
