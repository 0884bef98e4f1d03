// Zip archives of a few small files, stored without compression: what XRT unpacks before it starts a
// simulator.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace setun::xclbin {

struct ZipEntry {
    std::string path;  ///< with '/', relative
    std::string content;
    bool executable = false;
};

/// Serialises an archive with Unix permissions. Throws std::invalid_argument when it would not fit the plain
/// format (64 K entries, 4 GiB).
[[nodiscard]] std::vector<std::byte> write_zip(std::span<const ZipEntry> entries);

}  // namespace setun::xclbin
