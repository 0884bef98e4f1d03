/// Properties of setun_run_control: one end for each start, in bounded time where nothing moves; no error only when every command has
/// completed; the documented error otherwise; nothing is cleared while a port owes a response; counters count what they are named for.
///
/// Assumed of the other units: commands complete after they were accepted, none of them more than the list has, and what has completed stays so until
/// the clear; errors have the codes of their source. The wires of "inside" are tied to the unit's registers by run.py.
`default_nettype none
`include "setun_assert.svh"

module run_check #(
    parameter int unsigned Ports = 2
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic        start_i,
    input wire logic [63:0] list_i,
    input wire logic [31:0] count_i,
    input wire logic        axi_idle_i,
    input wire logic        progress_i,
    input wire logic [31:0] waiting_i,
    input wire logic [31:0] accepted_i,
    input wire logic [31:0] completed_i,
    input wire logic        decode_error_i,
    input wire logic [3:0]  decode_code_i,
    input wire logic        run_error_i,
    input wire logic [3:0]  run_code_i,
    input wire logic [31:0] index_i,
    input wire logic [63:0] addr_i,
    input wire logic        busy_i,
    input wire logic        stall_w_i,
    input wire logic        stall_x_i,
    input wire logic        stall_y_i,
    input wire logic [8:0]  nonzero_i
);
  (* anyconst *) logic [31:0] watchdog;
  logic done, idle, latch, fetch, halt, clear, want_waiting;
  logic [3:0] code;
  logic [31:0] error_index, error_info, completed;
  logic [63:0] error_addr, cycles, busy, beats, stall_w, stall_x, stall_y, nonzero;
  setun_run_control #(.Ports(Ports), .CountW(9)) dut (
      .clk_i         (clk_i),
      .rst_ni        (rst_ni),
      .start_i       (start_i),
      .done_o        (done),
      .idle_o        (idle),
      .list_i        (list_i),
      .count_i       (count_i),
      .watchdog_i    (watchdog),
      .latch_o       (latch),
      .fetch_o       (fetch),
      .halt_o        (halt),
      .clear_o       (clear),
      .axi_idle_i    (axi_idle_i),
      .progress_i    (progress_i),
      .want_waiting_o(want_waiting),
      .waiting_i     (waiting_i),
      .accepted_i    (accepted_i),
      .completed_i   (completed_i),
      .decode_error_i(decode_error_i),
      .decode_code_i (decode_code_i),
      .decode_index_i(index_i),
      .decode_addr_i (addr_i),
      .run_error_i   (run_error_i),
      .run_code_i    (run_code_i),
      .run_index_i   (index_i),
      .run_addr_i    (addr_i),
      .run_info_i    (waiting_i),
      .busy_i        (busy_i),
      .stall_w_i     (stall_w_i),
      .stall_x_i     (stall_x_i),
      .stall_y_i     (stall_y_i),
      .nonzero_i     (nonzero_i),
      .error_code_o  (code),
      .error_index_o (error_index),
      .error_addr_o  (error_addr),
      .error_info_o  (error_info),
      .completed_o   (completed),
      .cycles_o      (cycles),
      .busy_o        (busy),
      .beats_o       (beats),
      .stall_w_o     (stall_w),
      .stall_x_o     (stall_x),
      .stall_y_o     (stall_y),
      .nonzero_o     (nonzero)
  );

  // ---- The run, and what has happened in it. It moves from the fetch of the list until all units are halted. ----
  logic run_q, fetched_q, moving, stopping_q;
  logic [63:0] list_q;
  logic [31:0] count_q;
  logic [3:0] source_q;                  // 8 and more: a run-time error ended it; 1 to 7: the decoder's error
  logic [127:0] place_q;                 // {info, index, address} of that error
  logic [35:0] quiet_q;                  // cycles since the start or the last progress
  logic [63:0] cycles_q, busy_q, stalls_q, nonzero_q;
  assign moving = fetched_q && !halt;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q <= 1'b0;
    end else begin
      if (latch) run_q <= 1'b1;
      if (done) run_q <= 1'b0;
    end
    if (latch) begin
      list_q  <= list_i;
      count_q <= count_i;
    end
    if (!rst_ni || latch) begin
      fetched_q <= 1'b0;
      source_q  <= '0;
      cycles_q  <= '0;
      busy_q    <= '0;
      stalls_q  <= '0;
      nonzero_q <= '0;
    end else begin
      if (fetch) fetched_q <= 1'b1;
      // A recovery between two runs is counted too.
      if (run_q || clear) cycles_q <= cycles_q + 64'd1;
      if (moving) begin
        if (run_error_i || (decode_error_i && !want_waiting)) begin
          source_q <= run_error_i ? run_code_i : decode_code_i;
          place_q  <= {run_error_i ? waiting_i : error_info, index_i, addr_i};
        end else if (want_waiting) begin
          source_q <= 4'd13;
          place_q  <= {waiting_i, completed_i, list_q + {26'd0, completed_i, 6'd0}};
        end
        busy_q    <= busy_q + 64'(busy_i);
        stalls_q  <= stalls_q + 64'(!busy_i && stall_x_i);
        nonzero_q <= nonzero_q + 64'(nonzero_i);
      end
    end
    quiet_q <= (latch || progress_i) ? 36'd0 : quiet_q + 36'd1;
  end
  always_comb begin
    if (run_q) assume (completed_i <= accepted_i && accepted_i <= count_q);
    if (decode_error_i) assume (decode_code_i >= 4'd1 && decode_code_i <= 4'd7);
    if (run_error_i) assume (run_code_i >= 4'd8 && run_code_i <= 4'd12);
  end
  logic was_q;  // the run of the cycle before goes on
  logic [31:0] had_q;
  always_ff @(posedge clk_i) begin
    was_q <= rst_ni && run_q && !clear && !done;
    had_q <= completed_i;
  end
  always_comb if (was_q) assume (completed_i >= had_q);
  logic [64:0] list_end;
  assign list_end = {1'b0, list_q} + {27'd0, count_q, 6'd0};

  `SETUN_FORMAL_INIT
  // One run after the other.
  `SETUN_ASSERT(a_idle, idle == !run_q)
  `SETUN_ASSERT(a_start_only_when_idle, !latch || (start_i && !run_q))
  `SETUN_ASSERT(a_end_of_a_run, !done || run_q)
  `SETUN_ASSERT(a_fetch_once, !fetch || (run_q && !fetched_q))
  `SETUN_ASSERT(a_fetch_good_lists, !fetch || (count_q != '0 && list_q[5:0] == '0 && list_end <= {1'b1, 64'd0}))
  `SETUN_ASSERT(a_halted_outside, halt || (run_q && fetched_q))
  `SETUN_ASSERT(a_cleared_halted, !clear || halt)
  // Where nothing moves, the end comes.
  `SETUN_ASSERT(a_ends, !run_q || watchdog == '0 || quiet_q <= {3'd0, watchdog, 1'b0} + 36'd8)
  // Without an error everything is done.
  `SETUN_ASSERT(a_complete, !(done && code == '0) || count_q == '0 || (fetched_q && completed == count_q))
  `SETUN_ASSERT(a_error, !(done && source_q != '0) || (code == source_q && {error_info, error_index, error_addr} == place_q))
  `SETUN_ASSERT(a_no_other_error, !(done && source_q == '0 && fetched_q) || code == '0)
  `SETUN_ASSERT(a_bad_list, !(done && !fetched_q && code != 4'd13)
                || (code == ((count_q == '0) ? 4'd0 : (list_q[5:0] != '0) ? 4'd5 : 4'd6) && error_addr == ((code != '0) ? list_q : 64'd0)))
  // Counters.
  `SETUN_ASSERT(a_cycles, cycles == cycles_q)
  `SETUN_ASSERT(a_busy, busy == busy_q && beats == busy_q * 64'(Ports))
  `SETUN_ASSERT(a_stalls, stall_x == stalls_q)
  `SETUN_ASSERT(a_nonzero, nonzero == nonzero_q)
  always_ff @(posedge clk_i) begin
    if (f_past_valid && rst_ni && $past(rst_ni)) begin
      if (clear) a_nothing_owed: assert ($past(axi_idle_i));
      if (done && fetched_q && watchdog == 32'd0) a_cleared_before_the_end: assert ($past(clear));
      if ($past(run_q && fetched_q && halt)) a_stays_halted: assert (halt);
      if ($past(start_i && !run_q && !latch) && start_i) a_start_is_taken: assert (latch);
      if ($past(moving && run_error_i)) a_error_halts: assert (halt);
    end
    c_complete: cover (rst_ni && done && fetched_q && code == '0 && count_q == 32'd2);
    c_replaced: cover (rst_ni && done && source_q == 4'd12 && count_q == 32'd2);
    c_stuck_again: cover (rst_ni && done && !fetched_q && code == 4'd13);
    c_bad_list: cover (rst_ni && done && code == 4'd6);
  end

`ifdef INDUCTION
  // ---- inside ----
  logic [2:0] state;
  logic stuck, stopped;
  logic [63:0] list;
  logic [31:0] count, idle_cycles;
  localparam logic [2:0] IDLE = 3'd0, CHECK = 3'd1, RUN = 3'd2, DRAIN = 3'd3, CLEAR = 3'd4, DONE = 3'd5, RECOVER = 3'd6;
  `SETUN_ASSERT(i_state, run_q == (state != IDLE && state != RECOVER) && state != 3'd7)
  `SETUN_ASSERT(i_outputs, halt == (state != RUN) && clear == (state == CLEAR || state == RECOVER))
  `SETUN_ASSERT(i_arguments, !run_q || (list == list_q && count == count_q))
  `SETUN_ASSERT(i_fetched, !run_q || (fetched_q ? state != CHECK : (state == CHECK || state == DONE)))
  `SETUN_ASSERT(i_stuck, !stuck || !fetched_q || state == DONE || state == IDLE || state == RECOVER)
  `SETUN_ASSERT(i_recover, state != RECOVER || stuck)
  `SETUN_ASSERT(i_source, !fetched_q || (code == source_q && (code == '0 || {error_info, error_index, error_addr} == place_q)))
  `SETUN_ASSERT(i_stopped, !run_q || stopped == (fetched_q && stopped) && (!stopped || source_q != '0))
  `SETUN_ASSERT(i_before, !(run_q && state == CHECK) || (code == '0 && source_q == '0))
  `SETUN_ASSERT(i_complete, !(fetched_q && run_q && code == '0 && state >= DRAIN) || (completed_i == count_q || state >= CLEAR))
  `SETUN_ASSERT(i_completed, !(fetched_q && run_q && code == '0 && state >= CLEAR) || completed == count_q)
  `SETUN_ASSERT(i_quiet_check, state != CHECK || quiet_q <= 36'd1)
  `SETUN_ASSERT(i_quiet_run, state != RUN || watchdog == '0 || (quiet_q <= 36'(idle_cycles) + 36'd2 && idle_cycles <= watchdog))
  `SETUN_ASSERT(i_quiet_drain, state != DRAIN || watchdog == '0
                || (quiet_q <= 36'(watchdog) + 36'(idle_cycles) + 36'd3 && idle_cycles <= watchdog))
  `SETUN_ASSERT(i_quiet_end, !(state == CLEAR || state == DONE) || watchdog == '0
                || quiet_q <= {3'd0, watchdog, 1'b0} + ((state == CLEAR) ? 36'd5 : 36'd6))
`endif
endmodule

`default_nettype wire
