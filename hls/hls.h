// Pragmas for high-level synthesis that other compilers do not see.
#pragma once

/// SETUN_HLS(HLS PIPELINE II=1) is `#pragma HLS PIPELINE II=1` for a synthesis tool and nothing for g++ and
/// clang++, which would warn of an unknown pragma. Defining SETUN_HLS_PRAGMAS shows the pragmas to any
/// compiler.
#if defined(__SYNTHESIS__) || defined(SETUN_HLS_PRAGMAS)
#define SETUN_HLS_EXPAND(text) _Pragma(#text)
#define SETUN_HLS(...) SETUN_HLS_EXPAND(__VA_ARGS__)
#else
#define SETUN_HLS(...)
#endif

/// On a function whose loops a processor should run with the widest vectors it has: a copy for AVX2 beside
/// the plain one, chosen when the program starts. Vectors run across independent sums only and AVX2 has no
/// fused multiply-add, so both give the same bits. Nothing for synthesis; sanitizers cannot run the choice.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SYNTHESIS__) && !defined(SETUN_HLS_PRAGMAS) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define SETUN_HLS_VECTORS __attribute__((target_clones("default", "avx2")))
#else
#define SETUN_HLS_VECTORS
#endif

/// Storage of a large buffer. On a processor it must not lie on the stack; a synthesis tool keeps it on the
/// chip and may double it between stages.
#ifdef __SYNTHESIS__
#define SETUN_HLS_BUFFER
#else
#define SETUN_HLS_BUFFER static
#endif

/// Largest sizes that the operations accept, for loop bounds and on-chip arrays of a synthesis tool.
namespace setun {
namespace hls {

constexpr unsigned kMaxPorts = 16;           ///< weight ports
constexpr unsigned kMaxBeatBytes = 64;       ///< PORT_BITS / 8
constexpr unsigned kMaxTokens = 8;           ///< activation rows that share a weight beat
constexpr unsigned kMaxTileRows = 4096;      ///< rows a tile gives to each port
constexpr unsigned kMaxWidth = 131072;       ///< elements of an activation vector, = SETUN_MAX_K
constexpr unsigned kMaxHeadDim = 256;        ///< attention head
constexpr unsigned kMaxHeads = 256;          ///< query heads
constexpr unsigned kMaxPositions = 1048576;  ///< rows of a KV cache

/// Elements that the vector units take in a clock; hls/contract.h makes cycles of them.
constexpr unsigned kVectorLanes = 8;       ///< float datapaths with a divider in each lane
constexpr unsigned kNormLanes = 16;        ///< scaling and rounding of a norm
constexpr unsigned kSharedHeads = 4;       ///< query heads that take an element of their KV head together
constexpr unsigned kCacheLanes = 32;       ///< elements of a KV head of an INT8 cache
constexpr unsigned kFloatCacheLanes = 16;  ///< the same of a cache in floats

}  // namespace hls
}  // namespace setun
