// What the preloaded shim offers to the plugin: a place for what XRT prints.
#pragma once

#include <cstdio>

extern "C" {

using SetunXrtLogTo = void (*)(std::FILE*);

/// Where XRT's printf and puts go from now on. The file must stay open.
void setun_xrt_log_to(std::FILE* file);
}
