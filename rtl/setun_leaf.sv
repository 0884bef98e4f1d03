/// The leaf of the engine in the form that Leaf names. All forms have the same ports, contract and latency: see setun_leaf_planes.
///
/// The one place that knows the forms. `.*` connects each port of a form to the port of this module that has its name.
`default_nettype none

module setun_leaf #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TreeCut = 3,
    parameter int unsigned Leaf = 0,
    parameter int unsigned FillGroups = (Leaf == 3) ? 2 : 8,  // of the forms with tables
    parameter int unsigned CountNonzero = 1,                  // 0: nonzero_o stays 0
    parameter int unsigned Ram32m16 = 0,                      // of setun_lut_rams
    localparam int unsigned Lanes = 5 * (PortBits / 8),
    localparam int unsigned SumW = $clog2(Lanes * 128 + 1) + 1,
    localparam int unsigned CountW = $clog2(Ports * Lanes + 1)
) (
    input  wire logic                      clk_i,
    input  wire logic                      rst_ni,
    input  wire logic                      load_i,
    input  wire logic                      load_last_i,
    input  wire logic [2:0]                load_token_i,
    input  wire logic [2:0]                load_group_i,
    input  wire logic [PortBits-1:0]       load_data_i,
    output logic                           fill_busy_o,
    input  wire logic                      swap_i,
    input  wire logic                      valid_i,
    input  wire logic [Ports*PortBits-1:0] beat_i,
    output logic [Ports*Tokens*SumW-1:0]   sum_o,
    output logic [Ports-1:0]               illegal_o,
    output logic [CountW-1:0]              nonzero_o
);
  case (Leaf)
    0: begin : gen_planes
      setun_leaf_planes #(
          .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TreeCut(TreeCut), .CountNonzero(CountNonzero)
      ) u_leaf (.*);
    end
    1: begin : gen_tree
      setun_leaf_tree #(
          .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TreeCut(TreeCut), .CountNonzero(CountNonzero)
      ) u_leaf (.*);
    end
    2: begin : gen_table_lut
      setun_leaf_table_lut #(
          .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TreeCut(TreeCut), .FillGroups(FillGroups),
          .CountNonzero(CountNonzero), .Ram32m16(Ram32m16)
      ) u_leaf (.*);
    end
    3: begin : gen_table_bram
      setun_leaf_table_bram #(
          .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TreeCut(TreeCut), .FillGroups(FillGroups),
          .CountNonzero(CountNonzero)
      ) u_leaf (.*);
    end
    default: begin : gen_bad_leaf
      $error("setun_leaf: Leaf must be 0 (planes), 1 (tree), 2 (table in LUT RAM) or 3 (table in block RAM)");
    end
  endcase
endmodule

`default_nettype wire
