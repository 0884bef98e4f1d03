// The ternary product with AVX2 and AVX-VNNI.
#include "host/cpu/slice.h"

#if defined(__x86_64__)

#define SETUN_PLANES_TARGET "avx2,avxvnni"
#define SETUN_PLANES_SUMS 10U
#define SETUN_PLANES_DPBUSD _mm256_dpbusd_avx_epi32
#include "host/cpu/slice_planes.inc"

#include <cpuid.h>

namespace setun::cpu {
namespace {

/// CPUID leaf 7, subleaf 1, EAX bit 4; __builtin_cpu_supports of g++ 12 and clang 14 does not know it. That
/// the operating system keeps 256-bit registers is what "avx2" tells.
bool has_avx_vnni() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __builtin_cpu_supports("avx2") != 0 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
           (eax & (1U << 4U)) != 0;
}

}  // namespace

const SlicePath& avx_vnni_path() {
    static constexpr SlicePath kPath{"AVX-VNNI", [] { return has_avx_vnni(); }, x_bytes, prepare, run_any};
    return kPath;
}

}  // namespace setun::cpu

#else

namespace setun::cpu {

const SlicePath& avx_vnni_path() { return absent_path(); }

}  // namespace setun::cpu

#endif
