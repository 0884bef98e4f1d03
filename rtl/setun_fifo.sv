/// FIFO over a block RAM with registered read (first word falls through, two cycles after its push).
///
/// Depth is a power of two, at least 4; all Depth places can be used; one push and one pop a cycle. A push into a full FIFO or a pop
/// from an empty one cannot happen: the handshakes exclude it. clear_i empties it and wins over a push.
`default_nettype none
`include "setun_assert.svh"

module setun_fifo #(
    parameter int unsigned Width = 32,
    parameter int unsigned Depth = 16
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
  if (Depth < 4 || (1 << AW) != Depth) begin : gen_bad_depth
    $error("setun_fifo: Depth must be a power of two, at least 4");
  end

  logic [Width-1:0] mem [0:Depth-1];
  logic [AW:0] wptr_q, rptr_q, rptr_d;
  logic [Width-1:0] data_q;
  logic valid_q, push, pop;

  assign ready_o = (wptr_q - rptr_q) != (AW + 1)'(Depth);
  assign valid_o = valid_q;
  assign data_o  = data_q;
  assign push    = valid_i && ready_o;
  assign pop     = valid_q && ready_i;
  assign rptr_d  = pop ? rptr_q + 1'b1 : rptr_q;

  always_ff @(posedge clk_i) begin
    if (push) mem[wptr_q[AW-1:0]] <= data_i;
    if (pop || !valid_q) data_q <= mem[rptr_d[AW-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      wptr_q  <= '0;
      rptr_q  <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push) wptr_q <= wptr_q + 1'b1;
      rptr_q  <= rptr_d;
      // A word pushed in this very cycle is not yet readable: compare with the old write pointer.
      valid_q <= wptr_q != rptr_d;
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_fifo_level, (wptr_q - rptr_q) <= (AW + 1)'(Depth))
endmodule

`default_nettype wire
