// Assertions with one spelling and one back end per tool: concurrent in simulation, immediate for Yosys' formal
// flow (`-formal` defines FORMAL), nothing in synthesis. Each expects clk_i and rst_ni in scope.
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
  // A payload (and its VALID) must not change while it waits for READY.
  `define SETUN_ASSERT_HOLD(name, valid, ready, payload) \
    always_ff @(posedge clk_i) \
      if (f_past_valid && rst_ni && $past(rst_ni) && $past(valid && !ready)) \
        name: assert (valid && $stable(payload));
`elsif SYNTHESIS
  `define SETUN_FORMAL_INIT
  `define SETUN_ASSERT(name, expr)
  `define SETUN_ASSERT_HOLD(name, valid, ready, payload)
`else
  `define SETUN_FORMAL_INIT
  `define SETUN_ASSERT(name, expr) \
    name: assert property (@(posedge clk_i) disable iff (!rst_ni) (expr)) \
      else $error("%m: %s", `"name`");
  `define SETUN_ASSERT_HOLD(name, valid, ready, payload) \
    name: assert property (@(posedge clk_i) disable iff (!rst_ni) \
      ((valid) && !(ready)) |=> ((valid) && $stable(payload))) \
      else $error("%m: %s", `"name`");
`endif

`endif
