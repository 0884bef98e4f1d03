/// Life of a run: start, end, the first error, the watchdog and the performance counters.
///
/// A run ends when every command of the list has completed, or every command before a bad descriptor, or after a run-time error when all
/// AXI transactions that were on their way have finished (halt_o stops new ones). clear_o then empties all units and done_o tells the control block. If a channel
/// never answers, the watchdog ends the run without clearing; the kernel stays halted until the channel is quiet or reset comes, and a start
/// in between reports the watchdog error again.
`default_nettype none

module setun_run_control #(
    parameter int unsigned Ports = 1,
    parameter int unsigned CountW = 9
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,

    input  wire logic                start_i,
    output logic                     done_o,
    output logic                     idle_o,
    input  wire logic [63:0]         list_i,
    input  wire logic [31:0]         count_i,
    input  wire logic [31:0]         watchdog_i,

    output logic                     latch_o,       // take the arguments for the run
    output logic                     fetch_o,       // start reading the list
    output logic                     halt_o,
    output logic                     clear_o,

    input  wire logic                axi_idle_i,    // no response owed on any port
    input  wire logic                progress_i,    // something moved
    output logic                     want_waiting_o,
    input  wire logic [31:0]         waiting_i,     // channels waited for, as in ERROR_INFO; read when wanted
    input  wire logic [31:0]         accepted_i,
    input  wire logic [31:0]         completed_i,

    input  wire logic                decode_error_i,
    input  wire logic [3:0]          decode_code_i,
    input  wire logic [31:0]         decode_index_i,
    input  wire logic [63:0]         decode_addr_i,
    input  wire logic                run_error_i,
    input  wire logic [3:0]          run_code_i,
    input  wire logic [31:0]         run_index_i,
    input  wire logic [63:0]         run_addr_i,
    input  wire logic [31:0]         run_info_i,

    input  wire logic                busy_i,
    input  wire logic                stall_w_i,
    input  wire logic                stall_x_i,
    input  wire logic                stall_y_i,
    input  wire logic [CountW-1:0]   nonzero_i,

    output logic [3:0]               error_code_o,
    output logic [31:0]              error_index_o,
    output logic [63:0]              error_addr_o,
    output logic [31:0]              error_info_o,
    output logic [31:0]              completed_o,
    output logic [63:0]              cycles_o,
    output logic [63:0]              busy_o,
    output logic [63:0]              beats_o,
    output logic [63:0]              stall_w_o,
    output logic [63:0]              stall_x_o,
    output logic [63:0]              stall_y_o,
    output logic [63:0]              nonzero_o
);
  localparam int unsigned PW = $clog2(Ports);

  typedef enum logic [2:0] {S_IDLE, S_CHECK, S_RUN, S_DRAIN, S_CLEAR, S_DONE, S_RECOVER} state_e;
  state_e state_q, state_d;

  logic [63:0] list_q;
  logic [31:0] count_q, completed_q, idle_cycles_q, error_index_q, error_info_q;
  logic [63:0] error_addr_q;
  logic [3:0] error_code_q;
  logic halt_q, clear_q, stuck_q, stuck_d, stopped_q, expired, list_end, bad_align, bad_address;
  logic [64:0] list_end_addr;

  assign list_end = completed_i == accepted_i && (stopped_q || accepted_i == count_q);
  assign expired  = idle_cycles_q != '0 && idle_cycles_q >= watchdog_i && watchdog_i != '0;
  always_comb begin
    list_end_addr = '0;
    bad_align     = 1'b0;
    bad_address   = 1'b0;
    if (state_q == S_CHECK) begin
      list_end_addr = 65'(list_q) + (65'(count_q) << 6);
      bad_align     = list_q[5:0] != '0;
      bad_address   = list_end_addr > {1'b1, 64'd0};
    end
  end

  always_comb begin
    state_d = state_q;
    stuck_d = stuck_q;
    unique case (state_q)
      S_IDLE: begin
        if (start_i) state_d = S_CHECK;
        else if (stuck_q && axi_idle_i) state_d = S_RECOVER;
      end
      S_CHECK: begin
        if (stuck_q || count_q == '0 || bad_align || bad_address) state_d = S_DONE;
        else state_d = S_RUN;
      end
      S_RUN: if (run_error_i || expired || list_end) state_d = S_DRAIN;
      S_DRAIN: begin
        if (axi_idle_i) begin
          state_d = S_CLEAR;
        end else if (expired) begin
          state_d = S_DONE;
          stuck_d = 1'b1;
        end
      end
      S_CLEAR: state_d = S_DONE;
      S_RECOVER: begin
        state_d = S_IDLE;
        stuck_d = 1'b0;
      end
      default: state_d = S_IDLE;  // S_DONE
    endcase
  end

  assign want_waiting_o = expired || state_q == S_CHECK;
  assign latch_o = state_q == S_IDLE && start_i;
  assign fetch_o = state_q == S_CHECK && state_d == S_RUN;
  assign halt_o  = halt_q;
  assign clear_o = clear_q;
  assign done_o  = state_q == S_DONE;
  assign idle_o  = state_q == S_IDLE || state_q == S_RECOVER;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= S_IDLE;
      stuck_q <= 1'b0;
      halt_q  <= 1'b1;
      clear_q <= 1'b0;
    end else begin
      state_q <= state_d;
      stuck_q <= stuck_d;
      halt_q  <= state_d != S_RUN;
      clear_q <= state_d == S_CLEAR || state_d == S_RECOVER;
    end
  end

  always_ff @(posedge clk_i) begin
    if (latch_o) begin
      list_q  <= list_i;
      count_q <= count_i;
    end
    if ((state_q != S_RUN && state_q != S_DRAIN) || progress_i || (state_q == S_RUN && state_d == S_DRAIN)) idle_cycles_q <= '0;
    else idle_cycles_q <= idle_cycles_q + 1'b1;
  end

  // ---- The error of the run: run-time errors belong to older commands than a bad descriptor and replace it ----
  always_ff @(posedge clk_i) begin
    if (!rst_ni || latch_o) begin
      error_code_q  <= setun_pkg::ERR_NONE;
      error_index_q <= '0;
      error_addr_q  <= '0;
      error_info_q  <= '0;
      stopped_q     <= 1'b0;
    end else if (state_q == S_CHECK) begin
      error_addr_q <= '0;
      if (stuck_q) begin
        error_code_q <= setun_pkg::ERR_WATCHDOG;
        error_info_q <= waiting_i;
        error_addr_q <= list_q;
      end else if (count_q != '0 && bad_align) begin
        error_code_q <= setun_pkg::ERR_ALIGN;
        error_addr_q <= list_q;
      end else if (count_q != '0 && bad_address) begin
        error_code_q <= setun_pkg::ERR_ADDRESS;
        error_addr_q <= list_q;
      end
    end else if (state_q == S_RUN && (run_error_i || expired || decode_error_i)) begin
      if (run_error_i) begin
        error_code_q  <= run_code_i;
        error_index_q <= run_index_i;
        error_addr_q  <= run_addr_i;
        error_info_q  <= run_info_i;
      end else if (expired) begin
        error_code_q  <= setun_pkg::ERR_WATCHDOG;
        error_index_q <= completed_i;
        error_addr_q  <= list_q + (64'(completed_i) << 6);
        error_info_q  <= waiting_i;
      end else if (decode_error_i) begin
        error_code_q  <= decode_code_i;
        error_index_q <= decode_index_i;
        error_addr_q  <= decode_addr_i;
        stopped_q     <= 1'b1;
      end
    end
  end
  assign error_code_o  = error_code_q;
  assign error_index_o = error_index_q;
  assign error_addr_o  = error_addr_q;
  assign error_info_o  = error_info_q;

  // ---- Counters: of the current run, kept until the next ----
  logic [63:0] cycles_q, busy_q, stall_w_q, stall_x_q, stall_y_q, nonzero_q;
  logic running;
  assign running = state_q == S_RUN;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || latch_o) begin
      cycles_q    <= '0;
      busy_q      <= '0;
      stall_w_q   <= '0;
      stall_x_q   <= '0;
      stall_y_q   <= '0;
      nonzero_q   <= '0;
      completed_q <= '0;
    end else if (state_q != S_IDLE) begin
      cycles_q <= cycles_q + 64'd1;
      if (running) begin
        if (busy_i) begin
          busy_q <= busy_q + 64'd1;
        end else begin
          if (stall_w_i) stall_w_q <= stall_w_q + 64'd1;
          if (stall_x_i) stall_x_q <= stall_x_q + 64'd1;
          if (stall_y_i) stall_y_q <= stall_y_q + 64'd1;
        end
        nonzero_q <= nonzero_q + 64'(nonzero_i);
      end
      if (running || state_q == S_DRAIN) completed_q <= completed_i;
    end
  end
  assign completed_o = completed_q;
  assign cycles_o    = cycles_q;
  assign busy_o      = busy_q;
  assign beats_o     = busy_q << PW;  // every port gives a beat in a busy cycle
  assign stall_w_o   = stall_w_q;
  assign stall_x_o   = stall_x_q;
  assign stall_y_o   = stall_y_q;
  assign nonzero_o   = nonzero_q;
endmodule

`default_nettype wire
