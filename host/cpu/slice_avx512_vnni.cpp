// The ternary product with 256-bit vectors, AVX-512 VL and VNNI.
#include "host/cpu/slice.h"

#if defined(__x86_64__)

#define SETUN_PLANES_TARGET "avx2,avx512f,avx512vl,avx512vnni"
#define SETUN_PLANES_SUMS 14U
#define SETUN_PLANES_DPBUSD _mm256_dpbusd_epi32
#include "host/cpu/slice_planes.inc"

namespace setun::cpu {

const SlicePath& avx512_vnni_path() {
    static constexpr SlicePath kPath{
        "AVX-512 VNNI",
        [] { return __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0; },
        x_bytes, prepare, run_any};
    return kPath;
}

}  // namespace setun::cpu

#else

namespace setun::cpu {

const SlicePath& avx512_vnni_path() { return absent_path(); }

}  // namespace setun::cpu

#endif
