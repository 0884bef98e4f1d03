// Text from the virtual chip: hands a prompt to the firmware and takes its tokens.
#include "host/chip/chip_session.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "host/base/error.h"
#include "host/device/device.h"

namespace setun {
namespace {

// Clocks between two looks at the host's own business, such as Ctrl-C: some milliseconds of simulation.
constexpr std::uint64_t kSlice = 1U << 15U;
// The firmware's own watchdog is what ends a hung request; a firmware that hangs itself is given this much
// more.
constexpr std::uint64_t kGrace = 1U << 24U;
constexpr std::uint32_t kDefaultWatchdog = 1U << 28U;

void put(std::span<std::byte> memory, std::uint64_t offset, const void* from, std::size_t bytes) {
    std::memcpy(memory.subspan(offset, bytes).data(), from, bytes);
}

std::uint32_t get_word(std::span<const std::byte> memory, std::uint64_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, memory.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

const char* request_field(std::uint32_t offset) {
    struct Field {
        std::size_t offset;
        const char* name;
    };
    static constexpr std::array kFields{Field{offsetof(SetunRequest, magic), "magic"},
                                        Field{offsetof(SetunRequest, version), "version"},
                                        Field{offsetof(SetunRequest, body_list), "body_list"},
                                        Field{offsetof(SetunRequest, body_count), "body_count"},
                                        Field{offsetof(SetunRequest, head_list), "head_list"},
                                        Field{offsetof(SetunRequest, head_count), "head_count"},
                                        Field{offsetof(SetunRequest, argmax), "argmax"},
                                        Field{offsetof(SetunRequest, prompt), "prompt"},
                                        Field{offsetof(SetunRequest, prompt_count), "prompt_count"},
                                        Field{offsetof(SetunRequest, position), "position"},
                                        Field{offsetof(SetunRequest, capacity), "capacity"},
                                        Field{offsetof(SetunRequest, vocabulary), "vocabulary"},
                                        Field{offsetof(SetunRequest, max_tokens), "max_tokens"},
                                        Field{offsetof(SetunRequest, output), "output"},
                                        Field{offsetof(SetunRequest, watchdog), "watchdog"},
                                        Field{offsetof(SetunRequest, cancel), "cancel"},
                                        Field{offsetof(SetunRequest, stop_count), "stop_count"}};
    for (const Field& field : kFields) {
        if (field.offset == offset) {
            return field.name;
        }
    }
    return offset < sizeof(SetunRequest) ? "stop or reserved" : "REQUEST register";
}

const char* list_name(std::uint32_t list) { return list == 0 ? "body" : "head"; }

std::string unit_failure(std::span<const std::uint32_t> d) {
    const std::uint64_t address = std::uint64_t{d[5]} << 32U | d[4];
    return fmt::format("{} reported {} in command {} of the {} list at position {}, address 0x{:x}{}",
                       d[0] < SETUN_UNITS ? vp::unit_name(d[0]) : "an unknown unit", error_name(d[1]), d[3],
                       list_name(d[2]), d[7], address,
                       d[0] == SETUN_UNIT_ENGINE ? fmt::format(", info 0x{:x}", d[6]) : "");
}

}  // namespace

std::string ChipSession::describe(std::uint32_t status, std::span<const std::uint32_t> d) {
    switch (status) {
        case SETUN_STATUS_BAD_REQUEST:
            return fmt::format("the firmware refused the request: field '{}' is 0x{:x}", request_field(d[0]),
                               d[1]);
        case SETUN_STATUS_BAD_COMMAND:
            return fmt::format("the firmware refused the {} list: {} in command {}", list_name(d[0]),
                               error_name(d[2]), d[1]);
        case SETUN_STATUS_TOKEN_RANGE:
            return fmt::format(
                "token id {} at place {} of the prompt is out of range; the vocabulary has ids 0 to {}", d[1],
                d[0], d[2] - 1);
        case SETUN_STATUS_CONTEXT_FULL:
            return fmt::format("the context is full: position {} of {}", d[0], d[1]);
        case SETUN_STATUS_UNIT_ERROR:
            return unit_failure(d);
        case SETUN_STATUS_WATCHDOG:
            return fmt::format(
                "the firmware's watchdog ended the request: command {} of the {} list at position {} "
                "did not finish, busy units 0x{:x}",
                d[2], list_name(d[1]), d[3], d[0]);
        case SETUN_STATUS_ABORTED:
            return "the request was cancelled";
        case SETUN_STATUS_TRAP:
            return fmt::format("exception {} in the firmware at 0x{:x}, value 0x{:x}", d[0], d[1], d[2]);
        default:
            return fmt::format("unknown status {} of the firmware", status);
    }
}

std::string ChipSession::failure(std::uint32_t status) {
    std::array<std::uint32_t, SETUN_MBOX_DETAILS> details{};
    for (std::uint32_t i = 0; i < details.size(); ++i) {
        details.at(i) = chip_->read_mailbox(SETUN_MBOX_DETAIL + 4 * i);
    }
    return "device vp: " + describe(status, details);
}

void ChipSession::ring(const ChipRequest& request) {
    SetunRequest r = program_->request();
    const std::uint64_t positions =
        request.position + request.prompt.size() + std::uint64_t{request.max_tokens};
    if (request.prompt.empty() || request.max_tokens == 0 || positions > std::uint64_t{r.capacity} + 1) {
        throw InputError(fmt::format(
            "device vp: {} tokens of prompt and {} to generate from position {} on; the chip has room for {} "
            "positions",
            request.prompt.size(), request.max_tokens, request.position, r.capacity));
    }
    if (request.stop.size() > SETUN_MAX_STOP) {
        throw InputError(fmt::format("device vp: {} stop tokens; the firmware takes {}", request.stop.size(),
                                     SETUN_MAX_STOP));
    }
    r.prompt_count = static_cast<std::uint32_t>(request.prompt.size());
    r.position = request.position;
    r.max_tokens = request.max_tokens;
    r.watchdog = request.watchdog_cycles;
    r.stop_count = static_cast<std::uint32_t>(request.stop.size());
    std::copy(request.stop.begin(), request.stop.end(), std::begin(r.stop));
    const auto data = chip_->data();
    put(data, program_->prompt_offset(), request.prompt.data(), 4 * request.prompt.size());
    put(data, program_->request_offset(), &r, sizeof r);
    const std::uint32_t refused = chip_->read_mailbox(SETUN_MBOX_REFUSED);
    chip_->write_mailbox(SETUN_MBOX_TOKENS, 0);
    chip_->write_mailbox(SETUN_MBOX_REQUEST,
                         SETUN_DATA_BASE + static_cast<std::uint32_t>(program_->request_offset()));
    chip_->write_mailbox(SETUN_MBOX_DOORBELL, 1);
    if (chip_->read_mailbox(SETUN_MBOX_REFUSED) != refused) {
        throw DeviceError("device vp: the chip is busy with another request");
    }
}

void ChipSession::take_tokens(const ChipRequest& request, ChipOutcome& outcome) {
    const std::uint32_t made = chip_->read_mailbox(SETUN_MBOX_TOKENS);
    if (made > request.max_tokens) {
        throw DeviceError(
            fmt::format("device vp: the firmware claims {} tokens of {}", made, request.max_tokens));
    }
    while (outcome.tokens.size() < made) {
        if (outcome.tokens.empty()) {
            outcome.first = chip_->use();
        }
        outcome.tokens.push_back(
            get_word(chip_->data(), program_->output_offset() + 4 * outcome.tokens.size()));
        if (request.on_token) {
            request.on_token(outcome.tokens.back());
        }
    }
}

ChipOutcome ChipSession::run(const ChipRequest& request) {
    ChipOutcome outcome;
    outcome.begin = chip_->use();
    ring(request);
    const std::uint64_t watchdog =
        request.watchdog_cycles == 0 ? kDefaultWatchdog : std::uint64_t{request.watchdog_cycles};
    std::uint64_t heard = outcome.begin.cycles;  // when the chip last did something that shows
    std::uint64_t commands = 0;
    for (;;) {
        if (chip_->run(kSlice)) {
            chip_->write_mailbox(SETUN_MBOX_HOST_IRQ, 0);
        }
        // Until the firmware has taken the doorbell, the status is that of the request before. The status
        // first: tokens that come after it are found at the next turn.
        const bool taken = chip_->read_mailbox(SETUN_MBOX_DOORBELL) == 0;
        const std::uint32_t status = taken ? chip_->read_mailbox(SETUN_MBOX_STATUS) : SETUN_STATUS_BUSY;
        take_tokens(request, outcome);
        if (status == SETUN_STATUS_DONE || status == SETUN_STATUS_STOPPED) {
            break;
        }
        if (status == SETUN_STATUS_ABORTED && !outcome.stopped.empty()) {
            break;
        }
        if (status == SETUN_STATUS_TOKEN_RANGE) {
            throw InputError(failure(status));  // the caller's tokens, as on every other device
        }
        if (status >= SETUN_STATUS_BAD_REQUEST) {
            throw CheckError(failure(status));
        }
        if (request.stopping && outcome.stopped.empty()) {
            if (const char* const why = request.stopping()) {
                outcome.stopped = why;
                const std::uint32_t cancel = 1;
                put(chip_->data(), program_->request_offset() + offsetof(SetunRequest, cancel), &cancel,
                    sizeof cancel);
            }
        }
        const vp::PlatformUse use = chip_->use();
        std::uint64_t done = 0;
        for (const vp::UnitTotals& unit : use.units) {
            done += unit.commands;
        }
        if (done != commands) {
            commands = done;
            heard = use.cycles;
        } else if (use.cycles - heard > watchdog + kGrace) {
            throw DeviceError(
                fmt::format("device vp: the firmware did not answer for {} cycles; last status {}",
                            use.cycles - heard, status));
        }
    }
    outcome.end = chip_->use();
    if (outcome.tokens.empty()) {
        outcome.first = outcome.end;
    }
    return outcome;
}

}  // namespace setun
