/// AXI4 write master of the data port: packs result words into AXI words and writes each command's results in order.
///
/// A command's results are one contiguous range of job_bytes_i bytes. A burst is announced when all of its data is in the FIFO, so that a started
/// burst never waits for the engine; bursts are at most 1 KiB and do not cross 4 KiB. Data follows its address by one cycle whether or not the
/// address has been accepted: a slave may wait for WVALID before it raises AWREADY. completed_o counts commands whose every write has been
/// answered (NOPs in their turn). halt_i lets the current burst finish and starts no other; idle_o: no response is owed.
`default_nettype none
`include "setun_assert.svh"

module setun_result_writer #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned ResultW = 32,    // Ports * Tokens * 32
    localparam int unsigned B = PortBits / 8
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,
    input  wire logic                halt_i,
    output logic                     idle_o,

    input  wire logic                job_valid_i,
    output logic                     job_ready_o,
    input  wire logic                job_nop_i,
    input  wire logic [31:0]         job_index_i,
    input  wire logic [63:0]         job_addr_i,
    input  wire logic [25:0]         job_bytes_i,   // 1 .. 2^25
    input  wire logic [20:0]         job_groups_i,  // result words

    input  wire logic                result_valid_i,
    output logic                     result_ready_o,
    input  wire logic [ResultW-1:0]  result_i,

    output logic [31:0]              completed_o,
    output logic                     error_o,
    output logic [63:0]              error_addr_o,
    output logic [31:0]              error_index_o,

    output logic                     awvalid_o,
    input  wire logic                awready_i,
    output logic [63:0]              awaddr_o,
    output logic [7:0]               awlen_o,
    output logic                     wvalid_o,
    input  wire logic                wready_i,
    output logic [PortBits-1:0]      wdata_o,
    output logic [B-1:0]             wstrb_o,
    output logic                     wlast_o,
    input  wire logic                bvalid_i,
    output logic                     bready_o,
    input  wire logic [1:0]          bresp_i,
    output logic                     b_owed_o       // a write response is outstanding
);
  localparam int unsigned BW = $clog2(B);
  localparam int unsigned MaxBeats = 1024 / B;
  localparam int unsigned FifoBeats = 4 * MaxBeats;
  localparam int unsigned LevelW = $clog2(FifoBeats) + 1;
  localparam int unsigned CountW = 22;  // beats of a command: at most 2^25 / 16 = 2^21

  logic [CountW-1:0] job_beats;
  assign job_beats = CountW'((job_bytes_i + 26'(B - 1)) >> BW);

  // ---- Jobs wait twice: for the packer and for the bursts ----
  logic pack_in_ready, pack_valid, pack_done, write_in_ready, write_valid, write_take;
  logic [20+CountW:0] pack_job;
  logic [122:0] write_job;
  assign job_ready_o = write_in_ready && (pack_in_ready || job_nop_i);

  setun_fifo #(.Width(21 + CountW), .Depth(4)) u_pack_jobs (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(job_valid_i && job_ready_o && !job_nop_i),
      .ready_o(pack_in_ready),
      .data_i ({job_groups_i, job_beats}),
      .valid_o(pack_valid),
      .ready_i(pack_done),
      .data_o (pack_job)
  );
  setun_fifo #(.Width(123), .Depth(4)) u_write_jobs (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(job_valid_i && job_ready_o),
      .ready_o(write_in_ready),
      .data_i ({job_nop_i, job_index_i, job_bytes_i, job_addr_i}),
      .valid_o(write_valid),
      .ready_i(write_take),
      .data_o (write_job)
  );

  // ---- Packer: result words to AXI words ----
  logic beat_valid, beat_ready;
  logic [PortBits-1:0] beat;
  logic [20:0] pack_groups;
  logic [CountW-1:0] pack_beats;
  assign {pack_groups, pack_beats} = pack_job;

  if (ResultW <= PortBits) begin : gen_gather
    // Words enter at the top and move down; a partial last beat is moved down with zeros.
    localparam int unsigned Slots = PortBits / ResultW;
    localparam int unsigned SlotW = (Slots > 1) ? $clog2(Slots) : 1;
    logic [PortBits-1:0] beat_q;
    logic [SlotW-1:0] slot_q;
    logic [20:0] group_q;
    logic beat_valid_q, room;
    logic all_in_q;  // every word of the command is in
    logic done_q;    // the command's last beat has been formed: the job is given back
    logic [PortBits-1:0] next_beat;
    assign room           = !beat_valid_q || beat_ready;
    assign result_ready_o = pack_valid && !all_in_q && room;
    assign pack_done      = done_q;
    assign beat_valid     = beat_valid_q;
    assign beat           = beat_q;
    if (Slots == 1) begin : gen_whole
      assign next_beat = result_i;
    end else begin : gen_shift
      assign next_beat = {all_in_q ? ResultW'(0) : result_i, beat_q[PortBits-1:ResultW]};
    end
    always_ff @(posedge clk_i) begin : p_gather
      logic last_word;
      if (!rst_ni) begin
        slot_q       <= '0;
        group_q      <= '0;
        beat_valid_q <= 1'b0;
        all_in_q     <= 1'b0;
        done_q       <= 1'b0;
      end else begin
        if (beat_ready) beat_valid_q <= 1'b0;
        if (done_q) begin
          done_q   <= 1'b0;
          all_in_q <= 1'b0;
          group_q  <= '0;
        end else if (pack_valid && room && (all_in_q || result_valid_i)) begin
          last_word = all_in_q || group_q + 1'b1 == pack_groups;
          beat_q   <= next_beat;
          group_q  <= group_q + 1'b1;
          all_in_q <= last_word;
          slot_q   <= slot_q + 1'b1;
          if (slot_q == SlotW'(Slots - 1)) begin
            slot_q       <= '0;
            beat_valid_q <= 1'b1;
            done_q       <= last_word;
          end
        end
      end
    end
    logic unused_beats;
    assign unused_beats = ^pack_beats;
  end else begin : gen_split
    // A result word is several AXI words; those past the end of the matrix are dropped.
    localparam int unsigned Slots = ResultW / PortBits;
    localparam int unsigned SlotW = $clog2(Slots);
    logic [SlotW-1:0] slot_q;
    logic [20:0] group_q;
    logic [CountW-1:0] beat_q;
    logic step, slot_last, past_end;
    assign past_end       = beat_q == pack_beats;
    assign step           = pack_valid && result_valid_i && (past_end || beat_ready);
    assign slot_last      = slot_q == SlotW'(Slots - 1);
    assign result_ready_o = step && slot_last;
    assign pack_done      = step && slot_last && group_q + 1'b1 == pack_groups;
    assign beat_valid     = pack_valid && result_valid_i && !past_end;
    assign beat           = result_i[32'(slot_q)*PortBits +: PortBits];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        slot_q  <= '0;
        group_q <= '0;
        beat_q  <= '0;
      end else if (step) begin
        slot_q <= slot_q + 1'b1;
        if (!past_end) beat_q <= beat_q + 1'b1;
        if (slot_last) group_q <= group_q + 1'b1;
        if (pack_done) begin
          group_q <= '0;
          beat_q  <= '0;
        end
      end
    end
  end

  // ---- Write data FIFO and its level ----
  logic data_valid, data_pop;
  logic [LevelW-1:0] level_q;
  setun_fifo #(.Width(PortBits), .Depth(FifoBeats)) u_data (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(beat_valid),
      .ready_o(beat_ready),
      .data_i (beat),
      .valid_o(data_valid),
      .ready_i(data_pop),
      .data_o (wdata_o)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) level_q <= '0;
    else if (beat_valid && beat_ready && !data_pop) level_q <= level_q + 1'b1;
    else if (data_pop && !(beat_valid && beat_ready)) level_q <= level_q - 1'b1;
  end

  // ---- Bursts ----
  typedef enum logic [1:0] {S_IDLE, S_PLAN, S_ADDRESS, S_DATA} state_e;
  state_e state_q;
  logic [63:0] addr_q;
  logic [CountW-1:0] left_q;       // beats of the command not yet announced
  logic [B-1:0] tail_q, strobe_q;  // strobes of the command's last beat, of this beat
  logic [31:0] index_q;
  logic [8:0] beats_q;             // beats of this burst after the current one
  logic [7:0] awlen_q;
  logic last_q, wvalid_q, wlast_q; // last burst of the command; last beat of the burst
  logic awvalid_q, tracked_q;      // tracked: the burst was noted one cycle ago and track_valid does not yet show it
  logic track_ready, track_valid, aw_done, aw_busy;
  logic [31:0] completed_q;

  assign awvalid_o = awvalid_q;
  assign awaddr_o  = addr_q;
  assign awlen_o   = awlen_q;
  assign wvalid_o  = wvalid_q;
  assign wlast_o   = wlast_q;
  assign wstrb_o   = strobe_q;
  assign data_pop  = wvalid_q && wready_i;
  assign aw_done   = awvalid_q && awready_i;
  assign aw_busy   = awvalid_q || tracked_q;

  // A NOP completes in its turn: when every earlier write has been answered.
  logic write_nop;
  assign write_nop  = write_job[122];
  assign write_take = state_q == S_IDLE && write_valid && !halt_i && !aw_busy && (!write_nop || !track_valid);

  always_ff @(posedge clk_i) begin : p_bursts
    logic [8:0] to_page, limit, burst;
    logic last_burst;
    if (!rst_ni) begin
      state_q   <= S_IDLE;
      wvalid_q  <= 1'b0;
      awvalid_q <= 1'b0;
      tracked_q <= 1'b0;
    end else begin
      tracked_q <= aw_done;
      if (aw_done) begin
        awvalid_q <= 1'b0;
        addr_q    <= addr_q + ((64'(awlen_q) + 64'd1) << BW);
      end
      unique case (state_q)
        S_IDLE: if (write_take && !write_nop) begin
          addr_q  <= write_job[63:0];
          left_q  <= CountW'((write_job[89:64] + 26'(B - 1)) >> BW);
          tail_q  <= (write_job[64 +: BW] == '0) ? {B{1'b1}} : ~({B{1'b1}} << write_job[64 +: BW]);
          index_q <= write_job[121:90];
          state_q <= S_PLAN;
        end
        S_PLAN: if (level_q != '0 && !halt_i && track_ready && !awvalid_q) begin
          to_page    = 9'(4096 / B) - 9'(addr_q[11:BW]);
          limit      = (to_page < 9'(MaxBeats)) ? to_page : 9'(MaxBeats);
          last_burst = left_q <= CountW'(limit);
          burst      = last_burst ? left_q[8:0] : limit;
          if (level_q >= LevelW'(burst)) begin
            awlen_q  <= 8'(burst - 9'd1);
            beats_q  <= burst - 9'd1;
            left_q   <= left_q - CountW'(burst);
            last_q   <= last_burst;
            wlast_q  <= burst == 9'd1;
            strobe_q <= (burst == 9'd1 && last_burst) ? tail_q : {B{1'b1}};
            awvalid_q <= 1'b1;
            state_q   <= S_ADDRESS;
          end
        end
        S_ADDRESS: begin
          wvalid_q <= 1'b1;
          state_q  <= S_DATA;
        end
        default: if (wready_i) begin  // S_DATA
          beats_q  <= beats_q - 9'd1;
          wlast_q  <= beats_q == 9'd1;
          strobe_q <= (beats_q == 9'd1 && last_q) ? tail_q : {B{1'b1}};
          if (wlast_q) begin
            wvalid_q <= 1'b0;
            state_q  <= last_q ? S_IDLE : S_PLAN;
          end
        end
      endcase
    end
  end

  // ---- Responses ----
  logic [96:0] track;
  setun_fifo #(.Width(97), .Depth(8)) u_track (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(aw_done),
      .ready_o(track_ready),
      .data_i ({last_q, index_q, addr_q}),
      .valid_o(track_valid),
      .ready_i(bvalid_i && bready_o),
      .data_o (track)
  );
  assign bready_o      = track_valid;
  // The error is registered once; error_track_q keeps what it belonged to.
  logic error_q;
  logic [95:0] error_track_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_q <= 1'b0;
    else error_q <= bvalid_i && track_valid && bresp_i[1];
  end
  always_ff @(posedge clk_i) begin
    if (bvalid_i && bresp_i[1]) error_track_q <= track[95:0];
  end
  assign error_o       = error_q;
  assign error_addr_o  = error_track_q[63:0];
  assign error_index_o = error_track_q[95:64];
  assign b_owed_o      = track_valid;
  assign completed_o   = completed_q;
  assign idle_o        = !track_valid && !aw_busy && state_q != S_DATA;

  // A command with a failed burst does not complete, even if its last burst is answered with OKAY.
  logic failed_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      completed_q <= '0;
      failed_q    <= 1'b0;
    end else if (bvalid_i && track_valid) begin
      if (bresp_i[1]) failed_q <= 1'b1;
      else if (track[96] && !failed_q) completed_q <= completed_q + 1'b1;
    end else if (write_take && write_nop && !failed_q) begin
      completed_q <= completed_q + 1'b1;
    end
  end

  logic unused;
  assign unused = bresp_i[0];

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_burst_data_at_hand, !wvalid_q || data_valid)
  `SETUN_ASSERT_IF(a_aw_page, awvalid_o, 13'(awaddr_o[11:0]) + ((13'(awlen_o) + 13'd1) << BW) <= 13'd4096)
  `SETUN_ASSERT_IF(a_w_in_burst, wvalid_q, state_q == S_DATA)
  `SETUN_ASSERT_IF(a_w_last, wvalid_q, wlast_q == (beats_q == 9'd0))
  `SETUN_ASSERT_IF(a_w_strobe, wvalid_q, strobe_q == '1 || (wlast_q && last_q))
  `SETUN_ASSERT_IF(a_b_owed, bvalid_i, track_valid || tracked_q)  // a response may come right after the address, when the data was first
  `SETUN_ASSERT_HOLD(a_aw_stable, awvalid_o, awready_i, {awaddr_o, awlen_o})
  `SETUN_ASSERT_HOLD(a_w_stable, wvalid_o, wready_i, {wstrb_o, wlast_o})
endmodule

`default_nettype wire
