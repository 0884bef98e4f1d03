// The exact ternary matrix product on the processor, straight from packed weight streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/packing.h"

namespace setun {

class ThreadPool;

/// Which code runs the inner loop. The integers are the same.
enum class KernelPath {
    kBest,      ///< AVX2 where the processor has it
    kPortable,  ///< plain C++
    kAvx2,      ///< throws InputError on a processor without AVX2
};

/// The activations of one product.
struct ActivationView {
    const std::int8_t* data = nullptr;  ///< row t begins at data + t * stride
    std::size_t stride = 0;             ///< bytes between rows
    unsigned tokens = 1;                ///< rows, 1 to 8
};

/// What a product saw. When `legal` is false, port and offset name the first beat (in consumption order: by
/// position in the stream, then by port) that holds an illegal code, and the results are not defined.
struct KernelStatus {
    bool legal = true;
    unsigned port = 0;
    std::uint64_t offset = 0;
    std::uint64_t nonzero = 0;
};

/// Multiplies packed matrices with INT8 activations. The result does not depend on path, threads or layout.
class TernaryKernel {
  public:
    /// `threads` of 0 takes as many as the machine has.
    explicit TernaryKernel(unsigned threads = 1, KernelPath path = KernelPath::kBest);
    ~TernaryKernel();
    TernaryKernel(const TernaryKernel&) = delete;
    TernaryKernel& operator=(const TernaryKernel&) = delete;

    /// y[m][columns] = W[m][k] * x[tokens][k] transposed; columns >= tokens, the surplus columns become zero.
    /// `streams` holds index.stream_bytes() for each port. Only k bytes of each row of x are read.
    KernelStatus multiply(const StreamIndex& index, StreamViews streams, const ActivationView& x,
                          unsigned columns, std::int32_t* y);

    [[nodiscard]] unsigned threads() const;
    [[nodiscard]] KernelPath path() const { return path_; }  ///< kAvx2 or kPortable
    [[nodiscard]] static bool has_avx2();

  private:
    KernelPath path_;
    std::unique_ptr<ThreadPool> pool_;
};

}  // namespace setun
