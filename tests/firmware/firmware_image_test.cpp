// The firmware loader: what it accepts, and that everything else is refused in one line that says why.
#include "sim/vp/firmware_image.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "firmware/platform.h"
#include "rtl/setun_abi.h"
#include "sim/random.h"
#include "tests/firmware/synthetic_elf.h"

namespace {

using setun::vp::FirmwareError;
using setun::vp::FirmwareInfo;
using setun::vp::load_firmware;
using setun::vp::load_firmware_image;
using setun::vp::test::Elf;

class FirmwareImageTest : public testing::Test {
  protected:
    FirmwareImageTest() : sram_(SETUN_SRAM_BYTES, std::byte{0x77}) {}

    /// Expects a refusal that names the file and contains `text`, and memory as it was.
    void expect_refused(const std::vector<std::byte>& file, const std::string& text) {
        try {
            load_firmware_image(file, "some.elf", sram_);
            ADD_FAILURE() << "accepted; expected " << text;
        } catch (const FirmwareError& error) {
            const std::string what = error.what();
            EXPECT_EQ(what.rfind("firmware 'some.elf': ", 0), 0U) << what;
            EXPECT_NE(what.find(text), std::string::npos) << what;
            EXPECT_EQ(what.find('\n'), std::string::npos);
        }
        EXPECT_TRUE(
            std::all_of(sram_.begin(), sram_.end(), [](std::byte b) { return b == std::byte{0x77}; }));
    }
    void expect_refused(const std::function<void(Elf&)>& damage, const std::string& text) {
        Elf elf;
        damage(elf);
        expect_refused(elf.bytes(), text);
    }

    std::vector<std::byte> sram_;
};

TEST_F(FirmwareImageTest, LoadsSegmentsAndZeroesTheRest) {
    const FirmwareInfo info = load_firmware_image(Elf().bytes(), "some.elf", sram_);
    EXPECT_EQ(info.platform_version, SETUN_PLATFORM_VERSION);
    EXPECT_EQ(info.command_version, SETUN_COMMAND_VERSION);
    EXPECT_EQ(info.loaded_bytes, 0x440U);
    for (std::size_t i = 0; i < sram_.size(); ++i) {
        const bool header = i >= SETUN_HEADER_OFFSET && i < SETUN_HEADER_OFFSET + sizeof(SetunFirmwareHeader);
        if (!header) {
            const bool loaded = i < 256 || (i >= 0x400 && i < 0x410);
            ASSERT_EQ(sram_[i], loaded ? std::byte{0xA5} : std::byte{0}) << i;
        }
    }
}

TEST_F(FirmwareImageTest, RefusesWhatIsNoExecutableForThisProcessor) {
    expect_refused(std::vector<std::byte>{}, "not an ELF file");
    expect_refused([](Elf& e) { e.header.e_ident[1] = 'M'; }, "not an ELF file");
    expect_refused([](Elf& e) { e.header.e_ident[EI_CLASS] = ELFCLASS64; }, "e_ident[EI_CLASS] is 2");
    expect_refused([](Elf& e) { e.header.e_ident[EI_DATA] = ELFDATA2MSB; }, "e_ident[EI_DATA] is 2");
    expect_refused([](Elf& e) { e.header.e_ident[EI_VERSION] = 0; }, "ELF version");
    expect_refused([](Elf& e) { e.header.e_machine = EM_X86_64; }, "e_machine is 62");
    expect_refused([](Elf& e) { e.header.e_type = ET_DYN; }, "e_type is 3");
    expect_refused([](Elf& e) { e.header.e_flags = EF_RISCV_RVC; }, "e_flags is 0x1");
    expect_refused([](Elf& e) { e.header.e_phentsize = 56; }, "e_phentsize is 56");
    expect_refused([](Elf& e) { e.header.e_phnum = 0; }, "e_phnum is 0");
    expect_refused([](Elf& e) { e.header.e_phnum = 65; }, "e_phnum is 65");
    expect_refused([](Elf& e) { e.header.e_entry = 4; }, "e_entry is 0x4");
    expect_refused([](Elf& e) { e.header.e_phoff = 0xFFFFFFF0; }, "program header at 0xfffffff0");
    expect_refused([](Elf& e) { e.header.e_phoff = 500; }, "program header at 0x1f4");
}

TEST_F(FirmwareImageTest, RefusesSegmentsThatDoNotFit) {
    expect_refused([](Elf& e) { e.segment[1].p_filesz = 65; },
                   "segment 1: p_filesz 65 is more than p_memsz 64");
    expect_refused([](Elf& e) { e.segment[1].p_offset = 513; }, "segment 1: p_offset 0x201");
    expect_refused([](Elf& e) { e.segment[1].p_offset = 0xFFFFFFFF; }, "reach outside the file");
    expect_refused([](Elf& e) { e.segment[1].p_paddr = 0; }, "p_paddr 0x0 differs");
    const auto place = [](std::uint32_t address, std::uint32_t bytes) {
        return [=](Elf& e) {
            e.segment[1].p_vaddr = e.segment[1].p_paddr = address;
            e.segment[1].p_memsz = bytes;
        };
    };
    expect_refused(place(SETUN_SRAM_BYTES - 63, 64), "outside the processor's memory");
    expect_refused(place(0xFFFFFFF0, 64), "outside the processor's memory");
    expect_refused(place(0x400, 0xFFFFFFFF), "outside the processor's memory");
    expect_refused(place(0x80000000, 64), "outside the processor's memory");
    expect_refused(place(0xFF, 64), "two segments overlap at 0xff");
    expect_refused(place(0, 64), "two segments overlap at 0x0");
    // At the very end, and right behind the first, they fit.
    for (const auto& damage : {place(SETUN_SRAM_BYTES - 64, 64), place(0x100, 64)}) {
        Elf elf;
        damage(elf);
        EXPECT_NO_THROW(load_firmware_image(elf.bytes(), "some.elf", sram_));
    }
}

TEST_F(FirmwareImageTest, RefusesFirmwareOfAnotherPlatform) {
    expect_refused([](Elf& e) { e.segment[0].p_type = PT_NOTE; }, "nothing is loaded at the reset vector");
    expect_refused([](Elf& e) { e.segment[0].p_type = e.segment[1].p_type = PT_NOTE; }, "nothing is loaded");
    expect_refused([](Elf& e) { e.segment[0].p_filesz = SETUN_HEADER_OFFSET + 15; }, "nothing is loaded");
    expect_refused([](Elf& e) { e.firmware.magic = 0; }, "header magic is 0x0");
    expect_refused([](Elf& e) { e.firmware.platform_version = 0x00020000; }, "platform_version is 0x20000");
    expect_refused([](Elf& e) { e.firmware.sram_bytes = 32768; }, "sram_bytes is 32768");
    expect_refused([](Elf& e) { e.firmware.command_version = 2; }, "command_version is 2");
    Elf minor;
    minor.firmware.platform_version += 1;
    EXPECT_NO_THROW(load_firmware_image(minor.bytes(), "some.elf", sram_));
}

TEST_F(FirmwareImageTest, DamagedFilesAreReadOrRefused) {
    const std::vector<std::byte> whole = Elf().bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_THROW(load_firmware_image(std::span(whole).first(size), "some.elf", sram_), FirmwareError)
            << size;
    }
    setun::sim::Random random(0);
    int refused = 0;
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::byte> file = whole;
        for (std::uint64_t i = random.between(1, 4); i > 0; --i) {
            file[random.between(0, 140)] = static_cast<std::byte>(random.between(0, 255));
        }
        try {
            load_firmware_image(file, "some.elf", sram_);
        } catch (const FirmwareError&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 10000);
}

class FirmwareFileTest : public FirmwareImageTest {
  protected:
    FirmwareFileTest() : path_(testing::TempDir() + "setun_firmware_" + std::to_string(getpid()) + ".elf") {}
    ~FirmwareFileTest() override { std::filesystem::remove(path_); }
    void expect_file_refused(const std::filesystem::path& path, const std::string& text) {
        try {
            load_firmware(path, sram_);
            ADD_FAILURE() << "accepted";
        } catch (const FirmwareError& error) {
            const std::string what = error.what();
            EXPECT_NE(what.find("firmware '" + path.string() + "': "), std::string::npos) << what;
            EXPECT_NE(what.find(text), std::string::npos) << what;
        }
    }
    std::filesystem::path path_;
};

TEST_F(FirmwareFileTest, FilesAreReadOrRefused) {
    expect_file_refused(path_, "no such file");
    expect_file_refused(testing::TempDir(), "no such file");
    const std::vector<std::byte> bytes = Elf().bytes();
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    EXPECT_EQ(load_firmware(path_, sram_).loaded_bytes, 0x440U);
    std::filesystem::resize_file(path_, (16U << 20U) + 1);
    expect_file_refused(path_, "16777217 bytes are no firmware");
    std::filesystem::resize_file(path_, 0);
    expect_file_refused(path_, "not an ELF file");
}

}  // namespace
