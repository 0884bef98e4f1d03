// Loads the firmware: an ELF32 RISC-V executable into the processor's memory, after checking all of it.
#include "sim/vp/firmware_image.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <system_error>
#include <vector>

#include "firmware/platform.h"
#include "rtl/setun_abi.h"

namespace setun::vp {
namespace {

static_assert(std::endian::native == std::endian::little, "ELF structures are copied as they are");

// Symbols and debug information stand in the file too, so it may be far larger than the memory.
constexpr std::uint64_t kMaxFileBytes = 16U << 20U;
constexpr std::size_t kMaxSegments = 64;
constexpr const char* kBuildIt = "; build it with firmware/CMakeLists.txt";

std::string hex(std::uint64_t value) {
    std::array<char, 16> digits{};
    std::size_t count = 0;
    do {
        digits.at(count++) = "0123456789abcdef"[value & 0xFU];
        value >>= 4U;
    } while (value != 0);
    std::string text = "0x";
    while (count > 0) {
        text += digits.at(--count);
    }
    return text;
}

/// One file being checked: reads structures out of it, and words its errors.
class Image {
  public:
    Image(std::span<const std::byte> file, const std::string& name) : file_(file), name_(name) {}

    [[noreturn]] void fail(const std::string& reason) const {
        throw FirmwareError("firmware '" + name_ + "': " + reason);
    }

    /// A T at `offset`. Fails when it lies outside the file.
    template <typename T>
    [[nodiscard]] T at(std::uint64_t offset, const char* what) const {
        if (offset > file_.size() || file_.size() - offset < sizeof(T)) {
            fail(std::string("truncated: the ") + what + " at " + hex(offset) + " is outside the file of " +
                 std::to_string(file_.size()) + " bytes" + kBuildIt);
        }
        T value{};
        std::memcpy(&value, file_.data() + offset, sizeof value);
        return value;
    }

    [[nodiscard]] std::span<const std::byte> bytes() const { return file_; }

  private:
    std::span<const std::byte> file_;
    const std::string& name_;
};

struct Segment {
    std::uint32_t address = 0;
    std::uint32_t bytes = 0;
    std::span<const std::byte> content;  // at most `bytes`; the rest is zero
};

Elf32_Ehdr checked_header(const Image& image) {
    if (image.bytes().size() < SELFMAG || std::memcmp(image.bytes().data(), ELFMAG, SELFMAG) != 0) {
        image.fail(std::string("not an ELF file") + kBuildIt);
    }
    const auto header = image.at<Elf32_Ehdr>(0, "ELF header");
    if (header.e_ident[EI_CLASS] != ELFCLASS32) {
        image.fail("e_ident[EI_CLASS] is " + std::to_string(header.e_ident[EI_CLASS]) +
                   ", and the processor needs 1, 32-bit; compile with -mabi=ilp32");
    }
    if (header.e_ident[EI_DATA] != ELFDATA2LSB) {
        image.fail("e_ident[EI_DATA] is " + std::to_string(header.e_ident[EI_DATA]) +
                   ", and the processor needs 1, little endian");
    }
    if (header.e_ident[EI_VERSION] != EV_CURRENT || header.e_version != EV_CURRENT) {
        image.fail(std::string("unknown ELF version") + kBuildIt);
    }
    if (header.e_machine != EM_RISCV) {
        image.fail("e_machine is " + std::to_string(header.e_machine) +
                   ", and the processor needs 243, RISC-V; use riscv64-unknown-elf-gcc");
    }
    if (header.e_type != ET_EXEC) {
        image.fail("e_type is " + std::to_string(header.e_type) +
                   ", and only 2, an executable, can be loaded; link it with firmware/link.ld");
    }
    if ((header.e_flags & (EF_RISCV_RVC | EF_RISCV_RVE | EF_RISCV_FLOAT_ABI)) != 0) {
        image.fail("e_flags is " + hex(header.e_flags) +
                   ": compressed, embedded or floating-point code; compile with -march=rv32im_zicsr "
                   "-mabi=ilp32");
    }
    if (header.e_phentsize != sizeof(Elf32_Phdr)) {
        image.fail("e_phentsize is " + std::to_string(header.e_phentsize) + ", and must be " +
                   std::to_string(sizeof(Elf32_Phdr)) + kBuildIt);
    }
    if (header.e_phnum == 0 || header.e_phnum > kMaxSegments) {
        image.fail("e_phnum is " + std::to_string(header.e_phnum) + " segments, and must be 1 to " +
                   std::to_string(kMaxSegments) + kBuildIt);
    }
    if (header.e_entry != SETUN_SRAM_BASE) {
        image.fail("e_entry is " + hex(header.e_entry) + ", and the reset vector is " + hex(SETUN_SRAM_BASE) +
                   "; link it with firmware/link.ld");
    }
    return header;
}

/// The loadable segments in order of address, all inside `sram_bytes` and apart from each other.
std::vector<Segment> checked_segments(const Image& image, const Elf32_Ehdr& header, std::size_t sram_bytes) {
    std::vector<Segment> segments;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        const auto program = image.at<Elf32_Phdr>(
            std::uint64_t{header.e_phoff} + std::uint64_t{i} * sizeof(Elf32_Phdr), "program header");
        if (program.p_type != PT_LOAD || program.p_memsz == 0) {
            continue;
        }
        const std::string which = "segment " + std::to_string(i);
        if (program.p_filesz > program.p_memsz) {
            image.fail(which + ": p_filesz " + std::to_string(program.p_filesz) + " is more than p_memsz " +
                       std::to_string(program.p_memsz) + kBuildIt);
        }
        if (program.p_offset > image.bytes().size() ||
            image.bytes().size() - program.p_offset < program.p_filesz) {
            image.fail(which + ": p_offset " + hex(program.p_offset) + " and p_filesz " +
                       std::to_string(program.p_filesz) + " reach outside the file of " +
                       std::to_string(image.bytes().size()) + " bytes; it is truncated");
        }
        if (program.p_paddr != program.p_vaddr) {
            image.fail(which + ": p_paddr " + hex(program.p_paddr) + " differs from p_vaddr " +
                       hex(program.p_vaddr) + ", and nothing would move it; link it with firmware/link.ld");
        }
        // SETUN_SRAM_BASE is 0, so an address is an offset.
        if (program.p_vaddr > sram_bytes || sram_bytes - program.p_vaddr < program.p_memsz) {
            image.fail(which + ": p_vaddr " + hex(program.p_vaddr) + " and p_memsz " +
                       std::to_string(program.p_memsz) + " reach outside the processor's memory of " +
                       std::to_string(sram_bytes) + " bytes at " + hex(SETUN_SRAM_BASE));
        }
        segments.push_back(
            {program.p_vaddr, program.p_memsz, image.bytes().subspan(program.p_offset, program.p_filesz)});
    }
    std::sort(segments.begin(), segments.end(),
              [](const Segment& a, const Segment& b) { return a.address < b.address; });
    for (std::size_t i = 1; i < segments.size(); ++i) {
        if (segments[i].address - segments[i - 1].address < segments[i - 1].bytes) {
            image.fail("two segments overlap at " + hex(segments[i].address) +
                       "; link it with firmware/link.ld");
        }
    }
    return segments;
}

SetunFirmwareHeader checked_firmware_header(const Image& image, std::span<const Segment> segments,
                                            std::size_t sram_bytes) {
    SetunFirmwareHeader header{};
    constexpr std::uint32_t kEnd = SETUN_SRAM_BASE + SETUN_HEADER_OFFSET + sizeof header;
    if (segments.empty() || segments[0].address != SETUN_SRAM_BASE || segments[0].content.size() < kEnd) {
        image.fail("nothing is loaded at the reset vector " + hex(SETUN_SRAM_BASE) +
                   "; link it with firmware/link.ld");
    }
    std::memcpy(&header, segments[0].content.data() + SETUN_HEADER_OFFSET, sizeof header);
    if (header.magic != SETUN_FIRMWARE_MAGIC) {
        image.fail("no Setun firmware: header magic is " + hex(header.magic) + ", and must be " +
                   hex(SETUN_FIRMWARE_MAGIC) + kBuildIt);
    }
    if (header.platform_version >> 16U != SETUN_PLATFORM_VERSION >> 16U) {
        image.fail("header platform_version is " + hex(header.platform_version) + ", and this platform is " +
                   hex(SETUN_PLATFORM_VERSION) + "; rebuild both from the same source");
    }
    if (header.sram_bytes != sram_bytes) {
        image.fail("header sram_bytes is " + std::to_string(header.sram_bytes) + ", and this platform has " +
                   std::to_string(sram_bytes) + "; rebuild both from the same source");
    }
    if (header.command_version != SETUN_COMMAND_VERSION) {
        image.fail("header command_version is " + std::to_string(header.command_version) +
                   ", and this platform has " + std::to_string(SETUN_COMMAND_VERSION) +
                   "; rebuild both from the same source");
    }
    return header;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
    const auto fail = [&](const std::string& reason) {
        throw FirmwareError("firmware '" + path.string() + "': " + reason);
    };
    std::error_code status;
    if (!std::filesystem::is_regular_file(path, status)) {
        fail("no such file; install gcc-riscv64-unknown-elf (scripts/setup) and build again");
    }
    const std::uintmax_t size = std::filesystem::file_size(path, status);
    if (status || size > kMaxFileBytes) {
        fail(status ? "cannot be read: " + status.message()
                    : std::to_string(size) + " bytes are no firmware; it has at most " +
                          std::to_string(kMaxFileBytes));
    }
    std::vector<std::byte> bytes(size);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file || static_cast<std::uintmax_t>(file.gcount()) != size) {
        fail("cannot be read; check its permissions");
    }
    return bytes;
}

}  // namespace

FirmwareInfo load_firmware_image(std::span<const std::byte> file, const std::string& name,
                                 std::span<std::byte> sram) {
    const Image image(file, name);
    const Elf32_Ehdr elf = checked_header(image);
    const std::vector<Segment> segments = checked_segments(image, elf, sram.size());
    const SetunFirmwareHeader header = checked_firmware_header(image, segments, sram.size());
    std::fill(sram.begin(), sram.end(), std::byte{0});
    for (const Segment& segment : segments) {
        std::copy(segment.content.begin(), segment.content.end(), sram.begin() + segment.address);
    }
    FirmwareInfo info;
    info.platform_version = header.platform_version;
    info.command_version = header.command_version;
    info.loaded_bytes = segments.back().address + segments.back().bytes;
    return info;
}

FirmwareInfo load_firmware(const std::filesystem::path& path, std::span<std::byte> sram) {
    return load_firmware_image(read_file(path), path.string(), sram);
}

}  // namespace setun::vp
