/// Leaf of the engine, adder-tree form: sums of ternary weight x INT8 activation with select-and-invert and carry adders.
///
/// Same function, ports, contract and latency as setun_leaf_planes (see there). Form of the tree: a lane's contribution is
/// (x ^ {8{s}}) & {8{nz}}, that is x, ~x or 0; the missing +1 of every negated lane (-x = ~x + 1) rides on the carry-in of one of the
/// Lanes - 1 adders, so that it costs no logic, and the last one on the final adder. Lane i is paired with lane i + n / 2. Node widths are exact. A
/// register follows every TreeCut levels.
`default_nettype none

module setun_leaf_tree #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TreeCut = 3,
    parameter int unsigned CountNonzero = 1,  // 0: nonzero_o stays 0
    localparam int unsigned B = PortBits / 8,
    localparam int unsigned Lanes = 5 * B,
    localparam int unsigned Latency = 1 + ($clog2(Lanes) + TreeCut - 1) / TreeCut,
    localparam int unsigned SumW = $clog2(Lanes * 128 + 1) + 1,
    localparam int unsigned CountW = $clog2(Ports * Lanes + 1)
) (
    input  wire logic                      clk_i,
    input  wire logic                      rst_ni,
    input  wire logic                      load_i,
    input  wire logic                      load_last_i,
    input  wire logic [2:0]                load_token_i,
    input  wire logic [2:0]                load_group_i,
    input  wire logic [PortBits-1:0]       load_data_i,
    output logic                           fill_busy_o,
    input  wire logic                      swap_i,
    input  wire logic                      valid_i,
    input  wire logic [Ports*PortBits-1:0] beat_i,
    output logic [Ports*Tokens*SumW-1:0]   sum_o,
    output logic [Ports-1:0]               illegal_o,
    output logic [CountW-1:0]              nonzero_o
);
  if (Latency < 3) begin : gen_bad_latency
    $error("setun_leaf_tree: TreeCut leaves fewer than 3 pipeline stages");
  end

  // No tables to fill.
  assign fill_busy_o = 1'b0;
  logic unused_fill;
  assign unused_fill = rst_ni ^ load_last_i;

  // ---- Activations ----
  for (genvar t = 0; t < Tokens; t++) begin : gen_x
    logic [Lanes*8-1:0] shadow_q, chunk_q;
    for (genvar g = 0; g < 5; g++) begin : gen_group
      always_ff @(posedge clk_i) begin
        if (load_i && load_token_i == 3'(t) && load_group_i == 3'(g)) begin
          shadow_q[g*PortBits +: PortBits] <= load_data_i;
        end
      end
    end
    always_ff @(posedge clk_i) begin
      if (swap_i) chunk_q <= shadow_q;
    end
  end

  for (genvar p = 0; p < Ports; p++) begin : gen_port
    // ---- Stage 1: decode ----
    logic [Lanes-1:0] nz, s, nz_q, s_q;
    logic illegal, illegal_q;
    setun_trit_decode #(.PortBits(PortBits)) u_decode (
        .beat_i   (beat_i[p*PortBits +: PortBits]),
        .nz0_o    (nz[0*B +: B]),
        .s0_o     (s[0*B +: B]),
        .nz1_o    (nz[1*B +: B]),
        .s1_o     (s[1*B +: B]),
        .nz2_o    (nz[2*B +: B]),
        .s2_o     (s[2*B +: B]),
        .nz3_o    (nz[3*B +: B]),
        .s3_o     (s[3*B +: B]),
        .nz4_o    (nz[4*B +: B]),
        .s4_o     (s[4*B +: B]),
        .illegal_o(illegal)
    );
    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        nz_q      <= nz;
        s_q       <= s & nz;
        illegal_q <= illegal;
      end
    end
    setun_delay #(.Width(1), .Stages(Latency - 1)) u_delay_illegal (
        .clk_i (clk_i),
        .data_i(illegal_q),
        .data_o(illegal_o[p])
    );

    // ---- Stages 2 and up: select, then one tree a token ----
    for (genvar t = 0; t < Tokens; t++) begin : gen_token
      logic [Lanes*8-1:0] selected;
      for (genvar l = 0; l < Lanes; l++) begin : gen_select
        assign selected[l*8 +: 8] = (gen_x[t].chunk_q[l*8 +: 8] ^ {8{s_q[l]}}) & {8{nz_q[l]}};
      end
      setun_add_tree #(.Inputs(Lanes), .Width(8), .Cut(TreeCut), .SumW(SumW)) u_tree (
          .clk_i  (clk_i),
          .data_i (selected),
          .carry_i(s_q),
          .sum_o  (sum_o[(p*Tokens+t)*SumW +: SumW])
      );
    end
  end

  // ---- Non-zero weights of the beats, for the energy model ----
  if (CountNonzero != 0) begin : gen_count
    logic [Ports*Lanes-1:0] all_nz;
    for (genvar p = 0; p < Ports; p++) begin : gen_port_nz
      assign all_nz[p*Lanes +: Lanes] = gen_port[p].nz_q;
    end
    setun_popcount #(.Inputs(Ports * Lanes), .Stages(Latency - 1), .CountW(CountW)) u_count (
        .clk_i  (clk_i),
        .data_i (all_nz),
        .count_o(nonzero_o)
    );
  end else begin : gen_no_count
    assign nonzero_o = '0;
  end
endmodule

`default_nettype wire
