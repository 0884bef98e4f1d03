// A vector unit as a module of the platform: runs the commands of one unit with the functions of hls/.
#include "sim/vp/vector_unit.h"

#include <algorithm>
#include <utility>

#include "firmware/platform.h"

namespace setun::vp {
namespace {

constexpr std::array<const char*, SETUN_UNITS> kUnitNames{"matrix engine", "norm", "rope",
                                                          "attention",     "gate", "token"};

}  // namespace

const char* unit_name(unsigned unit) { return kUnitNames.at(unit); }

VectorUnit::VectorUnit(const sc_core::sc_module_name& name, unsigned unit, const EngineGeometry& geometry,
                       Timeline& timeline, Occupancy& occupancy)
    : RegisterBlock(name),
      unit_(unit),
      geometry_(geometry),
      timeline_(&timeline),
      occupancy_(&occupancy),
      track_(timeline.track(unit_name(unit))) {
    SC_HAS_PROCESS(VectorUnit);
    SC_THREAD(run);
}

bool VectorUnit::read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& /*delay*/) {
    switch (offset) {
        case SETUN_VU_CTRL:
            value = (busy_ ? SETUN_VU_BUSY : 0U) | (done_ ? SETUN_VU_DONE : 0U);
            return true;
        case SETUN_VU_COMMAND:
            value = command_;
            return true;
        case SETUN_VU_POSITION:
            value = position_;
            return true;
        case SETUN_VU_TOKEN:
            value = token_;
            return true;
        case SETUN_VU_ERROR:
            value = failure_.error;
            return true;
        case SETUN_VU_ERROR_ADDR:
            value = static_cast<std::uint32_t>(failure_.address);
            return true;
        case SETUN_VU_CYCLES:
            value = last_cycles_;
            return true;
        case SETUN_VU_IDENT:
            value = unit_ | SETUN_COMMAND_VERSION << 8U;
            return true;
        default:
            return false;
    }
}

bool VectorUnit::write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& /*delay*/) {
    switch (offset) {
        case SETUN_VU_CTRL:
            control(value);
            return true;
        case SETUN_VU_COMMAND:
            command_ = value;
            return true;
        case SETUN_VU_POSITION:
            position_ = value;
            return true;
        case SETUN_VU_TOKEN:
            token_ = value;
            return true;
        default:
            return false;
    }
}

void VectorUnit::control(std::uint32_t bits) {
    if ((bits & (SETUN_VU_ACK | SETUN_VU_RESET)) != 0) {
        done_ = false;
        irq.write(false);
    }
    if ((bits & SETUN_VU_RESET) != 0) {
        abandoned_ = running_;
        busy_ = false;
        failure_ = {};
    }
    if ((bits & SETUN_VU_START) != 0 && !busy_) {
        busy_ = true;
        done_ = false;
        irq.write(false);
        start_.notify(sc_core::SC_ZERO_TIME);
    }
}

std::uint64_t VectorUnit::address_of(const Region& region) const {
    const std::uint64_t base = region.port == Region::kData
                                   ? SETUN_DATA_BASE
                                   : static_cast<std::uint64_t>(region.port + 1) << SETUN_WEIGHT_BASE_SHIFT;
    return base + region.offset;
}

/// Asks for a region burst by burst; waits only when no further burst may be in flight.
VectorUnit::Failure VectorUnit::request(const Region& region, std::span<std::byte> bytes, bool write) {
    const std::uint64_t address = address_of(region);
    for (std::size_t first = 0; first < bytes.size();) {
        if (in_flight_.size() == kOutstanding) {
            if (in_flight_.front() > now_time()) {
                wait(to_sc(in_flight_.front() - now_time()));
            }
            in_flight_.pop_front();
        }
        const std::size_t room = kBurstBytes - (address + first) % kBurstBytes;
        const auto part = bytes.subspan(first, std::min(room, bytes.size() - first));
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        const auto status =
            write ? bus.write(address + first, part, delay) : bus.read(address + first, part, delay);
        if (status != tlm::TLM_OK_RESPONSE) {
            const bool weights = region.port != Region::kData;
            const std::uint32_t reading = weights ? SETUN_ERR_WEIGHT_READ : SETUN_ERR_DATA_READ;
            return {write ? SETUN_ERR_DATA_WRITE : reading, address + first};
        }
        in_flight_.push_back(now_time() + to_time(delay));
        first += part.size();
    }
    return {};
}

/// Waits for everything in flight.
void VectorUnit::drain() {
    Time end = now_time();
    for (const Time time : in_flight_) {
        end = std::max(end, time);
    }
    in_flight_.clear();
    if (end > now_time()) {
        wait(to_sc((next_edge(end) << kTimeShift) - now_time()));
    }
}

VectorUnit::Failure VectorUnit::execute(std::uint32_t address) {
    if (address % SETUN_ALIGN != 0 || address < SETUN_DATA_BASE) {
        return {SETUN_ERR_ALIGN, address};
    }
    VectorCommand command;
    Failure failure = request({Region::kData, address - SETUN_DATA_BASE, sizeof command},
                              std::as_writable_bytes(std::span(&command, 1)), false);
    drain();
    if (failure.error != SETUN_ERR_NONE) {
        return failure;
    }
    const CommandPlan plan = vp::plan(command, position_, token_, geometry_);
    if (plan.error == SETUN_ERR_NONE && SETUN_UNIT_OF(command.opcode) != unit_) {
        return {SETUN_ERR_OPCODE, address};
    }
    if (plan.error != SETUN_ERR_NONE) {
        return {plan.error, address};
    }
    const Time begin = now_time();
    std::vector<std::vector<std::byte>> operands;
    std::vector<std::span<const std::byte>> inputs;
    operands.reserve(plan.reads.size());
    for (const Region& region : plan.reads) {
        failure = request(region, operands.emplace_back(region.bytes), false);
        if (failure.error != SETUN_ERR_NONE) {
            return failure;
        }
        inputs.emplace_back(operands.back());
    }
    drain();
    std::vector<std::vector<std::byte>> results;
    std::vector<std::span<std::byte>> outputs;
    results.reserve(plan.writes.size());
    for (const Region& region : plan.writes) {
        outputs.emplace_back(results.emplace_back(region.bytes));
    }
    const ExecuteResult result = vp::execute(command, position_, token_, geometry_, inputs, outputs);
    if (result.error != SETUN_ERR_NONE) {
        return {result.error, address_of(plan.reads.at(result.region))};
    }
    totals_.compute += plan.cycles;
    const Time computed = begin + plan.cycles * kCycle;
    if (computed > now_time()) {
        wait(to_sc(computed - now_time()));
    }
    for (std::size_t i = 0; i < plan.writes.size() && !abandoned_; ++i) {
        failure = request(plan.writes[i], outputs[i], true);
        if (failure.error != SETUN_ERR_NONE) {
            return failure;
        }
    }
    drain();
    return {};
}

void VectorUnit::run() {
    for (;;) {
        while (!busy_) {
            wait(start_);
        }
        running_ = true;
        in_flight_.clear();
        const Time begin = now_time();
        occupancy_->begin();
        const Failure failure = execute(command_);
        occupancy_->end();
        running_ = false;
        const std::uint64_t cycles = (now_time() - begin) >> kTimeShift;
        totals_.commands += 1;
        totals_.cycles += cycles;
        timeline_->span(track_, label_ ? label_(command_, 1) : "command", begin, now_time());
        if (abandoned_) {
            abandoned_ = false;
            continue;
        }
        failure_ = failure;
        last_cycles_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(cycles, 0xFFFFFFFFU));
        busy_ = false;
        done_ = true;
        irq.write(true);
    }
}

}  // namespace setun::vp
