/// Leaf of the engine, LUT-RAM table form: each byte addresses two small tables of sums of activations.
///
/// Same function, ports, contract and latency as setun_leaf_planes (see there), except that
/// - the shadow chunk is a set of tables, filled after the last word of a load: fill_busy_o is high from the cycle after load_last_i for
///   FillCycles = 32 * FillGroups + 2 cycles. swap_i may come in the first cycle without it: FillCycles + 1 cycles after the last load_i
///   (2 in the other leaves). Hidden when a chunk lasts longer than its load and fill. A load that ends during a fill starts it anew;
/// - sum_o and nonzero_o of a beat with an illegal code mean nothing.
///
/// The T5 code falls apart into weights 4 and 3, given by {esc, b7, b6, b5}, and weights 2 to 0, given by {c4, c3, c2, b1, b0}
/// (docs/memory-format.md, section 1). The former is a table of 16 words as it is. In the latter c4 flips the sign of all weights, up to
/// an exclusive-or of c2 and b0, so that it also needs 16 words, and c4 becomes an inversion in front of the first adder:
///
///   i3 = c3    i2 = c3 ? c2 : c2 ^ c4    i1 = b1    i0 = b1 ? b0 : b0 ^ c4        sum = c4 ? -table[i] : table[i]
///
/// i = 15, and i3 & i2 with c4, are the illegal bytes. Each table has two banks: 32 words, the size of a LUT RAM. -y = ~y + 1, and
/// the +1 rides on carry inputs of the first adders. The number of zeros of a legal byte is 2 esc + (b6 & ~esc) + i1 + i3 + (i3 & i2).
`default_nettype none

module setun_leaf_table_lut #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned Ports = 1,
    parameter int unsigned Tokens = 1,
    parameter int unsigned TreeCut = 3,  // only sets the latency
    parameter int unsigned FillGroups = 8,
    parameter int unsigned Radix = 3,
    parameter int unsigned CountNonzero = 1,  // 0: nonzero_o stays 0
    parameter int unsigned Ram32m16 = 0,      // of setun_lut_rams
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
    $error("setun_leaf_table_lut: TreeCut leaves fewer than 3 pipeline stages");
  end
  localparam int unsigned EntryW = 10;  // |entry| <= 3 * 128
  localparam int unsigned NodeW = 11;
  localparam int unsigned MAX_NODE = 7 * 128;
  localparam int unsigned RamBytes = (FillGroups < 4) ? 4 : FillGroups;  // of setun_table_fill
  localparam int unsigned ReadBytes = RamBytes / FillGroups;
  localparam int unsigned Generators = B / FillGroups;  // of a token
  localparam int unsigned LineW = Tokens * EntryW;  // what a byte of a port reads

  // ---- Current bank ----
  logic bank_q, bank;
  assign bank = bank_q ^ swap_i;
  always_ff @(posedge clk_i) bank_q <= rst_ni && bank;

  // ---- Fill of the shadow bank ----
  logic walk_clear, walk_subtract, write, write_low;
  logic [2:0] walk_sub, walk_lane, write_sub;
  logic [3:0] write_entry;
  setun_table_walk_parts #(.FillGroups(FillGroups)) u_walk (
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
      .low_o      (write_low),
      .entry_o    (write_entry)
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

  // ---- Tables. Those whose generators stand at the same group are written together, in all ports and tokens. ----
  logic [Ports*B*5-1:0] high_address, low_address;
  logic [Generators*LineW-1:0] lines;
  for (genvar g = 0; g < Generators; g++) begin : gen_line
    for (genvar t = 0; t < Tokens; t++) begin : gen_token
      assign lines[g*LineW+t*EntryW +: EntryW] = gen_fill[t].sums[g*EntryW +: EntryW];
    end
  end
  for (genvar s = 0; s < FillGroups; s++) begin : gen_sub
    logic [Ports*Generators*LineW-1:0] high, low;
    logic [Ports*Generators*5-1:0] high_here, low_here;
    for (genvar g = 0; g < Ports * Generators; g++) begin : gen_address
      localparam int unsigned Byte = g / Generators * B + g % Generators / ReadBytes * RamBytes + s * ReadBytes + g % ReadBytes;
      assign high_here[g*5 +: 5] = high_address[Byte*5 +: 5];
      assign low_here[g*5 +: 5]  = low_address[Byte*5 +: 5];
    end
    logic write_here;
    assign write_here = write && write_sub == 3'(s);
    setun_lut_rams #(.Rams(Ports * Generators), .Width(LineW), .Ram32m16(Ram32m16)) u_high (
        .clk_i  (clk_i),
        .write_i(write_here && !write_low),
        .waddr_i({~bank_q, write_entry}),
        .wdata_i({Ports{lines}}),
        .raddr_i(high_here),
        .rdata_o(high)
    );
    setun_lut_rams #(.Rams(Ports * Generators), .Width(LineW), .Ram32m16(Ram32m16)) u_low (
        .clk_i  (clk_i),
        .write_i(write_here && write_low),
        .waddr_i({~bank_q, write_entry}),
        .wdata_i({Ports{lines}}),
        .raddr_i(low_here),
        .rdata_o(low)
    );
  end

  // ---- Stage 1: addresses; stage 2: tables and the first adders; then one tree a port and token ----
  for (genvar p = 0; p < Ports; p++) begin : gen_port
    logic [B-1:0] b0, b1, b2, b3, b4, b5, b6, b7;
    // Kept, so that i2 and i0 are made of them, three inputs each, and not of six bits of the byte each.
    logic [B-1:0] esc;
    (* keep *) logic [B-1:0] c2, c3, c4;
    assign {b7, b6, b5, b4, b3, b2, b1, b0} = beat_i[p*PortBits +: PortBits];
    assign esc = b4 & b3 & b2;
    assign c4  = (esc & b7) | (~esc & b4);
    assign c3  = (esc & b6) | (~esc & b3);
    assign c2  = (esc & b5) | (~esc & b2);

    logic [B-1:0] esc_q, b7_q, b6_q, b5_q, i3_q, i2_q, i1_q, i0_q, minus_q, illegals;
    logic bank1_q;
    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        esc_q   <= esc;
        b7_q    <= b7;
        b6_q    <= b6;
        b5_q    <= b5;
        i3_q    <= c3;
        i2_q    <= c2 ^ (c4 & ~c3);
        i1_q    <= b1;
        i0_q    <= b0 ^ (c4 & ~b1);
        minus_q <= c4;
      end
      bank1_q <= bank;
    end
    assign illegals = i3_q & i2_q & (minus_q | (i1_q & i0_q));
    for (genvar i = 0; i < B; i++) begin : gen_address
      assign high_address[(p*B+i)*5 +: 5] = {bank1_q, esc_q[i], b7_q[i], b6_q[i], b5_q[i]};
      assign low_address[(p*B+i)*5 +: 5]  = {bank1_q, i3_q[i], i2_q[i], i1_q[i], i0_q[i]};
    end

    for (genvar i = 0; i < B; i++) begin : gen_group
      localparam int unsigned Ram = p * Generators + i / RamBytes * ReadBytes + i % ReadBytes;
      logic [LineW-1:0] high_line, low_line;
      assign high_line = gen_sub[i%RamBytes/ReadBytes].high[Ram*LineW +: LineW];
      assign low_line  = gen_sub[i%RamBytes/ReadBytes].low[Ram*LineW +: LineW];
    end

    for (genvar t = 0; t < Tokens; t++) begin : gen_token
      logic [B*EntryW-1:0] high, low;  // entries, low ones inverted where they are negative
      for (genvar i = 0; i < B; i++) begin : gen_entry
        assign high[i*EntryW +: EntryW] = gen_group[i].high_line[t*EntryW +: EntryW];
        assign low[i*EntryW +: EntryW]  = gen_group[i].low_line[t*EntryW +: EntryW] ^ {EntryW{minus_q[i]}};
      end

      // Half of the low entries go with two high ones each, the other half with each other: no adder has more than three words,
      // and in one of three only one can be inverted, so that a bit and its carry fit one LUT6_2.
      logic [(B/2+B/4)*NodeW-1:0] nodes_q;
      for (genvar i = 0; i < B / 2; i++) begin : gen_three
        logic [NodeW-1:0] x, y, z, half, carry;
        logic [NodeW:0] wide;
        assign x = NodeW'($signed(high[i*EntryW +: EntryW]));
        assign y = NodeW'($signed(high[(i+B/2)*EntryW +: EntryW]));
        assign z = NodeW'($signed(low[i*EntryW +: EntryW]));
        assign half  = x ^ y ^ z;
        assign carry = (x & y) | (x & z) | (y & z);
        // The carries' empty low bit and the carry-in take two of the missing +1.
        assign wide  = {half, minus_q[B/2+i]} + {carry[NodeW-2:0], minus_q[i], minus_q[B/2+i]};
        always_ff @(posedge clk_i) nodes_q[i*NodeW +: NodeW] <= wide[NodeW:1];
        logic unused_ends;
        assign unused_ends = wide[0] ^ carry[NodeW-1];
      end
      for (genvar i = 0; i < B / 4; i++) begin : gen_two
        logic [NodeW-1:0] y, z;
        assign y = NodeW'($signed(low[(B/2+i)*EntryW +: EntryW]));
        assign z = NodeW'($signed(low[(B/2+B/4+i)*EntryW +: EntryW]));
        always_ff @(posedge clk_i) nodes_q[(B/2+i)*NodeW +: NodeW] <= y + z;
      end
      setun_sum_tree #(
          .Inputs(B / 2 + B / 4), .Width(NodeW), .Max(MAX_NODE), .Radix(Radix), .Stages(Latency - 2), .SumW(SumW)
      ) u_tree (
          .clk_i (clk_i),
          .data_i(nodes_q),
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
    for (genvar p = 0; p < Ports; p++) begin : gen_port_count
      for (genvar i = 0; i < B; i++) begin : gen_byte
        logic pair_zero, low, carry, carry_more, both_zero;
        assign both_zero  = gen_port[p].esc_q[i];
        assign pair_zero  = gen_port[p].b6_q[i] & ~both_zero;
        assign low        = pair_zero ^ gen_port[p].i3_q[i] ^ gen_port[p].i1_q[i];
        assign carry      = (gen_port[p].i3_q[i] & gen_port[p].i1_q[i]) | (pair_zero & (gen_port[p].i3_q[i] | gen_port[p].i1_q[i]));
        assign carry_more = low & gen_port[p].i3_q[i] & gen_port[p].i2_q[i];
        // 5 - zeros, with zeros = 2 (both_zero + carry + carry_more) + the low bit, and at most two of these three set
        assign counts[(p*B+i)*3 +: 3] = {~(both_zero | carry | carry_more), both_zero ^ carry ^ carry_more,
                                         ~(low ^ (gen_port[p].i3_q[i] & gen_port[p].i2_q[i]))};
      end
    end
    setun_sum_tree #(
        .Inputs(Ports * B), .Width(3), .Max(5), .Signed(1'b0), .Radix(Radix), .Stages(Latency - 1), .SumW(CountW)
    ) u_count (
        .clk_i (clk_i),
        .data_i(counts),
        .sum_o (nonzero_o)
    );
  end else begin : gen_no_count
    assign nonzero_o = '0;
  end
endmodule

`default_nettype wire
