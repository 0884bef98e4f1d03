/// FIFO over a memory with registered read: first word falls through, two cycles after its push.
///
/// Depth is a power of two, at least 4; all Depth places can be used; one push and one pop a cycle. The handshakes exclude a push into a
/// full FIFO and a pop from an empty one. Full and valid are registers that change only when a word moves: an idle FIFO costs nothing.
`default_nettype none
`include "setun_assert.svh"

module setun_fifo #(
    parameter int unsigned Width = 32,
    parameter int unsigned Depth = 16
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
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
  logic [Width-1:0] data_q;
  logic [AW:0] wptr_q, rptr_q;
  logic valid_q, full_q, fresh_q;  // fresh: a word was pushed into the empty memory and is not yet in data_q

  assign ready_o = !full_q;
  assign valid_o = valid_q;
  assign data_o  = data_q;

  // One block with local variables: everything is evaluated once a cycle, and nothing at all while the FIFO is idle.
  // The memory is read before it is written, by this block only, so that its blocking write is exact.
  always_ff @(posedge clk_i) begin : p_move
    logic push, pop, more;
    logic [AW:0] wptr, rptr;
    push = valid_i && !full_q;
    pop  = valid_q && ready_i;
    if (!rst_ni) begin
      wptr_q  <= '0;
      rptr_q  <= '0;
      valid_q <= 1'b0;
      full_q  <= 1'b0;
      fresh_q <= 1'b0;
    end else if (push || pop || fresh_q) begin
      wptr = wptr_q + (AW + 1)'(push);
      rptr = rptr_q + (AW + 1)'(pop);
      // A word pushed in this very cycle is not yet readable: compare with the old write pointer.
      more = wptr_q != rptr;
      if (more && (pop || !valid_q)) data_q <= mem[rptr[AW-1:0]];
      if (push) mem[wptr_q[AW-1:0]] = data_i;
      wptr_q  <= wptr;
      rptr_q  <= rptr;
      valid_q <= more;
      full_q  <= (wptr - rptr) == (AW + 1)'(Depth);
      fresh_q <= push && !more;
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_PROVE(a_fifo_level, (wptr_q - rptr_q) <= (AW + 1)'(Depth))
  `SETUN_PROVE(a_fifo_full, full_q == ((wptr_q - rptr_q) == (AW + 1)'(Depth)))
endmodule

`default_nettype wire
