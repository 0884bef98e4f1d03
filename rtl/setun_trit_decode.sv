/// Decodes one beat of T5 trit codes, bit-planar, into non-zero and sign masks (docs/memory-format.md, sections 1 and 2).
///
/// Purely combinational. Bit i of nz<t>_o and s<t>_o (non-zero, sign) is weight t of code i, with B = PortBits / 8. The sign is
/// meaningless where the weight is zero. illegal_o is high when any code of the beat is one of the 13 illegal bytes.
/// One port a digit, because words of B bits simulate much faster than slices of one wide vector.
`default_nettype none

module setun_trit_decode #(
    parameter int unsigned PortBits = 512,
    localparam int unsigned B = PortBits / 8
) (
    input  wire logic [PortBits-1:0] beat_i,
    output logic [B-1:0]             nz0_o,
    output logic [B-1:0]             s0_o,
    output logic [B-1:0]             nz1_o,
    output logic [B-1:0]             s1_o,
    output logic [B-1:0]             nz2_o,
    output logic [B-1:0]             s2_o,
    output logic [B-1:0]             nz3_o,
    output logic [B-1:0]             s3_o,
    output logic [B-1:0]             nz4_o,
    output logic [B-1:0]             s4_o,
    output logic                     illegal_o
);
  logic [B-1:0] b0, b1, b2, b3, b4, b5, b6, b7, esc, c2, c3, c4, a;

  assign b0 = beat_i[0*B +: B];
  assign b1 = beat_i[1*B +: B];
  assign b2 = beat_i[2*B +: B];
  assign b3 = beat_i[3*B +: B];
  assign b4 = beat_i[4*B +: B];
  assign b5 = beat_i[5*B +: B];
  assign b6 = beat_i[6*B +: B];
  assign b7 = beat_i[7*B +: B];

  assign esc = b4 & b3 & b2;
  assign c4  = (esc & b7) | (~esc & b4);
  assign c3  = (esc & b6) | (~esc & b3);
  assign c2  = (esc & b5) | (~esc & b2);
  assign a   = b1 & b0;

  assign nz0_o = (a & ~c3) | (~a & ~b1);
  assign nz1_o = a | ~c3;
  assign nz2_o = ~a & ~(c3 & c2);
  assign nz3_o = ~esc & ~(b6 & ~b5);
  assign nz4_o = ~esc & ~(b6 & b5);

  assign s0_o = (a & c2) | (~a & b0);
  assign s1_o = (a & c4) | (~a & c2);
  assign s2_o = c4;
  assign s3_o = (b6 & b7) | (~b6 & b5);
  assign s4_o = b7;

  assign illegal_o = |(c3 & c2 & (a | (esc & c4)));
endmodule

`default_nettype wire
