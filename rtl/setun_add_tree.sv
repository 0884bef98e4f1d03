/// Pipelined binary adder tree: sum of Inputs signed words plus Inputs single carry bits.
///
/// sum_o = sum_i ($signed(data_i[i]) + carry_i[i]). Each of the Inputs - 1 adders takes one carry bit at its carry-in; the last carry bit
/// is added with the final adder. Element i of a level of n elements is paired with element i + n / 2; an odd one is passed on.
/// A register follows every Cut levels (and the last level): latency ceil(clog2(Inputs) / Cut) cycles, one sum a cycle.
`default_nettype none

module setun_add_tree #(
    parameter int unsigned Inputs = 8,
    parameter int unsigned Width = 8,
    parameter int unsigned Cut = 3,
    parameter int unsigned SumW = 12
) (
    input  wire logic                    clk_i,
    input  wire logic [Inputs*Width-1:0] data_i,
    input  wire logic [Inputs-1:0]       carry_i,
    output logic signed [SumW-1:0]       sum_o
);
  localparam int unsigned Levels = $clog2(Inputs);
  // One guard bit at the root: Inputs carries can lift the sum to Inputs * 2^(Width-1).
  if (SumW < $clog2(Inputs * (1 << (Width - 1)) + 1) + 1) begin : gen_bad_width
    $error("setun_add_tree: SumW is too narrow for the sum");
  end

  for (genvar l = 0; l <= Levels; l++) begin : gen_level
    // Elements, bits of each, and carries still to be added on this level (ceiling division by 2^l).
    localparam int unsigned N = (Inputs + (1 << l) - 1) >> l;
    localparam int unsigned W = (l == Levels) ? SumW : Width + l;
    logic [N*W-1:0] s;  // registered on cut levels
    logic [N-1:0] c;    // N carries are left for the N - 1 adders above, and one

    if (l == Levels) begin : gen_root_carry
      logic unused_carry;  // the root has used them all
      assign unused_carry = ^c;
    end

    if (l == 0) begin : gen_input
      assign s = data_i;
      assign c = carry_i;
    end else begin : gen_add
      localparam int unsigned PrevN = (Inputs + (1 << (l - 1)) - 1) >> (l - 1);
      localparam int unsigned PrevW = Width + l - 1;
      localparam int unsigned Half = PrevN / 2;
      logic [N*W-1:0] sum;
      for (genvar i = 0; i < Half; i++) begin : gen_pair
        logic signed [W-1:0] a, b;
        assign a = W'($signed(gen_level[l-1].s[i*PrevW +: PrevW]));
        assign b = W'($signed(gen_level[l-1].s[(i+Half)*PrevW +: PrevW]));
        if (l == Levels) begin : gen_root
          assign sum[i*W +: W] = a + b + $signed(W'(gen_level[l-1].c[0])) + $signed(W'(gen_level[l-1].c[1]));
        end else begin : gen_node
          // {a, c} + {b, c}: the low bit makes the carry-in, and no logic, for its sum is constant.
          logic [W:0] wide;
          assign wide = {a, gen_level[l-1].c[i]} + {b, gen_level[l-1].c[i]};
          assign sum[i*W +: W] = wide[W:1];
          // Only the carry out of the low bit is of interest.
          logic unused_low;
          assign unused_low = wide[0];
        end
      end
      if (PrevN % 2 != 0) begin : gen_odd
        assign sum[Half*W +: W] = W'($signed(gen_level[l-1].s[(PrevN-1)*PrevW +: PrevW]));
      end
      if (l % Cut == 0 || l == Levels) begin : gen_register
        always_ff @(posedge clk_i) begin
          s <= sum;
          c <= (l == Levels) ? '0 : gen_level[l-1].c[PrevN-1 -: N];
        end
      end else begin : gen_wire
        assign s = sum;
        assign c = gen_level[l-1].c[PrevN-1 -: N];
      end
    end
  end

  assign sum_o = $signed(gen_level[Levels].s);
endmodule

`default_nettype wire
