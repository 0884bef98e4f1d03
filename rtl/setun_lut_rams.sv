/// LUT RAMs of 32 words that are written together: one write port for all, a read address and an answer in the same cycle for each.
///
/// Reading does not depend on the clock. A word read in the cycle of its write is the old one.
/// Ram32m16 = 0 leaves it to synthesis to find RAMs. Ram32m16 = 1 is for AMD UltraScale and UltraScale+, whose RAM32M16 has one write
/// port, which takes one of its eight LUTs, and seven LUTs of two bits with a read address each (AMD UG574, "Distributed RAM"): RAMs
/// are cut into pairs of bits and the pairs fill the primitives without gaps, where synthesis gives every RAM primitives of its own.
`default_nettype none

module setun_lut_rams #(
    parameter int unsigned Rams = 8,
    parameter int unsigned Width = 12,
    parameter int unsigned Ram32m16 = 0
) (
    input  wire logic                  clk_i,
    input  wire logic                  write_i,
    input  wire logic [4:0]            waddr_i,
    input  wire logic [Rams*Width-1:0] wdata_i,
    input  wire logic [Rams*5-1:0]     raddr_i,
    output logic [Rams*Width-1:0]      rdata_o
);
  if (Ram32m16 == 0) begin : gen_inferred
    for (genvar i = 0; i < Rams; i++) begin : gen_ram
      logic [Width-1:0] mem [0:31];
      always_ff @(posedge clk_i) if (write_i) mem[waddr_i] <= wdata_i[i*Width +: Width];
      assign rdata_o[i*Width +: Width] = mem[raddr_i[i*5 +: 5]];
    end
  end else begin : gen_primitives
    if (Width % 2 != 0) begin : gen_bad_width
      $error("setun_lut_rams: Width must be even");
    end
    localparam int unsigned PORTS = 7;  // for reading, two bits wide
    localparam int unsigned Primitives = (Rams * Width / 2 + PORTS - 1) / PORTS;
    logic [Primitives*PORTS*2-1:0] wdata, rdata;
    logic [Primitives*PORTS*5-1:0] raddr;
    assign wdata   = (Primitives * PORTS * 2)'(wdata_i);
    assign rdata_o = rdata[Rams*Width-1:0];
    logic unused_ends;  // read ports that nothing is left for
    assign unused_ends = ^rdata;
    for (genvar i = 0; i < Primitives * PORTS; i++) begin : gen_pair
      if (i < Rams * Width / 2) begin : gen_used
        assign raddr[i*5 +: 5] = raddr_i[i*2/Width*5 +: 5];
      end else begin : gen_left_over
        assign raddr[i*5 +: 5] = '0;
      end
    end
    for (genvar i = 0; i < Primitives; i++) begin : gen_primitive
      logic [1:0] unused_data;
      RAM32M16 u_ram (
          .WCLK (clk_i),
          .WE   (write_i),
          .ADDRA(raddr[(i*PORTS+0)*5 +: 5]), .DIA(wdata[(i*PORTS+0)*2 +: 2]), .DOA(rdata[(i*PORTS+0)*2 +: 2]),
          .ADDRB(raddr[(i*PORTS+1)*5 +: 5]), .DIB(wdata[(i*PORTS+1)*2 +: 2]), .DOB(rdata[(i*PORTS+1)*2 +: 2]),
          .ADDRC(raddr[(i*PORTS+2)*5 +: 5]), .DIC(wdata[(i*PORTS+2)*2 +: 2]), .DOC(rdata[(i*PORTS+2)*2 +: 2]),
          .ADDRD(raddr[(i*PORTS+3)*5 +: 5]), .DID(wdata[(i*PORTS+3)*2 +: 2]), .DOD(rdata[(i*PORTS+3)*2 +: 2]),
          .ADDRE(raddr[(i*PORTS+4)*5 +: 5]), .DIE(wdata[(i*PORTS+4)*2 +: 2]), .DOE(rdata[(i*PORTS+4)*2 +: 2]),
          .ADDRF(raddr[(i*PORTS+5)*5 +: 5]), .DIF(wdata[(i*PORTS+5)*2 +: 2]), .DOF(rdata[(i*PORTS+5)*2 +: 2]),
          .ADDRG(raddr[(i*PORTS+6)*5 +: 5]), .DIG(wdata[(i*PORTS+6)*2 +: 2]), .DOG(rdata[(i*PORTS+6)*2 +: 2]),
          .ADDRH(waddr_i), .DIH(2'b00), .DOH(unused_data)
      );
    end
  end
endmodule

`default_nettype wire
