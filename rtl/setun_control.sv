/// AXI4-Lite slave with the register block of docs/command-interface.md: XRT's ap_ctrl_hs, arguments, status, counters.
///
/// Access rules at the decoder below: RW, RO (writes ignored), COR (clear on read), TOW (toggle on write of 1). Unmapped offsets below REG_END
/// read 0 and ignore writes with OKAY; from REG_END on SLVERR. Address and data of a write may come in either order. One write and one read at a time;
/// a read takes one cycle from its address to its data.
`default_nettype none
`include "setun_assert.svh"

module setun_control #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TileRows = 1024,
    parameter int unsigned Leaf = 0,
    parameter int unsigned CountNonzero = 1
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,

    input  wire logic [11:0]         awaddr_i,
    input  wire logic                awvalid_i,
    output logic                     awready_o,
    input  wire logic [31:0]         wdata_i,
    input  wire logic [3:0]          wstrb_i,
    input  wire logic                wvalid_i,
    output logic                     wready_o,
    output logic [1:0]               bresp_o,
    output logic                     bvalid_o,
    input  wire logic                bready_i,
    input  wire logic [11:0]         araddr_i,
    input  wire logic                arvalid_i,
    output logic                     arready_o,
    output logic [31:0]              rdata_o,
    output logic [1:0]               rresp_o,
    output logic                     rvalid_o,
    input  wire logic                rready_i,
    output logic                     interrupt_o,

    output logic                     start_o,      // level, until done_i
    input  wire logic                done_i,       // one cycle
    input  wire logic                idle_i,
    output logic [63:0]              list_o,
    output logic [31:0]              count_o,
    output logic [63:0]              data_base_o,
    output logic [Ports*64-1:0]      w_base_o,
    output logic [31:0]              watchdog_o,

    input  wire logic [3:0]          error_code_i,
    input  wire logic [31:0]         error_index_i,
    input  wire logic [63:0]         error_addr_i,
    input  wire logic [31:0]         error_info_i,
    input  wire logic [31:0]         completed_i,
    input  wire logic [63:0]         cycles_i,
    input  wire logic [63:0]         busy_i,
    input  wire logic [63:0]         beats_i,
    input  wire logic [63:0]         stall_w_i,
    input  wire logic [63:0]         stall_x_i,
    input  wire logic [63:0]         stall_y_i,
    input  wire logic [63:0]         nonzero_i
);
  // ---- Write channels ----
  logic aw_full_q, w_full_q, bvalid_q, write;
  logic [11:0] awaddr_q;
  logic [31:0] wdata_q;
  logic [3:0] wstrb_q;
  logic [1:0] bresp_q;

  assign awready_o = !aw_full_q;
  assign wready_o  = !w_full_q;
  assign bvalid_o  = bvalid_q;
  assign bresp_o   = bresp_q;
  assign write     = aw_full_q && w_full_q && !bvalid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_full_q <= 1'b0;
      w_full_q  <= 1'b0;
      bvalid_q  <= 1'b0;
    end else begin
      if (awvalid_i && awready_o) aw_full_q <= 1'b1;
      else if (write) aw_full_q <= 1'b0;
      if (wvalid_i && wready_o) w_full_q <= 1'b1;
      else if (write) w_full_q <= 1'b0;
      if (write) bvalid_q <= 1'b1;
      else if (bready_i) bvalid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (awvalid_i && awready_o) awaddr_q <= awaddr_i;
    if (wvalid_i && wready_o) begin
      wdata_q <= wdata_i;
      wstrb_q <= wstrb_i;
    end
    if (write) bresp_q <= (awaddr_q >= setun_pkg::REG_END) ? setun_pkg::AXI_SLVERR : setun_pkg::AXI_OKAY;
  end

  // ---- Registers ----
  logic start_q, done_q, ready_q, auto_q, gie_q, read, read_ctrl;
  logic [1:0] ier_q, isr_q;
  logic [63:0] list_q, data_base_q;
  logic [31:0] count_q, watchdog_q, high_q;
  logic [Ports*64-1:0] w_base_q;
  logic [11:0] waddr, raddr;

  // Registers are words: the two low address bits do not count.
  assign waddr     = {awaddr_q[11:2], 2'b00};
  assign raddr     = {araddr_i[11:2], 2'b00};
  assign read_ctrl = read && raddr == setun_pkg::REG_CTRL;

  always_ff @(posedge clk_i) begin : p_registers
    logic [31:0] mask;
    if (!rst_ni) begin
      start_q     <= 1'b0;
      auto_q      <= 1'b0;
      done_q      <= 1'b0;
      ready_q     <= 1'b0;
      gie_q       <= 1'b0;
      ier_q       <= '0;
      isr_q       <= '0;
      list_q      <= '0;
      count_q     <= '0;
      data_base_q <= '0;
      w_base_q    <= '0;
      watchdog_q  <= setun_pkg::WATCHDOG_RESET;
    end else begin
      // CTRL: start is cleared by the end of the run unless auto-restart; done and ready are COR, and a
      // run that ends in the cycle of the read is reported by the next read.
      if (done_i) start_q <= auto_q;
      if (write && waddr == setun_pkg::REG_CTRL && wstrb_q[0]) begin
        auto_q <= wdata_q[7];
        if (wdata_q[0]) start_q <= 1'b1;
      end
      if (done_i) begin
        done_q  <= 1'b1;
        ready_q <= 1'b1;
      end else if (read_ctrl) begin
        done_q  <= 1'b0;
        ready_q <= 1'b0;
      end

      // ISR: TOW; an event in the same cycle wins.
      if (write || done_i) begin
        for (int unsigned i = 0; i < 2; i++) begin
          if (done_i && ier_q[i]) isr_q[i] <= 1'b1;
          else if (write && waddr == setun_pkg::REG_ISR && wstrb_q[0]) isr_q[i] <= isr_q[i] ^ wdata_q[i];
        end
      end

      if (write) begin
        mask = {{8{wstrb_q[3]}}, {8{wstrb_q[2]}}, {8{wstrb_q[1]}}, {8{wstrb_q[0]}}};
        if (waddr == setun_pkg::REG_GIE && wstrb_q[0]) gie_q <= wdata_q[0];
        if (waddr == setun_pkg::REG_IER && wstrb_q[0]) ier_q <= wdata_q[1:0];
        unique case (waddr)
          setun_pkg::REG_LIST_LO: list_q[31:0] <= (list_q[31:0] & ~mask) | (wdata_q & mask);
          setun_pkg::REG_LIST_HI: list_q[63:32] <= (list_q[63:32] & ~mask) | (wdata_q & mask);
          setun_pkg::REG_LIST_COUNT: count_q <= (count_q & ~mask) | (wdata_q & mask);
          setun_pkg::REG_DATA_BASE_LO: data_base_q[31:0] <= (data_base_q[31:0] & ~mask) | (wdata_q & mask);
          setun_pkg::REG_DATA_BASE_HI: data_base_q[63:32] <= (data_base_q[63:32] & ~mask) | (wdata_q & mask);
          setun_pkg::REG_WATCHDOG: watchdog_q <= (watchdog_q & ~mask) | (wdata_q & mask);
          default: ;
        endcase
        for (int unsigned p = 0; p < Ports; p++) begin
          if (waddr == setun_pkg::REG_W_BASE_LO + 12'(p) * setun_pkg::REG_W_STRIDE) begin
            w_base_q[p*64 +: 32] <= (w_base_q[p*64 +: 32] & ~mask) | (wdata_q & mask);
          end
          if (waddr == setun_pkg::REG_W_BASE_HI + 12'(p) * setun_pkg::REG_W_STRIDE) begin
            w_base_q[p*64+32 +: 32] <= (w_base_q[p*64+32 +: 32] & ~mask) | (wdata_q & mask);
          end
        end
      end
    end
  end

  // ---- Read channel ----
  logic rvalid_q;
  logic [31:0] rdata_q;
  logic [1:0] rresp_q;

  assign arready_o = !rvalid_q;
  assign rvalid_o  = rvalid_q;
  assign rdata_o   = rdata_q;
  assign rresp_o   = rresp_q;
  assign read      = arvalid_i && arready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rvalid_q <= 1'b0;
    else if (read) rvalid_q <= 1'b1;
    else if (rready_i) rvalid_q <= 1'b0;
  end
  // Local variables: the multiplexer is evaluated only when something is read.
  always_ff @(posedge clk_i) begin : p_read
    logic [31:0] value, high;
    if (!rst_ni) begin
      high_q <= '0;
    end else if (read) begin
      high  = high_q;  // the high word of a counter is captured when its low word is read
      value = '0;
      for (int unsigned p = 0; p < Ports; p++) begin
        if (raddr == setun_pkg::REG_W_BASE_LO + 12'(p) * setun_pkg::REG_W_STRIDE) value = w_base_q[p*64 +: 32];
        if (raddr == setun_pkg::REG_W_BASE_HI + 12'(p) * setun_pkg::REG_W_STRIDE) value = w_base_q[p*64+32 +: 32];
      end
      unique case (raddr)
        setun_pkg::REG_CTRL: value = {24'd0, auto_q, 3'd0, ready_q, idle_i && !start_q, done_q, start_q};
        setun_pkg::REG_GIE: value = {31'd0, gie_q};
        setun_pkg::REG_IER: value = {30'd0, ier_q};
        setun_pkg::REG_ISR: value = {30'd0, isr_q};
        setun_pkg::REG_LIST_LO: value = list_q[31:0];
        setun_pkg::REG_LIST_HI: value = list_q[63:32];
        setun_pkg::REG_LIST_COUNT: value = count_q;
        setun_pkg::REG_DATA_BASE_LO: value = data_base_q[31:0];
        setun_pkg::REG_DATA_BASE_HI: value = data_base_q[63:32];
        setun_pkg::REG_MAGIC: value = setun_pkg::MAGIC;
        setun_pkg::REG_VERSION: value = setun_pkg::ABI_VERSION;
        setun_pkg::REG_CONFIG0: value = {8'(Tokens), 8'(Ports), 16'(PortBits)};
        setun_pkg::REG_CONFIG1: value = {8'(Leaf), setun_pkg::TRIT_CODE_T5, 16'(TileRows)};
        setun_pkg::REG_ERROR: value = {28'd0, error_code_i};
        setun_pkg::REG_ERROR_INDEX: value = error_index_i;
        setun_pkg::REG_ERROR_ADDR_LO: value = error_addr_i[31:0];
        setun_pkg::REG_ERROR_ADDR_HI: value = error_addr_i[63:32];
        setun_pkg::REG_ERROR_INFO: value = error_info_i;
        setun_pkg::REG_COMPLETED: value = completed_i;
        setun_pkg::REG_WATCHDOG: value = watchdog_q;
        setun_pkg::REG_OMITTED: value = (CountNonzero != 0) ? '0 : setun_pkg::OMITTED_NONZERO;
        setun_pkg::REG_CYCLES_LO: {high, value} = cycles_i;
        setun_pkg::REG_BUSY_LO: {high, value} = busy_i;
        setun_pkg::REG_BEATS_LO: {high, value} = beats_i;
        setun_pkg::REG_STALL_W_LO: {high, value} = stall_w_i;
        setun_pkg::REG_STALL_X_LO: {high, value} = stall_x_i;
        setun_pkg::REG_STALL_Y_LO: {high, value} = stall_y_i;
        setun_pkg::REG_NONZERO_LO: {high, value} = nonzero_i;
        default: if (raddr > setun_pkg::REG_CYCLES_LO && raddr < setun_pkg::REG_END && raddr[2]) value = high_q;
      endcase
      high_q  <= high;
      rdata_q <= value;
      rresp_q <= (araddr_i >= setun_pkg::REG_END) ? setun_pkg::AXI_SLVERR : setun_pkg::AXI_OKAY;
    end
  end

  assign start_o     = start_q;
  assign list_o      = list_q;
  assign count_o     = count_q;
  assign data_base_o = data_base_q;
  assign w_base_o    = w_base_q;
  assign watchdog_o  = watchdog_q;
  assign interrupt_o = gie_q && isr_q != '0;

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT_HOLD(a_r_stable, rvalid_o, rready_i, {rdata_o, rresp_o})
  `SETUN_ASSERT_HOLD(a_b_stable, bvalid_o, bready_i, bresp_o)
endmodule

`default_nettype wire
