// Constants of the kernel's software interface. rtl/setun_abi.h holds the same values for C and C++ and
// docs/command-interface.md explains them; a test compares the three.
`default_nettype none

package setun_pkg;

  // ---- Register map (byte offsets) ----
  localparam logic [11:0] REG_CTRL = 12'h000;
  localparam logic [11:0] REG_GIE = 12'h004;
  localparam logic [11:0] REG_IER = 12'h008;
  localparam logic [11:0] REG_ISR = 12'h00C;
  localparam logic [11:0] REG_LIST_LO = 12'h010;
  localparam logic [11:0] REG_LIST_HI = 12'h014;
  localparam logic [11:0] REG_LIST_COUNT = 12'h01C;
  localparam logic [11:0] REG_DATA_BASE_LO = 12'h024;
  localparam logic [11:0] REG_DATA_BASE_HI = 12'h028;
  localparam logic [11:0] REG_W_BASE_LO = 12'h030;
  localparam logic [11:0] REG_W_BASE_HI = 12'h034;
  localparam logic [11:0] REG_W_STRIDE = 12'h00C;
  localparam logic [11:0] REG_MAGIC = 12'h200;
  localparam logic [11:0] REG_VERSION = 12'h204;
  localparam logic [11:0] REG_CONFIG0 = 12'h208;
  localparam logic [11:0] REG_CONFIG1 = 12'h20C;
  localparam logic [11:0] REG_ERROR = 12'h210;
  localparam logic [11:0] REG_ERROR_INDEX = 12'h214;
  localparam logic [11:0] REG_ERROR_ADDR_LO = 12'h218;
  localparam logic [11:0] REG_ERROR_ADDR_HI = 12'h21C;
  localparam logic [11:0] REG_ERROR_INFO = 12'h220;
  localparam logic [11:0] REG_COMPLETED = 12'h224;
  localparam logic [11:0] REG_WATCHDOG = 12'h228;
  localparam logic [11:0] REG_OMITTED = 12'h22C;
  localparam logic [11:0] REG_CYCLES_LO = 12'h240;
  localparam logic [11:0] REG_BUSY_LO = 12'h248;
  localparam logic [11:0] REG_BEATS_LO = 12'h250;
  localparam logic [11:0] REG_STALL_W_LO = 12'h258;
  localparam logic [11:0] REG_STALL_X_LO = 12'h260;
  localparam logic [11:0] REG_STALL_Y_LO = 12'h268;
  localparam logic [11:0] REG_NONZERO_LO = 12'h270;
  localparam logic [11:0] REG_END = 12'h278;

  localparam logic [31:0] MAGIC = 32'h4E555453;
  localparam logic [31:0] ABI_VERSION = 32'h00010000;
  localparam logic [31:0] OMITTED_NONZERO = 32'h0000_0001;
  localparam logic [31:0] WATCHDOG_RESET = 32'h00100000;

  // ---- Command descriptor ----
  localparam int unsigned COMMAND_BYTES = 64;
  localparam logic [7:0] COMMAND_VERSION = 8'd1;
  localparam logic [7:0] OP_NOP = 8'd0;
  localparam logic [7:0] OP_MATMUL = 8'd1;
  localparam logic [15:0] FLAG_FENCE = 16'h0001;
  localparam logic [7:0] TRIT_CODE_T5 = 8'd1;
  localparam logic [7:0] LEAF_PLANES = 8'd0;
  localparam logic [7:0] LEAF_TREE = 8'd1;
  localparam logic [7:0] LEAF_TABLE = 8'd2;
  localparam logic [7:0] LEAF_BRAM = 8'd3;
  localparam logic [31:0] MAX_M = 32'h0010_0000;
  localparam logic [31:0] MAX_K = 32'h0002_0000;
  localparam logic [7:0] MAX_PLANES = 8'd5;
  localparam int unsigned ALIGN = 64;

  // ---- Error codes ----
  localparam logic [3:0] ERR_NONE = 4'd0;
  localparam logic [3:0] ERR_VERSION = 4'd1;
  localparam logic [3:0] ERR_OPCODE = 4'd2;
  localparam logic [3:0] ERR_FLAGS = 4'd3;
  localparam logic [3:0] ERR_SHAPE = 4'd4;
  localparam logic [3:0] ERR_ALIGN = 4'd5;
  localparam logic [3:0] ERR_ADDRESS = 4'd6;
  localparam logic [3:0] ERR_ENCODING = 4'd7;
  localparam logic [3:0] ERR_TRIT = 4'd8;
  localparam logic [3:0] ERR_LIST_READ = 4'd9;
  localparam logic [3:0] ERR_WEIGHT_READ = 4'd10;
  localparam logic [3:0] ERR_DATA_READ = 4'd11;
  localparam logic [3:0] ERR_DATA_WRITE = 4'd12;
  localparam logic [3:0] ERR_WATCHDOG = 4'd13;

  // ---- AXI constants ----
  localparam logic [1:0] AXI_OKAY = 2'b00;
  localparam logic [1:0] AXI_SLVERR = 2'b10;
  localparam logic [1:0] AXI_INCR = 2'b01;

endpackage

`default_nettype wire
