// The chip around the firmware, in miniature.
#include "tests/firmware/mock_chip.h"

#include <algorithm>
#include <cstring>

namespace setun::vp::test {
namespace {

constexpr std::uint64_t kMaxCycles = 200'000'000;
constexpr std::uint64_t kSlice = 20;  // most cycles between an event and its interrupt

bool in_engine_map(std::uint32_t offset) { return offset < SETUN_REG_END; }

}  // namespace

MockChip::MockChip(const std::filesystem::path& firmware, std::uint64_t seed)
    : sram_(SETUN_SRAM_BYTES),
      memory_(kMemoryBytes),
      info_(load_firmware(firmware, sram_)),
      random_(seed),
      cpu_(std::make_unique<RiscvCpu>(static_cast<CpuBus&>(*this), sram_)) {
    duration = [this](std::uint32_t, std::uint32_t) {
        return static_cast<std::uint32_t>(random_.between(1, 400));
    };
    set_lists({{SETUN_OP_EMBED}, {SETUN_OP_NORM_QUANTIZE, 1}, {SETUN_OP_MATMUL, 1}},
              {{SETUN_OP_MATMUL, 1}, {SETUN_OP_ARGMAX, 1}});
}

std::uint64_t MockChip::now() const { return cpu_->instructions() + slept_; }

bool MockChip::boot() {
    run_until([&] { return boot_ != 0; });
    run_until([&] { return enable_ == 1U << SETUN_IRQ_DOORBELL; });
    return boot_ == SETUN_PLATFORM_VERSION && status_ == SETUN_STATUS_IDLE;
}

void MockChip::set_lists(std::vector<Item> body, std::vector<Item> head) {
    body_ = std::move(body);
    head_ = std::move(head);
    const auto put = [&](const std::vector<Item>& list, std::uint32_t offset) {
        for (const Item& item : list) {
            VectorCommand command;
            command.version = item.version;
            command.opcode = item.opcode;
            command.tag = SETUN_TAG(item.first, item.second);
            command.y_offset = kArgmax;
            std::memcpy(&memory_.at(offset), &command, sizeof command);
            offset += SETUN_COMMAND_BYTES;
        }
    };
    put(body_, kBody);
    put(head_, kHead);
}

SetunRequest MockChip::request() const {
    SetunRequest r{};
    r.magic = SETUN_REQUEST_MAGIC;
    r.version = SETUN_PLATFORM_VERSION;
    r.body_list = kBody;
    r.body_count = static_cast<std::uint32_t>(body_.size());
    r.head_list = kHead;
    r.head_count = static_cast<std::uint32_t>(head_.size());
    r.argmax = kArgmax;
    r.prompt = kPrompt;
    r.prompt_count = static_cast<std::uint32_t>(prompt_.size());
    r.capacity = 64;
    r.vocabulary = 1000;
    r.max_tokens = 1;
    r.output = kOutput;
    return r;
}

std::uint32_t MockChip::data(std::uint32_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, &memory_.at(offset), 4);
    return value;
}

void MockChip::set_data(std::uint32_t offset, std::uint32_t value) {
    std::memcpy(&memory_.at(offset), &value, 4);
}

std::vector<std::uint32_t> MockChip::output(std::uint32_t count) const {
    std::vector<std::uint32_t> tokens;
    for (std::uint32_t i = 0; i < count; ++i) {
        tokens.push_back(data(kOutput + 4 * i));
    }
    return tokens;
}

Answer MockChip::serve(const SetunRequest& request) {
    std::memcpy(&memory_[kRequest], &request, sizeof request);
    for (std::size_t i = 0; i < prompt_.size(); ++i) {
        set_data(kPrompt + 4 * static_cast<std::uint32_t>(i), prompt_[i]);
    }
    return serve_at(SETUN_DATA_BASE + kRequest);
}

Answer MockChip::serve_at(std::uint32_t address) {
    starts.clear();
    phases.clear();
    next_chosen_ = 0;
    if (!ring(address)) {
        return {};
    }
    status_ = SETUN_STATUS_BUSY;
    if (!run_until([&] { return !doorbell_ && status_ != SETUN_STATUS_BUSY; }) ||
        !run_until([&] { return enable_ == 1U << SETUN_IRQ_DOORBELL; })) {
        return {SETUN_STATUS_BUSY, tokens_, detail_};
    }
    return {status_, tokens_, detail_};
}

bool MockChip::ring(std::uint32_t address) {
    if (status_ == SETUN_STATUS_BUSY) {
        ++refused_;
        return false;
    }
    request_ = address;
    doorbell_ = true;
    return true;
}

void MockChip::raise_spurious(std::uint32_t unit) { units_.at(unit).done = true; }

// ---- Time
// ---------------------------------------------------------------------------------------------------

/// Runs until `reached`, or false: the processor has stopped, nothing will ever happen, or it takes too long.
bool MockChip::run_until(const std::function<bool()>& reached) {
    const std::uint64_t end = now() + kMaxCycles;
    while (now() < end) {
        update();
        if (reached()) {
            return true;
        }
        const std::optional<std::uint64_t> event = next_event();
        const std::uint64_t until_event = event ? std::max(*event, now() + 1) - now() : kSlice;
        const RiscvCpu::Run result = cpu_->run(std::min(until_event, kSlice));
        if (result.state == RiscvCpu::State::kStopped) {
            violate(cpu_->error());
            return false;
        }
        if (result.waiting) {
            update();
            if (reached()) {
                return true;
            }
            const std::optional<std::uint64_t> next = next_event();
            if ((pending() & enable_) != 0) {
                continue;
            }
            if (!next) {
                return false;
            }
            slept_ += std::max(*next, now()) - now();
        }
    }
    return false;
}

std::optional<std::uint64_t> MockChip::next_event() {
    std::optional<std::uint64_t> next;
    const auto consider = [&](std::uint64_t time) { next = next ? std::min(*next, time) : time; };
    for (const Unit& unit : units_) {
        if (unit.busy && unit.finish != ~std::uint64_t{0}) {
            consider(unit.finish);
        }
    }
    if (compare_ > now() && compare_ < ~std::uint64_t{0} - 0xFFFFFFFF) {
        consider(compare_);
    }
    return next;
}

std::uint32_t MockChip::pending() {
    std::uint32_t mask = 0;
    for (std::uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        const bool enabled = unit != SETUN_UNIT_ENGINE || engine_[SETUN_REG_GIE] == 1;
        mask |= units_.at(unit).done && enabled ? 1U << SETUN_IRQ_UNIT(unit) : 0U;
    }
    mask |= now() >= compare_ ? 1U << SETUN_IRQ_TIMER : 0U;
    mask |= doorbell_ ? 1U << SETUN_IRQ_DOORBELL : 0U;
    return mask;
}

void MockChip::update() {
    for (std::uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        if (units_.at(unit).busy && units_.at(unit).finish <= now()) {
            finish(unit);
        }
    }
    cpu_->set_external_interrupt((pending() & enable_) != 0);
}

// ---- Units
// ----------------------------------------------------------------------------------------------------

void MockChip::new_position() {
    for (const Unit& unit : units_) {
        if (unit.busy) {
            violate("position changed while a unit works");
        }
    }
    done_.assign(body_.size() + head_.size(), false);
    for (Unit& unit : units_) {
        unit.last_started = 0;
    }
}

void MockChip::check_command(std::uint32_t unit, std::uint32_t index, std::uint32_t in_run) {
    const Item& item = index < body_.size() ? body_[index] : head_[index - body_.size()];
    const std::string name = "command " + std::to_string(index);
    if (SETUN_UNIT_OF(item.opcode) != unit) {
        violate(name + " on unit " + std::to_string(unit));
    }
    for (const std::uint32_t distance : {item.first, item.second}) {
        if (distance != 0 && !done_[index - distance]) {
            violate(name + " started before " + std::to_string(index - distance));
        }
    }
    for (std::uint32_t i = 0; index >= SETUN_WINDOW && i <= index - SETUN_WINDOW; ++i) {
        if (!done_[i]) {
            violate(name + " started outside of the window, before " + std::to_string(i));
        }
    }
    // In order within the unit: nothing of this unit between the last one started and this one.
    if (done_[index] || index < units_.at(unit).last_started) {
        violate(name + " started again or late");
    }
    for (std::uint32_t i = units_.at(unit).last_started; i < index - in_run; ++i) {
        const Item& skipped = i < body_.size() ? body_[i] : head_[i - body_.size()];
        if (SETUN_UNIT_OF(skipped.opcode) == unit) {
            violate(name + " started before " + std::to_string(i) + " of the same unit");
        }
    }
}

void MockChip::start(std::uint32_t unit, std::uint32_t address, std::uint32_t count) {
    Unit& u = units_.at(unit);
    const std::uint32_t body_end = SETUN_DATA_BASE + kBody + static_cast<std::uint32_t>(body_.size()) * 64;
    const bool head = address >= SETUN_DATA_BASE + kHead;
    const std::uint32_t list = SETUN_DATA_BASE + (head ? kHead : kBody);
    const std::size_t size = head ? head_.size() : body_.size();
    if (address < list || (!head && address >= body_end) || address % 64 != 0 ||
        (address - list) / 64 + count > size || count == 0 || u.busy) {
        violate("unit " + std::to_string(unit) + " started while busy, or outside of the lists");
        return;
    }
    u.begun = (address - list) / 64 + (head ? static_cast<std::uint32_t>(body_.size()) : 0U);
    u.count = count;
    u.busy = true;
    u.done = false;
    u.error = 0;
    Start record{unit, u.begun, count, units_[SETUN_UNIT_ATTENTION].position, units_[SETUN_UNIT_TOKEN].token,
                 0};
    u.finish = now();
    for (std::uint32_t i = 0; i < count; ++i) {
        check_command(unit, u.begun + i, i);
        const std::uint32_t cycles = duration(u.begun + i, record.position);
        u.finish = cycles == kNever || u.finish == ~std::uint64_t{0} ? ~std::uint64_t{0} : u.finish + cycles;
        if (u.error == 0 && errors.count(u.begun + i) != 0) {
            u.error = errors[u.begun + i];
            u.error_index = i;
        }
    }
    u.last_started = u.begun + count;
    for (std::uint32_t other = 0; other < SETUN_UNITS; ++other) {
        record.busy |= other != unit && units_.at(other).busy ? 1U << other : 0U;
    }
    starts.push_back(record);
    if (on_start) {
        on_start();
    }
}

void MockChip::finish(std::uint32_t unit) {
    Unit& u = units_.at(unit);
    u.busy = false;
    u.done = unit != SETUN_UNIT_ENGINE || engine_[SETUN_REG_IER] == 1;
    const std::uint32_t completed = u.error == 0 ? u.count : u.error_index;
    for (std::uint32_t i = 0; i < completed; ++i) {
        const std::uint32_t index = u.begun + i;
        done_[index] = true;
        const Item& item = index < body_.size() ? body_[index] : head_[index - body_.size()];
        if (item.opcode == SETUN_OP_ARGMAX) {
            set_data(kArgmax, chosen[next_chosen_++ % chosen.size()]);
        }
    }
}

// ---- Registers
// --------------------------------------------------------------------------------------------------

bool MockChip::read(std::uint32_t address, unsigned bytes, std::uint32_t& value) {
    update();
    if (address == broken) {
        broken = 0;
        return false;
    }
    if (address >= SETUN_DATA_BASE) {
        if (address - SETUN_DATA_BASE > kMemoryBytes - bytes) {
            return false;
        }
        value = 0;
        std::memcpy(&value, &memory_[address - SETUN_DATA_BASE], bytes);
        return true;
    }
    if (address < SETUN_MMIO_BASE || address >= SETUN_MMIO_END || bytes != 4) {
        return false;
    }
    value = read_register(address);
    return true;
}

bool MockChip::write(std::uint32_t address, unsigned bytes, std::uint32_t value) {
    update();
    if (address >= SETUN_DATA_BASE) {
        if (address - SETUN_DATA_BASE > kMemoryBytes - bytes) {
            return false;
        }
        std::memcpy(&memory_[address - SETUN_DATA_BASE], &value, bytes);
        return true;
    }
    if (address < SETUN_MMIO_BASE || address >= SETUN_MMIO_END || bytes != 4) {
        return false;
    }
    write_register(address, value);
    update();
    return true;
}

std::uint32_t MockChip::read_register(std::uint32_t address) {
    const std::uint32_t offset = address & 0xFFFU;
    switch (address & ~0xFFFU) {
        case SETUN_INTC_BASE:
            return offset == SETUN_INTC_PENDING ? pending() : enable_;
        case SETUN_TIMER_BASE:
            if (offset == SETUN_TIMER_COUNT_LO) {
                count_high_ = static_cast<std::uint32_t>(now() >> 32U);
                return static_cast<std::uint32_t>(now());
            }
            return offset == SETUN_TIMER_COUNT_HI ? count_high_ : 0;
        case SETUN_UART_BASE:
            return uart_ready && ++uart_polls_ % 3 == 0 ? 1 : 0;
        case SETUN_MAILBOX_BASE:
            return offset == SETUN_MBOX_REQUEST ? request_ : offset == SETUN_MBOX_DOORBELL ? doorbell_ : 0;
        case SETUN_UNIT_BASE:
            return read_engine(offset);
        default:
            break;
    }
    const std::uint32_t unit = (address - SETUN_UNIT_BASE) / SETUN_UNIT_STRIDE;
    if (address < SETUN_UNIT_BASE || unit >= SETUN_UNITS) {
        violate("read of no register");
        return 0;
    }
    return read_vector(unit, offset);
}

std::uint32_t MockChip::read_engine(std::uint32_t offset) {
    const Unit& engine = units_[SETUN_UNIT_ENGINE];
    if (now() < engine_reset_end_) {
        violate("engine read during its reset");
    }
    if (!in_engine_map(offset)) {
        violate("engine read beyond its map");
    }
    switch (offset) {
        case SETUN_REG_MAGIC:
            return wrong_ident == SETUN_UNITS ? 0 : SETUN_MAGIC;
        case SETUN_REG_VERSION:
            return SETUN_ABI_VERSION;
        case SETUN_REG_CONFIG0:
            return 256U | kPorts << 16U | 4U << 24U;
        case SETUN_REG_ISR:
            return engine.done ? 1 : 0;
        case SETUN_REG_ERROR:
            return engine.error;
        case SETUN_REG_ERROR_INDEX:
            return engine.error_index;
        case SETUN_REG_ERROR_ADDR_LO:
            return 0x1234;
        case SETUN_REG_ERROR_ADDR_HI:
            return 0x56;
        case SETUN_REG_ERROR_INFO:
            return 0x78;
        default:
            return engine_[offset];
    }
}

std::uint32_t MockChip::read_vector(std::uint32_t unit, std::uint32_t offset) {
    const Unit& u = units_.at(unit);
    switch (offset) {
        case SETUN_VU_CTRL:
            return (u.busy ? SETUN_VU_BUSY : 0U) | (u.done ? SETUN_VU_DONE : 0U);
        case SETUN_VU_ERROR:
            return u.error;
        case SETUN_VU_ERROR_ADDR:
            return 0x9ABC;
        case SETUN_VU_IDENT:
            return (unit == wrong_ident ? 0U : unit) | SETUN_COMMAND_VERSION << 8U;
        default:
            return 0;
    }
}

void MockChip::write_register(std::uint32_t address, std::uint32_t value) {
    const std::uint32_t offset = address & 0xFFFU;
    switch (address & ~0xFFFU) {
        case SETUN_INTC_BASE:
            enable_ = value;
            return;
        case SETUN_TIMER_BASE:
            if (offset == SETUN_TIMER_COMPARE_LO) {
                compare_ = (compare_ & ~std::uint64_t{0xFFFFFFFF}) | value;
            } else if (offset == SETUN_TIMER_COMPARE_HI) {
                compare_ = (compare_ & 0xFFFFFFFF) | std::uint64_t{value} << 32U;
            }
            return;
        case SETUN_UART_BASE:
            console += static_cast<char>(value);
            return;
        case SETUN_MAILBOX_BASE:
            write_mailbox(offset, value);
            return;
        case SETUN_UNIT_BASE:
            write_engine(offset, value);
            return;
        default:
            break;
    }
    const std::uint32_t unit = (address - SETUN_UNIT_BASE) / SETUN_UNIT_STRIDE;
    if (address < SETUN_UNIT_BASE || unit >= SETUN_UNITS) {
        violate("write of no register");
        return;
    }
    write_vector(unit, offset, value);
}

void MockChip::write_engine(std::uint32_t offset, std::uint32_t value) {
    Unit& engine = units_[SETUN_UNIT_ENGINE];
    if (offset == SETUN_ENGINE_RESET) {
        engine = Unit{};
        engine_.clear();
        engine_reset_end_ = now() + 16;
        return;
    }
    if (now() < engine_reset_end_) {
        violate("engine written during its reset");
    }
    if (!in_engine_map(offset)) {
        violate("engine written beyond its map");
    }
    engine_[offset] = value;
    if (offset == SETUN_REG_ISR) {
        engine.done = engine.done != ((value & 1U) != 0);
    }
    if (offset == SETUN_REG_CTRL && value == SETUN_CTRL_START) {
        bool bases = engine_[SETUN_REG_DATA_BASE_LO] == SETUN_DATA_BASE &&
                     engine_[SETUN_REG_DATA_BASE_HI] == 0 && engine_[SETUN_REG_LIST_HI] == 0;
        for (std::uint32_t port = 0; port < kPorts; ++port) {
            const std::uint32_t high = engine_[SETUN_REG_W_BASE_HI + port * SETUN_REG_W_STRIDE];
            bases = bases && high == (port + 1) << 4U;
        }
        if (!bases) {
            violate("engine started without its bases");
        }
        start(SETUN_UNIT_ENGINE, engine_[SETUN_REG_LIST_LO], engine_[SETUN_REG_LIST_COUNT]);
    }
}

void MockChip::write_vector(std::uint32_t unit, std::uint32_t offset, std::uint32_t value) {
    Unit& u = units_.at(unit);
    switch (offset) {
        case SETUN_VU_CTRL:
            if (value == SETUN_VU_START) {
                start(unit, u.command, 1);
            } else if (value == SETUN_VU_ACK) {
                u.done = false;
            } else if (value == SETUN_VU_RESET) {
                u = Unit{};
            } else {
                violate("vector unit CTRL written with a mixture");
            }
            return;
        case SETUN_VU_COMMAND:
            u.command = value;
            return;
        case SETUN_VU_POSITION:
            u.position = value;
            if (unit == 1) {
                new_position();
            }
            return;
        case SETUN_VU_TOKEN:
            u.token = value;
            return;
        default:
            violate("write of a read-only register of a vector unit");
    }
}

void MockChip::write_mailbox(std::uint32_t offset, std::uint32_t value) {
    if (offset >= SETUN_MBOX_DETAIL && offset < SETUN_MBOX_DETAIL + 4 * SETUN_MBOX_DETAILS) {
        detail_.at((offset - SETUN_MBOX_DETAIL) / 4) = value;
        return;
    }
    switch (offset) {
        case SETUN_MBOX_DOORBELL:
            doorbell_ = false;
            return;
        case SETUN_MBOX_STATUS:
            status_ = value;
            return;
        case SETUN_MBOX_TOKENS:
            tokens_ = value;
            if (on_tokens) {
                on_tokens(value);
            }
            return;
        case SETUN_MBOX_HOST_IRQ:
            return;
        case SETUN_MBOX_PHASE:
            phases.push_back(value);
            return;
        case SETUN_MBOX_FIRMWARE:
            firmware_ = value;
            return;
        case SETUN_MBOX_BOOT:
            boot_ = value;
            return;
        default:
            violate("write of no register of the mailbox");
    }
}

}  // namespace setun::vp::test
