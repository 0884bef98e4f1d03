/// Pipelined sum of Inputs words, up to Radix of them in each node, spread over Stages cycles.
///
/// sum_o is the sum of the Width-bit words of data_i given Stages cycles earlier; one sum a cycle. Words are signed and |word| <= Max, or
/// (Signed = 0) unsigned and word <= Max: every node is just wide enough for Max times the words below it. Nodes of Radix = 3 are a
/// row of full adders before the carry adder, which fits one LUT6_2 a bit where the chip has them; Radix = 2 is the
/// smaller form elsewhere. Word i of a level is added to words i + n, i + 2n, with n nodes in the next level.
`default_nettype none

module setun_sum_tree #(
    parameter int unsigned Inputs = 16,
    parameter int unsigned Width = 11,
    parameter int unsigned Max = 640,
    parameter bit Signed = 1'b1,
    parameter int unsigned Radix = 3,
    parameter int unsigned Stages = 3,
    parameter int unsigned SumW = 15
) (
    input  wire logic                    clk_i,
    input  wire logic [Inputs*Width-1:0] data_i,
    output logic [SumW-1:0]              sum_o
);
  localparam int unsigned Levels = (Radix == 2) ? $clog2(Inputs)
      : (Inputs <= 3) ? 1 : (Inputs <= 9) ? 2 : (Inputs <= 27) ? 3 : (Inputs <= 81) ? 4 : (Inputs <= 243) ? 5 : 6;
  localparam int unsigned SignBit = Signed ? 1 : 0;
  if (Radix != 2 && Radix != 3) begin : gen_bad_radix
    $error("setun_sum_tree: Radix must be 2 or 3");
  end
  if (Inputs < 2 || Inputs > 729) begin : gen_bad_inputs
    $error("setun_sum_tree: Inputs must be 2 to 729");
  end
  if (SumW < $clog2(Max * Inputs + 1) + SignBit) begin : gen_bad_width
    $error("setun_sum_tree: SumW is too narrow for the sum");
  end

  for (genvar l = 0; l <= Levels; l++) begin : gen_level
    localparam int unsigned Span = Radix ** l;  // inputs below a node
    localparam int unsigned N = (Inputs + Span - 1) / Span;
    localparam int unsigned Most = Max * ((Span < Inputs) ? Span : Inputs);
    localparam int unsigned W = (l == 0) ? Width : (l == Levels) ? SumW : $clog2(Most + 1) + SignBit;
    logic [N*W-1:0] s;
    if (l == 0) begin : gen_input
      assign s = data_i;
    end else begin : gen_add
      localparam int unsigned PrevN = (Inputs + Span / Radix - 1) / (Span / Radix);
      localparam int unsigned PrevMost = Max * ((Span / Radix < Inputs) ? Span / Radix : Inputs);
      localparam int unsigned PrevW = (l == 1) ? Width : $clog2(PrevMost + 1) + SignBit;
      logic [N*W-1:0] sum;
      for (genvar i = 0; i < N; i++) begin : gen_node
        logic [PrevW-1:0] word_a;
        logic [W-1:0] a;
        assign word_a = gen_level[l-1].s[i*PrevW +: PrevW];
        assign a = Signed ? W'($signed(word_a)) : W'(word_a);
        if (i + N < PrevN) begin : gen_b
          logic [PrevW-1:0] word_b;
          logic [W-1:0] b;
          assign word_b = gen_level[l-1].s[(i+N)*PrevW +: PrevW];
          assign b = Signed ? W'($signed(word_b)) : W'(word_b);
          if (i + 2 * N < PrevN) begin : gen_c
            logic [PrevW-1:0] word_c;
            logic [W-1:0] c;
            assign word_c = gen_level[l-1].s[(i+2*N)*PrevW +: PrevW];
            assign c = Signed ? W'($signed(word_c)) : W'(word_c);
            assign sum[i*W +: W] = a + b + c;
          end else begin : gen_two
            assign sum[i*W +: W] = a + b;
          end
        end else begin : gen_one
          assign sum[i*W +: W] = a;
        end
      end
      // Registers after this level: the stages are spread evenly.
      setun_delay #(.Width(N * W), .Stages(l * Stages / Levels - (l - 1) * Stages / Levels)) u_stage (
          .clk_i (clk_i),
          .data_i(sum),
          .data_o(s)
      );
    end
  end

  assign sum_o = gen_level[Levels].s;
endmodule

`default_nettype wire
