/// Not part of the chip: a legal circuit that Yosys 0.23 builds wrongly without a warning (an array of a typedef'd vector
/// becomes single bits). The differential test must find it; if it does not, it would find nothing.
`default_nettype none

module miscompiled (
    input  wire logic       clk_i,
    input  wire logic [1:0] index_i,
    input  wire logic [7:0] data_i,
    output logic [7:0]      data_o
);
  typedef logic [7:0] byte_t;
  byte_t [3:0] bytes;

  always_ff @(posedge clk_i) bytes[index_i] <= data_i;
  assign data_o = bytes[index_i];
endmodule

`default_nettype wire
