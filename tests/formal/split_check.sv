/// Properties of setun_burst_split: its bursts are exactly the job's beats, in order, none across a 4 KiB page or longer than allowed.
`default_nettype none
`include "setun_assert.svh"

module split_check #(
    parameter int unsigned BeatBytes = 64,
    parameter int unsigned MaxBeats = 64,
    parameter int unsigned CountW = 34
) (
    input wire logic              clk_i,
    input wire logic              rst_ni,
    input wire logic              job_valid_i,
    input wire logic [63:0]       job_addr_i,
    input wire logic [CountW-1:0] job_beats_i,
    input wire logic [3:0]        job_user_i,
    input wire logic              burst_ready_i
);
  localparam int unsigned OffsetW = $clog2(BeatBytes);
  logic job_ready, valid, last;
  logic [63:0] addr;
  logic [8:0] beats;
  logic [3:0] user;
  setun_burst_split #(.BeatBytes(BeatBytes), .MaxBeats(MaxBeats), .CountW(CountW), .UserW(4)) dut (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .job_valid_i  (job_valid_i),
      .job_ready_o  (job_ready),
      .job_addr_i   (job_addr_i),
      .job_beats_i  (job_beats_i),
      .job_user_i   (job_user_i),
      .burst_valid_o(valid),
      .burst_ready_i(burst_ready_i),
      .burst_addr_o (addr),
      .burst_beats_o(beats),
      .burst_last_o (last),
      .burst_user_o (user)
  );
  always_comb begin
    if (job_valid_i) assume (job_beats_i != '0 && job_addr_i[OffsetW-1:0] == '0);
  end

  logic busy_q, paged_q;
  logic [63:0] next_q;        // the address that must come next
  logic [CountW-1:0] left_q;  // beats still to come
  logic [3:0] user_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      paged_q <= 1'b0;
    end else if (job_valid_i && job_ready) begin
      busy_q <= 1'b1;
      next_q <= job_addr_i;
      left_q <= job_beats_i;
      user_q <= job_user_i;
    end else if (valid && burst_ready_i) begin
      next_q <= next_q + 64'(beats) * 64'(BeatBytes);
      left_q <= left_q - CountW'(beats);
      busy_q <= left_q != CountW'(beats);
      if (!last && beats < 9'(MaxBeats)) paged_q <= 1'b1;
    end
  end
  logic [12:0] end_in_page;
  assign end_in_page = 13'(addr[11:0]) + (13'(beats) << OffsetW);

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_job_taken_when_free, job_ready == !busy_q)
  `SETUN_ASSERT(a_only_of_a_job, !valid || busy_q)
  `SETUN_ASSERT(a_in_order, !valid || (addr == next_q && user == user_q))
  `SETUN_ASSERT(a_size, !valid || (beats != '0 && beats <= 9'(MaxBeats)))
  `SETUN_ASSERT(a_exactly_the_job, !valid || CountW'(beats) <= left_q)
  `SETUN_ASSERT(a_last, !valid || last == (CountW'(beats) == left_q))
  `SETUN_ASSERT(a_page, !valid || end_in_page <= 13'd4096)
  `SETUN_ASSERT(a_as_long_as_possible, !valid || last || beats == 9'(MaxBeats) || end_in_page == 13'd4096)
  always_ff @(posedge clk_i) begin
    if (f_past_valid && rst_ni && $past(rst_ni)) begin
      if ($past(busy_q && !valid)) a_not_stuck: assert (valid);
      if ($past(valid && !burst_ready_i)) a_hold: assert (valid && $stable({addr, beats, last, user}));
    end
    c_page: cover (rst_ni && paged_q && !busy_q);
    c_longest: cover (rst_ni && valid && !last && beats == 9'(MaxBeats));
  end

`ifdef INDUCTION
  // ---- inside ----
  logic [CountW-1:0] left;
  logic [1:0] state;
  logic [63:0] address;
  logic [3:0] kept;
  `SETUN_ASSERT(i_left, !busy_q || (left == left_q && address == next_q && kept == user_q && left != '0))
  `SETUN_ASSERT(i_aligned, !busy_q || next_q[OffsetW-1:0] == '0)
  `SETUN_ASSERT(i_state, state != 2'd3)
`endif
endmodule

`default_nettype wire
