// The generation loop: prompt, steps, sampling and verification, run on the scheduler.
#include "host/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "host/decoder.h"
#include "host/error.h"

namespace setun {
namespace {

using Clock = std::chrono::steady_clock;
/// Groups that may wait for verification before the loop pauses: bounds memory when the reference is slower.
constexpr std::size_t kMaxPendingChecks = 8;

/// A chain of callbacks on the scheduler: advance() submits one group; its completion absorbs the results and
/// calls advance().
class Generation {
  public:
    Generation(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
               std::shared_ptr<DeviceQueue> device, ReferenceEngine* reference,
               const GenerateRequest& request)
        : scheduler_(scheduler),
          model_(model),
          lowered_(lowered),
          device_(std::move(device)),
          reference_(reference),
          request_(request),
          sampler_(request.sampling),
          own_decoder_(own_decoder(model, request)),
          decoder_(own_decoder_ ? *own_decoder_ : *request.decoder),
          check_strand_(scheduler.make_strand()) {
        const DeviceInfo& info = device_->device().info();
        engine_ = {info.port_bits, info.ports, info.tokens, info.tile_rows};
    }

    GenerateResult run() {
        const auto begin = Clock::now();
        scheduler_.dispatch([this] { next_step(); });
        scheduler_.run();
        result_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        if (failure_) {
            finish_failure();
        }
        result_.verified = checked_.products;
        result_.mismatches = checked_.wrong;
        result_.first_mismatch = checked_.first;
        return std::move(result_);
    }

  private:
    static std::optional<Decoder> own_decoder(const Model& model, const GenerateRequest& request);
    [[nodiscard]] bool in_prompt() const { return done_ < request_.prompt.size(); }
    void next_step();
    void next_group();
    void group_done(const std::exception_ptr& error, const RunResult& result);
    void step_done();
    void check(std::vector<std::int32_t> y);
    void check_done(const std::exception_ptr& error, const Comparison& outcome);
    void finish_failure();

    Scheduler& scheduler_;
    const Model& model_;
    const LoweredModel& lowered_;
    std::shared_ptr<DeviceQueue> device_;
    ReferenceEngine* reference_;
    const GenerateRequest& request_;
    Sampler sampler_;
    std::optional<Decoder> own_decoder_;
    Decoder& decoder_;
    Strand check_strand_;
    energy::Engine engine_;

    std::size_t done_ = 0;  ///< tokens of prompt and result whose step has begun
    bool step_is_prompt_ = false;
    std::size_t group_ = 0;
    StepTally step_;
    std::vector<std::int8_t> q_;
    std::vector<std::int32_t> y_;
    std::size_t pending_checks_ = 0;
    Comparison checked_;
    bool paused_ = false;  ///< next_group() waits for checks
    std::exception_ptr failure_;
    GenerateResult result_;
};

/// Checks the request; the decoder of a new text, or nothing when the request goes on with one.
std::optional<Decoder> Generation::own_decoder(const Model& model, const GenerateRequest& request) {
    const Architecture& a = model.architecture;
    if (request.prompt.empty()) {
        throw InputError("the prompt has no tokens; give --prompt TEXT or --tokens 1,2,3");
    }
    for (const std::uint32_t token : request.prompt) {
        if (token >= a.vocab) {
            throw InputError(fmt::format("token id {} is out of range; the vocabulary has ids 0 to {}", token,
                                         a.vocab - 1));
        }
    }
    const Decoder* decoder = request.decoder;
    const std::uint32_t room = decoder != nullptr ? decoder->capacity() - decoder->position() : a.context;
    if (request.prompt.size() > room) {
        throw InputError(
            decoder != nullptr && decoder->position() != 0
                ? fmt::format("{} more tokens do not fit behind {} of {} positions; begin a new text",
                              request.prompt.size(), decoder->position(), decoder->capacity())
                : fmt::format("the prompt has {} tokens, the model's context is {}; shorten the prompt",
                              request.prompt.size(), room));
    }
    if (request.max_tokens == 0) {
        throw InputError("--max-tokens is 0; ask for at least one token");
    }
    if (decoder != nullptr) {
        return std::nullopt;
    }
    // The last token drawn needs no position of its own.
    const std::uint64_t wanted = request.prompt.size() + std::uint64_t{request.max_tokens} - 1;
    return Decoder(model, static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, a.context)));
}

void Generation::next_step() {
    if (scheduler_.stopping()) {
        result_.stopped = scheduler_.stop_reason();
        return;
    }
    step_ = {};
    step_is_prompt_ = in_prompt();
    if (step_is_prompt_) {
        const std::size_t left = request_.prompt.size() - done_;
        const std::size_t count = request_.keep_logits ? 1 : std::min<std::size_t>(left, lowered_.columns());
        decoder_.begin(std::span(request_.prompt).subspan(done_, count),
                       count == left || request_.keep_logits);
        done_ += count;
        step_.positions = count;
    } else {
        decoder_.begin(std::span(result_.tokens).last(1), true);
        ++done_;
        step_.positions = 1;
    }
    step_.steps = 1;
    group_ = 0;
    next_group();
}

void Generation::next_group() {
    if (pending_checks_ >= kMaxPendingChecks) {
        paused_ = true;
        return;
    }
    const auto q = decoder_.prepare(group_);
    q_.assign(q.begin(), q.end());
    y_.assign(std::size_t{lowered_.group(group_).rows} * lowered_.columns(), 0);
    const unsigned tokens = decoder_.tokens(group_);
    DeviceJob job;
    job.list_offset = lowered_.list_offset(group_, tokens);
    job.count = lowered_.list_count(group_);
    // q_ and y_ belong to the device until group_done() runs.
    job.before = [this, tokens](Device& device) { lowered_.write_activations(device, group_, q_, tokens); };
    job.after = [this](Device& device) { lowered_.read_results(device, group_, y_); };
    scheduler_.submit(
        device_, std::move(job),
        [this](const std::exception_ptr& error, const RunResult& result) { group_done(error, result); });
}

void Generation::group_done(const std::exception_ptr& error, const RunResult& result) {
    if (error || !result.ok()) {
        failure_ = error ? error : std::make_exception_ptr(CheckError("device: " + result.describe()));
        return;
    }
    const unsigned tokens = decoder_.tokens(group_);
    step_.counters += result.counters;
    for (const PackedMatrix* matrix : lowered_.group(group_).products) {
        step_.work += energy::count({matrix->m, matrix->k, matrix->planes, tokens}, engine_);
        ++result_.products;
    }
    decoder_.absorb(group_, y_, lowered_.columns());
    if (reference_ != nullptr) {
        check(std::move(y_));
    }
    ++group_;
    if (group_ < decoder_.groups()) {
        next_group();
    } else {
        step_done();
    }
}

void Generation::check(std::vector<std::int32_t> y) {
    auto outcome = std::make_shared<Comparison>();
    ++pending_checks_;
    scheduler_.post(
        check_strand_,
        [this, outcome, group = group_, tokens = decoder_.tokens(group_), q = q_, y = std::move(y)] {
            std::vector<std::int32_t> expected(y.size());
            reference_->run(group, q, tokens, expected);
            *outcome = compare_products(lowered_.group(group), lowered_.columns(), y, expected);
        },
        [this, outcome](const std::exception_ptr& error) { check_done(error, *outcome); });
}

void Generation::check_done(const std::exception_ptr& error, const Comparison& outcome) {
    --pending_checks_;
    if (error && !failure_) {
        failure_ = error;
    }
    checked_ += outcome;
    if (paused_ && !failure_) {
        paused_ = false;
        next_group();
    }
}

void Generation::step_done() {
    const Architecture& a = model_.architecture;
    // Scores and values: two multiply-adds for each query element and visible position.
    const std::uint64_t last = decoder_.position();
    for (std::uint64_t p = last - step_.positions + 1; p <= last; ++p) {
        step_.work.fp16_macs += 2 * p * a.q_rows() * a.layers;
    }
    const Counters& counters = step_.counters;
    energy::apply_measured(step_.work, {counters.nonzero, counters.weight_bytes, counters.data_read_bytes,
                                        counters.data_write_bytes});
    (step_is_prompt_ ? result_.prompt : result_.decode) += step_;
    if (request_.keep_logits) {
        result_.logits.emplace_back(decoder_.logits().begin(), decoder_.logits().end());
    }
    if (request_.on_prompt && step_is_prompt_) {
        request_.on_prompt(static_cast<double>(done_) / static_cast<double>(request_.prompt.size()));
    }
    if (in_prompt()) {
        next_step();
        return;
    }
    const std::uint32_t token = sampler_.sample(decoder_.logits());
    result_.tokens.push_back(token);
    if (request_.on_token) {
        request_.on_token(token);
    }
    const bool stop = std::find(request_.stop.begin(), request_.stop.end(), token) != request_.stop.end() ||
                      (request_.until && request_.until(token));
    const bool room =
        result_.tokens.size() < request_.max_tokens && decoder_.position() < decoder_.capacity();
    if (!stop && room) {
        next_step();
    }
}

void Generation::finish_failure() {
    try {
        std::rethrow_exception(failure_);
    } catch (const CancelledError& error) {
        result_.stopped = error.what();
    }
}

}  // namespace

StepTally& StepTally::operator+=(const StepTally& other) {
    counters += other.counters;
    work += other.work;
    steps += other.steps;
    positions += other.positions;
    return *this;
}

GenerateResult generate(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
                        const std::shared_ptr<DeviceQueue>& device, ReferenceEngine* reference,
                        const GenerateRequest& request) {
    return Generation(scheduler, model, lowered, device, reference, request).run();
}

}  // namespace setun
