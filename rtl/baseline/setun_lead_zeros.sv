/// Number of zeros before the leading one of a 16-bit word, as a tree of two levels of four; combinational.
///
/// none_o says that there is no one; count_o is then 15.
`default_nettype none

module setun_lead_zeros (
    input  wire logic [15:0] data_i,
    output logic [3:0]       count_o,
    output logic             none_o
);
  // Nibble 0 is the most significant one.
  logic [3:0] any;
  logic [7:0] zeros;
  logic [1:0] nibble, offset;
  for (genvar n = 0; n < 4; n++) begin : gen_nibble
    logic [3:0] x;
    assign x               = data_i[12-4*n +: 4];
    assign any[n]          = |x;
    assign zeros[2*n +: 2] = {~(x[3] | x[2]), ~x[3] & (x[2] | ~x[1])};
  end
  assign nibble[1] = ~(any[0] | any[1]);
  assign nibble[0] = ~any[0] & (any[1] | ~any[2]);
  always_comb begin
    unique case (nibble)
      2'd0:    offset = zeros[1:0];
      2'd1:    offset = zeros[3:2];
      2'd2:    offset = zeros[5:4];
      default: offset = zeros[7:6];
    endcase
  end
  assign count_o = {nibble, offset};
  assign none_o  = ~|any;
endmodule

`default_nettype wire
