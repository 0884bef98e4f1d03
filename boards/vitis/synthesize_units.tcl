# Builds each vector unit (hls/units/) and the golden matrix product as a Vitis kernel object (.xo) with Vitis HLS:
#   vitis_hls -f synthesize_units.tcl -tclargs PART CLOCK_MHZ OUTPUT_DIR [TOP...]
# Never run by us: no tool has seen this code, see README.md. Reports (latency, interval, resources) land in OUTPUT_DIR/TOP/;
# they are what hls/contract.h is to be compared with.

# Top function, and its file beside those that all tops share.
set units {
    setun_hls_norm_quantize units/norm_unit.cpp
    setun_hls_rope          units/rope_unit.cpp
    setun_hls_kv_append     units/rope_unit.cpp
    setun_hls_attention     units/attention_unit.cpp
    setun_hls_gate          units/gate_unit.cpp
    setun_hls_residual      units/gate_unit.cpp
    setun_hls_embed         units/token_unit.cpp
    setun_hls_argmax        units/token_unit.cpp
    setun_hls_matmul        kernel_top.cpp
}

# vitis_hls hands over its own words before those behind -tclargs.
set words $argv
set mark [lsearch -exact $words -tclargs]
if {$mark >= 0} {
    set words [lrange $words [expr {$mark + 1}] end]
}
if {[llength $words] < 3} {
    puts stderr "synthesize_units.tcl: expected PART CLOCK_MHZ OUTPUT_DIR \[TOP...\], got [llength $words] arguments"
    exit 2
}
set wanted [lassign $words part clock output]
if {![string is double -strict $clock] || $clock <= 0} {
    puts stderr "synthesize_units.tcl: CLOCK_MHZ is '$clock'; expected a number above 0"
    exit 2
}
foreach top $wanted {
    if {![dict exists $units $top]} {
        puts stderr "synthesize_units.tcl: top '$top' is unknown; use [dict keys $units]"
        exit 2
    }
}
if {[llength $wanted] == 0} {
    set wanted [dict keys $units]
}

set here [file dirname [file normalize [info script]]]
set root [file normalize [file join $here .. ..]]
set hls [file join $root hls]
set output [file normalize $output]
file mkdir $output
# Without contraction and reassociation: docs/numerics.md fixes every float operation.
set flags "-std=c++14 -I$root -ffp-contract=off"

foreach top $wanted {
    cd $output
    open_project -reset $top
    set_top $top
    add_files -cflags $flags [file join $hls [dict get $units $top]]
    foreach source [lsort [glob [file join $hls *.cpp]]] {
        if {[file tail $source] ne "kernel_top.cpp"} {
            add_files -cflags $flags $source
        }
    }
    open_solution -reset solution -flow_target vitis
    set_part $part
    create_clock -period [format "%.3fns" [expr {1000.0 / $clock}]] -name default
    config_compile -unsafe_math_optimizations=false
    csynth_design
    export_design -format xo -output [file join $output $top.xo]
    close_project
}
