// Library cells that techmap files instantiate.
(* blackbox *)
module ICGx1_ASAP7_75t_R (input CLK, input ENA, input SE, output GCLK);
endmodule

(* blackbox *)
module FAx1_ASAP7_75t_R (input A, input B, input CI, output CON, output SN);
endmodule
