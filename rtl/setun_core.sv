/// The kernel without its fixed port names: control, command path, weight ports, activations, engine and results.
///
/// All weight ports as flat vectors (port p in bits [p*W +: W]). setun_kernel, setun_kernel_2p and setun_kernel_4p give them XRT's names.
/// See docs/architecture.md for the data flow.
`default_nettype none
`include "setun_assert.svh"

module setun_core #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TileRows = 1024,
    parameter int unsigned TreeCut = 3,
    parameter int unsigned Leaf = 0,
    parameter int unsigned FillGroups = (Leaf == 3) ? 2 : 8,
    parameter int unsigned CountNonzero = 1,
    parameter int unsigned Ram32m16 = 0,
    localparam int unsigned B = PortBits / 8
) (
    input  wire logic                      clk_i,
    input  wire logic                      rst_ni,
    output logic                           interrupt_o,

    input  wire logic [11:0]               s_awaddr_i,
    input  wire logic                      s_awvalid_i,
    output logic                           s_awready_o,
    input  wire logic [31:0]               s_wdata_i,
    input  wire logic [3:0]                s_wstrb_i,
    input  wire logic                      s_wvalid_i,
    output logic                           s_wready_o,
    output logic [1:0]                     s_bresp_o,
    output logic                           s_bvalid_o,
    input  wire logic                      s_bready_i,
    input  wire logic [11:0]               s_araddr_i,
    input  wire logic                      s_arvalid_i,
    output logic                           s_arready_o,
    output logic [31:0]                    s_rdata_o,
    output logic [1:0]                     s_rresp_o,
    output logic                           s_rvalid_o,
    input  wire logic                      s_rready_i,

    output logic [Ports-1:0]               w_arvalid_o,
    input  wire logic [Ports-1:0]          w_arready_i,
    output logic [Ports*64-1:0]            w_araddr_o,
    output logic [Ports*8-1:0]             w_arlen_o,
    input  wire logic [Ports-1:0]          w_rvalid_i,
    output logic [Ports-1:0]               w_rready_o,
    input  wire logic [Ports*PortBits-1:0] w_rdata_i,
    input  wire logic [Ports*2-1:0]        w_rresp_i,
    input  wire logic [Ports-1:0]          w_rlast_i,

    output logic                           d_arvalid_o,
    input  wire logic                      d_arready_i,
    output logic [63:0]                    d_araddr_o,
    output logic [7:0]                     d_arlen_o,
    input  wire logic                      d_rvalid_i,
    output logic                           d_rready_o,
    input  wire logic [PortBits-1:0]       d_rdata_i,
    input  wire logic [1:0]                d_rresp_i,
    input  wire logic                      d_rlast_i,
    output logic                           d_awvalid_o,
    input  wire logic                      d_awready_i,
    output logic [63:0]                    d_awaddr_o,
    output logic [7:0]                     d_awlen_o,
    output logic                           d_wvalid_o,
    input  wire logic                      d_wready_i,
    output logic [PortBits-1:0]            d_wdata_o,
    output logic [B-1:0]                   d_wstrb_o,
    output logic                           d_wlast_o,
    input  wire logic                      d_bvalid_i,
    output logic                           d_bready_o,
    input  wire logic [1:0]                d_bresp_i
);
  localparam int unsigned Lanes = 5 * B;
  localparam int unsigned ResultW = Ports * Tokens * 32;
  localparam int unsigned CountW = $clog2(Ports * Lanes + 1);

  if (PortBits != 128 && PortBits != 256 && PortBits != 512) begin : gen_bad_port_bits
    $error("setun: PortBits must be 128, 256 or 512");
  end
  if (Ports != 1 && Ports != 2 && Ports != 4) begin : gen_bad_ports
    $error("setun: Ports must be 1, 2 or 4");
  end
  if (Tokens != 1 && Tokens != 2 && Tokens != 4 && Tokens != 8) begin : gen_bad_tokens
    $error("setun: Tokens must be 1, 2, 4 or 8");
  end
  if (TileRows < 16 || TileRows > 4096 || (TileRows & (TileRows - 1)) != 0) begin : gen_bad_tile_rows
    $error("setun: TileRows must be a power of two, 16 to 4096");
  end
  if (TreeCut < 1 || TreeCut > 4) begin : gen_bad_tree_cut
    $error("setun: TreeCut must be 1 to 4");
  end

  // ---- Control ----
  logic start, done, idle, latch, fetch, halt, clear;
  logic [63:0] list, data_base, run_list_q, run_data_base_q;
  logic [31:0] list_count, run_count_q, watchdog;
  logic [Ports*64-1:0] w_base, run_w_base_q;
  logic [3:0] error_code;
  logic [31:0] error_index, error_info, completed_reg;
  logic [63:0] error_addr, cycles, busy_count, beats_count, stall_w_count, stall_x_count, stall_y_count, nonzero_count;

  setun_control #(
      .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TileRows(TileRows), .Leaf(Leaf), .CountNonzero(CountNonzero)
  ) u_control (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .awaddr_i     (s_awaddr_i),
      .awvalid_i    (s_awvalid_i),
      .awready_o    (s_awready_o),
      .wdata_i      (s_wdata_i),
      .wstrb_i      (s_wstrb_i),
      .wvalid_i     (s_wvalid_i),
      .wready_o     (s_wready_o),
      .bresp_o      (s_bresp_o),
      .bvalid_o     (s_bvalid_o),
      .bready_i     (s_bready_i),
      .araddr_i     (s_araddr_i),
      .arvalid_i    (s_arvalid_i),
      .arready_o    (s_arready_o),
      .rdata_o      (s_rdata_o),
      .rresp_o      (s_rresp_o),
      .rvalid_o     (s_rvalid_o),
      .rready_i     (s_rready_i),
      .interrupt_o  (interrupt_o),
      .start_o      (start),
      .done_i       (done),
      .idle_i       (idle),
      .list_o       (list),
      .count_o      (list_count),
      .data_base_o  (data_base),
      .w_base_o     (w_base),
      .watchdog_o   (watchdog),
      .error_code_i (error_code),
      .error_index_i(error_index),
      .error_addr_i (error_addr),
      .error_info_i (error_info),
      .completed_i  (completed_reg),
      .cycles_i     (cycles),
      .busy_i       (busy_count),
      .beats_i      (beats_count),
      .stall_w_i    (stall_w_count),
      .stall_x_i    (stall_x_count),
      .stall_y_i    (stall_y_count),
      .nonzero_i    (nonzero_count)
  );

  // Arguments of the current run: software may already write those of the next.
  always_ff @(posedge clk_i) begin
    if (latch) begin
      run_list_q      <= list;
      run_count_q     <= list_count;
      run_data_base_q <= data_base;
      run_w_base_q    <= w_base;
    end
  end

  // Reset of everything that belongs to a run. run control clears it between runs, when no AXI response is owed.
  logic unit_rst_n;
  assign unit_rst_n = rst_ni && !clear;

  // ---- Data port, read side ----
  logic data_idle, c_req, c_grant, x_req, x_grant, c_beat, x_beat, beat_request_last, beat_chunk_last;
  logic [63:0] c_addr, x_addr;
  logic [2:0] c_beats, x_beats, x_token, beat_number, beat_token;
  logic [31:0] c_index, x_index;
  logic x_last, data_error, data_error_list;
  logic [PortBits-1:0] beat_data;
  logic [63:0] data_error_addr;
  logic [31:0] data_error_index;

  setun_data_read #(.PortBits(PortBits)) u_data_read (
      .clk_i        (clk_i),
      .rst_ni       (unit_rst_n),
      .halt_i       (halt),
      .idle_o       (data_idle),
      .c_valid_i    (c_req),
      .c_ready_o    (c_grant),
      .c_addr_i     (c_addr),
      .c_beats_i    (c_beats),
      .c_index_i    (c_index),
      .x_valid_i    (x_req),
      .x_ready_o    (x_grant),
      .x_addr_i     (x_addr),
      .x_beats_i    (x_beats),
      .x_token_i    (x_token),
      .x_last_i     (x_last),
      .x_index_i    (x_index),
      .c_valid_o    (c_beat),
      .x_valid_o    (x_beat),
      .data_o       (beat_data),
      .beat_o       (beat_number),
      .last_o       (beat_request_last),
      .token_o      (beat_token),
      .chunk_last_o (beat_chunk_last),
      .error_o      (data_error),
      .error_list_o (data_error_list),
      .error_addr_o (data_error_addr),
      .error_index_o(data_error_index),
      .arvalid_o    (d_arvalid_o),
      .arready_i    (d_arready_i),
      .araddr_o     (d_araddr_o),
      .arlen_o      (d_arlen_o),
      .rvalid_i     (d_rvalid_i),
      .rready_o     (d_rready_o),
      .rdata_i      (d_rdata_i),
      .rresp_i      (d_rresp_i),
      .rlast_i      (d_rlast_i)
  );

  // ---- Commands ----
  logic command_valid, command_ready;
  logic [511:0] command;
  setun_command_fetch #(.PortBits(PortBits)) u_fetch (
      .clk_i       (clk_i),
      .rst_ni      (unit_rst_n),
      .start_i     (fetch),
      .list_i      (run_list_q),
      .count_i     (run_count_q),
      .req_valid_o (c_req),
      .req_ready_i (c_grant),
      .req_addr_o  (c_addr),
      .req_beats_o (c_beats),
      .req_index_o (c_index),
      .beat_valid_i(c_beat),
      .beat_last_i (beat_request_last),
      .beat_i      (beat_data),
      .valid_o     (command_valid),
      .ready_i     (command_ready),
      .command_o   (command)
  );

  logic decode_error, decode_busy;
  logic [3:0] decode_code;
  logic [31:0] decode_index, accepted;
  logic [63:0] decode_addr;
  logic job_valid, job_ready, job_nop, job_fence;
  logic [31:0] job_index, job_x_stride;
  logic [63:0] job_w_offset, job_x_addr, job_y_addr;
  logic [Ports*64-1:0] job_w_addr;
  logic [33:0] job_w_beats;
  logic [25:0] job_y_bytes;
  logic [20:0] job_groups;
  logic [11:0] job_chunks;
  logic [2:0] job_last_beats, job_planes;
  logic [3:0] job_tokens;

  setun_command_decode #(.PortBits(PortBits), .Ports(Ports), .Tokens(Tokens)) u_decode (
      .clk_i           (clk_i),
      .rst_ni          (unit_rst_n),
      .halt_i          (halt),
      .list_i          (run_list_q),
      .data_base_i     (run_data_base_q),
      .w_base_i        (run_w_base_q),
      .valid_i         (command_valid),
      .ready_o         (command_ready),
      .command_i       (command),
      .error_o         (decode_error),
      .error_code_o    (decode_code),
      .error_index_o   (decode_index),
      .error_addr_o    (decode_addr),
      .accepted_o      (accepted),
      .busy_o          (decode_busy),
      .job_valid_o     (job_valid),
      .job_ready_i     (job_ready),
      .job_nop_o       (job_nop),
      .job_fence_o     (job_fence),
      .job_index_o     (job_index),
      .job_w_offset_o  (job_w_offset),
      .job_w_addr_o    (job_w_addr),
      .job_w_beats_o   (job_w_beats),
      .job_x_addr_o    (job_x_addr),
      .job_x_stride_o  (job_x_stride),
      .job_y_addr_o    (job_y_addr),
      .job_y_bytes_o   (job_y_bytes),
      .job_groups_o    (job_groups),
      .job_chunks_o    (job_chunks),
      .job_last_beats_o(job_last_beats),
      .job_planes_o    (job_planes),
      .job_tokens_o    (job_tokens)
  );

  // A job goes to all units in one cycle; a NOP only to the writer, which completes commands in order.
  logic [Ports-1:0] port_job_ready;
  logic loader_ready, engine_queue_ready, writer_ready, matmul_go;
  assign job_ready = writer_ready && (job_nop || (port_job_ready == '1 && loader_ready && engine_queue_ready));
  assign matmul_go = job_valid && job_ready && !job_nop;

  // ---- Weight ports ----
  logic [Ports-1:0] weight_valid, port_error, port_idle, port_arvalid;
  logic weight_ready;
  logic [Ports*PortBits-1:0] weight;
  logic [Ports*64-1:0] port_error_addr;
  logic [Ports*32-1:0] port_error_index;
  for (genvar p = 0; p < Ports; p++) begin : gen_port
    setun_weight_port #(.PortBits(PortBits)) u_port (
        .clk_i        (clk_i),
        .rst_ni       (unit_rst_n),
        .halt_i       (halt),
        .idle_o       (port_idle[p]),
        .job_valid_i  (matmul_go),
        .job_ready_o  (port_job_ready[p]),
        .job_addr_i   (job_w_addr[p*64 +: 64]),
        .job_beats_i  (job_w_beats),
        .job_index_i  (job_index),
        .valid_o      (weight_valid[p]),
        .ready_i      (weight_ready),
        .data_o       (weight[p*PortBits +: PortBits]),
        .error_o      (port_error[p]),
        .error_addr_o (port_error_addr[p*64 +: 64]),
        .error_index_o(port_error_index[p*32 +: 32]),
        .arvalid_o    (port_arvalid[p]),
        .arready_i    (w_arready_i[p]),
        .araddr_o     (w_araddr_o[p*64 +: 64]),
        .arlen_o      (w_arlen_o[p*8 +: 8]),
        .rvalid_i     (w_rvalid_i[p]),
        .rready_o     (w_rready_o[p]),
        .rdata_i      (w_rdata_i[p*PortBits +: PortBits]),
        .rresp_i      (w_rresp_i[p*2 +: 2]),
        .rlast_i      (w_rlast_i[p])
    );
  end
  assign w_arvalid_o = port_arvalid;

  // ---- Activations ----
  logic load_valid, load_ready, load_last;
  logic [2:0] load_token, load_group;
  logic [PortBits-1:0] load_data;
  logic [31:0] completed;
  localparam int unsigned LoadJobW = 1 + 32 + 64 + 32 + 21 + 12 + 3 + 3 + 4;
  logic [LoadJobW-1:0] load_job;
  logic load_job_valid, load_job_ready;
  setun_fifo #(.Width(LoadJobW), .Depth(4)) u_load_jobs (
      .clk_i  (clk_i),
      .rst_ni (unit_rst_n),
      .valid_i(matmul_go),
      .ready_o(loader_ready),
      .data_i ({job_fence, job_index, job_x_addr, job_x_stride, job_groups, job_chunks, job_last_beats, job_planes, job_tokens}),
      .valid_o(load_job_valid),
      .ready_i(load_job_ready),
      .data_o (load_job)
  );
  logic lj_fence;
  logic [31:0] lj_index, lj_stride;
  logic [63:0] lj_addr;
  logic [20:0] lj_groups;
  logic [11:0] lj_chunks;
  logic [2:0] lj_last_beats, lj_planes;
  logic [3:0] lj_tokens;
  assign {lj_fence, lj_index, lj_addr, lj_stride, lj_groups, lj_chunks, lj_last_beats, lj_planes, lj_tokens} = load_job;

  setun_act_loader #(.PortBits(PortBits), .Tokens(Tokens), .TileRows(TileRows)) u_loader (
      .clk_i           (clk_i),
      .rst_ni          (unit_rst_n),
      .completed_i     (completed),
      .job_valid_i     (load_job_valid),
      .job_ready_o     (load_job_ready),
      .job_fence_i     (lj_fence),
      .job_index_i     (lj_index),
      .job_addr_i      (lj_addr),
      .job_stride_i    (lj_stride),
      .job_groups_i    (lj_groups),
      .job_chunks_i    (lj_chunks),
      .job_last_beats_i(lj_last_beats),
      .job_planes_i    (lj_planes),
      .job_tokens_i    (lj_tokens),
      .req_valid_o     (x_req),
      .req_ready_i     (x_grant),
      .req_addr_o      (x_addr),
      .req_beats_o     (x_beats),
      .req_token_o     (x_token),
      .req_last_o      (x_last),
      .req_index_o     (x_index),
      .beat_valid_i    (x_beat),
      .beat_group_i    (beat_number),
      .beat_token_i    (beat_token),
      .beat_last_i     (beat_chunk_last),
      .beat_i          (beat_data),
      .load_valid_o    (load_valid),
      .load_ready_i    (load_ready),
      .load_last_o     (load_last),
      .load_token_o    (load_token),
      .load_group_o    (load_group),
      .load_data_o     (load_data)
  );

  // ---- Engine ----
  localparam int unsigned EngineJobW = 21 + 12 + 3 + 4 + 32 + 64;
  logic [EngineJobW-1:0] engine_job;
  logic engine_job_valid, engine_job_ready;
  setun_fifo #(.Width(EngineJobW), .Depth(4)) u_engine_jobs (
      .clk_i  (clk_i),
      .rst_ni (unit_rst_n),
      .valid_i(matmul_go),
      .ready_o(engine_queue_ready),
      .data_i ({job_groups, job_chunks, job_planes, job_tokens, job_index, job_w_offset}),
      .valid_o(engine_job_valid),
      .ready_i(engine_job_ready),
      .data_o (engine_job)
  );
  logic [20:0] ej_groups;
  logic [11:0] ej_chunks;
  logic [2:0] ej_planes;
  logic [3:0] ej_tokens;
  logic [31:0] ej_index;
  logic [63:0] ej_offset;
  assign {ej_groups, ej_chunks, ej_planes, ej_tokens, ej_index, ej_offset} = engine_job;

  logic result_valid, result_ready, trit_error, busy, stall_w, stall_x, stall_y;
  logic [ResultW-1:0] result;
  logic [3:0] trit_port;
  logic [31:0] trit_index;
  logic [63:0] trit_offset;
  logic [CountW-1:0] nonzero;
  setun_engine #(
      .PortBits(PortBits), .Ports(Ports), .Tokens(Tokens), .TileRows(TileRows), .TreeCut(TreeCut), .Leaf(Leaf),
      .FillGroups(FillGroups), .CountNonzero(CountNonzero), .Ram32m16(Ram32m16)
  ) u_engine (
      .clk_i         (clk_i),
      .rst_ni        (unit_rst_n),
      .halt_i        (halt),
      .job_valid_i   (engine_job_valid),
      .job_ready_o   (engine_job_ready),
      .job_groups_i  (ej_groups),
      .job_chunks_i  (ej_chunks),
      .job_planes_i  (ej_planes),
      .job_tokens_i  (ej_tokens),
      .job_index_i   (ej_index),
      .job_offset_i  (ej_offset),
      .weight_valid_i(weight_valid),
      .weight_ready_o(weight_ready),
      .weight_i      (weight),
      .load_valid_i  (load_valid),
      .load_ready_o  (load_ready),
      .load_last_i   (load_last),
      .load_token_i  (load_token),
      .load_group_i  (load_group),
      .load_data_i   (load_data),
      .result_valid_o(result_valid),
      .result_ready_i(result_ready),
      .result_o      (result),
      .error_o       (trit_error),
      .error_port_o  (trit_port),
      .error_index_o (trit_index),
      .error_offset_o(trit_offset),
      .busy_o        (busy),
      .stall_w_o     (stall_w),
      .stall_x_o     (stall_x),
      .stall_y_o     (stall_y),
      .nonzero_o     (nonzero)
  );

  // ---- Results ----
  logic writer_idle, write_error, b_owed;
  logic [63:0] write_error_addr;
  logic [31:0] write_error_index;
  setun_result_writer #(.PortBits(PortBits), .ResultW(ResultW)) u_writer (
      .clk_i         (clk_i),
      .rst_ni        (unit_rst_n),
      .halt_i        (halt),
      .idle_o        (writer_idle),
      .job_valid_i   (job_valid && job_ready),
      .job_ready_o   (writer_ready),
      .job_nop_i     (job_nop),
      .job_index_i   (job_index),
      .job_addr_i    (job_y_addr),
      .job_bytes_i   (job_y_bytes),
      .job_groups_i  (job_groups),
      .result_valid_i(result_valid),
      .result_ready_o(result_ready),
      .result_i      (result),
      .completed_o   (completed),
      .error_o       (write_error),
      .error_addr_o  (write_error_addr),
      .error_index_o (write_error_index),
      .awvalid_o     (d_awvalid_o),
      .awready_i     (d_awready_i),
      .awaddr_o      (d_awaddr_o),
      .awlen_o       (d_awlen_o),
      .wvalid_o      (d_wvalid_o),
      .wready_i      (d_wready_i),
      .wdata_o       (d_wdata_o),
      .wstrb_o       (d_wstrb_o),
      .wlast_o       (d_wlast_o),
      .bvalid_i      (d_bvalid_i),
      .bready_o      (d_bready_o),
      .bresp_i       (d_bresp_i),
      .b_owed_o      (b_owed)
  );

  // ---- Run-time errors: the lowest code of a cycle wins ----
  logic run_error;
  logic [3:0] run_code;
  logic [31:0] run_index, run_info;
  logic [63:0] run_addr;
  assign run_error = trit_error || data_error || write_error || port_error != '0;
  always_comb begin
    run_code  = setun_pkg::ERR_NONE;
    run_index = '0;
    run_info  = '0;
    run_addr  = '0;
    if (!run_error) begin
      run_code = setun_pkg::ERR_NONE;
    end else if (trit_error) begin
      run_code  = setun_pkg::ERR_TRIT;
      run_index = trit_index;
      run_info  = 32'(trit_port);
      run_addr  = trit_offset;
      for (int unsigned p = 0; p < Ports; p++) begin
        if (trit_port == 4'(p)) run_addr = trit_offset + run_w_base_q[p*64 +: 64];
      end
    end else if (data_error && data_error_list) begin
      run_code  = setun_pkg::ERR_LIST_READ;
      run_index = data_error_index;
      run_addr  = data_error_addr;
    end else if (port_error != '0) begin
      run_code = setun_pkg::ERR_WEIGHT_READ;
      for (int unsigned p = Ports; p > 0; p--) begin
        if (port_error[p-1]) begin
          run_index = port_error_index[(p-1)*32 +: 32];
          run_info  = 32'(p - 1);
          run_addr  = port_error_addr[(p-1)*64 +: 64];
        end
      end
    end else if (data_error) begin
      run_code  = setun_pkg::ERR_DATA_READ;
      run_index = data_error_index;
      run_addr  = data_error_addr;
    end else begin
      run_code  = setun_pkg::ERR_DATA_WRITE;
      run_index = write_error_index;
      run_addr  = write_error_addr;
    end
  end

  // ---- Progress and waiting channels, for the watchdog ----
  logic progress_q, axi_idle, want_waiting;
  logic [31:0] waiting;
  always_ff @(posedge clk_i) begin
    progress_q <= busy || (result_valid && result_ready) || (decode_busy && !(job_valid && !job_ready))
               || (w_arvalid_o & w_arready_i) != '0 || w_rvalid_i != '0
               || (d_arvalid_o && d_arready_i) || d_rvalid_i || (d_awvalid_o && d_awready_i)
               || (d_wvalid_o && d_wready_i) || (d_bvalid_i && d_bready_o);
  end
  assign axi_idle = port_idle == '1 && data_idle && writer_idle;
  always_comb begin
    waiting = '0;
    if (want_waiting) begin
      waiting[0] = d_arvalid_o;
      waiting[1] = !data_idle && !d_arvalid_o;
      waiting[2] = d_awvalid_o;
      waiting[3] = d_wvalid_o;
      waiting[4] = b_owed && !d_awvalid_o && !d_wvalid_o;
      for (int unsigned p = 0; p < Ports; p++) begin
        waiting[8+p]  = port_arvalid[p];
        waiting[20+p] = !port_idle[p] && !port_arvalid[p];
      end
    end
  end

  setun_run_control #(.Ports(Ports), .CountW(CountW)) u_run (
      .clk_i         (clk_i),
      .rst_ni        (rst_ni),
      .start_i       (start),
      .done_o        (done),
      .idle_o        (idle),
      .list_i        (list),
      .count_i       (list_count),
      .watchdog_i    (watchdog),
      .latch_o       (latch),
      .fetch_o       (fetch),
      .halt_o        (halt),
      .clear_o       (clear),
      .axi_idle_i    (axi_idle),
      .progress_i    (progress_q),
      .want_waiting_o(want_waiting),
      .waiting_i     (waiting),
      .accepted_i    (accepted),
      .completed_i   (completed),
      .decode_error_i(decode_error),
      .decode_code_i (decode_code),
      .decode_index_i(decode_index),
      .decode_addr_i (decode_addr),
      .run_error_i   (run_error),
      .run_code_i    (run_code),
      .run_index_i   (run_index),
      .run_addr_i    (run_addr),
      .run_info_i    (run_info),
      .busy_i        (busy),
      .stall_w_i     (stall_w),
      .stall_x_i     (stall_x),
      .stall_y_i     (stall_y),
      .nonzero_i     (nonzero),
      .error_code_o  (error_code),
      .error_index_o (error_index),
      .error_addr_o  (error_addr),
      .error_info_o  (error_info),
      .completed_o   (completed_reg),
      .cycles_o      (cycles),
      .busy_o        (busy_count),
      .beats_o       (beats_count),
      .stall_w_o     (stall_w_count),
      .stall_x_o     (stall_x_count),
      .stall_y_o     (stall_y_count),
      .nonzero_o     (nonzero_count)
  );
endmodule

`default_nettype wire
