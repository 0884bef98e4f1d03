// The matrix product as the top function of a synthesized kernel: pointers become AXI masters, numbers
// registers.
#pragma once

#include <cstdint>

#include "rtl/setun_abi.h"

/// One MATMUL of hls/ternary_matmul.h with four weight ports w0 .. w3 (null beyond `ports`, which is 1, 2 or
/// 4). Takes the fields of a command that has been checked; x and y point at the operands, row t of x at x +
/// t * x_stride. status[0] error code, [1] port, [2] byte offset of the illegal beat, [3] weight beats, [4]
/// non-zero weights.
extern "C" void setun_hls_matmul(const std::uint8_t* w0, const std::uint8_t* w1, const std::uint8_t* w2,
                                 const std::uint8_t* w3, const std::int8_t* x, std::int32_t* y,
                                 std::uint64_t* status, std::uint32_t ports, std::uint32_t port_bits,
                                 std::uint32_t tile_rows, std::uint32_t columns, std::uint32_t m,
                                 std::uint32_t k, std::uint32_t planes, std::uint32_t tokens,
                                 std::uint32_t x_stride);
