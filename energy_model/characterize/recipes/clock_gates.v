// Registers with an enable become registers behind clock gates, one gate for at most 32 bits. Less than four bits keep a multiplexer.
(* techmap_celltype = "$dffe" *)
module gated_register (CLK, EN, D, Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1'b1;
  parameter EN_POLARITY = 1'b1;
  input CLK, EN;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  wire _TECHMAP_FAIL_ = WIDTH < 4 || !CLK_POLARITY;
  wire enable = EN_POLARITY ? EN : ~EN;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 32) begin : bank
      localparam W = WIDTH - i < 32 ? WIDTH - i : 32;
      wire gclk;
      ICGx1_ASAP7_75t_R gate (.CLK(CLK), .ENA(enable), .SE(1'b0), .GCLK(gclk));
      \$dff #(.WIDTH(W), .CLK_POLARITY(1'b1)) register (.CLK(gclk), .D(D[i +: W]), .Q(Q[i +: W]));
    end
  endgenerate
endmodule
