# Gathers the C++ files that Verilator lists in DIR/PREFIX_classes.mk into PREFIX_fast.cpp and PREFIX_slow.cpp.
file(READ ${DIR}/${PREFIX}_classes.mk listing)

# gather(OUT VARIABLES...): writes OUT with an include of every class in the make variables.
function(gather out)
  set(text "// ${PREFIX}: gathered from Verilator's output.\n")
  foreach(variable ${ARGN})
    if(NOT listing MATCHES "\n${variable} \\+= \\\\\n(([^\n]*\\\\\n)*)")
      message(FATAL_ERROR "${PREFIX}_classes.mk has no list ${variable}: this Verilator writes another format")
    endif()
    string(REGEX MATCHALL "[A-Za-z0-9_]+" classes "${CMAKE_MATCH_1}")
    foreach(class ${classes})
      string(APPEND text "#include \"${class}.cpp\"\n")
    endforeach()
  endforeach()
  file(WRITE ${DIR}/${out} "${text}")
endfunction()

gather(${PREFIX}_fast.cpp VM_CLASSES_FAST)
gather(${PREFIX}_slow.cpp VM_CLASSES_SLOW VM_SUPPORT_FAST VM_SUPPORT_SLOW)
