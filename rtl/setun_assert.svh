// Assertions with one spelling and one back end per tool: checks in clocked blocks in simulation, immediate assertions for
// Yosys' formal flow (`-formal` defines FORMAL), nothing in synthesis. Each expects clk_i and rst_ni in scope.
// SETUN_PROVE is for invariants of small units that the formal flow proves: nothing in simulation.
`ifndef SETUN_ASSERT_SVH
`define SETUN_ASSERT_SVH

`ifdef FORMAL
  // Needs `logic f_past_valid` from SETUN_FORMAL_INIT in the module.
  `define SETUN_FORMAL_INIT \
    logic f_past_valid = 1'b0; \
    always_ff @(posedge clk_i) f_past_valid <= 1'b1; \
    always_comb if (!f_past_valid) assume (!rst_ni);
  `define SETUN_ASSERT(name, expr) \
    always_ff @(posedge clk_i) if (f_past_valid && rst_ni) name: assert (expr);
  `define SETUN_PROVE(name, expr) `SETUN_ASSERT(name, expr)
  // The same as an implication; in simulation expr is only worked out when cond holds.
  `define SETUN_ASSERT_IF(name, cond, expr) `SETUN_ASSERT(name, !(cond) || (expr))
  // A payload (and its VALID) must not change while it waits for READY.
  `define SETUN_ASSERT_HOLD(name, valid, ready, payload) \
    always_ff @(posedge clk_i) \
      if (f_past_valid && rst_ni && $past(rst_ni) && $past(valid && !ready)) \
        name: assert (valid && $stable(payload));
`elsif SYNTHESIS
  `define SETUN_FORMAL_INIT
  `define SETUN_ASSERT(name, expr)
  `define SETUN_PROVE(name, expr)
  `define SETUN_ASSERT_IF(name, cond, expr)
  `define SETUN_ASSERT_HOLD(name, valid, ready, payload)
`else
  // Immediate checks, nested so that idle ones cost a test or two. As concurrent assertions they would make Verilator copy
  // every signal of every property each clock: a third of the whole simulation's time. A held payload is stored only
  // while it waits.
  `define SETUN_FORMAL_INIT
  `define SETUN_PROVE(name, expr)
  `define SETUN_ASSERT(name, expr) \
    always_ff @(posedge clk_i) begin : name \
      if (rst_ni) begin \
        if (!(expr)) $error("%m: assertion failed"); \
      end \
    end
  `define SETUN_ASSERT_IF(name, cond, expr) \
    always_ff @(posedge clk_i) begin : name \
      if (cond) begin \
        if (rst_ni && !(expr)) $error("%m: assertion failed"); \
      end \
    end
  `define SETUN_ASSERT_HOLD(name, valid, ready, payload) \
    logic name``_wait; \
    logic [$bits(payload)-1:0] name``_past; \
    always_ff @(posedge clk_i) begin : name \
      if (name``_wait && rst_ni) begin \
        if (!(valid)) $error("%m: VALID dropped before READY"); \
        if (name``_past != (payload)) $error("%m: payload changed before READY"); \
      end \
      name``_wait <= 1'b0; \
      if (valid) begin \
        if (!(ready)) begin \
          name``_wait <= rst_ni; \
          name``_past <= (payload); \
        end \
      end \
    end
`endif

`endif
