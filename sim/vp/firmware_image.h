// Loads the firmware: an ELF32 RISC-V executable into the processor's memory, after checking all of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>

namespace setun::vp {

/// A firmware file that cannot be used. The message is one line that names the file, the field and what to
/// do.
class FirmwareError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// What an image says of itself (SetunFirmwareHeader in firmware/platform.h).
struct FirmwareInfo {
    std::uint32_t platform_version = 0;
    std::uint32_t command_version = 0;
    std::uint32_t loaded_bytes =
        0;  ///< end of the last segment, with its zeroed part: code, data, bss and stack
};

/// Copies the segments of the executable `path` to where they are linked, `sram` being the memory at
/// SETUN_SRAM_BASE, and zeroes the rest of it. Throws FirmwareError, with `sram` unchanged, when the file
/// cannot be read, is no executable for this processor, does not fit, or was built for another platform.
FirmwareInfo load_firmware(const std::filesystem::path& path, std::span<std::byte> sram);

/// The same for a file's content; `name` stands for it in messages. Never reads outside `file`.
FirmwareInfo load_firmware_image(std::span<const std::byte> file, const std::string& name,
                                 std::span<std::byte> sram);

}  // namespace setun::vp
