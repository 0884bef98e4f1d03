// One port of one configuration in the differential test: where its bits stand in the model's vectors.
#pragma once

#include <string_view>

namespace setun::guards {

struct DiffPort {
    std::string_view config;
    std::string_view name;
    bool input;
    unsigned offset;  ///< first bit, a multiple of 32, in the stimulus or output vector
    unsigned width;   ///< bits
};

}  // namespace setun::guards
