// Full adders of carry-save arrays become the library's full-adder cell, whose outputs are inverted.
(* techmap_celltype = "$fa" *)
module full_adders (A, B, C, X, Y);
  parameter WIDTH = 1;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  wire [WIDTH-1:0] con, sn;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bit
      FAx1_ASAP7_75t_R cell_i (.A(A[i]), .B(B[i]), .CI(C[i]), .CON(con[i]), .SN(sn[i]));
    end
  endgenerate
  assign X = ~con;
  assign Y = ~sn;
endmodule
