/// Leaf of the engine, bit-plane form: sums of ternary weight x INT8 activation by population counts.
///
/// For every port and token: sum over all lanes of w * x, with w in {-1, 0, +1} decoded from the port's beat and x from the
/// activation chunk. With s the sign mask, nz the non-zero mask and X_b bit b of all activations (two's complement),
///
///   sum = count(nz & s) + sum_{b=0..6} 2^b count((X_b ^ s) & nz) - 2^7 count((X_7 ^ s) & nz)      because -x = ~x + 1
///
/// This is the form that simulates fastest; setun_leaf_tree, setun_leaf_table_lut and setun_leaf_table_bram compute the same with fewer
/// LUTs. All share one port list and one contract:
/// - Activations are double-buffered. load_i writes B activations (the bytes of load_data_i) of token load_token_i into lanes
///   load_group_i * B and up of the shadow chunk. swap_i makes the shadow chunk current, beginning with the beat given in the same
///   cycle; it may come two cycles after the last load_i at the earliest, and not while fill_busy_o is high. load_last_i marks the last
///   word of a chunk. fill_busy_o and rst_ni are for forms that fill tables; after a reset the current chunk is undefined there.
/// - sum_o, nonzero_o and illegal_o belong to the beat given Latency cycles earlier. One beat a cycle.
/// - Validity is the caller's business: outputs mean nothing for cycles without valid_i, and sums and counts mean nothing for beats with
///   an illegal code. Data has no reset: every register is written before its value is used.
`default_nettype none

module setun_leaf_planes #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TreeCut = 3,  // only sets the latency, to be that of setun_leaf_tree
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
    $error("setun_leaf_planes: TreeCut leaves fewer than 3 pipeline stages");
  end

  // No tables to fill.
  assign fill_busy_o = 1'b0;
  logic unused_fill;
  assign unused_fill = rst_ni ^ load_last_i;

  localparam int unsigned Delay = Latency - 3;  // stages after the third

  // ---- Activations, transposed to bit planes on their way into the shadow chunk ----
  logic [PortBits-1:0] load_planes_q;  // bit b of activation i at b * B + i
  logic load_q;
  logic [2:0] load_token_q, load_group_q;

  always_ff @(posedge clk_i) begin
    load_q <= load_i;
    if (load_i) begin
      load_token_q <= load_token_i;
      load_group_q <= load_group_i;
      for (int unsigned b = 0; b < 8; b++) begin
        for (int unsigned i = 0; i < B; i++) begin
          load_planes_q[b*B+i] <= load_data_i[i*8+b];
        end
      end
    end
  end

  for (genvar t = 0; t < Tokens; t++) begin : gen_x
    for (genvar g = 0; g < 5; g++) begin : gen_group
      // One scalar register per plane: Verilator updates these far faster than elements of one array.
      logic [B-1:0] s0, s1, s2, s3, s4, s5, s6, s7;
      logic [B-1:0] x0, x1, x2, x3, x4, x5, x6, x7;
      always_ff @(posedge clk_i) begin
        if (load_q && load_token_q == 3'(t) && load_group_q == 3'(g)) begin
          s0 <= load_planes_q[0*B +: B];
          s1 <= load_planes_q[1*B +: B];
          s2 <= load_planes_q[2*B +: B];
          s3 <= load_planes_q[3*B +: B];
          s4 <= load_planes_q[4*B +: B];
          s5 <= load_planes_q[5*B +: B];
          s6 <= load_planes_q[6*B +: B];
          s7 <= load_planes_q[7*B +: B];
        end
      end
      always_ff @(posedge clk_i) begin
        if (swap_i) begin
          x0 <= s0;
          x1 <= s1;
          x2 <= s2;
          x3 <= s3;
          x4 <= s4;
          x5 <= s5;
          x6 <= s6;
          x7 <= s7;
        end
      end
    end
  end

  // ---- Stage 1: decode; stage 2: one sum a group of B lanes; stage 3: their total ----
  logic valid1_q, valid2_q;
  always_ff @(posedge clk_i) begin
    valid1_q <= valid_i;
    valid2_q <= valid1_q;
  end

  for (genvar p = 0; p < Ports; p++) begin : gen_port
    logic [B-1:0] nz [0:4];
    logic [B-1:0] s [0:4];
    logic illegal, illegal1_q, illegal2_q, illegal3_q;
    setun_trit_decode #(.PortBits(PortBits)) u_decode (
        .beat_i   (beat_i[p*PortBits +: PortBits]),
        .nz0_o(nz[0]),
        .s0_o(s[0]),
        .nz1_o(nz[1]),
        .s1_o(s[1]),
        .nz2_o(nz[2]),
        .s2_o(s[2]),
        .nz3_o(nz[3]),
        .s3_o(s[3]),
        .nz4_o(nz[4]),
        .s4_o(s[4]),
        .illegal_o(illegal)
    );
    always_ff @(posedge clk_i) begin
      illegal1_q <= illegal;
      illegal2_q <= illegal1_q;
      illegal3_q <= illegal2_q;
    end

    for (genvar g = 0; g < 5; g++) begin : gen_group
      logic [B-1:0] nz_q, s_q;
      logic [$clog2(B+1)-1:0] negatives;
      always_ff @(posedge clk_i) begin
        if (valid_i) begin
          nz_q <= nz[g];
          s_q  <= s[g];
        end
      end
      if (CountNonzero != 0) begin : gen_count
        logic [$clog2(B+1)-1:0] count_q;
        always_ff @(posedge clk_i) begin
          if (valid1_q) count_q <= ($clog2(B + 1))'($countones(nz_q));
        end
      end
      assign negatives = ($clog2(B + 1))'($countones(nz_q & s_q));

      for (genvar t = 0; t < Tokens; t++) begin : gen_token
        logic signed [SumW-1:0] part_q;
        always_ff @(posedge clk_i) begin
          if (valid1_q) begin
            part_q <= SumW'(negatives)
                + SumW'($countones((gen_x[t].gen_group[g].x0 ^ s_q) & nz_q))
                + (SumW'($countones((gen_x[t].gen_group[g].x1 ^ s_q) & nz_q)) << 1)
                + (SumW'($countones((gen_x[t].gen_group[g].x2 ^ s_q) & nz_q)) << 2)
                + (SumW'($countones((gen_x[t].gen_group[g].x3 ^ s_q) & nz_q)) << 3)
                + (SumW'($countones((gen_x[t].gen_group[g].x4 ^ s_q) & nz_q)) << 4)
                + (SumW'($countones((gen_x[t].gen_group[g].x5 ^ s_q) & nz_q)) << 5)
                + (SumW'($countones((gen_x[t].gen_group[g].x6 ^ s_q) & nz_q)) << 6)
                - (SumW'($countones((gen_x[t].gen_group[g].x7 ^ s_q) & nz_q)) << 7);
          end
        end
      end
    end

    for (genvar t = 0; t < Tokens; t++) begin : gen_sum
      logic signed [SumW-1:0] total_q;
      always_ff @(posedge clk_i) begin
        if (valid2_q) begin
          total_q <= gen_group[0].gen_token[t].part_q + gen_group[1].gen_token[t].part_q
              + gen_group[2].gen_token[t].part_q + gen_group[3].gen_token[t].part_q
              + gen_group[4].gen_token[t].part_q;
        end
      end
      setun_delay #(.Width(SumW), .Stages(Delay)) u_delay (
          .clk_i(clk_i),
          .data_i(total_q),
          .data_o(sum_o[(p*Tokens+t)*SumW +: SumW])
      );
    end
    setun_delay #(.Width(1), .Stages(Delay)) u_delay_illegal (
        .clk_i(clk_i),
        .data_i(illegal3_q),
        .data_o(illegal_o[p])
    );
  end

  // ---- Non-zero weights of the beats, for the energy model ----
  if (CountNonzero != 0) begin : gen_count
    logic [CountW-1:0] count, count3_q;
    logic [CountW-1:0] port_count [0:Ports-1];
    for (genvar p = 0; p < Ports; p++) begin : gen_port_count
      assign port_count[p] = CountW'(gen_port[p].gen_group[0].gen_count.count_q)
          + CountW'(gen_port[p].gen_group[1].gen_count.count_q) + CountW'(gen_port[p].gen_group[2].gen_count.count_q)
          + CountW'(gen_port[p].gen_group[3].gen_count.count_q) + CountW'(gen_port[p].gen_group[4].gen_count.count_q);
    end
    always_comb begin
      count = '0;
      for (int unsigned p = 0; p < Ports; p++) count = count + port_count[p];
    end
    always_ff @(posedge clk_i) begin
      if (valid2_q) count3_q <= count;
    end
    setun_delay #(.Width(CountW), .Stages(Delay)) u_delay_count (
        .clk_i(clk_i),
        .data_i(count3_q),
        .data_o(nonzero_o)
    );
  end else begin : gen_no_count
    assign nonzero_o = '0;
  end
endmodule

`default_nettype wire
