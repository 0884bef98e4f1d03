# Packages the RTL as a Vitis kernel object (.xo). Run by the Makefile in Vivado's batch mode:
#   vivado -mode batch -source package_kernel.tcl -tclargs TOP PORT_BITS TOKENS TILE_ROWS LEAF COUNT_NONZERO PART OUTPUT.xo
# Source files come from rtl/setun.f, the list that simulation and synthesis use.

if {$argc != 8} {
    puts stderr "package_kernel.tcl: expected TOP PORT_BITS TOKENS TILE_ROWS LEAF COUNT_NONZERO PART OUTPUT.xo, got $argc arguments"
    exit 2
}
lassign $argv top port_bits tokens tile_rows leaf count_nonzero part output
set here [file dirname [file normalize [info script]]]
set rtl [file normalize [file join $here .. .. rtl]]
set work [file join [pwd] package_$top]
file delete -force $work

# ---- Sources: one name a line, relative to rtl/ ----
set list [open [file join $rtl setun.f] r]
set sources {}
foreach line [split [read $list] "\n"] {
    set line [string trim $line]
    if {$line ne "" && ![string match "//*" $line]} {
        lappend sources [file join $rtl $line]
    }
}
close $list
set headers [glob [file join $rtl *.svh]]

create_project -force package_$top $work/project -part $part
add_files -norecurse [concat $sources $headers]
set_property file_type SystemVerilog [get_files $sources]
set_property file_type "Verilog Header" [get_files $headers]
set_property include_dirs $rtl [current_fileset]
set_property top $top [current_fileset]
update_compile_order -fileset sources_1

# ---- IP ----
ipx::package_project -root_dir $work/ip -vendor setun -library kernel -taxonomy /KernelIP -import_files -set_current true
set core [ipx::current_core]
set_property name $top $core
set_property version 1.0 $core
# All boards here are UltraScale+, which has the primitive RAM32M16.
set ultrascale 1
foreach {name value} [list PortBits $port_bits Tokens $tokens TileRows $tile_rows Leaf $leaf CountNonzero $count_nonzero Ram32m16 $ultrascale] {
    foreach parameter [list [ipx::get_user_parameters $name -of_objects $core] [ipx::get_hdl_parameters $name -of_objects $core]] {
        set_property value $value $parameter
        set_property value_resolve_type immediate $parameter
    }
}
set masters [lsearch -all -inline -regexp [get_property name [ipx::get_bus_interfaces -of_objects $core]] {^m_axi_}]
foreach bus [concat $masters s_axi_control] {
    ipx::associate_bus_interfaces -busif $bus -clock ap_clk $core
}
ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core
foreach bus $masters {
    # Only whole-word INCR bursts: the interconnect needs no logic for others.
    foreach property {HAS_BURST SUPPORTS_NARROW_BURST} {
        set parameter [ipx::add_bus_parameter $property [ipx::get_bus_interfaces $bus -of_objects $core]]
        set_property value 0 $parameter
    }
}
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property vitis_drc {ctrl_protocol ap_ctrl_hs} $core
set_property ipi_drc {ignore_freq_hz true} $core
set_property supported_families {} $core
set_property auto_family_support_level level_2 $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::save_core $core

# ---- Kernel description with the width of the ports ----
set template [open [file join $here $top.xml.in] r]
set description [string map [list @PORT_BITS@ $port_bits] [read $template]]
close $template
set xml [open $work/kernel.xml w]
puts -nonewline $xml $description
close $xml

package_xo -force -xo_path $output -kernel_name $top -ip_directory $work/ip -kernel_xml $work/kernel.xml
close_project
