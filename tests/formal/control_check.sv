/// Properties of setun_control: AXI4-Lite that always answers, registers that read back what was written, ap_ctrl_hs and interrupt.
///
/// One register, picked freely, stands for all of them. Nothing is assumed about the master but that addresses are 12 bits.
`default_nettype none
`include "setun_assert.svh"

module control_check #(
    parameter int unsigned Ports = 2
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic [11:0] awaddr_i,
    input wire logic        awvalid_i,
    input wire logic [31:0] wdata_i,
    input wire logic [3:0]  wstrb_i,
    input wire logic        wvalid_i,
    input wire logic        bready_i,
    input wire logic [11:0] araddr_i,
    input wire logic        arvalid_i,
    input wire logic        rready_i,
    input wire logic        done_i,
    input wire logic        idle_i,
    input wire logic [63:0] counter_i
);
  logic awready, wready, bvalid, arready, rvalid, interrupt, start;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata, count, watchdog;
  logic [63:0] list, data_base;
  logic [Ports*64-1:0] w_base;
  setun_control #(.PortBits(128), .Ports(Ports), .Tokens(1), .TileRows(16), .Leaf(0)) dut (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .awaddr_i     (awaddr_i),
      .awvalid_i    (awvalid_i),
      .awready_o    (awready),
      .wdata_i      (wdata_i),
      .wstrb_i      (wstrb_i),
      .wvalid_i     (wvalid_i),
      .wready_o     (wready),
      .bresp_o      (bresp),
      .bvalid_o     (bvalid),
      .bready_i     (bready_i),
      .araddr_i     (araddr_i),
      .arvalid_i    (arvalid_i),
      .arready_o    (arready),
      .rdata_o      (rdata),
      .rresp_o      (rresp),
      .rvalid_o     (rvalid),
      .rready_i     (rready_i),
      .interrupt_o  (interrupt),
      .start_o      (start),
      .done_i       (done_i),
      .idle_i       (idle_i),
      .list_o       (list),
      .count_o      (count),
      .data_base_o  (data_base),
      .w_base_o     (w_base),
      .watchdog_o   (watchdog),
      .error_code_i (4'd0),
      .error_index_i(32'd0),
      .error_addr_i (64'd0),
      .error_info_i (32'd0),
      .completed_i  (32'd0),
      .cycles_i     (counter_i),
      .busy_i       (64'd0),
      .beats_i      (64'd0),
      .stall_w_i    (64'd0),
      .stall_x_i    (64'd0),
      .stall_y_i    (64'd0),
      .nonzero_i    (64'd0)
  );

  // ---- Requests that wait for their answer ----
  logic aw_q, w_q, commit;
  logic [11:0] addr_q;
  logic [31:0] data_q;
  logic [3:0] strobe_q;
  assign commit = aw_q && w_q && !bvalid;  // takes effect; answered in the next cycle
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q <= 1'b0;
      w_q  <= 1'b0;
    end else begin
      if (awvalid_i && awready) aw_q <= 1'b1;
      else if (commit) aw_q <= 1'b0;
      if (wvalid_i && wready) w_q <= 1'b1;
      else if (commit) w_q <= 1'b0;
    end
    if (awvalid_i && awready) addr_q <= awaddr_i;
    if (wvalid_i && wready) begin
      data_q   <= wdata_i;
      strobe_q <= wstrb_i;
    end
  end

  // ---- The watched register ----
  (* anyconst *) logic [3:0] which;
  logic [11:0] watched;
  logic [31:0] shown, reset_value, value_q, mask;
  always_comb begin
    watched     = 12'h010;
    shown       = list[31:0];
    reset_value = '0;
    unique case (which)
      4'd0: begin watched = 12'h010; shown = list[31:0]; end
      4'd1: begin watched = 12'h014; shown = list[63:32]; end
      4'd2: begin watched = 12'h01C; shown = count; end
      4'd3: begin watched = 12'h024; shown = data_base[31:0]; end
      4'd4: begin watched = 12'h028; shown = data_base[63:32]; end
      4'd5: begin watched = 12'h030; shown = w_base[31:0]; end
      4'd6: begin watched = 12'h034; shown = w_base[63:32]; end
      4'd7: begin watched = 12'h03C; shown = w_base[95:64]; end
      4'd8: begin watched = 12'h040; shown = w_base[127:96]; end
      4'd9: begin watched = 12'h228; shown = watchdog; reset_value = 32'h0010_0000; end
      default: ;
    endcase
  end
  assign mask = {{8{strobe_q[3]}}, {8{strobe_q[2]}}, {8{strobe_q[1]}}, {8{strobe_q[0]}}};
  logic written_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      value_q   <= reset_value;
      written_q <= 1'b0;
    end else if (commit && addr_q[11:2] == watched[11:2]) begin
      value_q   <= (value_q & ~mask) | (data_q & mask);
      written_q <= 1'b1;
    end
  end

  // ---- ap_ctrl_hs and interrupt ----
  logic start_q, auto_q, done_q, gie_q, write_byte, read;
  logic [1:0] ier_q, isr_q;
  logic [31:0] high_q;
  assign write_byte = commit && strobe_q[0];
  assign read       = arvalid_i && arready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_q <= 1'b0;
      auto_q  <= 1'b0;
      done_q  <= 1'b0;
      gie_q   <= 1'b0;
      ier_q   <= '0;
      isr_q   <= '0;
      high_q  <= '0;
    end else begin
      if (write_byte && addr_q[11:2] == 10'd0) begin
        auto_q  <= data_q[7];
        start_q <= data_q[0] || (done_i ? auto_q : start_q);
      end else if (done_i) begin
        start_q <= auto_q;
      end
      if (done_i) done_q <= 1'b1;
      else if (read && araddr_i[11:2] == 10'd0) done_q <= 1'b0;
      if (write_byte && addr_q[11:2] == 10'd1) gie_q <= data_q[0];
      if (write_byte && addr_q[11:2] == 10'd2) ier_q <= data_q[1:0];
      for (int unsigned i = 0; i < 2; i++) begin
        if (done_i && ier_q[i]) isr_q[i] <= 1'b1;
        else if (write_byte && addr_q[11:2] == 10'd3) isr_q[i] <= isr_q[i] ^ data_q[i];
      end
      if (read && araddr_i[11:2] == 10'h090) high_q <= counter_i[63:32];
    end
  end

  `SETUN_FORMAL_INIT
  // Ready does not wait for valid; a request is taken as soon as the one before has its answer.
  `SETUN_ASSERT(a_aw_ready, awready == !aw_q)
  `SETUN_ASSERT(a_w_ready, wready == !w_q)
  `SETUN_ASSERT(a_ar_ready, arready == !rvalid)
  `SETUN_ASSERT(a_value_out, which > 4'd9 || shown == value_q)
  `SETUN_ASSERT(a_start, start == start_q)
  `SETUN_ASSERT(a_interrupt, interrupt == (gie_q && isr_q != '0))
  always_ff @(posedge clk_i) begin
    if (f_past_valid && rst_ni && $past(rst_ni)) begin
      // An answer comes one cycle after its request is complete, whatever READY does, and only then.
      if ($past(commit)) begin
        a_b_answer: assert (bvalid);
        a_b_response: assert (bresp == (($past(addr_q) >= 12'h278) ? 2'b10 : 2'b00));
      end
      a_b_owed: assert (bvalid == ($past(commit) || $past(bvalid && !bready_i)));
      a_r_owed: assert (rvalid == ($past(read) || $past(rvalid && !rready_i)));
      if ($past(read)) begin
        a_r_response: assert (rresp == (($past(araddr_i) >= 12'h278) ? 2'b10 : 2'b00));
        if ($past(which) <= 4'd9 && $past(araddr_i[11:2]) == watched[11:2]) a_read_back: assert (rdata == $past(value_q));
        if ($past(araddr_i[11:2]) == 10'd0) begin
          a_ctrl: assert (rdata == {24'd0, $past(auto_q), 3'd0, $past(done_q), $past(idle_i && !start_q), $past(done_q), $past(start_q)});
        end
        if ($past(araddr_i[11:2]) == 10'd1) a_gie: assert (rdata == {31'd0, $past(gie_q)});
        if ($past(araddr_i[11:2]) == 10'd2) a_ier: assert (rdata == {30'd0, $past(ier_q)});
        if ($past(araddr_i[11:2]) == 10'd3) a_isr: assert (rdata == {30'd0, $past(isr_q)});
        // The two halves of a counter are of one moment.
        if ($past(araddr_i[11:2]) == 10'h090) a_low: assert (rdata == $past(counter_i[31:0]));
      end
    end
    c_done_in_read_cycle: cover (rst_ni && done_i && read && araddr_i == 12'h000 && done_q);
    c_read_back: cover (rst_ni && rvalid && written_q && rdata == 32'hA5A5_0001);
    c_interrupt: cover (rst_ni && interrupt);
    c_both_at_once: cover (rst_ni && bvalid && rvalid);
  end

`ifdef INDUCTION
  // ---- inside ----
  logic aw_full, w_full, automatic_restart, done, ready, enable;
  logic [11:0] address;
  logic [31:0] data;
  logic [3:0] strobe;
  logic [1:0] mask_bits, status;
  `SETUN_ASSERT(i_requests, aw_full == aw_q && w_full == w_q)
  `SETUN_ASSERT(i_address, !aw_q || address == addr_q)
  `SETUN_ASSERT(i_data, !w_q || (data == data_q && strobe == strobe_q))
  `SETUN_ASSERT(i_ctrl, automatic_restart == auto_q && done == done_q && ready == done_q)
  `SETUN_ASSERT(i_interrupt, enable == gie_q && mask_bits == ier_q && status == isr_q)
`endif
endmodule

`default_nettype wire
