/// Walks through all 256 T5 bytes for the tables that a byte addresses: which activation to add or subtract next, and where the sum belongs.
///
/// 256 steps a group: the 13 illegal bytes first, meanwhile the sum is brought to -(x0 + ... + x4); then the 243 combinations of five trits in
/// reflected ternary Gray order, in which neighbours differ by one activation. start_i begins a walk, also in the middle of one. A step's
/// operation stands at the outputs in its own cycle (to setun_table_fill), its entry two cycles later, with the sum.
/// busy_o is high from the cycle after start_i for 256 * FillGroups + 2 cycles; then all entries are written.
`default_nettype none

module setun_table_walk_byte #(
    parameter int unsigned FillGroups = 2
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic       start_i,
    output logic            busy_o,
    // Operation
    output logic [2:0]      sub_o,
    output logic [2:0]      lane_o,
    output logic            clear_o,
    output logic            subtract_o,
    // Entry, two cycles later
    output logic            write_o,
    output logic [2:0]      write_sub_o,
    output logic [7:0]      byte_o,
    output logic [2:0]      count_o,    // non-zero weights of the byte
    output logic            illegal_o
);
  localparam logic [7:0] SUBTRACT = 8'd9;   // steps 9..13 subtract x0..x4; the last gives the entry of five times -1
  localparam logic [7:0] ILLEGAL = 8'd13;   // steps before this one write illegal bytes
  localparam logic [7:0] MOVE = 8'd14;      // steps from here change one trit

  // ---- Steps ----
  logic active_q, active1_q, write_q;
  logic [7:0] step_q, step1_q;
  logic [2:0] sub_q, sub1_q, write_sub_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q  <= 1'b0;
      active1_q <= 1'b0;
      write_q   <= 1'b0;
    end else begin
      if (start_i) active_q <= 1'b1;
      else if (step_q == '1 && sub_q == 3'(FillGroups - 1)) active_q <= 1'b0;
      active1_q <= active_q;
      write_q   <= active1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      step_q <= '0;
      sub_q  <= '0;
    end else begin
      step_q <= step_q + 1'b1;
      if (step_q == '1) sub_q <= sub_q + 1'b1;
    end
    step1_q     <= step_q;
    sub1_q      <= sub_q;
    write_sub_q <= sub1_q;
  end

  // ---- Trits: zero flag and sign each, and the direction in which each moves. The lowest that can move does; those below turn. ----
  logic [4:0] zero_q, minus_q, up_q, can, moves, below;
  assign can = (up_q & (zero_q | minus_q)) | (~up_q & ~minus_q);
  always_comb begin
    below = 5'b00000;  // trits below the one that moves
    for (int unsigned t = 1; t < 5; t++) below[t-1] = ((can << (5 - t)) == '0);
    moves = can & {below[3:0], 1'b1};
  end
  always_ff @(posedge clk_i) begin
    if (step_q < MOVE) begin
      zero_q  <= '0;
      minus_q <= '1;
      up_q    <= '1;
    end else begin
      // -1 -> 0 -> +1 upwards, +1 -> 0 -> -1 downwards
      zero_q  <= zero_q ^ moves;
      minus_q <= (minus_q & ~moves) | (moves & zero_q & ~up_q);
      up_q    <= up_q ^ below;
    end
  end

  logic [2:0] moved;
  assign moved = moves[4] ? 3'd4 : moves[3] ? 3'd3 : moves[2] ? 3'd2 : moves[1] ? 3'd1 : 3'd0;
  assign sub_o      = sub_q;
  assign lane_o     = (step_q < MOVE) ? 3'(step_q - SUBTRACT) : moved;
  assign clear_o    = step_q < SUBTRACT;
  assign subtract_o = step_q < MOVE || (moves & up_q) == '0;

  // ---- The entry's byte, from the trits after the move (the inverse of setun_trit_decode) ----
  logic a, esc, illegal;
  logic c0, c1, c2, c3, c4;
  logic [7:0] code, bad;
  assign a  = zero_q[2] & ~zero_q[1];
  assign c4 = a ? minus_q[1] : minus_q[2];
  assign c3 = a ? zero_q[0] : zero_q[1];
  assign c2 = a ? minus_q[0] : (zero_q[2] & zero_q[1]) | minus_q[1];
  assign c1 = a | zero_q[0];
  assign c0 = a | minus_q[0];
  assign esc  = zero_q[4] & zero_q[3];
  assign code = esc ? {c4, c3, c2, 3'b111, c1, c0}
      : {zero_q[4] ? minus_q[3] : minus_q[4], zero_q[4] | zero_q[3], zero_q[4] | (minus_q[3] & ~zero_q[3]), c4, c3, c2, c1, c0};
  // xxx01111 in steps 0..7, 111111xx in 8..11, 01111111 in 12
  assign bad  = !step1_q[3] ? {step1_q[2:0], 5'b01111} : step1_q[2] ? 8'h7F : {6'h3F, step1_q[1:0]};
  assign illegal = step1_q < ILLEGAL;

  logic [7:0] byte_q;
  logic [2:0] count_q;
  logic illegal_q;
  always_ff @(posedge clk_i) begin
    byte_q    <= illegal ? bad : code;
    count_q   <= 3'($countones(~zero_q));
    illegal_q <= illegal;
  end

  assign write_o     = write_q;
  assign write_sub_o = write_sub_q;
  assign byte_o      = byte_q;
  assign count_o     = count_q;
  assign illegal_o   = illegal_q;
  assign busy_o      = active_q || active1_q || write_q;
endmodule

`default_nettype wire
