/// Checks each descriptor and turns it into jobs for the weight ports, the activation loader, the engine and the result writer.
///
/// The checks run in the order of their error codes. The first failing descriptor raises error_o for one cycle and nothing after it is accepted
/// until reset. A job is offered to all consumers at once (job_ready_i). About ten cycles a command, hidden behind the commands before it.
`default_nettype none

module setun_command_decode #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    localparam int unsigned B = PortBits / 8,
    localparam int unsigned PortW = (Ports > 1) ? $clog2(Ports) : 1
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,
    input  wire logic                halt_i,

    input  wire logic [63:0]         list_i,       // address of the list, for error reports
    input  wire logic [63:0]         data_base_i,
    input  wire logic [Ports*64-1:0] w_base_i,

    input  wire logic                valid_i,
    output logic                     ready_o,
    input  wire logic [511:0]        command_i,

    output logic                     error_o,
    output logic [3:0]               error_code_o,
    output logic [31:0]              error_index_o,
    output logic [63:0]              error_addr_o,
    output logic [31:0]              accepted_o,   // commands handed on
    output logic                     busy_o,

    output logic                     job_valid_o,
    input  wire logic                job_ready_i,
    output logic                     job_nop_o,
    output logic                     job_fence_o,
    output logic [31:0]              job_index_o,
    output logic [63:0]              job_w_offset_o,
    output logic [Ports*64-1:0]      job_w_addr_o,
    output logic [33:0]              job_w_beats_o,   // of each port
    output logic [63:0]              job_x_addr_o,
    output logic [31:0]              job_x_stride_o,
    output logic [63:0]              job_y_addr_o,
    output logic [25:0]              job_y_bytes_o,
    output logic [20:0]              job_groups_o,
    output logic [11:0]              job_chunks_o,
    output logic [2:0]               job_last_beats_o,
    output logic [2:0]               job_planes_o,
    output logic [3:0]               job_tokens_o
);
  localparam int unsigned BW = $clog2(B);
  localparam int unsigned PW = $clog2(Ports);
  localparam int unsigned TW = $clog2(Tokens);

  typedef enum logic [3:0] {
    S_IDLE, S_CHECK, S_SIZE, S_CHUNKS, S_AREA, S_BEATS, S_X, S_Y, S_W, S_ENCODING, S_OFFER, S_STOPPED
  } state_e;
  state_e state_q;

  logic [31:0] index_q;
  logic [63:0] addr_q;       // of the command
  logic [511:0] command_q;

  // ---- Fields ----
  logic [7:0] version, opcode, planes, encoding;
  logic [15:0] flags, tokens;
  logic [63:0] w_offset, x_offset, y_offset;
  logic [31:0] m, k, x_stride;
  logic [127:0] reserved;
  assign version       = command_q[7:0];
  assign opcode        = command_q[15:8];
  assign flags         = command_q[31:16];
  assign w_offset      = command_q[127:64];
  assign x_offset      = command_q[191:128];
  assign y_offset      = command_q[255:192];
  assign m             = command_q[287:256];
  assign k             = command_q[319:288];
  assign tokens        = command_q[335:320];
  assign planes        = command_q[343:336];
  assign encoding      = command_q[351:344];
  assign x_stride      = command_q[383:352];
  assign reserved      = command_q[511:384];

  // ---- One step a state; local variables, so that nothing is evaluated while there is no command ----
  logic [20:0] groups_q;      // ceil(m / Ports)
  logic [13:0] k_beats_q;     // ceil(k / B)
  logic [11:0] chunks_q;      // ceil(k_beats / 5)
  logic [2:0]  last_beats_q;  // k_beats - 5 * (chunks - 1)
  logic [32:0] area_q;        // chunks * groups
  logic [33:0] beats_q;       // planes * area; fits: 5 * 1639 * 2^20 < 2^34
  logic [34:0] x_rows_q;      // (tokens - 1) * x_stride
  logic [PortW-1:0] port_q;
  logic [63:0] x_addr_q, y_addr_q;
  logic [Ports*64-1:0] w_addr_q;
  logic error_q;
  logic [3:0] error_code_q;

  always_ff @(posedge clk_i) begin : p_decode
    logic bad_shape, bad_align;
    logic [5:0] base_bits;
    logic [67:0] range_base, range_offset, range_size;
    logic [63:0] first;
    logic [3:0] code;
    if (!rst_ni) begin
      state_q <= S_IDLE;
      index_q <= '0;
      error_q <= 1'b0;
    end else begin
      error_q <= 1'b0;
      if (state_q != S_IDLE || valid_i) begin
        code = setun_pkg::ERR_NONE;
        unique case (state_q)
          S_IDLE: if (!halt_i) begin
            command_q <= command_i;
            addr_q    <= list_i + (64'(index_q) << 6);
            port_q    <= '0;
            state_q   <= S_CHECK;
          end
          S_CHECK: begin
            base_bits = data_base_i[5:0];
            for (int unsigned p = 0; p < Ports; p++) base_bits = base_bits | w_base_i[p*64 +: 6];
            bad_shape = m == '0 || m > setun_pkg::MAX_M || k == '0 || k > setun_pkg::MAX_K
                     || tokens == '0 || tokens > 16'(Tokens) || planes == '0 || planes > setun_pkg::MAX_PLANES;
            bad_align = (w_offset[5:0] | x_offset[5:0] | y_offset[5:0] | x_stride[5:0] | base_bits) != '0;
            if (version != setun_pkg::COMMAND_VERSION) code = setun_pkg::ERR_VERSION;
            else if (opcode != setun_pkg::OP_NOP && opcode != setun_pkg::OP_MATMUL) code = setun_pkg::ERR_OPCODE;
            else if ((flags & ~setun_pkg::FLAG_FENCE) != '0 || reserved != '0) code = setun_pkg::ERR_FLAGS;
            else if (opcode == setun_pkg::OP_MATMUL && bad_shape) code = setun_pkg::ERR_SHAPE;
            else if (opcode == setun_pkg::OP_MATMUL && bad_align) code = setun_pkg::ERR_ALIGN;
            state_q <= (opcode == setun_pkg::OP_NOP) ? S_OFFER : S_SIZE;
          end
          S_SIZE: begin
            groups_q  <= 21'((m + 32'(Ports - 1)) >> PW);
            k_beats_q <= 14'((k + 32'(B - 1)) >> BW);
            x_rows_q  <= 35'(x_stride) * (35'(tokens[3:0]) - 35'd1);
            state_q   <= S_CHUNKS;
          end
          S_CHUNKS: begin
            // ceil(n / 5) = (n + 4) * 52429 >> 18, exact for n < 2^16 - 4
            chunks_q <= 12'(((32'(k_beats_q) + 32'd4) * 32'd52429) >> 18);
            state_q  <= S_AREA;
          end
          S_AREA: begin
            area_q       <= 33'(chunks_q) * 33'(groups_q);
            last_beats_q <= 3'(k_beats_q - 14'd5 * (14'(chunks_q) - 14'd1));
            state_q      <= S_BEATS;
          end
          S_BEATS: begin
            beats_q <= 34'(area_q) * 34'(planes[2:0]);
            state_q <= S_X;
          end
          S_X, S_Y, S_W: begin
            // The range that each port will touch; it may end at 2^64 exactly.
            range_base   = 68'(data_base_i);
            range_offset = 68'(x_offset);
            range_size   = 68'(x_rows_q) + ((68'(k) + 68'd63) & ~68'd63);
            if (state_q == S_Y) begin
              range_offset = 68'(y_offset);
              range_size   = 68'(m) << (TW + 2);
            end else if (state_q == S_W) begin
              range_base   = 68'(w_base_i[32'(port_q)*64 +: 64]);
              range_offset = 68'(w_offset);
              range_size   = 68'(beats_q) << BW;
            end
            if (range_base + range_offset + range_size > (68'd1 << 64)) code = setun_pkg::ERR_ADDRESS;
            first = range_base[63:0] + range_offset[63:0];
            if (state_q == S_X) begin
              x_addr_q <= first;
              state_q  <= S_Y;
            end else if (state_q == S_Y) begin
              y_addr_q <= first;
              state_q  <= S_W;
            end else begin
              for (int unsigned p = 0; p < Ports; p++) begin
                if (port_q == PortW'(p)) w_addr_q[p*64 +: 64] <= first;
              end
              port_q <= port_q + 1'b1;
              if (port_q == PortW'(Ports - 1)) state_q <= S_ENCODING;
            end
          end
          S_ENCODING: begin
            if (encoding != setun_pkg::TRIT_CODE_T5) code = setun_pkg::ERR_ENCODING;
            state_q <= S_OFFER;
          end
          S_OFFER: if (job_ready_i && !halt_i) begin
            index_q <= index_q + 1'b1;
            state_q <= S_IDLE;
          end
          default: state_q <= S_STOPPED;
        endcase
        if (code != setun_pkg::ERR_NONE) begin
          error_q      <= 1'b1;
          error_code_q <= code;
          state_q      <= S_STOPPED;
        end
      end
    end
  end

  assign ready_o       = state_q == S_IDLE && !halt_i;
  assign busy_o        = state_q != S_IDLE && state_q != S_STOPPED;
  assign error_o       = error_q;
  assign error_code_o  = error_code_q;
  assign error_index_o = index_q;
  assign error_addr_o  = addr_q;
  assign accepted_o    = index_q;

  assign job_valid_o      = state_q == S_OFFER && !halt_i;
  assign job_nop_o        = opcode == setun_pkg::OP_NOP;
  assign job_fence_o      = flags[0];
  assign job_index_o      = index_q;
  assign job_w_offset_o   = w_offset;
  assign job_w_beats_o    = beats_q;
  assign job_x_addr_o     = x_addr_q;
  assign job_x_stride_o   = x_stride;
  assign job_y_addr_o     = y_addr_q;
  assign job_y_bytes_o    = 26'(m) << (TW + 2);
  assign job_groups_o     = groups_q;
  assign job_chunks_o     = chunks_q;
  assign job_last_beats_o = last_beats_q;
  assign job_planes_o     = planes[2:0];
  assign job_tokens_o     = tokens[3:0];
  assign job_w_addr_o     = w_addr_q;

  logic unused;
  assign unused = ^command_q[63:32];  // the tag is software's
endmodule

`default_nettype wire
