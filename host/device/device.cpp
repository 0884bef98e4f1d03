// Counters and run results in words.
#include "host/device/device.h"

#include <array>
#include <sstream>

#include "rtl/setun_vector_abi.h"

namespace setun {
namespace {

struct ErrorText {
    const char* name;
    const char* meaning;
};

constexpr std::array<ErrorText, 14> kErrors = {{
    {"NONE", "no error"},
    {"VERSION", "the command has another version than the kernel; rebuild the host for this kernel"},
    {"OPCODE", "the command has an unknown opcode; the list is damaged or meant for another kernel"},
    {"FLAGS", "the command has an unknown flag or a reserved byte that is not zero"},
    {"SHAPE", "rows, inputs, tokens or planes of the command are zero or more than the kernel takes"},
    {"ALIGN", "an offset, a stride, a base or the list is not a multiple of 64"},
    {"ADDRESS", "offset plus size of an operand goes past the end of the address space"},
    {"ENCODING", "the trit code of the command is not supported; repack the model"},
    {"TRIT", "illegal trit code in weight memory; the weights are damaged or packed for another kernel"},
    {"LIST_READ", "the bus refused to read the command list; it is not in device memory"},
    {"WEIGHT_READ", "the bus refused to read weights; they are not in the memory of that port"},
    {"DATA_READ", "the bus refused to read activations; they are not in device memory"},
    {"DATA_WRITE", "the bus refused to write results; their place is not in device memory"},
    {"WATCHDOG", "the run made no progress and was stopped; reset the kernel before the next run"},
}};

/// Codes that only vector units report, from SETUN_ERR_TOKEN on.
constexpr std::array<ErrorText, 3> kVectorErrors = {{
    {"TOKEN", "the token id is outside the vocabulary"},
    {"POSITION", "the position is outside the cache"},
    {"TAG", "a command waits for one that is too far away or before the list"},
}};

const ErrorText* find_error(std::uint32_t error) {
    if (error < kErrors.size()) {
        return &kErrors[error];
    }
    if (error >= SETUN_ERR_TOKEN && error - SETUN_ERR_TOKEN < kVectorErrors.size()) {
        return &kVectorErrors[error - SETUN_ERR_TOKEN];
    }
    return nullptr;
}

}  // namespace

std::string error_name(std::uint32_t error) {
    const ErrorText* const found = find_error(error);
    return found != nullptr ? std::string(found->name) + " (" + found->meaning + ")"
                            : "error " + std::to_string(error);
}

Counters& Counters::operator+=(const Counters& other) {
    cycles += other.cycles;
    busy += other.busy;
    beats += other.beats;
    stall_w += other.stall_w;
    stall_x += other.stall_x;
    stall_y += other.stall_y;
    if (nonzero && other.nonzero) {
        *nonzero += *other.nonzero;
    } else {
        nonzero.reset();
    }
    weight_bytes += other.weight_bytes;
    data_read_bytes += other.data_read_bytes;
    data_write_bytes += other.data_write_bytes;
    return *this;
}

std::string RunResult::describe() const {
    std::ostringstream out;
    if (ok()) {
        out << "ok: " << completed << (completed == 1 ? " command" : " commands") << " completed";
        return out.str();
    }
    out << "error " << error;
    if (error < kErrors.size()) {
        out << ' ' << kErrors[error].name;
    }
    out << " in command " << error_index << " at address 0x" << std::hex << error_address << std::dec;
    if (error == SETUN_ERR_TRIT || error == SETUN_ERR_WEIGHT_READ) {
        out << " of weight port " << error_info;
    } else if (error == SETUN_ERR_WATCHDOG) {
        out << " (waiting channels 0x" << std::hex << error_info << std::dec << ')';
    }
    out << ": " << (error < kErrors.size() ? kErrors[error].meaning : "not a code of this version");
    return out.str();
}

}  // namespace setun
