// The tiny library.
#include "tests/characterize/tiny_library.h"

#include <stdexcept>

namespace setun::characterize::test {

std::string tiny_liberty() {
    return R"TINY(/* tiny */
library (tiny) {
  time_unit : "1ps"; voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1pW";
  capacitive_load_unit (1,ff);
  nom_voltage : 1.0;
  lu_table_template (by_load) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("10, 20"); index_2 ("0, 10"); }
  cell (INV) {
    area : 0.5
    leakage_power () { value : 4; related_pg_pin : VDD; }
    leakage_power () { value : 2; related_pg_pin : VDD; }
    pin (A) { direction : input; capacitance : 2; rise_capacitance_range (1, 2); fall_capacitance_range (1.5, 2); }
    pin (Y) { direction : output; function : "!A"; max_capacitance : 46;
      timing () { related_pin : "A"; timing_sense : negative_unate;
        cell_rise (by_load) { values ("10, 20", "10, 20"); }
        cell_fall (by_load) { values ("20, 30", \
                                      "20, 30"); }
        rise_transition (scalar) { values ("20"); } fall_transition (scalar) { values ("20"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VDD;
        rise_power (scalar) { values ("0.5"); } fall_power (scalar) { values ("-0.1"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VSS;
        rise_power (scalar) { values ("0.25"); } fall_power (scalar) { values ("0.4"); } }
    }
  }
  cell (NAND2) {
    area : 1;
    pin (A) { direction : input; capacitance : 1;
      internal_power () { when : "!B * Y"; related_pg_pin : VDD; rise_power (scalar) { values ("0.125"); }
        fall_power (scalar) { values ("0.0625"); } }
      internal_power () { when : "B"; related_pg_pin : VDD; rise_power (scalar) { values ("99"); } }
    }
    pin (B) { direction : input; capacitance : 3; }
    pin (Y) { direction : output; function : "(A B)'";
      timing () { related_pin : "A"; timing_sense : negative_unate;
        cell_rise (scalar) { values ("40"); } cell_fall (scalar) { values ("40"); }
        rise_transition (scalar) { values ("20"); } fall_transition (scalar) { values ("20"); } }
      timing () { related_pin : "B"; timing_sense : negative_unate;
        cell_rise (scalar) { values ("50"); } cell_fall (scalar) { values ("50"); }
        rise_transition (scalar) { values ("20"); } fall_transition (scalar) { values ("20"); } }
      internal_power () { related_pin : "A"; when : "B"; related_pg_pin : VDD;
        rise_power (scalar) { values ("1"); } fall_power (scalar) { values ("2"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VDD;
        rise_power (scalar) { values ("70"); } fall_power (scalar) { values ("70"); } }
      internal_power () { related_pin : "B"; related_pg_pin : VDD;
        rise_power (scalar) { values ("4"); } fall_power (scalar) { values ("8"); } }
    }
  }
  cell (HALF) {
    pin (A) { direction : input; capacitance : 1; }
    pin (B) { direction : input; capacitance : 1; }
    pin (CON) { direction : output; function : "!(A*B)";
      timing () { related_pin : "A"; cell_rise (scalar) { values ("5"); } cell_fall (scalar) { values ("5"); } }
      timing () { related_pin : "B"; cell_rise (scalar) { values ("5"); } cell_fall (scalar) { values ("5"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VDD; rise_power (scalar) { values ("1"); }
        fall_power (scalar) { values ("1"); } } }
    pin (SN) { direction : output; function : "!(A^B)";
      timing () { related_pin : "A"; cell_rise (scalar) { values ("5"); } cell_fall (scalar) { values ("5"); } }
      timing () { related_pin : "CON"; cell_rise (scalar) { values ("1"); } cell_fall (scalar) { values ("1"); } }
      timing () { related_pin : "B"; cell_rise (scalar) { values ("5"); } cell_fall (scalar) { values ("5"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VDD; rise_power (scalar) { values ("16"); }
        fall_power (scalar) { values ("16"); } } }
  }
  cell (DFF) {
    area : 2;
    ff (IQ,IQN) { clocked_on : "CLK"; next_state : "D"; }
    pin (CLK) { direction : input; clock : true; capacitance : 1;
      internal_power () { when : "D * Q"; related_pg_pin : VDD; rise_power (scalar) { values ("0.01"); }
        fall_power (scalar) { values ("0.02"); } }
      internal_power () { when : "!D * !Q"; related_pg_pin : VDD; rise_power (scalar) { values ("0.04"); }
        fall_power (scalar) { values ("0.08"); } }
      internal_power () { when : "!D * Q"; related_pg_pin : VDD; fall_power (scalar) { values ("0.16"); } }
      internal_power () { when : "D * !Q"; related_pg_pin : VDD; fall_power (scalar) { values ("0.32"); } }
    }
    pin (D) { direction : input; capacitance : 4;
      timing () { related_pin : "CLK"; timing_type : setup_rising; rise_constraint (scalar) { values ("7"); }
        fall_constraint (scalar) { values ("9"); } }
      internal_power () { when : "CLK"; related_pg_pin : VDD; rise_power (scalar) { values ("0.5"); }
        fall_power (scalar) { values ("0.25"); } }
      internal_power () { when : "!CLK"; related_pg_pin : VDD; rise_power (scalar) { values ("50"); }
        fall_power (scalar) { values ("50"); } }
    }
    pin (Q) { direction : output; function : "IQ";
      timing () { related_pin : "CLK"; timing_type : rising_edge; timing_sense : non_unate;
        cell_rise (scalar) { values ("30"); } cell_fall (scalar) { values ("35"); }
        rise_transition (scalar) { values ("20"); } fall_transition (scalar) { values ("20"); } }
      internal_power () { related_pin : "CLK"; related_pg_pin : VDD; rise_power (scalar) { values ("1"); }
        fall_power (scalar) { values ("2"); } } }
  }
  cell (GATE) {
    area : 3;
    clock_gating_integrated_cell : latch_posedge_precontrol;
    pin (CLK) { direction : input; clock_gate_clock_pin : true; capacitance : 2;
      internal_power () { when : "!ENA * !GCLK"; related_pg_pin : VDD; rise_power (scalar) { values ("0.001"); }
        fall_power (scalar) { values ("0.002"); } } }
    pin (ENA) { direction : input; clock_gate_enable_pin : true; capacitance : 1; }
    pin (GCLK) { direction : output; clock_gate_out_pin : true;
      timing () { related_pin : "CLK"; cell_rise (scalar) { values ("5"); } cell_fall (scalar) { values ("5"); } }
      internal_power () { related_pin : "CLK"; related_pg_pin : VDD; rise_power (scalar) { values ("0.25"); }
        fall_power (scalar) { values ("0.75"); } } }
  }
  cell (LATCH) {
    latch (IQ,IQN) { enable : "G"; data_in : "D"; }
    pin (G) { direction : input; capacitance : 1; }
    pin (D) { direction : input; capacitance : 1; }
    pin (Q) { direction : output; function : "IQ"; }
  }
}
)TINY";
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) {
        throw std::logic_error("the text does not hold '" + from + "'");
    }
    return text.replace(at, from.size(), to);
}

std::string two_inverters() {
    return R"JSON({"modules": {"pair": {"ports": {
      "a_i": {"direction": "input", "bits": [2]}, "y_o": {"direction": "output", "bits": [4]}},
      "cells": {"first": {"type": "INV", "connections": {"A": [2], "Y": [3]}},
                "second": {"type": "INV", "connections": {"A": [3], "Y": [4]}}}}}})JSON";
}

std::string gated_registers() {
    return R"JSON({"modules": {"gated": {"attributes": {"top": "1"}, "ports": {
      "clk_i": {"direction": "input", "bits": [2]}, "d_i": {"direction": "input", "bits": [3]},
      "en_i": {"direction": "input", "bits": [4]}, "q_o": {"direction": "output", "bits": [5]}},
      "cells": {"operand_q": {"type": "DFF", "connections": {"CLK": [2], "D": [3], "Q": [6]}},
                "invert": {"type": "INV", "connections": {"A": [6], "Y": [7]}},
                "gate": {"type": "GATE", "connections": {"CLK": [2], "ENA": [4], "GCLK": [8]}},
                "result_q": {"type": "DFF", "connections": {"CLK": [8], "D": [7], "Q": [5]}}}}}})JSON";
}

}  // namespace setun::characterize::test
