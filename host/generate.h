// The generation loop: prompt, steps, sampling and verification, run on the scheduler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "energy_model/energy.h"
#include "host/decoder.h"
#include "host/device.h"
#include "host/lowering.h"
#include "host/model.h"
#include "host/reference.h"
#include "host/sampler.h"
#include "host/scheduler.h"

namespace setun {

/// What one or several steps did on the device.
struct StepTally {
    Counters counters;
    energy::WorkCounts work;  ///< operations and bytes of the same steps
    std::uint64_t steps = 0;
    std::uint64_t positions = 0;  ///< tokens that went through the layers

    StepTally& operator+=(const StepTally& other);
};

struct GenerateRequest {
    std::vector<std::uint32_t> prompt;  ///< at least one token
    std::uint32_t max_tokens = 1;
    std::vector<std::uint32_t> stop;  ///< a token that ends the text; it is part of the result
    SamplingOptions sampling;
    std::function<void(std::uint32_t)> on_token;  ///< called as each token is drawn; may be empty
    std::function<void(double)> on_prompt;        ///< share of the prompt done; may be empty
    std::function<bool(std::uint32_t)>
        until;  ///< ends the text behind a token for which it is true; may be empty
    Decoder* decoder =
        nullptr;  ///< the text to go on with: the prompt takes its next positions; null: a new text
    bool keep_logits =
        false;  ///< collect the logits behind every position of the prompt and of every drawn token
};

struct GenerateResult {
    std::vector<std::uint32_t> tokens;
    StepTally prompt;              ///< steps over the prompt; the last of them gives the first token
    StepTally decode;              ///< one step for each further token
    std::uint64_t products = 0;    ///< matrix products done by the device
    std::uint64_t verified = 0;    ///< of those, compared with the reference integer by integer
    std::uint64_t mismatches = 0;  ///< of those, with at least one different integer
    std::string first_mismatch;    ///< one line, empty when none
    double seconds = 0;            ///< wall clock of the whole loop
    std::vector<std::vector<float>> logits;  ///< only with keep_logits
    std::string stopped;  ///< why it ended early ("interrupted", "out of time"), empty otherwise
};

/// Runs a request to its end on the calling thread, with the device and the reference on the scheduler's
/// pool. `reference` may be null: then nothing is verified. Throws InputError for a prompt that is empty,
/// does not fit the context or holds a token out of range, CheckError when the device reports an error,
/// DeviceError when it does not answer. Mismatches do not throw: the caller decides. After Scheduler::stop
/// the result holds the tokens so far. With a decoder of the caller: the last token drawn has no position in
/// it yet, and a step that was stopped has left none.
GenerateResult generate(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
                        const std::shared_ptr<DeviceQueue>& device, ReferenceEngine* reference,
                        const GenerateRequest& request);

}  // namespace setun
