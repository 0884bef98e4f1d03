/// Kernel top with 4 weight ports: XRT's RTL-kernel port names around setun_core (docs/command-interface.md, section 6).
`default_nettype none
`include "setun_kernel.svh"

module setun_kernel_4p #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TileRows = 1024,
    parameter int unsigned TreeCut = 3,
    parameter int unsigned Leaf = 0,
    parameter int unsigned FillGroups = (Leaf == 3) ? 2 : 8,  // of the leaves with tables: fewer fill faster, more take fewer LUTs
    parameter int unsigned CountNonzero = 1,                  // 0 leaves the NONZERO counter out
    parameter int unsigned Ram32m16 = 0                       // 1 on AMD UltraScale(+): see setun_lut_rams
) (
    input  wire logic                 ap_clk,
    input  wire logic                 ap_rst_n,
    output logic                      interrupt,
    `SETUN_AXI_PORTS(w0)
    `SETUN_AXI_PORTS(w1)
    `SETUN_AXI_PORTS(w2)
    `SETUN_AXI_PORTS(w3)
    `SETUN_AXI_PORTS(data)
    `SETUN_CONTROL_PORTS
);
  `SETUN_CORE(4)
  `SETUN_WEIGHT_PORT(w0, 0)
  `SETUN_WEIGHT_PORT(w1, 1)
  `SETUN_WEIGHT_PORT(w2, 2)
  `SETUN_WEIGHT_PORT(w3, 3)
endmodule

`default_nettype wire
