// A kernel on a test bench: builds command lists, runs them, and compares every byte of data memory with the
// model.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "rtl/setun_abi.h"
#include "sim/kernel_sim.h"

namespace setun::sim {

/// For the names of parameterised tests and their failure messages.
void PrintTo(const KernelConfig& config, std::ostream* out);
std::string config_test_name(const testing::TestParamInfo<KernelConfig>& info);

namespace test {

/// What the status registers say after a run.
struct Status {
    std::uint32_t error = 0;
    std::uint32_t error_index = 0;
    std::uint64_t error_address = 0;
    std::uint32_t error_info = 0;
    std::uint32_t completed = 0;
    std::uint64_t cycles = 0;
    std::uint64_t busy = 0;
    std::uint64_t beats = 0;
    std::uint64_t stall_w = 0;
    std::uint64_t stall_x = 0;
    std::uint64_t stall_y = 0;
    std::uint64_t nonzero = 0;
};

/// Values a test draws weights and activations from.
enum class Data {
    kRandom,       ///< uniform over what the planes hold; uniform INT8
    kSparse,       ///< nine of ten weights zero
    kAllPlus,      ///< largest weight everywhere, x = -128
    kAllMinus,     ///< smallest weight everywhere, x = -128
    kAlternating,  ///< extreme weights of alternating sign, x of alternating -128 and 127
    kZeroWeights,
    kZeroInputs,
};

struct Shape {
    std::uint32_t m = 1;
    std::uint32_t k = 1;
    unsigned planes = 1;
    unsigned tokens = 1;
};

/// Where the arenas lie (whole pages), and what the commands' offsets hold: a base register and an offset may
/// split an address anywhere, so the registers are `bias` (a multiple of 64) lower than the arenas and the
/// offsets in memory are higher.
struct Place {
    std::uint64_t data = 0x40'0000'0000;
    std::uint64_t weights = 0x7'0000'0000;
    std::uint64_t weight_stride = 0x1'2345'6000;  ///< from port to port
    std::uint64_t data_bias = 0;
    std::uint64_t weight_bias = 0;
};

/// A kernel simulation with one arena of memory behind each port. The bench keeps a model of the data arena:
/// commands are executed on it by the reference product, and the real arena must equal it byte for byte after
/// a run, so that a stray write anywhere is found. Weight arenas are filled with illegal codes: weights read
/// past a stream do not go unnoticed.
class Bench {
  public:
    /// Bases of the arenas unless another place is asked for.
    static constexpr std::uint64_t kDataBase = Place{}.data;
    static constexpr std::uint64_t kWeightBase = Place{}.weights;

    /// `weight_bytes`, `data_bytes`: arena sizes.
    Bench(const KernelConfig& config, const SimOptions& options, std::size_t weight_bytes = 4U << 20U,
          std::size_t data_bytes = 4U << 20U, const Place& place = {});

    [[nodiscard]] const KernelConfig& config() const { return sim_->config(); }
    KernelSim& sim() { return *sim_; }
    std::mt19937_64& random() { return random_; }
    /// Uniform in [low, high].
    std::uint64_t between(std::uint64_t low, std::uint64_t high);

    /// Appends a product of random contents to the list. The returned index names it below.
    std::size_t add_matmul(const Shape& shape, Data data = Data::kRandom);
    /// Appends a product whose activations are the result bytes of the list's command `earlier`.
    std::size_t add_dependent(std::size_t earlier, std::uint32_t m, std::uint32_t k);
    std::size_t add_nop(std::uint16_t flags = 0);
    /// Commands as they will be written to memory; tests may spoil them.
    Command& command(std::size_t index) { return list_.at(index); }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    /// Forgets the list; memory stays.
    void clear_list() { list_.clear(); }

    /// Address of byte `offset` of the stream of command `index` on `port`.
    [[nodiscard]] std::uint64_t weight_address(std::size_t index, unsigned port,
                                               std::uint64_t offset = 0) const;
    [[nodiscard]] std::uint64_t x_address(std::size_t index) const {
        return place_.data + list_.at(index).x_offset;
    }
    [[nodiscard]] std::uint64_t y_address(std::size_t index) const {
        return place_.data + list_.at(index).y_offset;
    }
    [[nodiscard]] std::uint64_t command_address(std::size_t index) const {
        return list_address_ + 64 * index;
    }
    [[nodiscard]] std::uint64_t beats_per_port(std::size_t index) const;
    /// Bytes that command `index` reads as activations: its chunks for every tile and plane anew, a single
    /// chunk once.
    [[nodiscard]] std::uint64_t activation_bytes(std::size_t index) const;
    std::span<std::byte> weight_arena(unsigned port) { return weights_.at(port); }

    /// Reserves `bytes` of the data arena at a random multiple of 64 and returns the offset.
    std::uint64_t reserve_data(std::uint64_t bytes);

    /// Writes the list and the base registers.
    void program();
    void start() { sim_->write_register(SETUN_REG_CTRL, SETUN_CTRL_START); }
    /// Runs to the interrupt, acknowledges it, and reads the status. A test failure when `max_cycles` is
    /// passed.
    Status finish(std::uint64_t max_cycles = 20'000'000);
    /// program(), start(), finish().
    Status run(std::uint64_t max_cycles = 20'000'000);

    /// run(), then expects success, exact memory, and the counters that follow from the list.
    Status run_and_check();
    /// Executes the first `commands` of the list on the model and compares the data arena with it. Results of
    /// later commands are not compared.
    void check_memory(std::size_t commands);
    void check_counters(const Status& status);
    void expect_no_violations();

  private:
    void execute(std::size_t index);
    std::vector<std::int8_t> make_weights(const Shape& shape, Data data);
    void fill_x(std::uint64_t offset, const Shape& shape, std::uint32_t stride, Data data);
    /// A read of the 64 bytes after an activation row answers SLVERR: the kernel may read whole 64-byte
    /// words, no more.
    void forbid_reads_past_rows(const Command& c);
    std::uint64_t reserve_weights(std::uint64_t bytes);

    struct Weights {
        std::uint64_t offset = 0;
        std::vector<std::int8_t> values;
        std::uint64_t nonzero = 0;
    };

    std::unique_ptr<KernelSim> sim_;
    Place place_;
    std::mt19937_64 random_;
    std::vector<std::span<std::byte>> weights_;
    std::span<std::byte> data_;
    std::vector<std::byte> model_;
    std::uint64_t next_weight_ = 0;
    std::uint64_t next_data_ = 0;
    std::uint64_t list_address_ = 0;
    std::vector<Command> list_;
    std::vector<Weights> matrices_;            ///< by weight offset
    std::vector<std::uint64_t> bytes_before_;  ///< read from the weight ports before this run
    PortStats data_before_;
};

/// Registers of a finished run.
Status read_status(KernelSim& sim);

}  // namespace test
}  // namespace setun::sim
