// The exact ternary matrix product on the processor, straight from packed weight streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/device/packing.h"

namespace setun {

class ThreadPool;

namespace cpu {
struct SlicePath;
}

/// Which code runs the inner loop. The integers are the same. kBest is the last of the others that this
/// processor can run; a path that it cannot run is refused with InputError.
enum class KernelPath {
    kBest,
    kPortable,    ///< plain C++
    kAvx2,        ///< 256 bits, byte products added in pairs
    kAvxVnni,     ///< 256 bits, four byte products added at once: AVX-VNNI
    kAvx512Vnni,  ///< the same, AVX-512 VNNI and VL
    kAvx512,      ///< 512 bits: AVX-512 BW, VBMI, VNNI, and GFNI
};

/// "AVX2" and the like; of kBest: of the path that it stands for here.
[[nodiscard]] const char* kernel_path_name(KernelPath path);
/// True when this processor can run the path.
[[nodiscard]] bool kernel_path_available(KernelPath path);
/// All paths that this processor can run, in the order of the enum, without kBest.
[[nodiscard]] std::vector<KernelPath> available_kernel_paths();

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
    [[nodiscard]] KernelPath path() const { return path_; }  ///< never kBest
    [[nodiscard]] static bool has_avx2() { return kernel_path_available(KernelPath::kAvx2); }

  private:
    KernelPath path_;
    const cpu::SlicePath* code_;
    std::unique_ptr<ThreadPool> pool_;
};

}  // namespace setun
