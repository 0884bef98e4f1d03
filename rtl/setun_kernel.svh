// The kernel's port lists and their wiring to setun_core, once for all tops. XRT's RTL-kernel names.
`ifndef SETUN_KERNEL_SVH
`define SETUN_KERNEL_SVH

// Full AXI4 master; a read-only port keeps its write channels idle.
`define SETUN_AXI_PORTS(n) \
    output logic [0:0]                m_axi_``n``_awid, \
    output logic [63:0]               m_axi_``n``_awaddr, \
    output logic [7:0]                m_axi_``n``_awlen, \
    output logic [2:0]                m_axi_``n``_awsize, \
    output logic [1:0]                m_axi_``n``_awburst, \
    output logic                      m_axi_``n``_awlock, \
    output logic [3:0]                m_axi_``n``_awcache, \
    output logic [2:0]                m_axi_``n``_awprot, \
    output logic [3:0]                m_axi_``n``_awqos, \
    output logic [3:0]                m_axi_``n``_awregion, \
    output logic                      m_axi_``n``_awvalid, \
    input  wire logic                 m_axi_``n``_awready, \
    output logic [PortBits-1:0]       m_axi_``n``_wdata, \
    output logic [PortBits/8-1:0]     m_axi_``n``_wstrb, \
    output logic                      m_axi_``n``_wlast, \
    output logic                      m_axi_``n``_wvalid, \
    input  wire logic                 m_axi_``n``_wready, \
    input  wire logic [0:0]           m_axi_``n``_bid, \
    input  wire logic [1:0]           m_axi_``n``_bresp, \
    input  wire logic                 m_axi_``n``_bvalid, \
    output logic                      m_axi_``n``_bready, \
    output logic [0:0]                m_axi_``n``_arid, \
    output logic [63:0]               m_axi_``n``_araddr, \
    output logic [7:0]                m_axi_``n``_arlen, \
    output logic [2:0]                m_axi_``n``_arsize, \
    output logic [1:0]                m_axi_``n``_arburst, \
    output logic                      m_axi_``n``_arlock, \
    output logic [3:0]                m_axi_``n``_arcache, \
    output logic [2:0]                m_axi_``n``_arprot, \
    output logic [3:0]                m_axi_``n``_arqos, \
    output logic [3:0]                m_axi_``n``_arregion, \
    output logic                      m_axi_``n``_arvalid, \
    input  wire logic                 m_axi_``n``_arready, \
    input  wire logic [0:0]           m_axi_``n``_rid, \
    input  wire logic [PortBits-1:0]  m_axi_``n``_rdata, \
    input  wire logic [1:0]           m_axi_``n``_rresp, \
    input  wire logic                 m_axi_``n``_rlast, \
    input  wire logic                 m_axi_``n``_rvalid, \
    output logic                      m_axi_``n``_rready,

`define SETUN_CONTROL_PORTS \
    input  wire logic [11:0]          s_axi_control_awaddr, \
    input  wire logic                 s_axi_control_awvalid, \
    output logic                      s_axi_control_awready, \
    input  wire logic [31:0]          s_axi_control_wdata, \
    input  wire logic [3:0]           s_axi_control_wstrb, \
    input  wire logic                 s_axi_control_wvalid, \
    output logic                      s_axi_control_wready, \
    output logic [1:0]                s_axi_control_bresp, \
    output logic                      s_axi_control_bvalid, \
    input  wire logic                 s_axi_control_bready, \
    input  wire logic [11:0]          s_axi_control_araddr, \
    input  wire logic                 s_axi_control_arvalid, \
    output logic                      s_axi_control_arready, \
    output logic [31:0]               s_axi_control_rdata, \
    output logic [1:0]                s_axi_control_rresp, \
    output logic                      s_axi_control_rvalid, \
    input  wire logic                 s_axi_control_rready

// Signals that never change: one ID, INCR bursts of whole words, normal non-cacheable bufferable memory, unprivileged secure data.
`define SETUN_AXI_CONSTANTS(n) \
  assign m_axi_``n``_awid     = 1'b0; \
  assign m_axi_``n``_awsize   = 3'($clog2(PortBits / 8)); \
  assign m_axi_``n``_awburst  = setun_pkg::AXI_INCR; \
  assign m_axi_``n``_awlock   = 1'b0; \
  assign m_axi_``n``_awcache  = 4'b0011; \
  assign m_axi_``n``_awprot   = 3'b000; \
  assign m_axi_``n``_awqos    = 4'b0000; \
  assign m_axi_``n``_awregion = 4'b0000; \
  assign m_axi_``n``_arid     = 1'b0; \
  assign m_axi_``n``_arsize   = 3'($clog2(PortBits / 8)); \
  assign m_axi_``n``_arburst  = setun_pkg::AXI_INCR; \
  assign m_axi_``n``_arlock   = 1'b0; \
  assign m_axi_``n``_arcache  = 4'b0011; \
  assign m_axi_``n``_arprot   = 3'b000; \
  assign m_axi_``n``_arqos    = 4'b0000; \
  assign m_axi_``n``_arregion = 4'b0000;

// Weight port n is number p of the core's flat vectors.
`define SETUN_WEIGHT_PORT(n, p) \
  `SETUN_AXI_CONSTANTS(n) \
  assign m_axi_``n``_awaddr  = 64'd0; \
  assign m_axi_``n``_awlen   = 8'd0; \
  assign m_axi_``n``_awvalid = 1'b0; \
  assign m_axi_``n``_wdata   = '0; \
  assign m_axi_``n``_wstrb   = '0; \
  assign m_axi_``n``_wlast   = 1'b0; \
  assign m_axi_``n``_wvalid  = 1'b0; \
  assign m_axi_``n``_bready  = 1'b1; \
  assign m_axi_``n``_arvalid = w_arvalid[p]; \
  assign m_axi_``n``_araddr  = w_araddr[p*64 +: 64]; \
  assign m_axi_``n``_arlen   = w_arlen[p*8 +: 8]; \
  assign m_axi_``n``_rready  = w_rready[p]; \
  assign w_arready[p]                       = m_axi_``n``_arready; \
  assign w_rvalid[p]                        = m_axi_``n``_rvalid; \
  assign w_rdata[p*PortBits +: PortBits]    = m_axi_``n``_rdata; \
  assign w_rresp[p*2 +: 2]                  = m_axi_``n``_rresp; \
  assign w_rlast[p]                         = m_axi_``n``_rlast; \
  logic unused_``n; \
  assign unused_``n = ^{m_axi_``n``_awready, m_axi_``n``_wready, m_axi_``n``_bid, m_axi_``n``_bresp, \
                        m_axi_``n``_bvalid, m_axi_``n``_rid};

`define SETUN_CORE(num_ports) \
  logic [num_ports-1:0] w_arvalid, w_arready, w_rvalid, w_rready, w_rlast; \
  logic [num_ports*64-1:0] w_araddr; \
  logic [num_ports*8-1:0] w_arlen; \
  logic [num_ports*PortBits-1:0] w_rdata; \
  logic [num_ports*2-1:0] w_rresp; \
  `SETUN_AXI_CONSTANTS(data) \
  logic unused_data; \
  assign unused_data = ^{m_axi_data_bid, m_axi_data_rid}; \
  setun_core #( \
      .PortBits(PortBits), .Ports(num_ports), .Tokens(Tokens), .TileRows(TileRows), .TreeCut(TreeCut), .Leaf(Leaf), \
      .FillGroups(FillGroups), .CountNonzero(CountNonzero), .Ram32m16(Ram32m16) \
  ) u_core ( \
      .clk_i      (ap_clk), \
      .rst_ni     (ap_rst_n), \
      .interrupt_o(interrupt), \
      .s_awaddr_i (s_axi_control_awaddr), \
      .s_awvalid_i(s_axi_control_awvalid), \
      .s_awready_o(s_axi_control_awready), \
      .s_wdata_i  (s_axi_control_wdata), \
      .s_wstrb_i  (s_axi_control_wstrb), \
      .s_wvalid_i (s_axi_control_wvalid), \
      .s_wready_o (s_axi_control_wready), \
      .s_bresp_o  (s_axi_control_bresp), \
      .s_bvalid_o (s_axi_control_bvalid), \
      .s_bready_i (s_axi_control_bready), \
      .s_araddr_i (s_axi_control_araddr), \
      .s_arvalid_i(s_axi_control_arvalid), \
      .s_arready_o(s_axi_control_arready), \
      .s_rdata_o  (s_axi_control_rdata), \
      .s_rresp_o  (s_axi_control_rresp), \
      .s_rvalid_o (s_axi_control_rvalid), \
      .s_rready_i (s_axi_control_rready), \
      .w_arvalid_o(w_arvalid), \
      .w_arready_i(w_arready), \
      .w_araddr_o (w_araddr), \
      .w_arlen_o  (w_arlen), \
      .w_rvalid_i (w_rvalid), \
      .w_rready_o (w_rready), \
      .w_rdata_i  (w_rdata), \
      .w_rresp_i  (w_rresp), \
      .w_rlast_i  (w_rlast), \
      .d_arvalid_o(m_axi_data_arvalid), \
      .d_arready_i(m_axi_data_arready), \
      .d_araddr_o (m_axi_data_araddr), \
      .d_arlen_o  (m_axi_data_arlen), \
      .d_rvalid_i (m_axi_data_rvalid), \
      .d_rready_o (m_axi_data_rready), \
      .d_rdata_i  (m_axi_data_rdata), \
      .d_rresp_i  (m_axi_data_rresp), \
      .d_rlast_i  (m_axi_data_rlast), \
      .d_awvalid_o(m_axi_data_awvalid), \
      .d_awready_i(m_axi_data_awready), \
      .d_awaddr_o (m_axi_data_awaddr), \
      .d_awlen_o  (m_axi_data_awlen), \
      .d_wvalid_o (m_axi_data_wvalid), \
      .d_wready_i (m_axi_data_wready), \
      .d_wdata_o  (m_axi_data_wdata), \
      .d_wstrb_o  (m_axi_data_wstrb), \
      .d_wlast_o  (m_axi_data_wlast), \
      .d_bvalid_i (m_axi_data_bvalid), \
      .d_bready_o (m_axi_data_bready), \
      .d_bresp_i  (m_axi_data_bresp) \
  );

`endif
