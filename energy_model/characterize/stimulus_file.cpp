// Reads recorded activations and weights.
#include "energy_model/characterize/stimulus_file.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <system_error>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/text_file.h"

namespace setun::characterize {
namespace {

std::array<std::int8_t, kStimulusLanes> bytes_of(std::string_view text, const std::string& where) {
    std::array<std::int8_t, kStimulusLanes> row{};
    if (text.size() != 2 * row.size()) {
        throw CharacterizeError(fmt::format("{}: {} hexadecimal digits where {} should stand", where,
                                            text.size(), 2 * row.size()));
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
        unsigned value = 0;
        const char* begin = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
        if (error != std::errc() || end != begin + 2) {
            throw CharacterizeError(
                fmt::format("{}: '{}' is no hexadecimal byte", where, text.substr(2 * i, 2)));
        }
        row[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(value));
    }
    return row;
}

std::array<std::int8_t, kStimulusLanes> trits_of(std::string_view text, const std::string& where) {
    std::array<std::int8_t, kStimulusLanes> row{};
    if (text.size() != row.size()) {
        throw CharacterizeError(
            fmt::format("{}: {} trits where {} should stand", where, text.size(), row.size()));
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (text[i] != '-' && text[i] != '0' && text[i] != '+') {
            throw CharacterizeError(fmt::format("{}: a weight that is none of '-', '0', '+'", where));
        }
        row[i] = static_cast<std::int8_t>(text[i] == '-' ? -1 : text[i] == '+' ? 1 : 0);
    }
    return row;
}

}  // namespace

double ModelStimulus::zeros() const {
    std::size_t count = 0;
    for (const auto& row : weights) {
        for (const std::int8_t weight : row) {
            count += weight == 0 ? 1U : 0U;
        }
    }
    return static_cast<double>(count) / static_cast<double>(weights.size() * kStimulusLanes);
}

ModelStimulus read_stimulus(const std::filesystem::path& file) {
    ModelStimulus result;
    std::istringstream stream(read_text_file(file));
    unsigned number = 0;
    for (std::string line; std::getline(stream, line);) {
        const std::string where = fmt::format("{}:{}", file.string(), ++number);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const std::size_t space = line.find(' ');
        const std::string_view kind = std::string_view(line).substr(0, space);
        const std::string_view value =
            space == std::string::npos ? "" : std::string_view(line).substr(space + 1);
        if (kind == "source") {
            result.source = value;
        } else if (kind == "x") {
            result.activations.push_back(bytes_of(value, where));
        } else if (kind == "w") {
            result.weights.push_back(trits_of(value, where));
        } else {
            throw CharacterizeError(
                fmt::format("{}: a line that begins with none of 'source', 'x', 'w'", where));
        }
    }
    if (result.activations.empty() || result.weights.empty() || result.source.empty()) {
        throw CharacterizeError(
            fmt::format("{}: has no source, no activations or no weights", file.string()));
    }
    return result;
}

}  // namespace setun::characterize
