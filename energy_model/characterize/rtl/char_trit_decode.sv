/// Characterisation only: setun_trit_decode between registers. Latency 2. The word's own register is the operand.
`default_nettype none

module char_trit_decode #(
    parameter int unsigned PortBits = 128,
    localparam int unsigned B = PortBits / 8
) (
    input  wire logic                clk_i,
    input  wire logic [PortBits-1:0] beat_i,
    output logic [5*B-1:0]           nonzero_o,
    output logic [5*B-1:0]           negative_o,
    output logic                     illegal_o
);
  logic [PortBits-1:0] operand_beat_q;
  logic [5*B-1:0] nz, s, nz_q, s_q;
  logic illegal, illegal_q;
  setun_trit_decode #(.PortBits(PortBits)) u_decode (
      .beat_i   (operand_beat_q),
      .nz0_o    (nz[0*B +: B]),
      .s0_o     (s[0*B +: B]),
      .nz1_o    (nz[1*B +: B]),
      .s1_o     (s[1*B +: B]),
      .nz2_o    (nz[2*B +: B]),
      .s2_o     (s[2*B +: B]),
      .nz3_o    (nz[3*B +: B]),
      .s3_o     (s[3*B +: B]),
      .nz4_o    (nz[4*B +: B]),
      .s4_o     (s[4*B +: B]),
      .illegal_o(illegal)
  );
  always_ff @(posedge clk_i) begin
    operand_beat_q <= beat_i;
    nz_q           <= nz;
    s_q            <= s & nz;
    illegal_q      <= illegal;
  end
  assign nonzero_o  = nz_q;
  assign negative_o = s_q;
  assign illegal_o  = illegal_q;
endmodule

`default_nettype wire
