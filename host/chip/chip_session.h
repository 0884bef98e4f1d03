// Text from the virtual chip: hands a prompt to the firmware and takes its tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "host/chip/chip_program.h"
#include "sim/vp/platform.h"

namespace setun {

/// One text.
struct ChipRequest {
    std::vector<std::uint32_t> prompt;  ///< at least one token
    std::uint32_t position = 0;  ///< of the prompt's first token: positions that the cache holds already
    std::uint32_t max_tokens = 1;
    std::vector<std::uint32_t> stop;    ///< a token that ends the text; it is part of the result
    std::uint32_t watchdog_cycles = 0;  ///< cycles without a command finishing; 0 = the firmware's 2^28
    std::function<void(std::uint32_t)> on_token;  ///< called as each token comes; may be empty
    std::function<const char*()> stopping;  ///< asked now and then; not null = why to end early; may be empty
};

/// What the chip did with it. The intervals are of the platform's clock.
struct ChipOutcome {
    std::vector<std::uint32_t> tokens;
    std::string stopped;    ///< why it ended early, empty otherwise
    vp::PlatformUse begin;  ///< when the doorbell rang
    vp::PlatformUse first;  ///< when the first token came: the prompt is behind it
    vp::PlatformUse end;
};

/// Makes requests of the firmware, one at a time.
class ChipSession {
  public:
    /// The program must have been placed in the chip.
    ChipSession(vp::VirtualPlatform& chip, const ChipProgram& program) : chip_(&chip), program_(&program) {}

    /// Runs a request to its end. Throws InputError when prompt and tokens do not fit the cache, a token is
    /// outside the vocabulary or there are too many stop tokens; CheckError with a sentence when the firmware
    /// reports a failure; DeviceError when it does not answer within its own watchdog. The next request may
    /// follow after any of them but the last.
    ChipOutcome run(const ChipRequest& request);

    /// A sentence for a status of firmware/platform.h and its details.
    [[nodiscard]] static std::string describe(std::uint32_t status, std::span<const std::uint32_t> details);

  private:
    void ring(const ChipRequest& request);
    void take_tokens(const ChipRequest& request, ChipOutcome& outcome);
    [[nodiscard]] std::string failure(std::uint32_t status);

    vp::VirtualPlatform* chip_;
    const ChipProgram* program_;
};

}  // namespace setun
