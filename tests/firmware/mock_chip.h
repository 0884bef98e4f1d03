// The chip around the firmware, in miniature: every register of firmware/platform.h, units that take a while,
// finish, fail or hang as told, and a record of what was started that is checked against the lists as it
// happens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firmware/platform.h"
#include "rtl/setun_vector_abi.h"
#include "sim/random.h"
#include "sim/vp/firmware_image.h"
#include "sim/vp/riscv_cpu.h"

namespace setun::vp::test {

/// One command of a test's list.
struct Item {
    std::uint8_t opcode = SETUN_OP_MATMUL;
    std::uint32_t first = 0;  ///< distances of the tag
    std::uint32_t second = 0;
    std::uint8_t version = SETUN_COMMAND_VERSION;
};

/// A unit was started on `count` commands from `index` on (body and head counted as one list).
struct Start {
    std::uint32_t unit = 0;
    std::uint32_t index = 0;
    std::uint32_t count = 1;
    std::uint32_t position = 0;
    std::uint32_t token = 0;
    std::uint32_t busy = 0;  ///< mask of units that were working already
};

struct Answer {
    std::uint32_t status = SETUN_STATUS_RESET;
    std::uint32_t tokens = 0;
    std::array<std::uint32_t, SETUN_MBOX_DETAILS> detail{};
};

class MockChip : private CpuBus {
  public:
    static constexpr std::uint32_t kMemoryBytes = 2U << 20U;
    static constexpr std::uint32_t kPorts = 2;
    static constexpr std::uint32_t kNever = 0xFFFFFFFF;  ///< a duration: the unit hangs

    explicit MockChip(const std::filesystem::path& firmware, std::uint64_t seed = 0);

    /// Runs until the firmware waits for a doorbell. Returns whether it says that it is ready.
    bool boot();
    /// Writes lists and request into data memory, rings, and runs until the firmware has answered. A status
    /// of BUSY means that it never did.
    Answer serve(const SetunRequest& request);
    /// The same with whatever is in data memory, the request being at the bus address `address`.
    Answer serve_at(std::uint32_t address);
    /// What the host does; false when the mailbox refuses.
    bool ring(std::uint32_t address);

    /// A request that fits the lists: one prompt token 0, one token to make, room for 64 positions.
    [[nodiscard]] SetunRequest request() const;
    void set_prompt(std::vector<std::uint32_t> tokens) { prompt_ = std::move(tokens); }
    void set_lists(std::vector<Item> body, std::vector<Item> head);
    [[nodiscard]] std::vector<std::uint32_t> output(std::uint32_t count) const;
    [[nodiscard]] std::uint32_t data(std::uint32_t offset) const;
    void set_data(std::uint32_t offset, std::uint32_t value);

    // What to do. Commands are named by their index in body and head counted as one list.
    std::function<std::uint32_t(std::uint32_t index, std::uint32_t position)> duration;
    std::map<std::uint32_t, std::uint32_t> errors;  ///< error code by index
    std::vector<std::uint32_t> chosen = {1};        ///< tokens that ARGMAX writes in turn, cyclic
    std::function<void(std::uint32_t)> on_tokens;   ///< the firmware has told how many tokens there are
    std::function<void()> on_start;                 ///< a unit was started
    bool uart_ready = true;
    std::uint32_t broken = 0;  ///< address whose next read is a bus error; 0 = none
    std::uint32_t wrong_ident =
        0;  ///< unit whose identification is wrong; SETUN_UNITS = the engine; 0 = none

    // What happened.
    std::vector<Start> starts;
    std::vector<std::string> violations;  ///< of the lists' dependencies and of the registers' rules
    std::string console;
    std::vector<std::uint32_t> phases;
    [[nodiscard]] std::uint32_t refused() const { return refused_; }
    [[nodiscard]] std::uint32_t firmware_register() const { return firmware_; }
    [[nodiscard]] std::uint64_t now() const;
    [[nodiscard]] std::uint64_t instructions() const { return cpu_->instructions(); }
    [[nodiscard]] const FirmwareInfo& info() const { return info_; }
    [[nodiscard]] std::vector<std::byte>& sram() { return sram_; }
    /// Raises the interrupt of a unit that was not started.
    void raise_spurious(std::uint32_t unit);

    static constexpr std::uint32_t kRequest = 0x1000;
    static constexpr std::uint32_t kPrompt = 0x2000;
    static constexpr std::uint32_t kOutput = 0x8000;
    static constexpr std::uint32_t kArgmax = 0xF000;
    static constexpr std::uint32_t kBody = 0x10000;
    static constexpr std::uint32_t kHead = 0x100000;

  private:
    struct Unit {
        bool busy = false;
        bool done = false;  // for the engine: ISR bit 0
        std::uint64_t finish = 0;
        std::uint32_t begun = 0;
        std::uint32_t count = 0;
        std::uint32_t command = 0;
        std::uint32_t position = 0;
        std::uint32_t token = 0;
        std::uint32_t error = 0;
        std::uint32_t error_index = 0;
        std::uint32_t last_started = 0;  // index + 1
    };

    bool read(std::uint32_t address, unsigned bytes, std::uint32_t& value) override;
    bool write(std::uint32_t address, unsigned bytes, std::uint32_t value) override;
    [[nodiscard]] std::uint32_t read_register(std::uint32_t address);
    [[nodiscard]] std::uint32_t read_engine(std::uint32_t offset);
    [[nodiscard]] std::uint32_t read_vector(std::uint32_t unit, std::uint32_t offset);
    void write_register(std::uint32_t address, std::uint32_t value);
    void write_engine(std::uint32_t offset, std::uint32_t value);
    void write_vector(std::uint32_t unit, std::uint32_t offset, std::uint32_t value);
    void write_mailbox(std::uint32_t offset, std::uint32_t value);
    void start(std::uint32_t unit, std::uint32_t address, std::uint32_t count);
    void check_command(std::uint32_t unit, std::uint32_t index, std::uint32_t in_run);
    void finish(std::uint32_t unit);
    void update();
    void new_position();
    [[nodiscard]] std::uint32_t pending();
    [[nodiscard]] std::optional<std::uint64_t> next_event();
    bool run_until(const std::function<bool()>& reached);
    void violate(const std::string& what) { violations.push_back(what); }

    std::vector<std::byte> sram_;
    std::vector<std::byte> memory_;
    FirmwareInfo info_;
    sim::Random random_;
    std::unique_ptr<RiscvCpu> cpu_;
    std::uint64_t slept_ = 0;  // cycles beyond one per instruction
    std::array<Unit, SETUN_UNITS> units_{};
    std::map<std::uint32_t, std::uint32_t> engine_;
    std::uint64_t engine_reset_end_ = 0;
    std::uint32_t enable_ = 0;
    std::uint64_t compare_ = ~std::uint64_t{0};
    std::uint32_t count_high_ = 0;
    std::uint32_t uart_polls_ = 0;
    bool doorbell_ = false;
    std::uint32_t request_ = 0;
    std::uint32_t status_ = SETUN_STATUS_RESET;
    std::uint32_t tokens_ = 0;
    std::array<std::uint32_t, SETUN_MBOX_DETAILS> detail_{};
    std::uint32_t refused_ = 0;
    std::uint32_t firmware_ = 0;
    std::uint32_t boot_ = 0;
    std::vector<Item> body_;
    std::vector<Item> head_;
    std::vector<std::uint32_t> prompt_ = {0};
    std::vector<bool> done_;  // of this position
    std::size_t next_chosen_ = 0;
};

}  // namespace setun::vp::test
