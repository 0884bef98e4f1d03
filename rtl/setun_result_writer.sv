/// AXI4 write master of the data port: packs result words into AXI words and writes each command's results in order.
///
/// A command's results are one contiguous range of job_bytes_i bytes. A burst is announced when all of its data is in the FIFO, so that a started
/// burst never waits for the engine; bursts are at most 1 KiB and do not cross 4 KiB. completed_o counts commands whose every write has been
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
    input  wire logic                clear_i,
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

  setun_queue #(.Width(21 + CountW), .Depth(4)) u_pack_jobs (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .clear_i(clear_i),
      .valid_i(job_valid_i && job_ready_o && !job_nop_i),
      .ready_o(pack_in_ready),
      .data_i ({job_groups_i, job_beats}),
      .valid_o(pack_valid),
      .ready_i(pack_done),
      .data_o (pack_job)
  );
  setun_queue #(.Width(123), .Depth(4)) u_write_jobs (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .clear_i(clear_i),
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
    logic [PortBits-1:0] beat_q, shifted;
    logic [SlotW-1:0] slot_q;
    logic [20:0] group_q;
    logic beat_valid_q, all_in, step, slot_last;
    if (Slots == 1) begin : gen_whole
      assign shifted = result_i;
    end else begin : gen_shift
      assign shifted = {all_in ? ResultW'(0) : result_i, beat_q[PortBits-1:ResultW]};
    end
    assign all_in         = group_q == pack_groups;
    assign step           = pack_valid && (all_in || result_valid_i) && !(beat_valid_q && !beat_ready);
    assign slot_last      = slot_q == SlotW'(Slots - 1);
    assign result_ready_o = pack_valid && !all_in && !(beat_valid_q && !beat_ready);
    assign pack_done      = step && slot_last && (all_in || group_q + 1'b1 == pack_groups);
    assign beat_valid     = beat_valid_q;
    assign beat           = beat_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) begin
        slot_q       <= '0;
        group_q      <= '0;
        beat_valid_q <= 1'b0;
      end else begin
        if (beat_ready) beat_valid_q <= 1'b0;
        if (step) begin
          slot_q <= slot_last ? '0 : slot_q + 1'b1;
          if (!all_in) group_q <= group_q + 1'b1;
          if (slot_last) beat_valid_q <= 1'b1;
          if (pack_done) group_q <= '0;
        end
      end
    end
    always_ff @(posedge clk_i) begin
      if (step) beat_q <= shifted;
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
      if (!rst_ni || clear_i) begin
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
      .clear_i(clear_i),
      .valid_i(beat_valid),
      .ready_o(beat_ready),
      .data_i (beat),
      .valid_o(data_valid),
      .ready_i(data_pop),
      .data_o (wdata_o)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) level_q <= '0;
    else if (beat_valid && beat_ready && !data_pop) level_q <= level_q + 1'b1;
    else if (data_pop && !(beat_valid && beat_ready)) level_q <= level_q - 1'b1;
  end

  // ---- Bursts ----
  typedef enum logic [1:0] {S_IDLE, S_PLAN, S_ADDRESS, S_DATA} state_e;
  state_e state_q;
  logic [63:0] addr_q;
  logic [CountW-1:0] left_q;       // beats of the command not yet announced
  logic [BW-1:0] tail_q;           // bytes in the last beat; 0 = all
  logic [31:0] index_q;
  logic [8:0] burst_q, sent_q;     // beats of this burst; beats sent
  logic [8:0] to_page, limit, burst;
  logic last_burst, track_ready, track_valid, aw_done;
  logic [31:0] completed_q;

  assign to_page    = 9'(4096 / B) - 9'(addr_q[11:BW]);
  assign limit      = (to_page < 9'(MaxBeats)) ? to_page : 9'(MaxBeats);
  assign last_burst = left_q <= CountW'(limit);
  assign burst      = last_burst ? left_q[8:0] : limit;

  assign awvalid_o = state_q == S_ADDRESS;
  assign awaddr_o  = addr_q;
  assign awlen_o   = 8'(burst_q - 9'd1);
  assign aw_done   = awvalid_o && awready_i;
  assign wvalid_o  = state_q == S_DATA && data_valid;
  assign wlast_o   = sent_q + 9'd1 == burst_q;
  assign data_pop  = wvalid_o && wready_i;
  // left_q has already been reduced: zero means that this burst is the command's last.
  assign wstrb_o   = (wlast_o && left_q == '0 && tail_q != '0) ? ~({B{1'b1}} << tail_q) : {B{1'b1}};

  logic write_nop;
  assign write_nop  = write_job[122];
  assign write_take = state_q == S_IDLE && write_valid && !halt_i && (!write_nop || !track_valid);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      state_q <= S_IDLE;
    end else begin
      unique case (state_q)
        S_IDLE: if (write_take && !write_nop) state_q <= S_PLAN;
        S_PLAN: if (!halt_i && track_ready && level_q >= LevelW'(burst)) state_q <= S_ADDRESS;
        S_ADDRESS: if (awready_i) state_q <= S_DATA;
        S_DATA: if (data_pop && wlast_o) state_q <= (left_q == '0) ? S_IDLE : S_PLAN;
        default: state_q <= S_IDLE;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    unique case (state_q)
      S_IDLE: begin
        addr_q  <= write_job[63:0];
        left_q  <= CountW'((write_job[89:64] + 26'(B - 1)) >> BW);
        tail_q  <= write_job[64 +: BW];
        index_q <= write_job[121:90];
      end
      S_PLAN: begin
        burst_q <= burst;
        sent_q  <= '0;
      end
      S_ADDRESS: begin
        if (awready_i) begin
          left_q <= left_q - CountW'(burst_q);
          addr_q <= addr_q + (64'(burst_q) << BW);
        end
      end
      default: if (data_pop) sent_q <= sent_q + 9'd1;
    endcase
  end

  // ---- Responses ----
  logic [96:0] track;
  setun_queue #(.Width(97), .Depth(8)) u_track (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .clear_i(1'b0),
      .valid_i(aw_done),
      .ready_o(track_ready),
      .data_i ({left_q == CountW'(burst_q), index_q, addr_q}),
      .valid_o(track_valid),
      .ready_i(bvalid_i && bready_o),
      .data_o (track)
  );
  assign bready_o      = track_valid;
  assign error_o       = bvalid_i && bready_o && bresp_i[1];
  assign error_addr_o  = track[63:0];
  assign error_index_o = track[95:64];
  assign b_owed_o      = track_valid;
  assign completed_o   = completed_q;
  assign idle_o        = !track_valid && state_q != S_ADDRESS && state_q != S_DATA;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) completed_q <= '0;
    else if ((bvalid_i && bready_o && track[96] && !bresp_i[1]) || (write_take && write_nop)) completed_q <= completed_q + 1'b1;
  end

  logic unused;
  assign unused = bresp_i[0];

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_burst_data_at_hand, state_q != S_DATA || data_valid)
  `SETUN_ASSERT_HOLD(a_aw_stable, awvalid_o, awready_i, {awaddr_o, awlen_o})
  `SETUN_ASSERT_HOLD(a_w_stable, wvalid_o, wready_i, {wstrb_o, wlast_o})
endmodule

`default_nettype wire
