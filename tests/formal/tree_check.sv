/// setun_add_tree against the sum of its inputs and carries, for every input, one sum a cycle.
///
/// The pipeline has no feedback and its registers start with any value, so that Latency + 1 cycles stand for all time.
`default_nettype none

module tree_check #(
    parameter int unsigned Inputs = 8,
    parameter int unsigned Width = 8,
    parameter int unsigned Cut = 3,
    localparam int unsigned Levels = $clog2(Inputs),
    localparam int unsigned Latency = (Levels + Cut - 1) / Cut,
    localparam int unsigned SumW = Width + Levels + 1
) (
    input wire logic                    clk_i,
    input wire logic [Inputs*Width-1:0] data_i,
    input wire logic [Inputs-1:0]       carry_i
);
  logic signed [SumW-1:0] sum;
  setun_add_tree #(.Inputs(Inputs), .Width(Width), .Cut(Cut), .SumW(SumW)) dut (
      .clk_i  (clk_i),
      .data_i (data_i),
      .carry_i(carry_i),
      .sum_o  (sum)
  );

  // Reference: 32-bit words, folded in the shape of the tree and with its order of carries, which solvers need. Each input and each carry
  // occurs exactly once.
  localparam int unsigned Places = 1 << Levels;
  logic [31:0] term [0:2*Places-1];
  for (genvar i = 0; i < Places; i++) begin : gen_term
    if (i < Inputs) begin : gen_used
      assign term[Places+i] = 32'($signed(data_i[i*Width +: Width]));
    end else begin : gen_unused
      assign term[Places+i] = '0;
    end
  end
  // Node i of a level of n adds elements i and i + ceil(n/2) where it exists.
  for (genvar l = 1; l <= Levels; l++) begin : gen_level
    localparam int unsigned Below = (Inputs + (1 << (l - 1)) - 1) >> (l - 1);
    localparam int unsigned Here = (Inputs + (1 << l) - 1) >> l;
    localparam int unsigned From = 1 << (Levels - l + 1);
    localparam int unsigned To = 1 << (Levels - l);
    for (genvar i = 0; i < To; i++) begin : gen_node
      if (i < Below / 2) begin : gen_add
        assign term[To+i] = term[From+i] + term[From+i+Below/2] + 32'(carry_i[Inputs-Below+i]);
      end else if (i < Here) begin : gen_pass
        assign term[To+i] = term[From+Below-1];
      end else begin : gen_none
        assign term[To+i] = '0;
      end
    end
  end

  logic [31:0] total;
  assign total = term[1] + 32'(carry_i[Inputs-1]);

  logic [32*Latency-1:0] expected_q;  // newest on top
  logic [3:0] age_q = '0;
  always_ff @(posedge clk_i) begin
    expected_q <= (32*Latency)'({total, expected_q} >> 32);
    if (age_q != 4'(Latency)) age_q <= age_q + 1'b1;
    if (age_q == 4'(Latency)) a_sum: assert (32'(sum) == expected_q[31:0]);
    c_negative: cover (age_q == 4'(Latency) && 32'(sum) == 32'd0 - 32'(Inputs << (Width - 1)));
  end
endmodule

`default_nettype wire
