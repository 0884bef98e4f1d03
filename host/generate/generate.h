// The generation loop: prompt, steps, sampling and verification, run on the scheduler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "energy_model/energy.h"
#include "host/device/device.h"
#include "host/generate/sampler.h"
#include "host/model/decoder.h"
#include "host/model/model.h"
#include "host/schedule/head_lists.h"
#include "host/schedule/lowering.h"
#include "host/schedule/reference.h"
#include "host/schedule/scheduler.h"

namespace setun {

/// What one or several steps did on the device.
struct StepTally {
    Counters counters;
    energy::WorkCounts work;  ///< operations and bytes of the same steps
    std::uint64_t steps = 0;
    std::uint64_t positions = 0;   ///< tokens that went through the layers
    std::uint64_t drawn = 0;       ///< tokens drawn from the logits of these steps
    std::uint64_t head_steps = 0;  ///< steps that ran the head
    double head_planes = 0;        ///< digit planes that they read of it: weight beats / beats of one plane

    StepTally& operator+=(const StepTally& other);
};

/// One text to continue.
struct GenerateRequest {
    std::vector<std::uint32_t> prompt;  ///< at least one token
    std::uint32_t max_tokens = 1;
    std::vector<std::uint32_t> stop;  ///< a token that ends the text; it is part of the result
    SamplingOptions sampling;
    KvFormat kv = KvFormat::kFloat32;             ///< of a new text's cache
    std::function<void(std::uint32_t)> on_token;  ///< called as each token is drawn; may be empty
    std::function<void(double)> on_prompt;        ///< share of the prompt done; may be empty
    std::function<bool(std::uint32_t)>
        until;  ///< ends the text behind a token for which it is true; may be empty
    Decoder* decoder =
        nullptr;  ///< the text to go on with: the prompt takes its next positions; null: a new text
    bool keep_logits =
        false;  ///< collect the logits behind every position of the prompt and of every drawn token
};

/// What the whole loop did.
struct GenerateTotals {
    StepTally prompt;              ///< steps with at least one position of a prompt
    StepTally decode;              ///< the others: one position for each text in work
    std::uint64_t products = 0;    ///< matrix products done by the device; a head read in parts is one
    std::uint64_t verified = 0;    ///< of those, compared with the reference integer by integer
    std::uint64_t mismatches = 0;  ///< of those, with at least one different integer
    std::string first_mismatch;    ///< one line, empty when none
    double seconds = 0;            ///< wall clock of the whole loop
    std::string stopped;           ///< why it ended early ("interrupted", "out of time"), empty otherwise
};

/// What one request became.
struct GeneratedText {
    std::vector<std::uint32_t> tokens;
    std::vector<std::vector<float>> logits;  ///< only with keep_logits
};

struct GenerateResult : GenerateTotals, GeneratedText {};

struct BatchResult : GenerateTotals {
    std::vector<GeneratedText> sequences;  ///< in the order of the requests
};

/// True when the head's early exit can serve a request: greedy, or sampling with a top_k of at most 64; no
/// logits kept.
bool can_exit_head(const GenerateRequest& request);

/// Runs requests to their end on the calling thread, with the device and the reference on the scheduler's
/// pool. Up to TOKENS texts are in work at once and share every pass over the weights; when one ends, the
/// next request takes its place, and rows that are left over take further positions of prompts. A text does
/// not depend on its company.
///
/// `reference` may be null: then nothing is verified. With `head_exit`, greedy requests, and those with a
/// small top_k, read of the head only what decides the token; the tokens are the same.
///
/// Throws InputError for a prompt that is empty, does not fit the context or holds a token out of range
/// (before anything runs), CheckError when the device reports an error, DeviceError when it does not answer.
/// Mismatches do not throw: the caller decides. After Scheduler::stop the result holds the tokens so far.
/// With a decoder of the caller: the last token drawn has no position in it yet, and a step that was stopped
/// has left none.
BatchResult generate_batch(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
                           const std::shared_ptr<DeviceQueue>& device, ReferenceEngine* reference,
                           std::span<const GenerateRequest> requests, HeadExit* head_exit = nullptr);

/// The same for one request.
GenerateResult generate(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
                        const std::shared_ptr<DeviceQueue>& device, ReferenceEngine* reference,
                        const GenerateRequest& request, HeadExit* head_exit = nullptr);

}  // namespace setun
