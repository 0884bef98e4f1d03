/// Computes the entries of activation tables: keeps the loaded activations and adds them up, one step a cycle.
///
/// B groups of five lanes (lanes t * B + i, t = 0..4, belong to group i). One generator serves FillGroups groups, one after the other. In each step
/// a generator adds activation `lane` of its group to its sum, or subtracts it, or clears the sum; a walk (setun_table_walk_byte,
/// setun_table_walk_parts) says which. Timing, for a step given in cycle n: the activation is read at the end of n, added at the end of
/// n + 1, and stands in sum_o in cycle n + 2.
/// The activations wait in a RAM with wide writes and narrow reads, so that no multiplexer is needed: word of RAM r holds groups RamBytes * r and up.
`default_nettype none

module setun_table_fill #(
    parameter int unsigned PortBits = 512,
    parameter int unsigned FillGroups = 2,
    parameter int unsigned SumW = 11,
    localparam int unsigned B = PortBits / 8,
    localparam int unsigned SubW = 3
) (
    input  wire logic                         clk_i,
    input  wire logic                         load_i,
    input  wire logic [2:0]                   load_group_i,  // the lane t of each group
    input  wire logic [PortBits-1:0]          load_data_i,

    input  wire logic [SubW-1:0]              sub_i,   // group within each generator's groups
    input  wire logic [2:0]                   lane_i,
    input  wire logic                         clear_i,
    input  wire logic                         subtract_i,
    output logic [B*SumW/FillGroups-1:0]      sum_o    // of generator g at g * SumW
);
  if (FillGroups != 1 && FillGroups != 2 && FillGroups != 4 && FillGroups != 8) begin : gen_bad_groups
    $error("setun_table_fill: FillGroups must be 1, 2, 4 or 8");
  end
  localparam int unsigned Log = $clog2(FillGroups);
  localparam int unsigned RamBytes = (FillGroups < 4) ? 4 : FillGroups;
  localparam int unsigned ReadBytes = RamBytes / FillGroups;
  localparam int unsigned Addresses = 8 * FillGroups;
  localparam int unsigned AddressW = $clog2(Addresses);

  logic clear_q, subtract_q;
  always_ff @(posedge clk_i) begin
    clear_q    <= clear_i;
    subtract_q <= subtract_i;
  end

  logic [AddressW-1:0] address;
  if (Log == 0) begin : gen_lane_only
    assign address = lane_i;
  end else begin : gen_lane_and_sub
    assign address = {lane_i, sub_i[Log-1:0]};
  end
  logic unused_sub;  // depends on FillGroups
  assign unused_sub = ^sub_i;

  for (genvar r = 0; r < B / RamBytes; r++) begin : gen_ram
    (* ram_style = "block" *) logic [ReadBytes*8-1:0] mem [0:Addresses-1];
    logic [ReadBytes*8-1:0] x_q;
    always_ff @(posedge clk_i) x_q <= mem[address];
    if (Log == 0) begin : gen_write
      always_ff @(posedge clk_i) begin
        if (load_i) mem[load_group_i] <= load_data_i[r*RamBytes*8 +: RamBytes*8];
      end
    end else begin : gen_wide_write
      // Addresses that differ in constant low bits: synthesis makes them one wide port.
      always_ff @(posedge clk_i) begin
        if (load_i) begin
          for (int unsigned k = 0; k < FillGroups; k++) begin
            mem[{load_group_i, k[Log-1:0]}] <= load_data_i[(r*RamBytes+k*ReadBytes)*8 +: ReadBytes*8];
          end
        end
      end
    end
    for (genvar e = 0; e < ReadBytes; e++) begin : gen_generator
      logic [SumW-1:0] x, sum_q;
      logic [SumW:0] wide;
      assign x    = SumW'($signed(x_q[e*8 +: 8])) ^ {SumW{~subtract_q}};
      // sum + x = sum - ~x - 1; the low bit makes the borrow-in. Written as a difference, whose first operand needs no logic
      // in front of the carry chain.
      assign wide = {sum_q, subtract_q} - {x, ~subtract_q};
      always_ff @(posedge clk_i) sum_q <= clear_q ? '0 : wide[SumW:1];
      logic unused_low;  // only its borrow is of interest
      assign unused_low = wide[0];
      assign sum_o[(r*ReadBytes+e)*SumW +: SumW] = sum_q;
    end
  end
endmodule

`default_nettype wire
