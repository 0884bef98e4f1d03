// The generation loop: prompts, steps, sampling and verification of one or several texts, run on the
// scheduler.
#include "host/generate/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "hls/quantize.h"
#include "host/base/error.h"
#include "host/model/decoder.h"

namespace setun {
namespace {

using Clock = std::chrono::steady_clock;
/// Groups that may wait for verification before the loop pauses: bounds memory when the reference is slower.
constexpr std::size_t kMaxPendingChecks = 8;
/// Largest top_k for which the head's early exit is tried: with more, hardly a row can be dropped.
constexpr std::uint32_t kMaxKeep = 64;

/// Positions that the cache of a new text needs. Throws InputError when the request cannot be run.
std::uint32_t positions_of(const Architecture& a, const GenerateRequest& request) {
    if (request.prompt.empty()) {
        throw InputError("the prompt has no tokens; give --prompt TEXT or --tokens 1,2,3");
    }
    for (const std::uint32_t token : request.prompt) {
        if (token >= a.vocab) {
            throw InputError(fmt::format("token id {} is out of range; the vocabulary has ids 0 to {}", token,
                                         a.vocab - 1));
        }
    }
    const Decoder* const decoder = request.decoder;
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
    // The last token drawn needs no position of its own.
    const std::uint64_t wanted = request.prompt.size() + std::uint64_t{request.max_tokens} - 1;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, a.context));
}

/// How many of the largest logits a request needs to draw a token; 0 when it needs them all.
std::uint32_t logits_needed(const GenerateRequest& request) {
    if (request.keep_logits) {
        return 0;
    }
    if (request.sampling.temperature == 0) {
        return 1;
    }
    return request.sampling.top_k <= kMaxKeep ? request.sampling.top_k : 0;
}

/// One text in work.
class Sequence {
  public:
    Sequence(const Model& model, const GenerateRequest& request, GeneratedText& text)
        : request_(request),
          text_(text),
          own_decoder_(own_decoder(model, request)),
          // There is an own decoder exactly when the request has none.
          // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
          decoder_(own_decoder_ ? *own_decoder_ : *request.decoder),
          sampler_(request.sampling) {}

    [[nodiscard]] const GenerateRequest& request() const { return request_; }
    [[nodiscard]] Decoder& decoder() { return decoder_; }
    [[nodiscard]] bool in_prompt() const { return done_ < request_.prompt.size(); }

    /// Begins a step of at most `room` positions and returns their number.
    std::size_t begin(std::size_t room) {
        if (!in_prompt()) {
            decoder_.begin(std::span(text_.tokens).last(1), true);
            return 1;
        }
        const std::size_t left = request_.prompt.size() - done_;
        const std::size_t count = request_.keep_logits ? 1 : std::min(left, room);
        decoder_.begin(std::span(request_.prompt).subspan(done_, count),
                       count == left || request_.keep_logits);
        done_ += count;
        if (request_.on_prompt) {
            request_.on_prompt(static_cast<double>(done_) / static_cast<double>(request_.prompt.size()));
        }
        return count;
    }

    void keep_logits() {
        if (request_.keep_logits) {
            text_.logits.emplace_back(decoder_.logits().begin(), decoder_.logits().end());
        }
    }

    /// Draws the next token from logits; `ids`, unless empty, says whose they are. Returns false when the
    /// text ends.
    bool draw(std::span<const float> logits, std::span<const std::uint32_t> ids) {
        const std::uint32_t index = sampler_.sample(logits);
        const std::uint32_t token = ids.empty() ? index : ids[index];
        text_.tokens.push_back(token);
        if (request_.on_token) {
            request_.on_token(token);
        }
        const auto& stop = request_.stop;
        const bool ends = std::find(stop.begin(), stop.end(), token) != stop.end() ||
                          (request_.until && request_.until(token));
        return !ends && text_.tokens.size() < request_.max_tokens &&
               decoder_.position() < decoder_.capacity();
    }

  private:
    /// Checks the request; the decoder of a new text, or nothing when the request goes on with one.
    static std::optional<Decoder> own_decoder(const Model& model, const GenerateRequest& request) {
        const std::uint32_t positions = positions_of(model.architecture, request);
        return request.decoder != nullptr ? std::nullopt
                                          : std::make_optional<Decoder>(model, positions, request.kv);
    }

    const GenerateRequest& request_;
    GeneratedText& text_;
    std::optional<Decoder> own_decoder_;
    Decoder& decoder_;
    Sampler sampler_;
    std::size_t done_ = 0;  ///< tokens of the prompt whose step has begun
};

/// Rows of activations of a group that belong to one sequence.
struct Share {
    Sequence* sequence;
    unsigned first;  ///< row, and column of the results
    unsigned count;
};

/// Parts of the head that a step ran, and what came out: what there is to verify.
struct HeadWork {
    std::vector<HeadPart> parts;
    std::vector<std::int32_t> y;
};

/// A chain of callbacks on the scheduler: next_group() submits one list; its completion absorbs the results
/// and goes on with the next group, part of the head, or step.
class Generation {
  public:
    Generation(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
               std::shared_ptr<DeviceQueue> device, ReferenceEngine* reference,
               std::span<const GenerateRequest> requests, HeadExit* head_exit)
        : scheduler_(scheduler),
          model_(model),
          lowered_(lowered),
          device_(std::move(device)),
          reference_(reference),
          requests_(requests),
          head_exit_(head_exit),
          head_group_(lowered.size() - 1),
          check_strand_(scheduler.make_strand()) {
        const DeviceInfo& info = device_->device().info();
        engine_ = {info.port_bits, info.ports, info.tokens, info.tile_rows};
        result_.sequences.resize(requests.size());
        check_requests();
    }

    BatchResult run() {
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
    void check_requests() const;
    void admit();
    void next_step();
    void next_group();
    void prepare_group();
    void submit(DeviceJob job, void (Generation::*done)());
    void group_done();
    void next_head_part();
    void head_part_done();
    void head_done();
    void check(std::function<Comparison()> compare);
    void step_done();
    void draw_tokens();
    void finish_failure();
    [[nodiscard]] bool in_head() const { return group_ == head_group_; }
    [[nodiscard]] bool head_in_parts() const;

    Scheduler& scheduler_;
    const Model& model_;
    const LoweredModel& lowered_;
    std::shared_ptr<DeviceQueue> device_;
    ReferenceEngine* reference_;
    std::span<const GenerateRequest> requests_;
    HeadExit* head_exit_;
    std::size_t head_group_;
    Strand check_strand_;
    energy::Engine engine_;

    std::size_t admitted_ = 0;                       ///< requests that have begun
    std::vector<std::unique_ptr<Sequence>> active_;  ///< at most TOKENS
    bool step_is_prompt_ = false;
    std::size_t group_ = 0;
    std::vector<Share> shares_;  ///< of the group's rows
    unsigned rows_ = 0;          ///< sum of them
    StepTally step_;
    std::vector<std::int8_t> q_;
    std::vector<std::int32_t> y_;
    std::shared_ptr<HeadWork> head_work_;
    bool head_searched_ = false;  ///< this step's tokens come from the head's candidates
    std::size_t pending_checks_ = 0;
    Comparison checked_;
    bool paused_ = false;  ///< next_group() waits for checks
    std::exception_ptr failure_;
    BatchResult result_;
};

void Generation::check_requests() const {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
        try {
            static_cast<void>(positions_of(model_.architecture, requests_[i]));
            static_cast<void>(Sampler(requests_[i].sampling));
        } catch (const InputError& error) {
            throw InputError(requests_.size() == 1 ? error.what()
                                                   : fmt::format("prompt {}: {}", i + 1, error.what()));
        }
    }
}

void Generation::admit() {
    while (admitted_ < requests_.size() && active_.size() < lowered_.columns()) {
        active_.push_back(
            std::make_unique<Sequence>(model_, requests_[admitted_], result_.sequences[admitted_]));
        ++admitted_;
    }
}

void Generation::next_step() {
    if (scheduler_.stopping()) {
        result_.stopped = scheduler_.stop_reason();
        return;
    }
    admit();
    if (active_.empty()) {
        return;
    }
    step_ = {};
    step_.steps = 1;
    step_is_prompt_ = false;
    // A row for each text; the others go to prompts, in order.
    std::size_t spare = lowered_.columns() - active_.size();
    for (const auto& sequence : active_) {
        step_is_prompt_ = step_is_prompt_ || sequence->in_prompt();
        const std::size_t count = sequence->begin(1 + spare);
        spare -= count - 1;
        step_.positions += count;
    }
    group_ = 0;
    next_group();
}

/// Gathers the activation rows of all sequences that take part in the group.
void Generation::prepare_group() {
    shares_.clear();
    q_.clear();
    rows_ = 0;
    for (const auto& sequence : active_) {
        Decoder& decoder = sequence->decoder();
        if (group_ < decoder.groups()) {
            const auto q = decoder.prepare(group_);
            q_.insert(q_.end(), q.begin(), q.end());
            shares_.push_back({sequence.get(), rows_, decoder.tokens(group_)});
            rows_ += decoder.tokens(group_);
        }
    }
}

/// True when the early exit may serve every sequence whose logits are wanted.
bool Generation::head_in_parts() const {
    return head_exit_ != nullptr && std::all_of(shares_.begin(), shares_.end(), [](const Share& share) {
               return can_exit_head(share.sequence->request());
           });
}

void Generation::next_group() {
    if (pending_checks_ >= kMaxPendingChecks) {
        paused_ = true;
        return;
    }
    prepare_group();
    if (rows_ == 0) {  // the head, with no prompt at its end
        step_done();
        return;
    }
    head_searched_ = in_head() && head_in_parts();
    if (head_searched_) {
        std::vector<HeadQuery> queries;
        for (const Share& share : shares_) {
            const std::span<const std::int8_t> q(q_);
            queries.push_back(
                {q.subspan(std::size_t{share.first} * model_.output_head().k, model_.output_head().k),
                 share.sequence->decoder().scale(0), logits_needed(share.sequence->request())});
        }
        head_exit_->search.begin(std::move(queries));
        head_work_ = std::make_shared<HeadWork>();
        next_head_part();
        return;
    }
    y_.assign(std::size_t{lowered_.group(group_).rows} * lowered_.columns(), 0);
    DeviceJob job;
    job.list_offset = lowered_.list_offset(group_, rows_);
    job.count = lowered_.list_count(group_);
    // q_ and y_ belong to the device until group_done() runs.
    job.before = [this](Device& device) { lowered_.write_activations(device, group_, q_, rows_); };
    job.after = [this](Device& device) { lowered_.read_results(device, group_, y_); };
    submit(std::move(job), &Generation::group_done);
}

void Generation::submit(DeviceJob job, void (Generation::*done)()) {
    scheduler_.submit(
        device_, std::move(job), [this, done](const std::exception_ptr& error, const RunResult& result) {
            if (error || !result.ok()) {
                failure_ =
                    error ? error : std::make_exception_ptr(CheckError("device: " + result.describe()));
                return;
            }
            step_.counters += result.counters;
            (this->*done)();
        });
}

void Generation::group_done() {
    for (const PackedMatrix* matrix : lowered_.group(group_).products) {
        step_.work += energy::count({matrix->m, matrix->k, matrix->planes, rows_}, engine_);
        ++result_.products;
    }
    for (const Share& share : shares_) {
        share.sequence->decoder().absorb(group_, std::span<const std::int32_t>(y_).subspan(share.first),
                                         lowered_.columns());
    }
    if (in_head()) {
        ++step_.head_steps;
        step_.head_planes += model_.output_head().planes;
    }
    if (reference_ != nullptr) {
        check([this, group = group_, rows = rows_, q = q_, y = std::move(y_)] {
            std::vector<std::int32_t> expected(y.size());
            reference_->run(group, q, rows, expected);
            return compare_products(lowered_.group(group), lowered_.columns(), y, expected);
        });
    }
    if (in_head()) {
        step_done();
    } else {
        ++group_;
        next_group();
    }
}

void Generation::next_head_part() {
    const auto& parts = head_exit_->search.next();
    if (parts.empty()) {
        head_done();
        return;
    }
    std::size_t rows = 0;
    for (const HeadPart& part : parts) {
        rows += part.rows;
    }
    y_.assign(rows * lowered_.columns(), 0);
    DeviceJob job;
    job.list_offset = head_exit_->lists.list_offset();
    job.count = static_cast<std::uint32_t>(parts.size());
    job.before = [this, &parts, begin = head_work_->parts.empty()](Device& device) {
        if (begin) {
            head_exit_->lists.write_activations(device, q_, rows_);
        }
        head_exit_->lists.write_list(device, parts, rows_);
    };
    job.after = [this, &parts](Device& device) { head_exit_->lists.read_results(device, parts, y_); };
    submit(std::move(job), &Generation::head_part_done);
}

void Generation::head_part_done() {
    const PackedMatrix& head = model_.output_head();
    for (const HeadPart& part : head_exit_->search.parts()) {
        energy::WorkCounts work =
            energy::count({part.rows, part_inputs(head, part), part.planes, rows_}, engine_);
        work.macs = work.weights = work.inputs = work.outputs =
            0;  // of the model: head_done() counts them once
        step_.work += work;
    }
    head_exit_->search.absorb(y_, lowered_.columns());
    const auto& parts = head_exit_->search.parts();
    head_work_->parts.insert(head_work_->parts.end(), parts.begin(), parts.end());
    if (reference_ != nullptr) {
        head_work_->y.insert(head_work_->y.end(), y_.begin(), y_.end());
    }
    next_head_part();
}

void Generation::head_done() {
    const PackedMatrix& head = model_.output_head();
    const energy::WorkCounts whole = energy::count({head.m, head.k, head.planes, rows_}, engine_);
    step_.work.macs += whole.macs;
    step_.work.weights += whole.weights;
    step_.work.inputs += whole.inputs;
    step_.work.outputs += whole.outputs;
    ++step_.head_steps;
    step_.head_planes += head_exit_->search.planes_read();
    ++result_.products;
    for (const Share& share : shares_) {
        share.sequence->decoder().skip_head();
    }
    if (reference_ != nullptr) {
        check([this, &head, rows = rows_, q = q_, work = std::move(head_work_)] {
            std::vector<std::int32_t> expected(work->y.size());
            reference_->run_head(head, work->parts, q, rows, expected);
            return compare_head(head, work->parts, lowered_.columns(), work->y, expected);
        });
    }
    step_done();
}

/// Runs a comparison on the strand of the checks and adds its outcome.
void Generation::check(std::function<Comparison()> compare) {
    auto outcome = std::make_shared<Comparison>();
    ++pending_checks_;
    scheduler_.post(
        check_strand_, [outcome, compare = std::move(compare)] { *outcome = compare(); },
        [this, outcome](const std::exception_ptr& error) {
            --pending_checks_;
            if (error && !failure_) {
                failure_ = error;
            }
            checked_ += *outcome;
            if (paused_ && !failure_) {
                paused_ = false;
                next_group();
            }
        });
}

void Generation::step_done() {
    const Architecture& a = model_.architecture;
    // Scores and values: two multiply-adds for each query element and visible position.
    for (const auto& sequence : active_) {
        const Decoder& decoder = sequence->decoder();
        const std::uint64_t last = decoder.position();
        for (std::uint64_t p = last - decoder.tokens(0) + 1; p <= last; ++p) {
            step_.work.fp16_macs += 2 * p * a.q_rows() * a.layers;
        }
    }
    const Counters& counters = step_.counters;
    energy::apply_measured(step_.work, {counters.nonzero, counters.weight_bytes, counters.data_read_bytes,
                                        counters.data_write_bytes});
    draw_tokens();
    (step_is_prompt_ ? result_.prompt : result_.decode) += step_;
    next_step();
}

/// Draws a token for each sequence whose logits the head has given; those whose text ends leave.
void Generation::draw_tokens() {
    const PackedMatrix& head = model_.output_head();
    std::vector<Sequence*> ended;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        Sequence& sequence = *shares_[i].sequence;
        sequence.keep_logits();
        if (sequence.in_prompt()) {  // logits were only to be kept
            continue;
        }
        std::vector<float> logits;
        std::span<const std::uint32_t> ids;
        if (head_searched_) {
            const HeadCandidates& candidates = head_exit_->search.candidates(i);
            ids = candidates.rows;
            for (const std::int32_t sum : candidates.sums) {
                logits.push_back(hls::dequantize(sum, head.scale, sequence.decoder().scale(0)));
            }
        }
        ++step_.drawn;
        if (!sequence.draw(head_searched_ ? std::span<const float>(logits) : sequence.decoder().logits(),
                           ids)) {
            ended.push_back(&sequence);
        }
    }
    std::erase_if(active_, [&](const std::unique_ptr<Sequence>& sequence) {
        return std::find(ended.begin(), ended.end(), sequence.get()) != ended.end();
    });
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
    drawn += other.drawn;
    head_steps += other.head_steps;
    head_planes += other.head_planes;
    return *this;
}

bool can_exit_head(const GenerateRequest& request) { return logits_needed(request) != 0; }

BatchResult generate_batch(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
                           const std::shared_ptr<DeviceQueue>& device, ReferenceEngine* reference,
                           std::span<const GenerateRequest> requests, HeadExit* head_exit) {
    return Generation(scheduler, model, lowered, device, reference, requests, head_exit).run();
}

GenerateResult generate(Scheduler& scheduler, const Model& model, const LoweredModel& lowered,
                        const std::shared_ptr<DeviceQueue>& device, ReferenceEngine* reference,
                        const GenerateRequest& request, HeadExit* head_exit) {
    BatchResult batch =
        generate_batch(scheduler, model, lowered, device, reference, std::span(&request, 1), head_exit);
    GenerateResult result;
    static_cast<GeneratedText&>(result) = std::move(batch.sequences[0]);
    static_cast<GenerateTotals&>(result) = std::move(batch);
    return result;
}

}  // namespace setun
