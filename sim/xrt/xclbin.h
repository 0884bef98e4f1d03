// The container that XRT loads: xclbin ("axlf") images, written and read without XRT.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace setun::xclbin {

/// Section kinds that Setun writes or reads (numbers of XRT's public header xclbin.h).
enum SectionKind : std::uint32_t {
    kBitstream = 0,
    kEmbeddedMetadata = 2,
    kMemTopology = 6,
    kConnectivity = 7,
    kIpLayout = 8,
    kClockFrequencies = 11,
    kGroupTopology = 26,
    kGroupConnectivity = 27,
};

/// What an image is for. XRT 2.13 knows 0 to 6; images for cards are "flat" or "pr".
enum Mode : std::uint16_t { kFlat = 0, kPr = 1, kHwEmulation = 4, kSwEmulation = 5, kHwEmulationPr = 6 };

struct Section {
    std::uint32_t kind = 0;
    std::string name;  ///< at most 15 bytes
    std::vector<std::byte> data;
};

struct Image {
    std::uint64_t timestamp = 0;  ///< seconds since 1970
    std::uint16_t mode = kHwEmulation;
    std::array<std::uint8_t, 16> uuid{};
    std::string platform;  ///< "vendor:board:name:version", at most 63 bytes
    std::vector<Section> sections;

    /// The first section of `kind`, null when there is none.
    [[nodiscard]] const Section* find(std::uint32_t kind) const;
    [[nodiscard]] bool for_emulation() const { return mode >= kHwEmulation && mode <= kHwEmulationPr; }
};

/// One bank of MEM_TOPOLOGY.
struct Bank {
    std::string tag;  ///< at most 15 bytes, e.g. "DDR[0]"
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;  ///< a multiple of 1024
    bool used = true;
    std::uint8_t type = 1;  ///< 1 = DDR4, 6 = HBM
};

/// One compute unit of IP_LAYOUT.
struct Unit {
    std::string name;  ///< "kernel:instance", at most 63 bytes
    std::uint64_t base = 0;
    std::uint32_t properties = 0;  ///< [15:8] control protocol, 0 = ap_ctrl_hs
    std::uint32_t type = 1;        ///< 1 = kernel
};

/// Argument `argument` of unit `unit` reaches bank `bank`.
struct Connection {
    std::int32_t argument = 0;
    std::int32_t unit = 0;
    std::int32_t bank = 0;
};

/// Serialises an image. Throws std::invalid_argument when a name is too long or there is no section.
[[nodiscard]] std::vector<std::byte> write_image(const Image& image);

/// Parses an image. Throws std::invalid_argument with a one-line reason: not an xclbin, truncated, a section
/// that lies outside the file, sections that overlap. Never reads outside `bytes`; takes no more memory than
/// they do.
[[nodiscard]] Image read_image(std::span<const std::byte> bytes);

/// Section contents. The readers throw std::invalid_argument when the counts do not fit the bytes.
[[nodiscard]] std::vector<std::byte> write_banks(std::span<const Bank> banks);
[[nodiscard]] std::vector<std::byte> write_units(std::span<const Unit> units);
[[nodiscard]] std::vector<std::byte> write_connections(std::span<const Connection> connections);
[[nodiscard]] std::vector<Bank> read_banks(std::span<const std::byte> section);
[[nodiscard]] std::vector<Unit> read_units(std::span<const std::byte> section);
[[nodiscard]] std::vector<Connection> read_connections(std::span<const std::byte> section);

}  // namespace setun::xclbin
