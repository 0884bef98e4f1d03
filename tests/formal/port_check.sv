/// Properties of setun_weight_port against any AXI slave that answers in order: requests within the FIFO's room, nothing lost or
/// reordered, exactly the beats of the jobs, errors with the address of their burst.
///
/// A small FIFO and short bursts, by the module's own parameters; few address and data bits, so that solvers come to an end. One job, one burst and one beat, picked freely, stand for all.
`default_nettype none
`include "setun_assert.svh"

module port_check #(
    parameter int unsigned PortBits = 128,
    parameter int unsigned FifoBeats = 4,
    parameter int unsigned MaxBeats = 2
) (
    input wire logic                clk_i,
    input wire logic                rst_ni,
    input wire logic                halt_i,
    input wire logic                job_valid_i,
    input wire logic [9:0]          job_beat_i,   // first beat: addresses of four pages
    input wire logic [3:0]          job_beats_i,
    input wire logic [1:0]          job_index_i,
    input wire logic                ready_i,
    input wire logic                arready_i,
    input wire logic                rvalid_i,
    input wire logic [3:0]          rdata_i,
    input wire logic [1:0]          rresp_i,
    input wire logic                rlast_i,
    input wire logic                watch_job_i,
    input wire logic                watch_burst_i,
    input wire logic                watch_beat_i
);
  localparam int unsigned B = PortBits / 8;
  logic idle, job_ready, valid, error, arvalid, rready;
  logic [PortBits-1:0] data;
  logic [63:0] error_addr, araddr;
  logic [31:0] error_index;
  logic [7:0] arlen;
  logic [63:0] job_addr;
  assign job_addr = 64'({job_beat_i, 4'd0});
  setun_weight_port #(.PortBits(PortBits), .FifoBeats(FifoBeats), .MaxBeats(MaxBeats)) dut (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .halt_i       (halt_i),
      .idle_o       (idle),
      .job_valid_i  (job_valid_i),
      .job_ready_o  (job_ready),
      .job_addr_i   (job_addr),
      .job_beats_i  ({30'd0, job_beats_i}),
      .job_index_i  ({30'd0, job_index_i}),
      .valid_o      (valid),
      .ready_i      (ready_i),
      .data_o       (data),
      .error_o      (error),
      .error_addr_o (error_addr),
      .error_index_o(error_index),
      .arvalid_o    (arvalid),
      .arready_i    (arready_i),
      .araddr_o     (araddr),
      .arlen_o      (arlen),
      .rvalid_i     (rvalid_i),
      .rready_o     (rready),
      .rdata_i      ({124'd0, rdata_i}),
      .rresp_i      (rresp_i),
      .rlast_i      (rlast_i)
  );
  always_comb begin
    if (job_valid_i) assume (job_beats_i != '0);
  end

  // halt_i is for good once there was a job: the run is then cleared. (A halt drops queued jobs.)
  logic used_q, halted_q;
  always_ff @(posedge clk_i) begin
    used_q   <= rst_ni && (used_q || (job_valid_i && job_ready));
    halted_q <= halt_i;
  end
  always_comb begin
    if (rst_ni && used_q && halted_q) assume (halt_i);
  end

  // ---- The slave: bursts accepted and not finished, oldest first ----
  logic [FifoBeats*3-1:0] queue_q;  // beats of each
  logic [3:0] bursts_q;
  logic [2:0] head_q;               // beats of the oldest already given
  logic take, give, finish;
  logic [2:0] beats;
  assign take   = arvalid && arready_i;
  assign give   = rvalid_i && rready;
  assign beats  = 3'(arlen) + 3'd1;
  assign finish = give && rlast_i;
  always_comb begin
    if (rvalid_i) assume (bursts_q != '0 && rlast_i == (head_q + 3'd1 == queue_q[2:0]));
    if (!rst_ni) assume (!rvalid_i);
  end
  logic [3:0] place;
  assign place = bursts_q - 4'(finish);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bursts_q <= '0;
      head_q   <= '0;
    end else begin
      bursts_q <= bursts_q + 4'(take) - 4'(finish);
      if (give) head_q <= rlast_i ? 3'd0 : head_q + 3'd1;
      if (finish) queue_q <= queue_q >> 3;
      for (int unsigned i = 0; i < FifoBeats; i++) begin
        if (take && place == 4'(i)) queue_q[i*3 +: 3] <= beats;
      end
    end
  end

  // ---- Beats promised to the FIFO: asked for and not yet taken from it ----
  logic [7:0] promised_q;
  logic pop;
  assign pop = valid && ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) promised_q <= '0;
    else promised_q <= promised_q + (take ? 8'(beats) : 8'd0) - 8'(pop);
  end

  // ---- A watched job: the beats before it, then its own ----
  logic job_q, job_done_q;
  logic [9:0] before_q, left_q, owed_q;
  logic [63:0] next_q;
  logic job_taken;
  assign job_taken = job_valid_i && job_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      job_q      <= 1'b0;
      job_done_q <= 1'b0;
      owed_q     <= '0;  // beats of jobs taken and not yet requested
    end else begin
      owed_q <= owed_q + (job_taken ? 10'(job_beats_i) : 10'd0) - (take ? 10'(beats) : 10'd0);
      if (job_taken && watch_job_i && !job_q && !job_done_q) begin
        job_q    <= 1'b1;
        before_q <= owed_q - (take ? 10'(beats) : 10'd0);
        left_q   <= 10'(job_beats_i);
        next_q   <= job_addr;
      end else if (job_q && take) begin
        if (before_q != '0) begin
          before_q <= before_q - 10'(beats);
        end else begin
          left_q <= left_q - 10'(beats);
          next_q <= next_q + 64'(beats) * 64'(B);
          if (left_q == 10'(beats)) begin
            job_q      <= 1'b0;
            job_done_q <= 1'b1;
          end
        end
      end
    end
  end

  // ---- A watched burst and its error; a watched beat ----
  logic burst_q;
  logic [3:0] burst_ahead_q;
  logic [63:0] burst_addr_q;
  logic beat_q;
  logic [7:0] beat_ahead_q, level_q;
  logic [3:0] beat_data_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      burst_q <= 1'b0;
      beat_q  <= 1'b0;
      level_q <= '0;
    end else begin
      if (take && watch_burst_i && !burst_q) begin
        burst_q       <= 1'b1;
        burst_addr_q  <= araddr;
        burst_ahead_q <= place;
      end else if (burst_q && finish) begin
        if (burst_ahead_q == '0) burst_q <= 1'b0;
        burst_ahead_q <= burst_ahead_q - 4'd1;
      end
      level_q <= level_q + 8'(give) - 8'(pop);
      if (give && watch_beat_i && !beat_q) begin
        beat_q       <= 1'b1;
        beat_data_q  <= rdata_i;
        beat_ahead_q <= level_q - 8'(pop);
      end else if (beat_q && pop) begin
        if (beat_ahead_q == '0) beat_q <= 1'b0;
        beat_ahead_q <= beat_ahead_q - 8'd1;
      end
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_r_ready, rready)
  `SETUN_ASSERT(a_room, 10'(promised_q) + (arvalid ? 10'(beats) : 10'd0) <= 10'(FifoBeats))
  `SETUN_ASSERT(a_asked_by_a_job, !arvalid || 10'(beats) <= owed_q)
  `SETUN_ASSERT(a_length, !arvalid || arlen < 8'(MaxBeats))
  `SETUN_ASSERT(a_page, !arvalid || 13'(araddr[11:0]) + 13'(beats) * 13'(B) <= 13'd4096)
  `SETUN_ASSERT(a_before_the_job, !(job_q && arvalid && before_q != '0) || 10'(beats) <= before_q)
  `SETUN_ASSERT(a_the_job, !(job_q && arvalid && before_q == '0) || (araddr == next_q && 10'(beats) <= left_q))
  `SETUN_ASSERT(a_no_beat_invented, !valid || level_q != '0)
  `SETUN_ASSERT(a_beats_in_order, !(beat_q && valid && beat_ahead_q == '0) || data[3:0] == beat_data_q)
  `SETUN_ASSERT(a_idle_owes_nothing, !idle || (bursts_q == '0 && !arvalid))
  always_ff @(posedge clk_i) begin
    if (f_past_valid && rst_ni && $past(rst_ni)) begin
      if ($past(halt_i) && !$past(arvalid)) a_halted: assert (!arvalid);
      if ($past(level_q != '0 && !valid)) a_beat_not_stuck: assert (valid);
      a_error: assert (error == $past(give && rresp_i[1]));
      if ($past(give && rresp_i[1] && burst_q && burst_ahead_q == '0)) a_error_addr: assert (error_addr == $past(burst_addr_q));
    end
    c_two_in_flight: cover (rst_ni && bursts_q == 4'd2 && beats > 3'd1 && arvalid);
    c_error: cover (rst_ni && error && burst_q);
    c_job_done: cover (rst_ni && job_done_q && idle && level_q == '0);
  end
endmodule

`default_nettype wire
