/// setun_trit_decode against the table of docs/memory-format.md, which run.py turns into trit_table.svh: every code in every place.
`default_nettype none

module decode_check #(
    parameter int unsigned PortBits = 128,
    localparam int unsigned B = PortBits / 8
) (
    input wire logic                clk_i,
    input wire logic [PortBits-1:0] beat_i
);
  `include "trit_table.svh"

  logic [B-1:0] nz [0:4];
  logic [B-1:0] s [0:4];
  logic illegal, illegal_expected;
  setun_trit_decode #(.PortBits(PortBits)) dut (
      .beat_i   (beat_i),
      .nz0_o    (nz[0]),
      .s0_o     (s[0]),
      .nz1_o    (nz[1]),
      .s1_o     (s[1]),
      .nz2_o    (nz[2]),
      .s2_o     (s[2]),
      .nz3_o    (nz[3]),
      .s3_o     (s[3]),
      .nz4_o    (nz[4]),
      .s4_o     (s[4]),
      .illegal_o(illegal)
  );

  logic [B-1:0] bad;
  for (genvar i = 0; i < B; i++) begin : gen_code
    logic [10:0] row;  // {illegal, sign of 4..0, non-zero of 4..0}
    assign row = trit_row({beat_i[7*B+i], beat_i[6*B+i], beat_i[5*B+i], beat_i[4*B+i],
                           beat_i[3*B+i], beat_i[2*B+i], beat_i[1*B+i], beat_i[0*B+i]});
    assign bad[i] = row[10];
    for (genvar t = 0; t < 5; t++) begin : gen_trit
      always_ff @(posedge clk_i) begin
        if (!row[10]) begin
          assert (nz[t][i] == row[t]);
          if (row[t]) assert (s[t][i] == row[5+t]);
        end
      end
    end
  end
  assign illegal_expected = bad != '0;
  always_ff @(posedge clk_i) begin
    a_illegal: assert (illegal == illegal_expected);
    c_legal: cover (!illegal);
    c_illegal: cover (illegal);
  end
endmodule

`default_nettype wire
