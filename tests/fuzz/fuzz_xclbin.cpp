// Fuzz target: xclbin images and the tables in them.
#include <stdexcept>

#include "sim/xrt/xclbin.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace setun;
    try {
        const xclbin::Image image = xclbin::read_image(fuzz::input(data, size));
        std::size_t bytes = 0;
        for (const xclbin::Section& section : image.sections) {
            bytes += section.data.size();
        }
        fuzz::require(bytes <= size, "sections are no larger than the file");
        for (const xclbin::Section& section : image.sections) {
            if (section.kind == xclbin::kMemTopology) {
                static_cast<void>(xclbin::read_banks(section.data));
            } else if (section.kind == xclbin::kIpLayout) {
                static_cast<void>(xclbin::read_units(section.data));
            } else if (section.kind == xclbin::kConnectivity) {
                static_cast<void>(xclbin::read_connections(section.data));
            }
        }
    } catch (const std::invalid_argument& error) {
        // Refusing is as good as reading.
        fuzz::require(std::string_view(error.what()).find('\n') == std::string_view::npos,
                      "a message is one line");
    }
    return 0;
}
