// Fuzz target: firmware images (ELF executables) of the virtual chip.
#include <vector>

#include "firmware/platform.h"
#include "sim/vp/firmware_image.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static std::vector<std::byte> sram(SETUN_SRAM_BYTES);
    try {
        setun::vp::load_firmware_image(setun::fuzz::input(data, size), "input", sram);
    } catch (const setun::vp::FirmwareError&) {
        // Refusing is as good as loading.
    }
    return 0;
}
