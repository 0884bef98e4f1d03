// The ternary product with AVX2.
#include "host/cpu/slice.h"

#if defined(__x86_64__)

#define SETUN_PLANES_TARGET "avx2"
#include "host/cpu/slice_planes.inc"

namespace setun::cpu {

const SlicePath& avx2_path() {
    static constexpr SlicePath kPath{"AVX2", [] { return __builtin_cpu_supports("avx2") != 0; }, x_bytes,
                                     prepare, run_any};
    return kPath;
}

}  // namespace setun::cpu

#else

namespace setun::cpu {

const SlicePath& avx2_path() { return absent_path(); }

}  // namespace setun::cpu

#endif
