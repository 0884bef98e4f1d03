/// Comparison unit: FP16 dot product of Lanes pairs (a power of two) with accumulator; Lanes products a cycle.
///
/// Every product and every sum is FP16 and rounded. Lane i is bits [16*i +: 16] of both operands; products are added in a tree in which element i of n is
/// paired with element i + n / 2, and its root to an accumulator. As in setun_fp16_mac, AddStages accumulators take turns, and restart_i puts +0
/// in the place of one. Latency 1 + MulStages + AddStages * (clog2(Lanes) + 1). No reset: outputs are undefined until each accumulator was restarted.
`default_nettype none

module setun_fp16_tree #(
    parameter int unsigned Lanes = 8,
    parameter int unsigned MulStages = 2,
    parameter int unsigned AddStages = 3,
    localparam int unsigned Levels = $clog2(Lanes)
) (
    input  wire logic                clk_i,
    input  wire logic                restart_i,
    input  wire logic [Lanes*16-1:0] a_i,
    input  wire logic [Lanes*16-1:0] b_i,
    output logic [15:0]              sum_o
);
  if (Lanes < 2 || Lanes != (1 << Levels)) begin : gen_bad_lanes
    $error("setun_fp16_tree: Lanes must be a power of two, 2 or more");
  end

  logic [Lanes*16-1:0] operand_a_q, operand_b_q;
  logic operand_restart_q;
  always_ff @(posedge clk_i) begin
    operand_a_q       <= a_i;
    operand_b_q       <= b_i;
    operand_restart_q <= restart_i;
  end

  for (genvar l = 0; l <= Levels; l++) begin : gen_level
    localparam int unsigned N = Lanes >> l;
    logic [N*16-1:0] s;
    for (genvar i = 0; i < N; i++) begin : gen_node
      if (l == 0) begin : gen_mul
        setun_fp16_mul_pipe #(.Stages(MulStages)) u_mul (
            .clk_i    (clk_i),
            .a_i      (operand_a_q[16*i +: 16]),
            .b_i      (operand_b_q[16*i +: 16]),
            .product_o(s[16*i +: 16])
        );
      end else begin : gen_add
        setun_fp16_add_pipe #(.Stages(AddStages)) u_add (
            .clk_i(clk_i),
            .a_i  (gen_level[l-1].s[16*i +: 16]),
            .b_i  (gen_level[l-1].s[16*(i+N) +: 16]),
            .sum_o(s[16*i +: 16])
        );
      end
    end
  end

  logic restart;
  setun_delay #(.Width(1), .Stages(MulStages + AddStages * Levels)) u_restart (
      .clk_i (clk_i),
      .data_i(operand_restart_q),
      .data_o(restart)
  );
  setun_fp16_add_pipe #(.Stages(AddStages)) u_accumulate (
      .clk_i(clk_i),
      .a_i  (gen_level[Levels].s),
      .b_i  (sum_o & {16{~restart}}),
      .sum_o(sum_o)
  );
endmodule

`default_nettype wire
