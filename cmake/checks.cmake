# Checks that build nothing: format, format-check, tidy, lint-rtl.
# A target whose tool is not installed says so when it is run, instead of passing.

file(GLOB_RECURSE SETUN_OUR_CXX CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/hls/*.h ${CMAKE_SOURCE_DIR}/hls/*.cpp
  ${CMAKE_SOURCE_DIR}/sim/*.h ${CMAKE_SOURCE_DIR}/sim/*.cpp
  ${CMAKE_SOURCE_DIR}/energy_model/*.h ${CMAKE_SOURCE_DIR}/energy_model/*.cpp
  ${CMAKE_SOURCE_DIR}/report/*.h ${CMAKE_SOURCE_DIR}/report/*.cpp
  ${CMAKE_SOURCE_DIR}/host/*.h ${CMAKE_SOURCE_DIR}/host/*.cpp ${CMAKE_SOURCE_DIR}/host/*.inc
  ${CMAKE_SOURCE_DIR}/firmware/*.h ${CMAKE_SOURCE_DIR}/firmware/*.c
  ${CMAKE_SOURCE_DIR}/tests/*.h ${CMAKE_SOURCE_DIR}/tests/*.cpp
  ${CMAKE_SOURCE_DIR}/scripts/*.cpp)
# A register map is a table and keeps its columns, as rtl/*.h do.
list(FILTER SETUN_OUR_CXX EXCLUDE REGEX "/firmware/platform\\.h$")

function(setun_missing_tool target tool package)
  add_custom_target(${target}
    COMMAND ${CMAKE_COMMAND} -E echo "${tool} is not installed; Debian package ${package}"
    COMMAND ${CMAKE_COMMAND} -E false)
endfunction()

# Versions differ in taste, so the one that Debian 12 calls 14 is asked for by name.
find_program(CLANG_FORMAT clang-format-14)
if(CLANG_FORMAT)
  add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${SETUN_OUR_CXX} VERBATIM)
  add_custom_target(format-check COMMAND ${CLANG_FORMAT} --dry-run --Werror ${SETUN_OUR_CXX} VERBATIM)
else()
  setun_missing_tool(format clang-format-14 clang-format-14)
  setun_missing_tool(format-check clang-format-14 clang-format-14)
endif()

# clang-tidy file by file with a stamp each, so that ninja runs them in parallel and only after changes. Tests are left
# out, as GoogleTest's macros drown what is ours; so are C and scripts/, which this build has no compile commands for.
find_program(CLANG_TIDY clang-tidy-14)
if(CLANG_TIDY)
  set(tidy_headers ${SETUN_OUR_CXX})
  list(FILTER tidy_headers INCLUDE REGEX "\\.(h|inc)$")
  set(tidy_stamps "")
  foreach(source ${SETUN_OUR_CXX})
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${source})
    if(NOT relative MATCHES "\\.cpp$" OR relative MATCHES "^(tests|scripts)/")
      continue()
    endif()
    set(stamp ${CMAKE_BINARY_DIR}/tidy/${relative}.stamp)
    get_filename_component(stamp_folder ${stamp} DIRECTORY)
    add_custom_command(OUTPUT ${stamp}
      COMMAND ${CLANG_TIDY} --quiet -p ${CMAKE_BINARY_DIR} ${source}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${stamp_folder}
      COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
      DEPENDS ${source} ${tidy_headers} ${CMAKE_SOURCE_DIR}/.clang-tidy
      COMMENT "clang-tidy ${relative}"
      VERBATIM)
    list(APPEND tidy_stamps ${stamp})
  endforeach()
  add_custom_target(tidy DEPENDS ${tidy_stamps})
else()
  setun_missing_tool(tidy clang-tidy-14 clang-tidy-14)
endif()

find_program(VERILATOR verilator)
find_program(PYTHON3 python3)
if(VERILATOR AND PYTHON3)
  add_custom_target(lint-rtl COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/guards/lint.py USES_TERMINAL VERBATIM)
else()
  setun_missing_tool(lint-rtl "verilator or python3" "verilator, python3")
endif()
