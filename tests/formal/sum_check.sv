/// setun_sum_tree against the plain sum of its words and setun_popcount against the plain sum of its bits, for every input, at small sizes:
/// with nodes that are not full, stages before and after levels and none, both radices, signed and unsigned.
///
/// The pipelines have no feedback and their registers start with any value, so that one cycle more than the latency stands for all time.
`default_nettype none

module sum_size #(
    parameter int unsigned Inputs = 7,
    parameter bit Signed = 1'b1,
    parameter int unsigned Radix = 3,
    parameter int unsigned Stages = 1
) (
    input wire logic                clk_i,
    input wire logic [Inputs*2-1:0] data_i
);
  localparam int unsigned Max = 2;  // signed: -2 to 1; unsigned: 0 to 2
  localparam int unsigned SumW = $clog2(Max * Inputs + 1) + (Signed ? 1 : 0);
  logic [SumW-1:0] sum;
  setun_sum_tree #(.Inputs(Inputs), .Width(2), .Max(Max), .Signed(Signed), .Radix(Radix), .Stages(Stages), .SumW(SumW)) dut (
      .clk_i (clk_i),
      .data_i(data_i),
      .sum_o (sum)
  );
  logic [7:0] total;
  logic in_range;
  always_comb begin
    total    = '0;
    in_range = 1'b1;
    for (int unsigned i = 0; i < Inputs; i++) begin
      total = total + (Signed ? 8'($signed(data_i[i*2 +: 2])) : 8'(data_i[i*2 +: 2]));
      if (!Signed && data_i[i*2 +: 2] == 2'd3) in_range = 1'b0;
    end
  end
  logic [9*(Stages+1)-1:0] pipe;  // {in range, sum}, newest on top
  logic [2:0] age_q = '0;
  assign pipe[9*Stages +: 9] = {in_range, total};
  for (genvar i = 0; i < Stages; i++) begin : gen_pipe
    always_ff @(posedge clk_i) pipe[9*i +: 9] <= pipe[9*(i+1) +: 9];
  end
  always_ff @(posedge clk_i) begin
    if (age_q != 3'(Stages)) age_q <= age_q + 1'b1;
    if (age_q == 3'(Stages) && pipe[8]) begin
      a_sum: assert ((Signed ? 8'($signed(sum)) : 8'(sum)) == pipe[7:0]);
    end
  end
  if (Inputs == 7 && Signed) begin : gen_cover
    always_ff @(posedge clk_i) c_least: cover (age_q == 3'(Stages) && pipe == {(Stages + 1){9'h1F2}});  // -14 in every stage
  end
endmodule

// Sizes 2 to 7, each with another number of stages from 0 to 3.
module sum_check (
    input wire logic        clk_i,
    input wire logic [13:0] data_i
);
  for (genvar n = 2; n <= 7; n++) begin : gen_size
    for (genvar kind = 0; kind < 4; kind++) begin : gen_kind
      sum_size #(.Inputs(n), .Signed(kind % 2 == 1), .Radix(2 + kind / 2), .Stages((n + kind) % 4)) u_size (
          .clk_i (clk_i),
          .data_i(data_i[n*2-1:0])
      );
    end
  end
endmodule

`default_nettype wire
