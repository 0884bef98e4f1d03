/// Reads the command list, 64-byte descriptor by descriptor, a few ahead of their use.
///
/// start_i gives the list's address (multiple of 64) and length; descriptors appear in order on the output. Nothing is requested for which there
/// is no room. Reset forgets the list.
`default_nettype none

module setun_command_fetch #(
    parameter int unsigned PortBits = 512
) (
    input  wire logic                clk_i,
    input  wire logic                rst_ni,
    input  wire logic                start_i,
    input  wire logic [63:0]         list_i,
    input  wire logic [31:0]         count_i,

    output logic                     req_valid_o,
    input  wire logic                req_ready_i,
    output logic [63:0]              req_addr_o,
    output logic [2:0]               req_beats_o,
    output logic [31:0]              req_index_o,
    input  wire logic                beat_valid_i,
    input  wire logic                beat_last_i,
    input  wire logic [PortBits-1:0] beat_i,

    output logic                     valid_o,
    input  wire logic                ready_i,
    output logic [511:0]             command_o
);
  localparam int unsigned Beats = 512 / PortBits;
  localparam int unsigned Depth = 4;

  logic [31:0] left_q, index_q;
  logic [63:0] addr_q;
  logic [2:0] room_q;
  logic take, pop;

  assign req_valid_o = left_q != '0 && room_q != '0;
  assign req_addr_o  = addr_q;
  assign req_beats_o = 3'(Beats);
  assign req_index_o = index_q;
  assign take        = req_valid_o && req_ready_i;
  assign pop         = valid_o && ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q <= '0;
      room_q <= 3'(Depth);
    end else begin
      if (start_i) left_q <= count_i;
      else if (take) left_q <= left_q - 1'b1;
      if (take && !pop) room_q <= room_q - 1'b1;
      else if (pop && !take) room_q <= room_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      addr_q  <= list_i;
      index_q <= '0;
    end else if (take) begin
      addr_q  <= addr_q + 64'd64;
      index_q <= index_q + 1'b1;
    end
  end

  // ---- Assemble 512 bits from the beats; the last beat goes straight into the queue ----
  logic [511:0] whole;
  if (Beats == 1) begin : gen_one
    assign whole = beat_i;
  end else begin : gen_many
    logic [511-PortBits:0] head_q;  // earlier beats, the newest on top
    always_ff @(posedge clk_i) begin
      if (beat_valid_i) head_q <= whole[511:PortBits];
    end
    assign whole = {beat_i, head_q};
  end

  logic queue_ready;
  setun_fifo #(.Width(512), .Depth(Depth)) u_commands (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(beat_valid_i && beat_last_i),
      .ready_o(queue_ready),
      .data_i (whole),
      .valid_o(valid_o),
      .ready_i(ready_i),
      .data_o (command_o)
  );

  logic unused;
  assign unused = queue_ready;  // room_q guarantees it
endmodule

`default_nettype wire
