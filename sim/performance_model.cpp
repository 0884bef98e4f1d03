// The cycle counts of the kernel without running it: one class a unit of rtl/, and the jumps over quiet time.
#include "sim/performance_model.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/memory_channel.h"

namespace setun::sim {
namespace {

using Cycle = std::uint64_t;
constexpr Cycle kUnknown = ~Cycle{0};

// Constants of the RTL.
constexpr unsigned kMaxPorts = 4;       // setun_core
constexpr unsigned kFifoBeats = 256;    // setun_weight_port
constexpr unsigned kWeightBurst = 64;   // setun_weight_port, MaxBeats
constexpr unsigned kTrack = 16;         // bursts in flight, setun_weight_port and setun_data_read
constexpr unsigned kJobs = 4;           // every queue of jobs
constexpr unsigned kWriteTrack = 8;     // setun_result_writer
constexpr unsigned kWriteBurst = 1024;  // bytes, setun_result_writer
constexpr unsigned kMinGroups = 3;      // setun_engine
constexpr unsigned kTreeCut = 3;        // setun_kernel
constexpr unsigned kFallThrough = 2;    // setun_fifo: push to valid
constexpr unsigned kPage = 4096;
constexpr unsigned kReadRing = 64;  // sim/axi_slave.h
constexpr unsigned kWriteRing = 16;

/// The first cycle that is not before `time`.
constexpr Cycle cycle_of(Time time) { return (time + kCycle - 1) >> kTimeShift; }

/// setun_fifo: a word is valid two cycles after its push; full counts the words at the start of the cycle, so
/// within a cycle the side that pushes has to be worked out before the side that pops.
template <class T, unsigned Depth>
class Fifo {
  public:
    [[nodiscard]] bool empty() const { return head_ == tail_; }
    [[nodiscard]] bool full() const { return tail_ - head_ == Depth; }
    [[nodiscard]] bool valid(Cycle t) const { return head_ != tail_ && ring_[head_ % Depth].valid_at <= t; }
    [[nodiscard]] Cycle valid_at() const { return ring_[head_ % Depth].valid_at; }
    [[nodiscard]] const T& front() const { return ring_[head_ % Depth].value; }
    void push(const T& value, Cycle pushed) { ring_[tail_++ % Depth] = {value, pushed + kFallThrough}; }
    void pop() { ++head_; }
    void clear() { head_ = tail_ = 0; }

  private:
    struct Entry {
        T value;
        Cycle valid_at;
    };
    std::array<Entry, Depth> ring_{};
    unsigned head_ = 0;
    unsigned tail_ = 0;
};

/// What a command is to the units that work on it.
struct Job {
    std::uint32_t index = 0;
    bool nop = false;
    bool fence = false;
    std::uint64_t x_address = 0;
    std::uint64_t x_stride = 0;
    std::uint64_t y_address = 0;
    std::uint64_t y_bytes = 0;
    std::uint64_t groups = 0;
    std::uint64_t chunks = 0;
    std::uint64_t beats = 0;  ///< of each weight port
    unsigned last_beats = 0;  ///< data beats of the last chunk
    unsigned planes = 0;
    unsigned tokens = 0;
};

/// Sizes of the configuration.
struct Sizes {
    unsigned ports, port_bits, tokens, tile_rows;
    unsigned bytes;  ///< of a beat
    unsigned lanes;
    unsigned latency;       ///< of the leaf
    unsigned result_bits;   ///< of a result word
    unsigned result_depth;  ///< places of the result FIFO
    unsigned load_depth;    ///< places of the activation FIFO
    unsigned fill;
    unsigned read_limit, write_limit;  ///< bursts that the memory takes

    [[nodiscard]] bool gathers() const { return result_bits <= port_bits; }
};

unsigned log2_up(unsigned value) { return static_cast<unsigned>(std::bit_width(value - 1)); }

Sizes make_sizes(const PerformanceOptions& options, const ChannelTiming& timing) {
    const KernelConfig& k = options.kernel;
    const auto one_of = [](unsigned value, std::initializer_list<unsigned> valid) {
        return std::find(valid.begin(), valid.end(), value) != valid.end();
    };
    if (!one_of(k.ports, {1, 2, 4}) || !one_of(k.port_bits, {128, 256, 512}) ||
        !one_of(k.tokens, {1, 2, 4, 8}) || k.tile_rows < 16 || k.tile_rows > 4096 ||
        !std::has_single_bit(k.tile_rows)) {
        throw std::invalid_argument("performance model: no kernel has the configuration " + k.name());
    }
    if (timing.outstanding == 0) {
        throw std::invalid_argument("performance model: memory '" + std::string(options.memory.name) +
                                    "' takes no burst; outstanding must be 1 or more");
    }
    Sizes s{};
    s.ports = k.ports;
    s.port_bits = k.port_bits;
    s.tokens = k.tokens;
    s.tile_rows = k.tile_rows;
    s.bytes = k.beat_bytes();
    s.lanes = k.lanes();
    s.latency = 1 + (log2_up(s.lanes) + kTreeCut - 1) / kTreeCut;
    s.result_bits = k.ports * k.tokens * 32;
    s.result_depth = s.result_bits <= k.port_bits ? 64 : k.tile_rows;
    s.load_depth = k.tokens <= 2 ? 32 : 16 * k.tokens;
    s.fill = options.fill_cycles;
    s.read_limit = std::min(timing.outstanding, kReadRing);
    s.write_limit = std::min(timing.outstanding, kWriteRing);
    return s;
}

unsigned beats_to_page(std::uint64_t address, unsigned bytes) {
    return static_cast<unsigned>((kPage - address % kPage) / bytes);
}

// ---- weight ports ----------------------------------------------------------------------------------------

/// A burst whose address the memory has taken: beat i is on the bus in cycle max(start + i, cycle_of(first +
/// i
/// * beat time)).
struct Burst {
    std::uint64_t begin = 0;  ///< number of its first beat, counted from the start of the run
    std::uint64_t end = 0;
    Cycle start = 0;
    Time first = 0;
    Cycle last = 0;  ///< its last beat is on the bus
};

/// setun_weight_port with setun_burst_split, and the memory's read slave behind it.
class WeightPort {
  public:
    WeightPort(const Sizes& sizes, MemoryChannel& channel)
        : channel_(&channel),
          bytes_(sizes.bytes),
          limit_(sizes.read_limit),
          beat_time_(sizes.bytes * channel.timing().byte_time) {}

    void reset(std::uint64_t base) {
        base_ = base;
        jobs.clear();
        splitting_ = ar_pending_ = false;
        free_at_ = 0;
        promised_ = arrivals_ = 0;
        taken_ = accepted_ = head_ = 0;
    }

    /// Beats whose arrival is known.
    [[nodiscard]] std::uint64_t arrivals() const { return arrivals_; }
    [[nodiscard]] Time beat_time() const { return beat_time_; }
    [[nodiscard]] unsigned head() const { return head_; }
    [[nodiscard]] unsigned accepted() const { return accepted_; }
    [[nodiscard]] const Burst& burst(unsigned index) const { return ring_[index % kRing]; }

    /// The cycle in which beat `n`, the next to be used, is on the bus.
    [[nodiscard]] Cycle arrival(std::uint64_t n) const {
        if (n >= arrivals_) {
            return kUnknown;
        }
        const Burst& b = ring_[head_ % kRing];
        const std::uint64_t i = n - b.begin;
        return std::max(b.start + i, cycle_of(b.first + i * beat_time_));
    }

    /// Beats up to `n` have been used.
    void used(std::uint64_t n) {
        while (head_ != accepted_ && ring_[head_ % kRing].end <= n) {
            ++head_;
        }
    }

    /// No burst is left to be asked for, and the next job is there.
    [[nodiscard]] Cycle next_job_at() const {
        return splitting_ || jobs.empty() ? kUnknown : std::max(free_at_, jobs.valid_at());
    }

    /// The address channel in cycle `t`, with `used` beats used before it. True when an address was accepted.
    bool tick(Cycle t, std::uint64_t used) {
        bool accepted = false;
        if (ar_pending_ && accept_time(t) == t) {
            accept(t);
            accepted = true;
        }
        if (splitting_) {
            if (!ar_pending_ && offer_at_ <= t && needed() <= used && track_free_at() <= t) {
                take(t);
            }
        } else if (free_at_ <= t && jobs.valid(t)) {
            left_ = jobs.front().beats;
            address_ = base_ + jobs.front().offset;
            jobs.pop();
            splitting_ = true;
            plan(t + 2);
        }
        return accepted;
    }

    /// Does what next_event() announced for cycle `t`. True when an address was accepted.
    bool move(Cycle t) {
        if (ar_pending_) {
            accept(t);
            return true;
        }
        take(t);
        return false;
    }

    /// The cycle, from `t` on, in which the address channel moves next; `use_time` tells when a beat is used.
    template <class UseTime>
    [[nodiscard]] Cycle next_event(Cycle t, std::uint64_t used, UseTime&& use_time) const {
        if (ar_pending_) {
            return accept_time(t);
        }
        if (!splitting_) {
            return kUnknown;
        }
        Cycle event = std::max({t, offer_at_, track_free_at()});
        const std::uint64_t need = needed();
        if (need > used) {
            const Cycle use = use_time(need - 1);
            event = use == kUnknown ? kUnknown : std::max(event, use + 1);
        }
        return event;
    }

    struct Request {
        std::uint64_t beats = 0;
        std::uint64_t offset = 0;  ///< from the port's base
    };
    Fifo<Request, kJobs> jobs;

  private:
    static constexpr unsigned kRing = 512;  // every burst with a beat in the FIFO, and those in flight

    /// Beats that must have been used for the FIFO to have room for the next burst.
    [[nodiscard]] std::uint64_t needed() const {
        const std::uint64_t promised = promised_ + beats_;
        return promised > kFifoBeats ? promised - kFifoBeats : 0;
    }
    /// A place in the list of bursts in flight is free from this cycle on.
    [[nodiscard]] Cycle track_free_at() const {
        return taken_ < kTrack ? 0 : ring_[(taken_ - kTrack) % kRing].last + 1;
    }
    [[nodiscard]] Cycle accept_time(Cycle t) const {
        const Cycle from = std::max(t, ar_from_);
        return accepted_ < limit_ ? from : std::max(from, ring_[(accepted_ - limit_) % kRing].last + 1);
    }

    void plan(Cycle offer) {
        offer_at_ = offer;
        beats_ = static_cast<unsigned>(
            std::min<std::uint64_t>(left_, std::min(kWeightBurst, beats_to_page(address_, bytes_))));
    }

    void take(Cycle t) {
        promised_ += beats_;
        ++taken_;
        ar_pending_ = true;
        ar_from_ = t + 1;
        ar_beats_ = beats_;
        address_ += std::uint64_t{beats_} * bytes_;
        left_ -= beats_;
        if (left_ == 0) {
            splitting_ = false;
            free_at_ = t + 1;
        } else {
            plan(t + 2);
        }
    }

    void accept(Cycle t) {
        ar_pending_ = false;
        const Time first = channel_->read(t << kTimeShift, ar_beats_ * bytes_);
        Burst& b = ring_[accepted_ % kRing];
        const Cycle free = accepted_ == 0 ? 0 : ring_[(accepted_ - 1) % kRing].last + 1;
        ++accepted_;
        b.begin = arrivals_;
        b.end = arrivals_ += ar_beats_;
        b.first = first;
        b.start = std::max({free, t + 1, cycle_of(first)});
        b.last = std::max(b.start + (ar_beats_ - 1), cycle_of(first + (ar_beats_ - 1) * beat_time_));
    }

    MemoryChannel* channel_;
    unsigned bytes_;
    unsigned limit_;
    Time beat_time_;
    std::uint64_t base_ = 0;
    // setun_burst_split
    bool splitting_ = false;
    Cycle free_at_ = 0;   ///< idle from here on
    Cycle offer_at_ = 0;  ///< the burst is offered from here on
    std::uint64_t address_ = 0;
    std::uint64_t left_ = 0;
    unsigned beats_ = 0;
    // Address channel
    bool ar_pending_ = false;
    Cycle ar_from_ = 0;
    unsigned ar_beats_ = 0;
    std::uint64_t promised_ = 0;  ///< beats of all bursts taken
    std::uint64_t arrivals_ = 0;
    unsigned taken_ = 0;
    unsigned accepted_ = 0;
    unsigned head_ = 0;  ///< burst of the next beat to be used
    std::array<Burst, kRing> ring_{};
};

// ---- the engine's use of beats ---------------------------------------------------------------------------

/// Beat begin + i is taken in cycle max(linear + i, cycle_of(first + i * beat time) + kFallThrough).
struct Stretch {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    Cycle linear = 0;
    Time first = 0;
};

/// When the engine takes the beats of a pass that nothing but weights can hold up, as far as that is known.
class Schedule {
  public:
    explicit Schedule(Time beat_time) : beat_time_(beat_time) {}

    /// Beats `next` to `end`, the first of them in cycle `time` at the earliest.
    void begin(std::uint64_t next, std::uint64_t end, Cycle time) {
        stretches_.clear();
        begin_ = next_ = next;
        end_ = end;
        next_time_ = time;
    }

    [[nodiscard]] std::uint64_t next() const { return next_; }
    [[nodiscard]] std::uint64_t end() const { return end_; }
    [[nodiscard]] bool complete() const { return next_ == end_; }
    /// Earliest cycle of the next beat as far as the engine goes.
    [[nodiscard]] Cycle next_time() const { return next_time_; }

    void add(const Stretch& stretch) {
        stretches_.push_back(stretch);
        next_ = stretch.end;
        next_time_ = time(stretch, stretch.end - 1) + 1;
    }

    /// When beat `n` is taken; kUnknown beyond the schedule.
    [[nodiscard]] Cycle time(std::uint64_t n) const {
        if (n >= next_) {
            return kUnknown;
        }
        std::size_t i = stretches_.size() - 1;
        while (stretches_[i].begin > n) {
            --i;
        }
        return time(stretches_[i], n);
    }

    /// Beats taken before cycle `t`.
    [[nodiscard]] std::uint64_t used_before(Cycle t) const {
        std::size_t i = stretches_.size();
        while (i != 0 && time(stretches_[i - 1], stretches_[i - 1].begin) >= t) {
            --i;
        }
        if (i == 0) {
            return 0;
        }
        const Stretch& s = stretches_[i - 1];
        std::uint64_t beats = std::min(s.end - s.begin, t - s.linear);
        if (beat_time_ != 0) {
            const Time latest = (t - 1 - kFallThrough) << kTimeShift;
            beats = std::min(beats, (latest - s.first) / beat_time_ + 1);
        }
        return s.begin - begin_ + beats;
    }

  private:
    [[nodiscard]] Cycle time(const Stretch& s, std::uint64_t n) const {
        const std::uint64_t i = n - s.begin;
        return std::max(s.linear + i, cycle_of(s.first + i * beat_time_) + kFallThrough);
    }

    Time beat_time_;
    std::vector<Stretch> stretches_;
    std::uint64_t begin_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
    Cycle next_time_ = 0;
};

// ---- commands --------------------------------------------------------------------------------------------

/// setun_command_fetch without its queue.
struct Fetch {
    std::uint64_t left = 0;
    std::uint64_t address = 0;
    unsigned room = kJobs;

    [[nodiscard]] bool wants() const { return left != 0 && room != 0; }
};

// ---- activations -----------------------------------------------------------------------------------------

/// The requests of setun_act_loader.
class Loader {
  public:
    explicit Loader(const Sizes& sizes)
        : chunk_bytes_(std::uint64_t{5} * sizes.bytes),
          tile_rows_(sizes.tile_rows),
          depth_(sizes.load_depth) {}

    void reset() {
        jobs.clear();
        active_ = false;
        room_ = depth_;
    }

    [[nodiscard]] bool wants() const { return active_ && !fence_ && room_ >= beats_; }
    [[nodiscard]] std::uint64_t address() const { return address_; }
    [[nodiscard]] unsigned beats() const { return beats_; }
    [[nodiscard]] bool token_last() const { return token_ + 1 == job_.tokens; }
    void popped() { ++room_; }

    /// Nothing changes until something arrives or completes.
    [[nodiscard]] bool quiet(std::uint64_t completed) const {
        return active_ ? (fence_ ? completed != job_.index : room_ < beats_) : jobs.empty();
    }

    /// The request is granted.
    void take() {
        room_ -= beats_;
        address_ += job_.x_stride;
        if (!token_last()) {
            ++token_;
            return;
        }
        token_ = 0;
        chunk_address_ += chunk_bytes_;
        if (++chunk_ == job_.chunks) {
            chunk_ = 0;
            chunk_address_ = job_.x_address;
            if (++plane_ == job_.planes) {
                plane_ = 0;
                active_ = groups_left_ > tile_rows_;
                groups_left_ -= tile_rows_;
            }
            active_ = active_ && job_.chunks != 1;  // a matrix of one chunk is loaded once
        }
        address_ = chunk_address_;
        beats_ = chunk_ + 1 == job_.chunks ? job_.last_beats : 5;
    }

    /// A cycle in which nothing was granted.
    void tick(Cycle t, std::uint64_t completed) {
        if (!active_) {
            if (jobs.valid(t)) {
                begin(jobs.front());
                jobs.pop();
            }
        } else if (fence_ && completed == job_.index) {
            fence_ = false;
        }
    }

    Fifo<Job, kJobs> jobs;

  private:
    void begin(const Job& job) {
        job_ = job;
        active_ = true;
        fence_ = job.fence;
        chunk_address_ = address_ = job.x_address;
        groups_left_ = static_cast<std::int64_t>(job.groups);
        beats_ = job.chunks == 1 ? job.last_beats : 5;
        token_ = plane_ = 0;
        chunk_ = 0;
    }

    std::uint64_t chunk_bytes_;
    std::int64_t tile_rows_;
    unsigned depth_;
    Job job_;
    bool active_ = false;
    bool fence_ = false;
    unsigned room_ = 0;
    unsigned beats_ = 0;
    unsigned token_ = 0;
    unsigned plane_ = 0;
    std::uint64_t chunk_ = 0;
    std::int64_t groups_left_ = 0;
    std::uint64_t address_ = 0;
    std::uint64_t chunk_address_ = 0;
};

/// A request of the data port on its way.
struct DataRequest {
    bool list = false;
    bool chunk_last = false;   ///< last request of a chunk
    unsigned beats = 0;        ///< of this burst
    bool request_end = false;  ///< last burst of the request
};

/// What arrived on the data port.
struct DataBeat {
    DataRequest request;
    bool last = false;  ///< of its request
};

/// setun_data_read and the memory's read slave behind it.
class DataRead {
  public:
    DataRead(const Sizes& sizes, MemoryChannel& channel)
        : channel_(&channel),
          bytes_(sizes.bytes),
          limit_(sizes.read_limit),
          beat_time_(sizes.bytes * channel.timing().byte_time) {}

    void reset() {
        splitting_ = ar_pending_ = false;
        free_at_ = 0;
        head_ = tail_ = 0;
        tracked_ = 0;
        untrack_head_ = untrack_tail_ = 0;
        bytes_read = 0;
    }

    [[nodiscard]] bool idle(Cycle t) const { return !splitting_ && free_at_ <= t; }
    /// Only an arrival can change anything.
    [[nodiscard]] bool quiet() const { return !splitting_ && !ar_pending_; }
    [[nodiscard]] Cycle next_arrival() const {
        return head_ == tail_ ? kUnknown : cycle_of(ring_[head_ % kReadRing].next);
    }

    /// A beat of this cycle, if there is one. First of all in a cycle.
    bool offer(Cycle t, DataBeat& beat) {
        ready_ = tail_ - head_ < limit_;
        while (untrack_head_ != untrack_tail_ && untrack_[untrack_head_ % kReadRing] <= t) {
            ++untrack_head_;
            --tracked_;
        }
        if (head_ == tail_ || (t << kTimeShift) < ring_[head_ % kReadRing].next) {
            return false;
        }
        Flight& flight = ring_[head_ % kReadRing];
        flight.next += beat_time_;
        bytes_read += bytes_;
        const bool burst_last = --flight.request.beats == 0;
        beat = {flight.request, burst_last && flight.request.request_end};
        if (burst_last) {
            ++head_;
            untrack_[untrack_tail_++ % kReadRing] = t + 2;  // the R channel is registered
        }
        return true;
    }

    void begin(Cycle t, std::uint64_t address, unsigned beats, bool list, bool chunk_last) {
        splitting_ = true;
        address_ = address;
        left_ = beats;
        request_ = {list, chunk_last, 0, false};
        plan(t + 2);
    }

    void tick(Cycle t) {
        if (ar_pending_ && ar_from_ <= t && ready_) {
            ar_pending_ = false;
            ring_[tail_++ % kReadRing] = {channel_->read(t << kTimeShift, ar_.beats * bytes_), ar_};
        }
        if (splitting_ && offer_at_ <= t && !ar_pending_ && tracked_ < kTrack) {
            ++tracked_;
            ar_pending_ = true;
            ar_from_ = t + 1;
            ar_ = request_;
            address_ += std::uint64_t{request_.beats} * bytes_;
            left_ -= request_.beats;
            splitting_ = left_ != 0;
            free_at_ = t + 1;
            if (splitting_) {
                plan(t + 2);
            }
        }
    }

    std::uint64_t bytes_read = 0;

  private:
    struct Flight {
        Time next = 0;
        DataRequest request;
    };

    void plan(Cycle offer) {
        offer_at_ = offer;
        request_.beats = std::min(left_, beats_to_page(address_, bytes_));
        request_.request_end = request_.beats == left_;
    }

    MemoryChannel* channel_;
    unsigned bytes_;
    unsigned limit_;
    Time beat_time_;
    bool splitting_ = false;
    Cycle free_at_ = 0;
    Cycle offer_at_ = 0;
    std::uint64_t address_ = 0;
    unsigned left_ = 0;
    DataRequest request_;
    bool ar_pending_ = false;
    Cycle ar_from_ = 0;
    DataRequest ar_;
    bool ready_ = false;
    unsigned tracked_ = 0;
    std::array<Cycle, kReadRing> untrack_{};
    unsigned untrack_head_ = 0;
    unsigned untrack_tail_ = 0;
    std::array<Flight, kReadRing> ring_{};
    unsigned head_ = 0;
    unsigned tail_ = 0;
};

// ---- results ---------------------------------------------------------------------------------------------

/// setun_result_writer and the memory's write slave behind it.
class Writer {
  public:
    Writer(const Sizes& sizes, MemoryChannel& channel)
        : channel_(&channel),
          bytes_(sizes.bytes),
          limit_(sizes.write_limit),
          gathers_(sizes.gathers()),
          slots_(gathers_ ? sizes.port_bits / sizes.result_bits : sizes.result_bits / sizes.port_bits),
          max_beats_(kWriteBurst / sizes.bytes),
          fifo_beats_(std::uint64_t{4} * max_beats_) {}

    void reset() {
        pack_jobs.clear();
        write_jobs.clear();
        track_.clear();
        slot_ = 0;
        group_ = packed_ = 0;
        beat_valid_ = all_in_ = done_ = false;
        level_ = 0;
        state_ = State::kIdle;
        addresses_ = datas_ = heads_ = due_count_ = 0;
        aw_valid_ = tracked_ = b_valid_ = false;
        completed_ = 0;
        bytes_written = 0;
    }

    [[nodiscard]] std::uint64_t completed() const { return completed_; }

    /// Nothing changes before a result or a response comes.
    [[nodiscard]] bool quiet(Cycle t) const {
        if (beat_valid_ || all_in_ || done_ || aw_valid_ || tracked_ || b_valid_) {
            return false;
        }
        switch (state_) {
            case State::kIdle:
                return write_jobs.empty() ||
                       (write_jobs.front().nop && track_.valid(t) && write_jobs.valid(t));
            case State::kPlan:
                return level_ == 0 || level_ < plan();
            default:
                return false;
        }
    }
    [[nodiscard]] Cycle next_response() const {
        return heads_ == due_count_ ? kUnknown : cycle_of(due_[heads_ % kWriteRing]);
    }

    /// One cycle; true when a result word is taken from the engine.
    bool tick(Cycle t, bool result_valid) {
        const bool aw_ready = addresses_ - heads_ < limit_;
        const bool w_ready = datas_ - heads_ < limit_;
        if (!b_valid_ && heads_ != due_count_ && (t << kTimeShift) >= due_[heads_ % kWriteRing]) {
            b_valid_ = true;
            ++heads_;
        }
        const bool track_valid = track_.valid(t);
        const bool track_full = track_.full();
        const std::uint64_t level = level_;
        const bool pack_valid = pack_jobs.valid(t);
        const bool popped = gathers_ ? gather(result_valid, pack_valid) : split(result_valid, pack_valid);
        if (b_valid_ && track_valid) {  // BREADY
            b_valid_ = false;
            completed_ += track_.front();
            track_.pop();
        }
        write(t, {aw_ready, w_ready, track_valid, track_full}, level);
        return popped;
    }

    struct PackJob {
        std::uint64_t groups = 0;
        std::uint64_t beats = 0;
    };
    struct WriteJob {
        bool nop = false;
        std::uint64_t address = 0;
        std::uint64_t bytes = 0;
    };
    Fifo<PackJob, kJobs> pack_jobs;
    Fifo<WriteJob, kJobs> write_jobs;
    std::uint64_t bytes_written = 0;

  private:
    enum class State : std::uint8_t { kIdle, kPlan, kAddress, kData };
    struct Ready {
        bool aw, w, track_valid, track_full;
    };

    /// Result words to one AXI word.
    bool gather(bool result_valid, bool pack_valid) {
        if (!beat_valid_ && !done_ && !(pack_valid && (all_in_ || result_valid))) {
            return false;
        }
        const bool beat_ready = level_ < fifo_beats_;
        const bool room = !beat_valid_ || beat_ready;
        const bool pop = pack_valid && !all_in_ && room && result_valid;
        if (beat_valid_ && beat_ready) {
            ++level_;
            beat_valid_ = false;
        }
        if (done_) {
            pack_jobs.pop();
            done_ = all_in_ = false;
            group_ = 0;
        } else if (pack_valid && room && (all_in_ || result_valid)) {
            const bool last_word = all_in_ || group_ + 1 == pack_jobs.front().groups;
            ++group_;
            all_in_ = last_word;
            if (++slot_ == slots_) {
                slot_ = 0;
                beat_valid_ = true;
                done_ = last_word;
            }
        }
        return pop;
    }

    /// One result word to several AXI words; those past the end are dropped.
    bool split(bool result_valid, bool pack_valid) {
        if (!pack_valid || !result_valid) {
            return false;
        }
        const bool past_end = packed_ == pack_jobs.front().beats;
        if (!past_end && level_ == fifo_beats_) {
            return false;
        }
        if (!past_end) {
            ++packed_;
            ++level_;
        }
        if (++slot_ != slots_) {
            return false;
        }
        slot_ = 0;
        if (++group_ == pack_jobs.front().groups) {
            group_ = packed_ = 0;
            pack_jobs.pop();
        }
        return true;
    }

    [[nodiscard]] unsigned plan() const {
        return static_cast<unsigned>(
            std::min<std::uint64_t>(left_, std::min(max_beats_, beats_to_page(address_, bytes_))));
    }

    void write(Cycle t, const Ready& ready, std::uint64_t level) {
        const bool aw_valid = aw_valid_;
        const bool aw_busy = aw_valid_ || tracked_;
        tracked_ = aw_valid && ready.aw;
        if (tracked_) {
            aw_valid_ = false;
            ++addresses_;
            track_.push(left_ == 0 ? 1 : 0, t);
            address_ += std::uint64_t{burst_} * bytes_;
        }
        switch (state_) {
            case State::kIdle:
                if (write_jobs.valid(t) && !aw_busy) {
                    const WriteJob& job = write_jobs.front();
                    if (!job.nop) {
                        address_ = job.address;
                        tail_bytes_ = job.bytes;
                        left_ = (job.bytes + bytes_ - 1) / bytes_;
                        state_ = State::kPlan;
                        write_jobs.pop();
                    } else if (!ready.track_valid) {
                        ++completed_;
                        write_jobs.pop();
                    }
                }
                break;
            case State::kPlan:
                if (level != 0 && !ready.track_full && !aw_valid && level >= plan()) {
                    burst_ = beats_ = plan();
                    left_ -= burst_;
                    aw_valid_ = true;
                    state_ = State::kAddress;
                }
                break;
            case State::kAddress:
                state_ = State::kData;
                break;
            case State::kData:
                if (ready.w) {
                    data();
                }
                break;
        }
        // The memory begins a burst when it has both its address and its data.
        if (due_count_ != addresses_ && due_count_ != datas_) {
            due_[due_count_++ % kWriteRing] = channel_->write(t << kTimeShift, burst_ * bytes_);
        }
    }

    void data() {
        --level_;
        const std::uint64_t valid = std::min<std::uint64_t>(tail_bytes_, bytes_);
        bytes_written += valid;
        tail_bytes_ -= valid;
        if (--beats_ == 0) {
            ++datas_;
            state_ = left_ == 0 ? State::kIdle : State::kPlan;
        }
    }

    MemoryChannel* channel_;
    unsigned bytes_;
    unsigned limit_;
    bool gathers_;
    unsigned slots_;
    unsigned max_beats_;
    std::uint64_t fifo_beats_;
    // Packer
    unsigned slot_ = 0;
    std::uint64_t group_ = 0;
    std::uint64_t packed_ = 0;
    bool beat_valid_ = false;
    bool all_in_ = false;
    bool done_ = false;
    std::uint64_t level_ = 0;
    // Bursts
    State state_ = State::kIdle;
    std::uint64_t address_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t tail_bytes_ = 0;
    unsigned burst_ = 0;
    unsigned beats_ = 0;
    Fifo<unsigned, kWriteTrack> track_;  ///< commands that a response completes
    std::uint64_t completed_ = 0;
    // Memory
    unsigned addresses_ = 0;
    unsigned datas_ = 0;
    unsigned heads_ = 0;
    unsigned due_count_ = 0;
    std::array<Time, kWriteRing> due_{};
    // Handshakes that wait
    bool aw_valid_ = false;
    bool tracked_ = false;  ///< the address went in the last cycle; its track entry does not show yet
    bool b_valid_ = false;
};

// ---- decode ----------------------------------------------------------------------------------------------

/// Checks a command as setun_command_decode does, as far as it depends on the command alone.
Job make_job(const Command& c, std::uint32_t index, const Sizes& s, const ListPlacement& placement) {
    Job job;
    job.index = index;
    job.nop = c.opcode == SETUN_OP_NOP;
    job.fence = (c.flags & SETUN_FLAG_FENCE) != 0;
    if (job.nop) {
        return job;
    }
    if (c.opcode != SETUN_OP_MATMUL || c.m == 0 || c.m > SETUN_MAX_M || c.k == 0 || c.k > SETUN_MAX_K ||
        c.tokens == 0 || c.tokens > s.tokens || c.planes == 0 || c.planes > SETUN_MAX_PLANES ||
        (c.weight_offset | c.x_offset | c.y_offset | c.x_stride) % SETUN_ALIGN != 0) {
        throw std::invalid_argument("performance model: command " + std::to_string(index) +
                                    " is one that the kernel refuses");
    }
    const std::uint64_t k_beats = (c.k + s.bytes - 1) / s.bytes;
    job.x_address = placement.data_base + c.x_offset;
    job.x_stride = c.x_stride;
    job.y_address = placement.data_base + c.y_offset;
    job.y_bytes = std::uint64_t{4} * c.m * s.tokens;
    job.groups = (c.m + s.ports - 1) / s.ports;
    job.chunks = (k_beats + 4) / 5;
    job.beats = job.groups * job.chunks * c.planes;
    job.last_beats = static_cast<unsigned>(k_beats - 5 * (job.chunks - 1));
    job.planes = c.planes;
    job.tokens = c.tokens;
    return job;
}

}  // namespace

// ---- the machine -----------------------------------------------------------------------------------------

class PerformanceModel::Machine {
  public:
    explicit Machine(const PerformanceOptions& options)
        : schedule_(options.kernel.beat_bytes() * make_channel_timing(options.memory).byte_time),
          sizes_(make_sizes(options, make_channel_timing(options.memory))),
          channels_(make_channels(options)),
          loader_(sizes_),
          read_(sizes_, data_channel(options)),
          writer_(sizes_, data_channel(options)),
          load_ring_(sizes_.load_depth),
          result_ring_(sizes_.result_depth),
          every_cycle_(options.every_cycle) {
        for (unsigned p = 0; p < sizes_.ports; ++p) {
            ports_.emplace_back(sizes_, channels_[options.memory.sharing == ChannelSharing::kAll ? 0 : p]);
        }
    }

    void idle(std::uint64_t cycles) { now_ += cycles; }
    [[nodiscard]] std::uint64_t cycle() const { return now_; }

    PredictedRun run(std::span<const Command> commands, const ListPlacement& placement,
                     std::vector<TileStart>* tiles) {
        result_ = {};
        const Cycle begin = now_;  // run control checks the list in this cycle
        begin_ = begin;
        tiles_ = tiles;
        if (tiles_ != nullptr) {
            tiles_->clear();
        }
        if (commands.empty()) {
            now_ += 2;
            result_.cycles = 2;
            return result_;
        }
        reset(commands, placement);
        ++now_;
        while (!(writer_.completed() == accepted_ && accepted_ == commands.size())) {
            tick(now_);
            ++now_;
            if (!every_cycle_) {
                skip();
            }
        }
        now_ += 4;  // drain, clear, done; the interrupt is seen one cycle later
        result_.cycles = now_ - begin;
        result_.beats = result_.busy * sizes_.ports;
        result_.weight_bytes = result_.beats * sizes_.bytes;
        result_.data_read_bytes = read_.bytes_read;
        result_.data_write_bytes = writer_.bytes_written;
        return result_;
    }

  private:
    enum class Decode : std::uint8_t { kIdle, kWork, kOffer };

    static std::vector<MemoryChannel> make_channels(const PerformanceOptions& options) {
        const ChannelTiming timing = make_channel_timing(options.memory);
        std::vector<MemoryChannel> channels;
        for (unsigned i = 0; i <= options.kernel.ports; ++i) {
            channels.emplace_back(timing, options.seed + i);
        }
        return channels;
    }

    MemoryChannel& data_channel(const PerformanceOptions& options) {
        return channels_[options.memory.sharing == ChannelSharing::kPerPort ? sizes_.ports : 0];
    }

    void reset(std::span<const Command> commands, const ListPlacement& placement) {
        list_.clear();
        for (const Command& command : commands) {
            list_.push_back(make_job(command, static_cast<std::uint32_t>(list_.size()), sizes_, placement));
        }
        for (unsigned p = 0; p < sizes_.ports; ++p) {
            ports_[p].reset(placement.weight_base[p]);
        }
        weight_offsets_.clear();
        for (const Command& command : commands) {
            weight_offsets_.push_back(command.weight_offset);
        }
        fetch_ = {commands.size(), placement.list, kJobs};
        commands_.clear();
        arrived_ = 0;
        decode_ = Decode::kIdle;
        accepted_ = 0;
        loader_.reset();
        read_.reset();
        load_head_ = load_tail_ = 0;
        shadow_full_at_ = kUnknown;
        engine_jobs_.clear();
        active_ = false;
        slot_ = 0;
        slot_free_at_ = {0, 0};
        gap_ = 0;
        used_ = 0;
        visible_ = kUnknown;
        credit_ = sizes_.result_depth;
        result_head_ = result_tail_ = 0;
        writer_.reset();
    }

    // ---- one cycle, the side that pushes before the side that pops ----

    void tick(Cycle t) {
        receive(t);
        const bool granted = arbitrate(t);
        decode(t);
        for (WeightPort& port : ports_) {
            if (port.tick(t, used_)) {
                visible_known_ = false;
            }
        }
        read_.tick(t);
        if (!granted) {
            loader_.tick(t, writer_.completed());
        }
        load(t);
        engine(t);
        const bool result =
            result_head_ != result_tail_ && result_ring_[result_head_ & (sizes_.result_depth - 1)] <= t;
        if (writer_.tick(t, result)) {
            ++result_head_;
            ++credit_;
        }
    }

    void receive(Cycle t) {
        DataBeat beat;
        if (!read_.offer(t, beat)) {
            return;
        }
        // Registered once, then into a FIFO.
        if (!beat.request.list) {
            load_ring_[load_tail_++ % sizes_.load_depth] = {t + 1 + kFallThrough,
                                                            beat.last && beat.request.chunk_last};
        } else if (beat.last) {
            commands_.push(static_cast<std::uint32_t>(arrived_++), t + 1);
        }
    }

    /// Grants the data port; true when the loader got it.
    bool arbitrate(Cycle t) {
        if (!read_.idle(t)) {
            return false;
        }
        if (fetch_.wants()) {
            read_.begin(t, fetch_.address, SETUN_COMMAND_BYTES / sizes_.bytes, true, false);
            fetch_.address += SETUN_COMMAND_BYTES;
            --fetch_.left;
            --fetch_.room;
            return false;
        }
        if (!loader_.wants()) {
            return false;
        }
        read_.begin(t, loader_.address(), loader_.beats(), false, loader_.token_last());
        loader_.take();
        return true;
    }

    [[nodiscard]] bool job_ready() const {
        if (writer_.write_jobs.full()) {
            return false;
        }
        if (list_[decoding_].nop) {
            return true;
        }
        return !writer_.pack_jobs.full() && !loader_.jobs.full() && !engine_jobs_.full() &&
               std::none_of(ports_.begin(), ports_.end(), [](const WeightPort& p) { return p.jobs.full(); });
    }

    void decode(Cycle t) {
        switch (decode_) {
            case Decode::kIdle:
                if (commands_.valid(t)) {
                    decoding_ = commands_.front();
                    commands_.pop();
                    ++fetch_.room;
                    decode_ = Decode::kWork;
                    offer_at_ = t + (list_[decoding_].nop ? 2 : 9 + sizes_.ports);
                }
                break;
            case Decode::kWork:
                if (offer_at_ > t) {
                    break;
                }
                decode_ = Decode::kOffer;
                [[fallthrough]];
            case Decode::kOffer:
                if (job_ready()) {
                    hand_out(t);
                    decode_ = Decode::kIdle;
                }
                break;
        }
    }

    void hand_out(Cycle t) {
        const Job& job = list_[decoding_];
        writer_.write_jobs.push({job.nop, job.y_address, job.y_bytes}, t);
        if (!job.nop) {
            writer_.pack_jobs.push({job.groups, (job.y_bytes + sizes_.bytes - 1) / sizes_.bytes}, t);
            loader_.jobs.push(job, t);
            engine_jobs_.push(decoding_, t);
            for (WeightPort& port : ports_) {
                port.jobs.push({job.beats, weight_offsets_[decoding_]}, t);
            }
        }
        ++accepted_;
    }

    void load(Cycle t) {
        if (load_head_ == load_tail_ || shadow_full_at_ <= t) {
            return;
        }
        const Load& word = load_ring_[load_head_ % sizes_.load_depth];
        if (word.valid_at <= t) {
            if (word.last) {
                shadow_full_at_ = t + 1;
            }
            ++load_head_;
            loader_.popped();
        }
    }

    // ---- engine ----

    /// The cycle from which the next beat of every port can be taken.
    Cycle visible() {
        if (!visible_known_) {
            visible_ = 0;
            for (const WeightPort& port : ports_) {
                const Cycle arrival = port.arrival(used_);
                visible_ = arrival == kUnknown ? kUnknown : std::max(visible_, arrival + kFallThrough);
                if (visible_ == kUnknown) {
                    break;
                }
            }
            visible_known_ = true;
        }
        return visible_;
    }

    [[nodiscard]] Cycle chunk_ready_at() const {
        return shadow_full_at_ == kUnknown ? kUnknown : shadow_full_at_ + 1 + sizes_.fill;
    }

    void engine(Cycle t) {
        bool free = !active_;
        if (active_) {
            const bool weights = visible() <= t;
            const bool chunk = !need_swap_ || chunk_ready_at() <= t;
            const bool place = !final_ || credit_ != 0;
            if (gap_ == 0 && weights && chunk && place) {
                free = fire(t);
            } else {
                result_.stall_w += !weights;
                result_.stall_x += weights && !chunk;
                result_.stall_y += weights && chunk && !place;
                gap_ -= gap_ != 0;
            }
        } else {
            gap_ -= gap_ != 0;
        }
        if (free && engine_jobs_.valid(t) && slot_free_at_[slot_ ^ 1U] <= t) {
            begin_job(list_[engine_jobs_.front()]);
            engine_jobs_.pop();
            note_tile(t);
        }
    }

    /// Takes a beat of every port; true when the job is finished.
    bool fire(Cycle t) {
        ++result_.busy;
        consume(1);
        if (need_swap_) {
            shadow_full_at_ = kUnknown;
            need_swap_ = false;
        }
        if (final_) {
            --credit_;
            result_ring_[result_tail_++ & (sizes_.result_depth - 1)] = t + sizes_.latency + 1 + kFallThrough;
        }
        if (group_ != last_group_) {
            ++group_;
            return false;
        }
        if (last_group_ + 1 < kMinGroups) {
            gap_ = kMinGroups - 1 - static_cast<unsigned>(last_group_);
        }
        if (last_pass_) {
            active_ = false;
            slot_free_at_[slot_] = t + sizes_.latency + 1;
            return true;
        }
        if (++chunk_ == job_.chunks) {
            chunk_ = 0;
            if (++plane_ == job_.planes) {
                plane_ = 0;
                groups_left_ -= sizes_.tile_rows;
                note_tile(t);
            }
        }
        begin_pass();
        need_swap_ = job_.chunks != 1;
        return false;
    }

    void consume(std::uint64_t beats) {
        used_ += beats;
        for (WeightPort& port : ports_) {
            port.used(used_);
        }
        visible_known_ = false;
    }

    void begin_job(const Job& job) {
        job_ = job;
        active_ = true;
        slot_ ^= 1U;
        slot_free_at_[slot_] = kUnknown;
        groups_left_ = job.groups;
        chunk_ = 0;
        plane_ = 0;
        begin_pass();
        need_swap_ = true;
    }

    void note_tile(Cycle t) {
        if (tiles_ != nullptr) {
            tiles_->push_back({job_.index, t - begin_});
        }
    }

    void begin_pass() {
        const bool last_tile = groups_left_ <= sizes_.tile_rows;
        group_ = 0;
        last_group_ = (last_tile ? groups_left_ : sizes_.tile_rows) - 1;
        final_ = chunk_ + 1 == job_.chunks && plane_ + 1 == job_.planes;
        last_pass_ = final_ && last_tile;
    }

    // ---- quiet time ----

    /// How the engine behaves until something else than weights arrives.
    enum class Pace : std::uint8_t {
        kOther,   ///< it has to be watched
        kIdle,    ///< no job
        kNoX,     ///< waits for activations
        kStream,  ///< takes beats of a pass whose sums stay on the chip as fast as they come
    };

    [[nodiscard]] Pace pace(Cycle t) const {
        if (!active_) {
            return engine_jobs_.empty() && gap_ == 0 ? Pace::kIdle : Pace::kOther;
        }
        if (need_swap_) {
            return chunk_ready_at() > t ? Pace::kNoX : Pace::kOther;
        }
        return gap_ == 0 && !final_ && group_ != last_group_ ? Pace::kStream : Pace::kOther;
    }

    /// Units other than engine and weight ports do nothing before something arrives.
    [[nodiscard]] bool others_quiet(Cycle t) const {
        const bool decode_quiet =
            decode_ == Decode::kIdle ? commands_.empty() : decode_ == Decode::kOffer && !job_ready();
        return decode_quiet && !fetch_.wants() && read_.quiet() && loader_.quiet(writer_.completed()) &&
               (load_head_ == load_tail_ || shadow_full_at_ <= t) && result_head_ == result_tail_ &&
               writer_.quiet(t);
    }

    /// Jumps from cycle now_ to the next one in which more happens than weights streaming. Within the jump,
    /// only the address channels of the weight ports are events.
    void skip() {
        const Pace how = pace(now_);
        if (how == Pace::kOther || !others_quiet(now_)) {
            return;
        }
        Cycle until = std::min(read_.next_arrival(), writer_.next_response());
        if (how == Pace::kNoX) {
            until = std::min(until, chunk_ready_at());
        }
        for (const WeightPort& port : ports_) {
            until = std::min(until, port.next_job_at());
        }
        if (until <= now_) {
            return;
        }
        schedule_.begin(used_, how == Pace::kStream ? used_ + (last_group_ - group_) : used_, now_);
        for (unsigned p = 0; p < sizes_.ports; ++p) {
            cursor_[p] = ports_[p].head();
        }
        extend();
        until = stream(how, now_, until);
        if (until == kUnknown) {
            return;  // nothing is on its way: let the cycles pass one by one
        }
        account(how, until);
    }

    /// Plans the use of beats as far as their arrival is known.
    void extend() {
        while (!schedule_.complete()) {
            const std::uint64_t n = schedule_.next();
            Stretch stretch{n, schedule_.end(), schedule_.next_time(), 0};
            for (unsigned p = 0; p < sizes_.ports; ++p) {
                const WeightPort& port = ports_[p];
                while (cursor_[p] != port.accepted() && port.burst(cursor_[p]).end <= n) {
                    ++cursor_[p];
                }
                if (cursor_[p] == port.accepted()) {
                    return;
                }
                const Burst& burst = port.burst(cursor_[p]);
                const std::uint64_t i = n - burst.begin;
                stretch.end = std::min(stretch.end, burst.end);
                stretch.linear = std::max(stretch.linear, burst.start + i + kFallThrough);
                stretch.first = std::max(stretch.first, burst.first + i * port.beat_time());
            }
            stretch.linear = std::max(stretch.linear, cycle_of(stretch.first) + kFallThrough);
            schedule_.add(stretch);
        }
    }

    /// The state at the start of cycle `until`.
    void account(Pace how, Cycle until) {
        const Cycle cycles = until - now_;
        if (how == Pace::kStream) {
            const std::uint64_t beats = schedule_.used_before(until);
            result_.busy += beats;
            result_.stall_w += cycles - beats;
            group_ += beats;
            consume(beats);
        } else if (how == Pace::kNoX) {
            visible_known_ = false;
            const Cycle weights = std::clamp(visible(), now_, until) - now_;
            result_.stall_w += weights;
            result_.stall_x += cycles - weights;
            gap_ -= static_cast<unsigned>(std::min<Cycle>(gap_, cycles));
        }
        now_ = until;
    }

    /// Handles address events until `until`, which the end of the pass may bring forward; returns it.
    Cycle stream(Pace how, Cycle t, Cycle until) {
        std::array<Cycle, kMaxPorts> event{};
        const auto use_time = [this](std::uint64_t n) { return schedule_.time(n); };
        const auto refresh = [&](unsigned p) { event[p] = ports_[p].next_event(t, used_, use_time); };
        for (unsigned p = 0; p < sizes_.ports; ++p) {
            refresh(p);
        }
        while (true) {
            if (schedule_.complete() && how == Pace::kStream) {
                until = std::min(until, schedule_.next_time());
            }
            const Cycle next = *std::min_element(event.begin(), event.begin() + sizes_.ports);
            if (next >= until) {
                return until;
            }
            t = next;
            bool accepted = false;
            for (unsigned p = 0; p < sizes_.ports; ++p) {
                if (event[p] != t) {
                    continue;
                }
                WeightPort& port = ports_[p];
                accepted = port.move(t) || accepted;
                until = std::min(until, std::max(t + 1, port.next_job_at()));
                refresh(p);
            }
            if (accepted) {
                extend();
                for (unsigned p = 0; p < sizes_.ports; ++p) {
                    if (event[p] == kUnknown) {
                        refresh(p);
                    }
                }
            }
        }
    }

    struct Load {
        Cycle valid_at = 0;
        bool last = false;
    };

    Schedule schedule_;
    std::array<unsigned, kMaxPorts> cursor_{};  ///< burst of each port at which the schedule ends
    Sizes sizes_;
    std::vector<MemoryChannel> channels_;
    Cycle now_ = 0;
    Cycle begin_ = 0;                          ///< of the run
    std::vector<TileStart>* tiles_ = nullptr;  ///< of the caller of run()
    PredictedRun result_;
    std::vector<Job> list_;
    std::vector<std::uint64_t> weight_offsets_;

    // Units
    Fetch fetch_;
    Fifo<std::uint32_t, kJobs> commands_;
    Fifo<std::uint32_t, kJobs> engine_jobs_;
    std::vector<WeightPort> ports_;
    Loader loader_;
    DataRead read_;
    Writer writer_;

    // Commands
    std::uint64_t arrived_ = 0;
    std::uint64_t accepted_ = 0;
    Cycle offer_at_ = 0;
    std::uint32_t decoding_ = 0;

    // Activations on their way into the leaf, results on their way out
    unsigned load_head_ = 0;
    unsigned load_tail_ = 0;
    unsigned credit_ = 0;
    unsigned result_head_ = 0;
    unsigned result_tail_ = 0;
    std::vector<Load> load_ring_;
    std::vector<Cycle> result_ring_;
    Cycle shadow_full_at_ = kUnknown;

    // Engine
    Job job_;
    std::array<Cycle, 2> slot_free_at_{};
    std::uint64_t used_ = 0;    ///< beats of each port taken so far
    Cycle visible_ = kUnknown;  ///< see visible()
    std::uint64_t groups_left_ = 0;
    std::uint64_t chunk_ = 0;
    std::uint64_t group_ = 0;
    std::uint64_t last_group_ = 0;
    unsigned plane_ = 0;
    unsigned slot_ = 0;
    unsigned gap_ = 0;
    bool active_ = false;
    bool final_ = false;
    bool last_pass_ = false;
    bool need_swap_ = false;
    bool visible_known_ = false;
    bool every_cycle_;
    Decode decode_ = Decode::kIdle;
};

PerformanceModel::PerformanceModel(const PerformanceOptions& options)
    : machine_(std::make_unique<Machine>(options)) {}
PerformanceModel::PerformanceModel(PerformanceModel&&) noexcept = default;
PerformanceModel& PerformanceModel::operator=(PerformanceModel&&) noexcept = default;
PerformanceModel::~PerformanceModel() = default;

void PerformanceModel::idle(std::uint64_t cycles) { machine_->idle(cycles); }

PredictedRun PerformanceModel::run(std::span<const Command> commands, const ListPlacement& placement,
                                   std::vector<TileStart>* tiles) {
    return machine_->run(commands, placement, tiles);
}

std::uint64_t PerformanceModel::cycle() const { return machine_->cycle(); }

}  // namespace setun::sim
