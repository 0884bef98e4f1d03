/// Simple dual-port RAM: one write port, one read port with registered output. A read of the word being written returns the old one.
`default_nettype none

module setun_ram #(
    parameter int unsigned Width = 32,
    parameter int unsigned Depth = 1024,
    localparam int unsigned AW = $clog2(Depth)
) (
    input  wire logic             clk_i,
    input  wire logic             write_i,
    input  wire logic [AW-1:0]    waddr_i,
    input  wire logic [Width-1:0] wdata_i,
    input  wire logic             read_i,
    input  wire logic [AW-1:0]    raddr_i,
    output logic [Width-1:0]      rdata_o
);
  logic [Width-1:0] mem [0:Depth-1];
  logic [Width-1:0] rdata_q;

  assign rdata_o = rdata_q;

  // Read, then write, in one block that alone uses mem: a blocking write is exact here, and Verilator then keeps no
  // copy of the word for the end of the time step.
  always_ff @(posedge clk_i) begin
    if (read_i) rdata_q <= mem[raddr_i];
    if (write_i) mem[waddr_i] = wdata_i;
  end
endmodule

`default_nettype wire
