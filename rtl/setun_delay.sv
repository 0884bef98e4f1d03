/// Delays a word by Stages cycles (0 = a wire). No reset: the first Stages outputs are undefined.
`default_nettype none

module setun_delay #(
    parameter int unsigned Width = 1,
    parameter int unsigned Stages = 1
) (
    input  wire logic             clk_i,
    input  wire logic [Width-1:0] data_i,
    output logic [Width-1:0]      data_o
);
  if (Stages == 0) begin : gen_wire
    assign data_o = data_i;
    // clk_i is part of the port list whatever the depth.
    logic unused_clk;
    assign unused_clk = clk_i;
  end else begin : gen_stages
    for (genvar i = 0; i < Stages; i++) begin : gen_stage
      logic [Width-1:0] word_q;
      if (i == 0) begin : gen_first
        always_ff @(posedge clk_i) word_q <= data_i;
      end else begin : gen_next
        always_ff @(posedge clk_i) word_q <= gen_stages.gen_stage[i-1].word_q;
      end
    end
    assign data_o = gen_stage[Stages-1].word_q;
  end
endmodule

`default_nettype wire
