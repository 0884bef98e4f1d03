# setun_verilate_kernel(CONFIG): a static library setun_rtl_<id> that simulates the kernel in one configuration,
# PORTSxPORT_BITSxTOKENS[-tree|-table|-bram][-rTILE_ROWS][-uncounted]. Appends to the caller's SETUN_RTL_DECLARATIONS, _ENTRIES, _MAKERS (C++ text
# for the registry) and _LIBRARIES.
#
# Verilator runs at build time. The number and names of the files it writes depend on the design, so a script gathers
# them into two sources with fixed names: the clocked path (-O3) and set-up and tracing (-O0, most of the text).

find_program(VERILATOR verilator REQUIRED)
execute_process(COMMAND ${VERILATOR} --getenv VERILATOR_ROOT OUTPUT_VARIABLE SETUN_VERILATOR_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(SETUN_VERILATOR_INCLUDE ${SETUN_VERILATOR_ROOT}/include)

include(CheckCXXCompilerFlag)
set(SETUN_RTL_ARCH "x86-64-v3" CACHE STRING "-march of the simulated kernels; empty for the compiler's default")
set(SETUN_RTL_ARCH_FLAG "")
if(SETUN_RTL_ARCH)
  check_cxx_compiler_flag("-march=${SETUN_RTL_ARCH}" SETUN_HAS_RTL_ARCH)
  if(SETUN_HAS_RTL_ARCH)
    set(SETUN_RTL_ARCH_FLAG "-march=${SETUN_RTL_ARCH}")
  endif()
endif()

set(SETUN_RTL_OPTIMIZE "-O3" CACHE STRING "Optimisation of the simulated kernels' clocked path")

set(SETUN_VERILATED_DEFINITIONS VM_TRACE=1 VM_TRACE_FST=1 VM_TRACE_VCD=0 VM_SC=0)
set(SETUN_VERILATOR_COVERAGE_FLAGS "")
option(SETUN_RTL_COVERAGE "Line coverage of the RTL; off leaves that of C++" ${SETUN_COVERAGE})
if(SETUN_RTL_COVERAGE)
  set(SETUN_RTL_COVERAGE_DIR ${CMAKE_BINARY_DIR}/rtl-coverage CACHE PATH "Where simulated kernels leave RTL coverage")
  file(MAKE_DIRECTORY ${SETUN_RTL_COVERAGE_DIR})
  list(APPEND SETUN_VERILATED_DEFINITIONS VM_COVERAGE=1 SETUN_RTL_COVERAGE_DIR="${SETUN_RTL_COVERAGE_DIR}")
  set(SETUN_VERILATOR_COVERAGE_FLAGS --coverage-line)
  option(SETUN_COVERAGE_TOGGLE "Toggle coverage of the RTL as well: for small configurations" OFF)
  if(SETUN_COVERAGE_TOGGLE)
    list(APPEND SETUN_VERILATOR_COVERAGE_FLAGS --coverage-toggle)
  endif()
else()
  list(APPEND SETUN_VERILATED_DEFINITIONS VM_COVERAGE=0)
endif()

# Verilator's run-time library, once for all configurations, with the same definitions.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
add_library(setun_verilated STATIC
  ${SETUN_VERILATOR_INCLUDE}/verilated.cpp
  ${SETUN_VERILATOR_INCLUDE}/verilated_fst_c.cpp
  ${SETUN_VERILATOR_INCLUDE}/verilated_threads.cpp
  ${SETUN_VERILATOR_INCLUDE}/verilated_cov.cpp)
target_include_directories(setun_verilated SYSTEM PUBLIC ${SETUN_VERILATOR_INCLUDE} ${SETUN_VERILATOR_INCLUDE}/vltstd)
target_compile_definitions(setun_verilated PUBLIC ${SETUN_VERILATED_DEFINITIONS})
target_compile_options(setun_verilated PRIVATE -w -O2)
target_link_libraries(setun_verilated PUBLIC Threads::Threads ZLIB::ZLIB)

set(SETUN_RTL_DIR ${CMAKE_SOURCE_DIR}/rtl CACHE PATH "Folder of the RTL and of its file list setun.f")
file(GLOB SETUN_RTL_SOURCES CONFIGURE_DEPENDS ${SETUN_RTL_DIR}/*.sv ${SETUN_RTL_DIR}/*.svh ${SETUN_RTL_DIR}/*.f)

function(setun_verilate_kernel config)
  if(NOT config MATCHES "^([124])x(128|256|512)x([1248])(-tree|-table|-bram)?(-r([0-9]+))?(-uncounted)?$")
    message(FATAL_ERROR "SETUN_RTL_CONFIGS: '${config}' is not PORTSxPORT_BITSxTOKENS[-tree|-table|-bram][-rTILE_ROWS][-uncounted] "
                        "with PORTS 1, 2, 4; PORT_BITS 128, 256, 512; TOKENS 1, 2, 4, 8")
  endif()
  set(SETUN_PORTS ${CMAKE_MATCH_1})
  set(SETUN_PORT_BITS ${CMAKE_MATCH_2})
  set(SETUN_TOKENS ${CMAKE_MATCH_3})
  set(SETUN_LEAF 0)
  if(CMAKE_MATCH_4)
    # Numbers of rtl/setun_abi.h.
    set(SETUN_LEAF_tree 1)
    set(SETUN_LEAF_table 2)
    set(SETUN_LEAF_bram 3)
    string(SUBSTRING ${CMAKE_MATCH_4} 1 -1 leaf)
    set(SETUN_LEAF ${SETUN_LEAF_${leaf}})
  endif()
  set(SETUN_TILE_ROWS 1024)
  if(CMAKE_MATCH_6)
    set(SETUN_TILE_ROWS ${CMAKE_MATCH_6})
  endif()
  set(SETUN_COUNTS_NONZERO true)
  set(count_nonzero 1)
  if(CMAKE_MATCH_7)
    set(SETUN_COUNTS_NONZERO false)
    set(count_nonzero 0)
  endif()
  set(top setun_kernel)
  if(SETUN_PORTS GREATER 1)
    set(top setun_kernel_${SETUN_PORTS}p)
  endif()
  math(EXPR SETUN_BEAT_BYTES "${SETUN_PORT_BITS} / 8")
  string(REPLACE "-" "_" SETUN_ID ${config})
  set(SETUN_CONFIG ${config})
  set(prefix V${SETUN_ID})
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/verilated/${SETUN_ID})

  add_custom_command(
    OUTPUT ${dir}/${prefix}_fast.cpp ${dir}/${prefix}_slow.cpp ${dir}/${prefix}.h
    COMMAND ${VERILATOR} --cc --top-module ${top} --prefix ${prefix} --Mdir ${dir}
            -GPortBits=${SETUN_PORT_BITS} -GTokens=${SETUN_TOKENS} -GTileRows=${SETUN_TILE_ROWS} -GLeaf=${SETUN_LEAF}
            -GCountNonzero=${count_nonzero}
            -O3 --x-assign fast --x-initial unique --assert --trace-fst -Wno-fatal -Wno-lint -Wno-SYMRSVDWORD
            -I${SETUN_RTL_DIR} ${SETUN_VERILATOR_COVERAGE_FLAGS} -F ${SETUN_RTL_DIR}/setun.f
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir} -DPREFIX=${prefix} -P ${CMAKE_SOURCE_DIR}/cmake/VerilateGather.cmake
    DEPENDS ${SETUN_RTL_SOURCES} ${CMAKE_SOURCE_DIR}/cmake/VerilateGather.cmake
    COMMENT "Verilating ${config}" VERBATIM)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/kernel_instance.cpp.in ${dir}/kernel_instance.cpp @ONLY)

  set(target setun_rtl_${SETUN_ID})
  add_library(${target} STATIC ${dir}/${prefix}_fast.cpp ${dir}/${prefix}_slow.cpp ${dir}/${prefix}.h
                               ${dir}/kernel_instance.cpp)
  target_include_directories(${target} SYSTEM PRIVATE ${dir})
  target_link_libraries(${target} PUBLIC setun_sim_core PRIVATE setun_verilated)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  # Position-independent code must not keep the compiler from inlining the model's functions: 7 % of the run time.
  target_compile_options(${target} PRIVATE ${SETUN_RTL_ARCH_FLAG} -fno-semantic-interposition
                         $<$<CXX_COMPILER_ID:Clang>:-fbracket-depth=4096>)
  set_source_files_properties(${dir}/${prefix}_fast.cpp PROPERTIES COMPILE_OPTIONS
    "-w;${SETUN_RTL_OPTIMIZE};-include;${CMAKE_CURRENT_SOURCE_DIR}/verilator_popcount.h")
  set_source_files_properties(${dir}/${prefix}_slow.cpp PROPERTIES COMPILE_OPTIONS "-w;-O0")
  set_source_files_properties(${dir}/kernel_instance.cpp PROPERTIES COMPILE_OPTIONS
    "-Wall;-Wextra;-Wshadow;-Wconversion;-Wold-style-cast;-Werror;-O3;${SETUN_COVERAGE_FLAGS}")

  # What the registry of configurations is generated from.
  set(SETUN_RTL_DECLARATIONS "${SETUN_RTL_DECLARATIONS}std::unique_ptr<KernelSim> make_kernel_${SETUN_ID}(const SimOptions& options);\n"
      PARENT_SCOPE)
  set(SETUN_RTL_ENTRIES "${SETUN_RTL_ENTRIES}\n    KernelConfig{${SETUN_PORTS}, ${SETUN_PORT_BITS}, ${SETUN_TOKENS}, ${SETUN_LEAF}, ${SETUN_TILE_ROWS}, ${SETUN_COUNTS_NONZERO}},"
      PARENT_SCOPE)
  set(SETUN_RTL_MAKERS "${SETUN_RTL_MAKERS}\n    make_kernel_${SETUN_ID}," PARENT_SCOPE)
  set(SETUN_RTL_LIBRARIES ${SETUN_RTL_LIBRARIES} ${target} PARENT_SCOPE)
endfunction()
