/// Leaf of the engine, block-RAM table form: the packed byte itself addresses a table of the 256 sums that five activations can give.
///
/// Same function, ports, contract and latency as setun_leaf_planes (see there), except that
/// - the shadow chunk is a set of tables, filled after the last word of a load: fill_busy_o is high from the cycle after load_last_i for
///   FillCycles = 256 * FillGroups + 2 cycles. swap_i may come in the first cycle without it: FillCycles + 1 cycles after the last load_i
///   (2 in the other leaves). Hidden when a chunk lasts longer than its load and fill. A load that ends during a fill starts it anew;
/// - sum_o and nonzero_o of a beat with an illegal code mean nothing.
///
/// One table a group of five lanes (t * B + i, t = 0..4), port and token: 512 words, half of them shadow. An entry holds the sum, and for the first
/// token the number of non-zero weights and whether the byte is illegal, so that nothing is decoded. One walk drives all generators;
/// one generator serves FillGroups groups of a token. More of them fill faster and need more LUTs.
`default_nettype none

module setun_leaf_table_bram #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TreeCut = 3,  // only sets the latency
    parameter int unsigned FillGroups = 2,
    parameter int unsigned Radix = 3,
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
    $error("setun_leaf_table_bram: TreeCut leaves fewer than 3 pipeline stages");
  end
  localparam int unsigned MAX_ENTRY = 5 * 128;
  localparam int unsigned EntryW = 11;
  localparam int unsigned RamBytes = (FillGroups < 4) ? 4 : FillGroups;  // of setun_table_fill
  localparam int unsigned ReadBytes = RamBytes / FillGroups;

  // ---- Current bank ----
  logic bank_q, bank;
  assign bank = bank_q ^ swap_i;
  always_ff @(posedge clk_i) bank_q <= rst_ni && bank;

  // ---- Fill of the shadow bank ----
  logic walk_clear, walk_subtract, write, write_illegal;
  logic [2:0] walk_sub, walk_lane, write_sub, write_count;
  logic [7:0] write_byte;
  setun_table_walk_byte #(.FillGroups(FillGroups)) u_walk (
      .clk_i      (clk_i),
      .rst_ni     (rst_ni),
      .start_i    (load_i && load_last_i),
      .busy_o     (fill_busy_o),
      .sub_o      (walk_sub),
      .lane_o     (walk_lane),
      .clear_o    (walk_clear),
      .subtract_o (walk_subtract),
      .write_o    (write),
      .write_sub_o(write_sub),
      .byte_o     (write_byte),
      .count_o    (write_count),
      .illegal_o  (write_illegal)
  );

  for (genvar t = 0; t < Tokens; t++) begin : gen_fill
    logic [B/FillGroups*EntryW-1:0] sums;
    setun_table_fill #(.PortBits(PortBits), .FillGroups(FillGroups), .SumW(EntryW)) u_fill (
        .clk_i       (clk_i),
        .load_i      (load_i && load_token_i == 3'(t)),
        .load_group_i(load_group_i),
        .load_data_i (load_data_i),
        .sub_i       (walk_sub),
        .lane_i      (walk_lane),
        .clear_i     (walk_clear),
        .subtract_i  (walk_subtract),
        .sum_o       (sums)
    );
  end

  // ---- Tables: read in the first stage; then one tree a port and token ----
  for (genvar p = 0; p < Ports; p++) begin : gen_port
    logic [B-1:0] illegals;
    for (genvar t = 0; t < Tokens; t++) begin : gen_token
      localparam int unsigned FlagW = (t != 0) ? 0 : (CountNonzero != 0) ? 4 : 1;
      logic [B*EntryW-1:0] entries;
      for (genvar i = 0; i < B; i++) begin : gen_group
        localparam int unsigned Sub = i % RamBytes / ReadBytes;
        localparam int unsigned Generator = i / RamBytes * ReadBytes + i % ReadBytes;
        logic [7:0] code;
        logic [FlagW+EntryW-1:0] wdata, rdata;
        for (genvar j = 0; j < 8; j++) begin : gen_bit
          assign code[j] = beat_i[p*PortBits+j*B+i];
        end
        if (t == 0) begin : gen_flags
          assign wdata[EntryW:0] = {write_illegal, gen_fill[t].sums[Generator*EntryW +: EntryW]};
          assign illegals[i] = rdata[EntryW];
          if (CountNonzero != 0) begin : gen_count
            assign wdata[EntryW+1 +: 3] = write_count;
          end
        end else begin : gen_sum_only
          assign wdata = gen_fill[t].sums[Generator*EntryW +: EntryW];
        end
        assign entries[i*EntryW +: EntryW] = rdata[EntryW-1:0];
        setun_ram #(.Width(FlagW + EntryW), .Depth(512)) u_table (
            .clk_i  (clk_i),
            .write_i(write && write_sub == 3'(Sub)),
            .waddr_i({~bank_q, write_byte}),
            .wdata_i(wdata),
            .read_i (valid_i),
            .raddr_i({bank, code}),
            .rdata_o(rdata)
        );
      end
      setun_sum_tree #(
          .Inputs(B), .Width(EntryW), .Max(MAX_ENTRY), .Radix(Radix), .Stages(Latency - 1), .SumW(SumW)
      ) u_tree (
          .clk_i (clk_i),
          .data_i(entries),
          .sum_o (sum_o[(p*Tokens+t)*SumW +: SumW])
      );
    end
    logic illegal2_q;
    always_ff @(posedge clk_i) illegal2_q <= illegals != '0;
    setun_delay #(.Width(1), .Stages(Latency - 2)) u_delay_illegal (
        .clk_i (clk_i),
        .data_i(illegal2_q),
        .data_o(illegal_o[p])
    );
  end

  // ---- Non-zero weights of the beats, for the energy model ----
  if (CountNonzero != 0) begin : gen_count
    logic [Ports*B*3-1:0] counts;
    for (genvar i = 0; i < Ports * B; i++) begin : gen_byte
      assign counts[i*3 +: 3] = gen_port[i/B].gen_token[0].gen_group[i%B].rdata[EntryW+1 +: 3];
    end
    setun_sum_tree #(
        .Inputs(Ports * B), .Width(3), .Max(5), .Signed(1'b0), .Radix(Radix), .Stages(Latency - 1), .SumW(CountW)
    ) u_count (
        .clk_i (clk_i),
        .data_i(counts),
        .sum_o (nonzero_o)
    );
  end else begin : gen_no_count
    logic unused_count;
    assign unused_count = ^write_count;
    assign nonzero_o = '0;
  end
endmodule

`default_nettype wire
