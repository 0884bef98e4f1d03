// Cycles of the vector units: lanes, pipeline depths and what a command costs (docs/command-interface.md
// section 5.4).
//
// Annotated, not synthesized: the lanes are what hls/units/ asks of a synthesis tool with its pragmas, the
// depths are typical of 300 MHz on UltraScale+, and no tool has confirmed either. Time for memory is not in
// here: who simulates the chip adds what its memory makes a unit wait.
#pragma once

#include <cstdint>

#include "hls/hls.h"

namespace setun {
namespace hls {
namespace contract {

/// ceil(elements / lanes): clocks of a pass at initiation interval 1.
constexpr std::uint64_t steps(std::uint64_t elements, std::uint64_t lanes) {
    return elements / lanes + (elements % lanes != 0 ? 1 : 0);
}

/// Stages of the float operators.
constexpr std::uint64_t kAdd = 4;
constexpr std::uint64_t kMultiply = 3;
constexpr std::uint64_t kDivide = 12;
constexpr std::uint64_t kSquareRoot = 12;
constexpr std::uint64_t kConvert = 4;                                            ///< integer to float or back
constexpr std::uint64_t kExponential = 2 * kMultiply + 10 * (kMultiply + kAdd);  ///< hls/elementary.h
constexpr std::uint64_t kDequantize = kConvert + kMultiply + kDivide;            ///< hls/quantize.h
constexpr std::uint64_t kFold = 4 * kAdd;                                        ///< 16 partial sums to one

/// From the start register to the first request on the bus, and from the last response to done.
constexpr std::uint64_t kStart = 8;
constexpr std::uint64_t kFinish = 4;

/// Elements of a sum of floats in a clock: 16 partial sums (hls/reduce.h), each free again after an addition.
constexpr std::uint64_t kSumLanes = 16 / kAdd;
/// Stages behind the last element of a sum of products.
constexpr std::uint64_t kSumDepth = kMultiply + kAdd + kFold;

/// The table of hls/rope.h: one divider and two series in binary64, kTableInterval clocks an entry.
constexpr std::uint64_t kTableInterval = 8;  ///< of hls/rope.cpp
constexpr std::uint64_t kTableDepth = 640;

/// NORM_QUANTIZE of k elements: sum of squares, scaling, largest magnitude on the way, rounding.
constexpr std::uint64_t norm_quantize(std::uint32_t k, bool gain) {
    const std::uint64_t pass = steps(k, kNormLanes);
    const std::uint64_t round = pass + kDivide + kMultiply + kConvert;
    const std::uint64_t norm = steps(k, kSumLanes) + kSumDepth + 2 * kDivide + kAdd + kSquareRoot;
    return kStart + (gain ? norm + 2 * kMultiply : 0) + pass + round + kFinish;
}

/// ROPE of `heads` heads: table, then kVectorLanes elements a clock.
constexpr std::uint64_t rope(std::uint32_t heads, std::uint32_t head_dim) {
    const std::uint64_t table = kTableInterval * (head_dim / 2) + kTableDepth;
    const std::uint64_t rows = heads * steps(head_dim / 2, kVectorLanes / 2);
    return kStart + table + rows + kDequantize + kMultiply + kAdd + kFinish;
}

/// KV_APPEND of a row: key and value side by side, in INT8 one pass more for the largest magnitude.
constexpr std::uint64_t kv_append(std::uint32_t heads, std::uint32_t head_dim, bool int8) {
    const std::uint64_t pass = steps(head_dim, kVectorLanes);
    const std::uint64_t load = pass + kDequantize;
    const std::uint64_t store = int8 ? 2 * pass + kDivide + kMultiply + kConvert : pass;
    return kStart + heads * (load + store) + kFinish;
}

/// ATTENTION, group by group of heads that share a KV head. Scores of the next group, softmax of this one and
/// values of the one before run side by side: the first group passes through all three, the others follow at
/// the pace of the slowest.
///     INT8   kCacheLanes elements of a KV head meet kSharedHeads queries: 128 products a clock in each array
///     float  kFloatCacheLanes elements, 64 products a clock
/// Softmax takes one position of each sharing head a clock: exponentials with their sum, then quotients.
constexpr std::uint64_t attention(std::uint32_t heads, std::uint32_t kv_heads, std::uint32_t head_dim,
                                  std::uint32_t positions, bool int8) {
    const std::uint64_t lanes = int8 ? kCacheLanes : kFloatCacheLanes;
    const std::uint64_t groups = kv_heads * steps(heads / kv_heads, kSharedHeads);
    const std::uint64_t depth = int8 ? 8 : kSumDepth;
    const std::uint64_t products = positions * steps(head_dim, lanes) + depth;
    const std::uint64_t score = products + kConvert + kMultiply + kDivide;
    const std::uint64_t softmax =
        2 * static_cast<std::uint64_t>(positions) + kAdd + kExponential + kAdd + kFold + 2 * kDivide;
    const std::uint64_t value = products + kMultiply + kConvert + kDivide;
    const std::uint64_t slower = score > softmax ? score : softmax;
    const std::uint64_t slowest = slower > value ? slower : value;
    const std::uint64_t query = int8 ? 2 * steps(head_dim, kVectorLanes) + kDivide + kMultiply + kConvert : 0;
    return kStart + query + score + softmax + value + (groups - 1) * slowest + kFinish;
}

/// GATE of n elements.
constexpr std::uint64_t gate(std::uint32_t n, bool silu) {
    const std::uint64_t function = silu ? kExponential + kAdd + kDivide + kMultiply : 2 * kMultiply;
    return kStart + steps(n, kVectorLanes) + kDequantize + function + kFinish;
}

/// RESIDUAL of n elements.
constexpr std::uint64_t residual(std::uint32_t n) {
    return kStart + steps(n, kVectorLanes) + kDequantize + kAdd + kFinish;
}

/// EMBED of k elements: a beat of each plane a clock, then the chunk's elements, chunk after chunk.
constexpr std::uint64_t embed(std::uint32_t k, std::uint32_t planes, std::uint32_t port_bits) {
    const std::uint64_t chunks = steps(k, std::uint64_t{5} * (port_bits / 8));
    return kStart + chunks * planes + steps(k, kVectorLanes) + chunks * (kConvert + kMultiply) + kFinish;
}

/// ARGMAX of n elements: a tree over the lanes, one comparison with the best so far.
constexpr std::uint64_t argmax(std::uint32_t n) {
    return kStart + steps(n, kVectorLanes) + kDequantize + 4 + kFinish;
}

}  // namespace contract
}  // namespace hls
}  // namespace setun
