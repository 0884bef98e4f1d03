/// Properties of setun_command_decode: it accepts exactly the descriptors that docs/command-interface.md allows, refuses every other one
/// with the first code of its table that applies, and hands on what an accepted one asks for.
///
/// Any command at any place of any list. For induction each register is held to what it means, by the definition of a quotient rather
/// than by the unit's formula: n = ceil(a / b) is b * n - b < a <= b * n. The values of products do not matter: they are left free. The wires of "inside" are tied to the unit's registers by run.py.
`default_nettype none
`include "setun_assert.svh"

module command_check #(
    parameter int unsigned PortBits = 128,
    parameter int unsigned Ports = 2,
    parameter int unsigned Tokens = 4
) (
    input wire logic         clk_i,
    input wire logic         rst_ni,
    input wire logic         halt_i,
    input wire logic         valid_i,
    input wire logic [511:0] command_i,
    input wire logic         job_ready_i
);
  localparam int unsigned B = PortBits / 8;
  // Arguments of the run.
  (* anyconst *) logic [63:0] list, data_base;
  (* anyconst *) logic [Ports*64-1:0] w_base;

  logic ready, error, busy, job_valid, job_nop, job_fence;
  logic [3:0] code;
  logic [31:0] error_index, accepted, job_index, job_x_stride;
  logic [63:0] error_addr, job_w_offset, job_x_addr, job_y_addr;
  logic [Ports*64-1:0] job_w_addr;
  logic [33:0] job_w_beats;
  logic [25:0] job_y_bytes;
  logic [20:0] job_groups;
  logic [11:0] job_chunks;
  logic [2:0] job_last_beats, job_planes;
  logic [3:0] job_tokens;
  setun_command_decode #(.PortBits(PortBits), .Ports(Ports), .Tokens(Tokens)) dut (
      .clk_i           (clk_i),
      .rst_ni          (rst_ni),
      .halt_i          (halt_i),
      .list_i          (list),
      .data_base_i     (data_base),
      .w_base_i        (w_base),
      .valid_i         (valid_i),
      .ready_o         (ready),
      .command_i       (command_i),
      .error_o         (error),
      .error_code_o    (code),
      .error_index_o   (error_index),
      .error_addr_o    (error_addr),
      .accepted_o      (accepted),
      .busy_o          (busy),
      .job_valid_o     (job_valid),
      .job_ready_i     (job_ready_i),
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

  // ---- The command in work ----
  logic working_q, stopped_q;
  logic [31:0] count_q;  // commands handed on
  logic [511:0] c;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      working_q <= 1'b0;
      stopped_q <= 1'b0;
      count_q   <= '0;
    end else begin
      if (valid_i && ready) begin
        working_q <= 1'b1;
        c         <= command_i;
      end
      if (job_valid && job_ready_i) begin
        working_q <= 1'b0;
        count_q   <= count_q + 1'b1;
      end
      if (error) begin
        working_q <= 1'b0;
        stopped_q <= 1'b1;
      end
    end
  end

  // ---- docs/command-interface.md, section 3 ----
  logic [63:0] w_offset, x_offset, y_offset;
  logic [31:0] m, k, x_stride;
  logic [15:0] tokens;
  logic [7:0] opcode, planes;
  assign opcode   = c[15:8];
  assign w_offset = c[127:64];
  assign x_offset = c[191:128];
  assign y_offset = c[255:192];
  assign m        = c[287:256];
  assign k        = c[319:288];
  assign tokens   = c[335:320];
  assign planes   = c[343:336];
  assign x_stride = c[383:352];

  // Sizes.
  logic [33:0] beats;   // inside
  logic [34:0] x_rows;  // inside
  logic [67:0] x_end, y_end;
  logic [Ports-1:0] w_past;
  assign x_end = 68'(data_base) + 68'(x_offset) + (68'(x_rows) + ((68'(k) + 68'd63) & ~68'd63));
  assign y_end = 68'(data_base) + 68'(y_offset) + 68'(m) * 68'd4 * 68'(Tokens);
  for (genvar p = 0; p < Ports; p++) begin : gen_end
    assign w_past[p] = 68'(w_base[p*64 +: 64]) + 68'(w_offset) + 68'(beats) * 68'(B) > {4'd1, 64'd0};
  end

  // The checks, in the order of their codes.
  logic misaligned, shape, nop;
  logic [3:0] first, expected;  // before sizes are known; all
  assign nop = opcode == 8'd0;
  always_comb begin
    misaligned = ((w_offset | x_offset | y_offset | data_base) & 64'd63) != '0 || (x_stride & 32'd63) != '0;
    for (int unsigned p = 0; p < Ports; p++) if ((w_base[p*64 +: 64] & 64'd63) != '0) misaligned = 1'b1;
    shape = m < 32'd1 || m > 32'd1048576 || k < 32'd1 || k > 32'd131072 || tokens < 16'd1 || tokens > 16'(Tokens)
        || planes < 8'd1 || planes > 8'd5;
    if (c[7:0] != 8'd1) first = 4'd1;
    else if (opcode > 8'd1) first = 4'd2;
    else if (c[31:17] != '0 || c[511:384] != '0) first = 4'd3;
    else if (!nop && shape) first = 4'd4;
    else if (!nop && misaligned) first = 4'd5;
    else first = 4'd0;
    expected = first;
    if (first == '0 && !nop) begin
      if (x_end > {4'd1, 64'd0} || y_end > {4'd1, 64'd0} || w_past != '0) expected = 4'd6;
      else if (c[351:344] != 8'd1) expected = 4'd7;
    end
  end

  `SETUN_FORMAL_INIT
  `SETUN_ASSERT(a_ready, ready == (!working_q && !stopped_q && !error && !halt_i))
  `SETUN_ASSERT(a_only_of_a_command, !(job_valid || error) || working_q)
  `SETUN_ASSERT(a_code, !error || (code == expected && code != '0))
  `SETUN_ASSERT(a_error_place, !error || (error_index == count_q && error_addr == list + 64'(count_q) * 64'd64))
  `SETUN_ASSERT(a_legal, !job_valid || expected == '0)
  `SETUN_ASSERT(a_accepted, accepted == count_q)
  `SETUN_ASSERT(a_job, !job_valid || (job_index == count_q && job_nop == nop && job_fence == c[16]))
  `SETUN_ASSERT(a_same_fields, !job_valid || nop || (job_w_offset == w_offset && job_x_stride == x_stride && 8'(job_planes) == planes
                                                     && 16'(job_tokens) == tokens))
  `SETUN_ASSERT(a_addresses, !job_valid || nop || (job_x_addr == data_base + x_offset && job_y_addr == data_base + y_offset))
  `SETUN_ASSERT(a_bytes, !job_valid || nop || 32'(job_y_bytes) == m * 32'd4 * 32'(Tokens))
  `SETUN_ASSERT(a_groups, !job_valid || nop || (32'(job_groups) * 32'(Ports) >= m && (32'(job_groups) - 32'd1) * 32'(Ports) < m))
  // All beats of a row: chunks of five, but for the last.
  logic [17:0] row_beats;
  assign row_beats = 18'(job_chunks) * 18'd5 - 18'd5 + 18'(job_last_beats);
  `SETUN_ASSERT(a_row, !job_valid || nop || (32'(row_beats) * 32'(B) >= k && (32'(row_beats) - 32'd1) * 32'(B) < k
                                             && job_last_beats >= 3'd1 && job_last_beats <= 3'd5))
  `SETUN_ASSERT(a_beats, !job_valid || nop || job_w_beats == beats)
  for (genvar p = 0; p < Ports; p++) begin : gen_w_addr
    always_ff @(posedge clk_i) begin
      if (f_past_valid && rst_ni && job_valid && !nop) assert (job_w_addr[p*64 +: 64] == w_base[p*64 +: 64] + w_offset);
    end
  end
  logic [4:0] age_q;  // cycles since the command was taken
  always_ff @(posedge clk_i) age_q <= (!rst_ni || (valid_i && ready)) ? 5'd0 : (age_q != '1) ? age_q + 1'b1 : age_q;
  `SETUN_ASSERT(a_soon, !working_q || job_valid || error || age_q < 5'(10 + Ports) || halt_i)
  always_ff @(posedge clk_i) begin
    c_nop: cover (rst_ni && job_valid && nop && job_fence);
    for (int unsigned i = 1; i < 7; i++) cover (rst_ni && error && code == 4'(i));
  end

  // ---- inside ----
  logic [3:0] state;
  logic [511:0] command;
  logic [63:0] address;
  logic [20:0] groups;
  logic [13:0] k_beats;
  logic [11:0] chunks;
  logic [2:0] last_beats;
  logic [32:0] area;
  logic [0:0] port;
  logic [63:0] x_addr, y_addr;
  logic [Ports*64-1:0] w_addr;
  localparam logic [3:0] CHECK = 4'd1, SIZE = 4'd2, CHUNKS = 4'd3, AREA = 4'd4, BEATS = 4'd5, X = 4'd6, Y = 4'd7, W = 4'd8, ENCODING = 4'd9,
      OFFER = 4'd10, STOPPED = 4'd11;
  logic sized;  // a matrix product whose sizes are being worked out, or are known
  assign sized = working_q && !error && state >= SIZE && state <= OFFER && !nop;
  `SETUN_ASSERT(i_state, (state >= CHECK && state <= OFFER) == (working_q && !error) && (state == STOPPED) == (stopped_q || error)
                && state <= STOPPED)
  `SETUN_ASSERT(i_exclusive, !(working_q && stopped_q) && !(error && stopped_q))
  `SETUN_ASSERT(i_command, !working_q || (command == c && address == list + 64'(count_q) * 64'd64))
  `SETUN_ASSERT(i_first, !(working_q && !error && state >= SIZE) || (first == '0 && (!nop || state == OFFER)))
  `SETUN_ASSERT(i_groups, !(sized && state >= CHUNKS)
                || (32'(groups) * 32'(Ports) >= m && 32'(groups) * 32'(Ports) - 32'(Ports) < m && groups <= 21'h10_0000))
  `SETUN_ASSERT(i_k_beats, !(sized && state >= CHUNKS) || (32'(k_beats) * 32'(B) >= k && 32'(k_beats) * 32'(B) - 32'(B) < k))
  `SETUN_ASSERT(i_chunks, !(sized && state >= AREA) || (17'(chunks) * 17'd5 >= 17'(k_beats) && 17'(chunks) * 17'd5 - 17'd5 < 17'(k_beats)))
  // Proven by command_fifths for every number of beats.
  logic [11:0] fifths;
  assign fifths = 12'(((32'(k_beats) + 32'd4) * 32'd52429) >> 18);
  always_comb assume (k_beats == '0 || (17'(fifths) * 17'd5 >= 17'(k_beats) && 17'(fifths) * 17'd5 - 17'd5 < 17'(k_beats)));
  `SETUN_ASSERT(i_last, !(sized && state >= BEATS) || 17'(last_beats) == 17'(k_beats) - (17'(chunks) * 17'd5 - 17'd5))
  `SETUN_ASSERT(i_x, !(sized && state >= Y) || (x_end <= {4'd1, 64'd0} && x_addr == data_base + x_offset))
  `SETUN_ASSERT(i_y, !(sized && state >= W) || (y_end <= {4'd1, 64'd0} && y_addr == data_base + y_offset))
  for (genvar p = 0; p < Ports; p++) begin : gen_w
    always_ff @(posedge clk_i) begin
      if (f_past_valid && rst_ni && sized && (state > W || (state == W && port > 1'(p)))) begin
        assert (!w_past[p] && w_addr[p*64 +: 64] == w_base[p*64 +: 64] + w_offset);
      end
    end
  end
  `SETUN_ASSERT(i_port, !(working_q && !error && state < W) || port == '0)
  `SETUN_ASSERT(i_encoding, !(sized && state == OFFER) || c[351:344] == 8'd1)
  // Products, which run.py leaves free: they are those of their factors, and neither changes later.
  always_ff @(posedge clk_i) begin
    if (f_past_valid && rst_ni && $past(rst_ni)) begin
      if ($past(state == SIZE)) i_x_rows: assert (x_rows == $past(35'(command[383:352]) * (35'(command[323:320]) - 35'd1)));
      if ($past(state > SIZE && state <= OFFER)) i_rows_kept: assert ($stable(x_rows));
      if ($past(state == AREA)) i_area: assert (area == $past(33'(chunks) * 33'(groups)));
      if ($past(state == BEATS)) i_beats: assert (beats == $past(34'(area) * 34'(command[338:336])));
      if ($past(state >= AREA && state <= OFFER)) i_kept: assert ($stable({groups, chunks}));
      if ($past(state > AREA && state <= OFFER)) i_area_kept: assert ($stable(area));
      if ($past(state > BEATS && state <= OFFER)) i_beats_kept: assert ($stable(beats));
    end
  end
  `SETUN_ASSERT(i_age, !(working_q && !error) || state == OFFER || (state < W && age_q + 5'd1 == 5'(state))
                || (state == W && age_q == 5'd7 + 5'(port)) || (state == ENCODING && age_q == 5'd7 + 5'(Ports)))
endmodule

// The unit's quotient by five, which command_check assumes to be right.
module command_fifths (
    input wire logic        clk_i,
    input wire logic [13:0] beats_i
);
  logic [11:0] fifths;
  assign fifths = 12'(((32'(beats_i) + 32'd4) * 32'd52429) >> 18);
  always_ff @(posedge clk_i) begin
    if (beats_i != '0) a_fifths: assert (17'(fifths) * 17'd5 >= 17'(beats_i) && 17'(fifths) * 17'd5 - 17'd5 < 17'(beats_i));
  end
endmodule

`default_nettype wire
