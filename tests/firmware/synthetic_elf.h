// The smallest firmware image, written without a toolchain.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "firmware/platform.h"
#include "rtl/setun_abi.h"

namespace setun::vp::test {

/// A valid image of two segments: 256 bytes of "code" at 0, and 16 bytes at 0x400 with 48 more of zeros.
struct Elf {
    Elf32_Ehdr header{};
    Elf32_Phdr segment[2] = {};
    SetunFirmwareHeader firmware{SETUN_FIRMWARE_MAGIC, SETUN_PLATFORM_VERSION, SETUN_SRAM_BYTES,
                                 SETUN_COMMAND_VERSION};
    Elf() {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS32;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_EXEC;
        header.e_machine = EM_RISCV;
        header.e_version = EV_CURRENT;
        header.e_phoff = sizeof header;
        header.e_phentsize = sizeof(Elf32_Phdr);
        header.e_phnum = 2;
        segment[0] = {PT_LOAD, 256, 0, 0, 256, 256, PF_R | PF_X, 4};
        segment[1] = {PT_LOAD, 512, 0x400, 0x400, 16, 64, PF_R | PF_W, 4};
    }
    [[nodiscard]] std::vector<std::byte> bytes() const {
        std::vector<std::byte> file(528);
        std::memcpy(file.data(), &header, sizeof header);
        std::memcpy(file.data() + sizeof header, segment, sizeof segment);
        for (std::size_t i = 256; i < file.size(); ++i) {
            file[i] = std::byte{0xA5};
        }
        std::memcpy(file.data() + 256 + SETUN_HEADER_OFFSET, &firmware, sizeof firmware);
        return file;
    }
};

}  // namespace setun::vp::test
