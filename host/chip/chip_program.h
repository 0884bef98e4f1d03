// A model as the virtual chip runs it: command lists of a whole decoder step, and where everything stands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/platform.h"
#include "host/model/decoder.h"
#include "host/model/model.h"
#include "rtl/setun_abi.h"
#include "rtl/setun_vector_abi.h"
#include "sim/vp/platform.h"

namespace setun {

/// The lists of a position: the body runs every layer, the head makes a token of the last position. Made
/// once; a token only sets POSITION and TOKEN. Commands of one unit run in order; a tag says what a command
/// waits for, so that units overlap: rotary embedding and KV append of the keys run beside the queries'
/// product.
///
///     ChipProgram program(model, kernel.tokens, KvFormat::kFloat32, 512);
///     options.data_bytes = program.data_bytes();
///     VirtualPlatform chip(options);
///     program.place(chip);
class ChipProgram {
  public:
    /// `columns` is TOKENS of the kernel, `capacity` the positions of the cache. `model` must outlive the
    /// chip. Throws InputError when the model does not fit data memory or the firmware's limits.
    ChipProgram(const Model& model, unsigned columns, KvFormat kv, std::uint32_t capacity);

    /// Data memory that the program needs.
    [[nodiscard]] std::uint64_t data_bytes() const { return next_; }

    /// Maps the weights and writes norms and lists. Throws PlatformError when the chip has no room.
    void place(vp::VirtualPlatform& chip);

    /// A request with everything but prompt, stop tokens and counts.
    [[nodiscard]] SetunRequest request() const;
    [[nodiscard]] std::uint64_t request_offset() const { return request_; }
    /// Room for `capacity` token ids each.
    [[nodiscard]] std::uint64_t prompt_offset() const { return prompt_; }
    [[nodiscard]] std::uint64_t output_offset() const { return output_; }
    [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

    /// "layers.3.k + layers.3.v" for the commands at [address, address + count) of data memory.
    [[nodiscard]] std::string label(std::uint64_t address, std::uint32_t count) const;

  private:
    /// A command before its matrix and norm have an address.
    struct Entry {
        VectorCommand command;                 ///< the 64 bytes, whichever opcode
        const PackedMatrix* matrix = nullptr;  ///< MATMUL, EMBED: its streams
        const std::vector<float>* gain = nullptr;
        std::string label;
    };
    using List = std::vector<Entry>;

    struct Buffers {
        std::uint64_t hidden, queries, keys, inner, quantised;
        std::uint64_t y_q, y_k, y_v, y_gate, y_up, y_residual;
        std::array<std::uint64_t, 5> scales;  ///< one for each quantiser of a layer, and the head's
    };

    std::uint64_t reserve(std::uint64_t bytes);
    std::uint64_t reserve_cache();
    void reserve_buffers();
    void make_body();
    void make_layer(std::size_t index);
    void make_head();
    static std::size_t add(List& list, Entry entry, std::size_t first, std::size_t second);
    [[nodiscard]] Entry norm(const std::vector<float>& gain, std::uint32_t n, std::uint64_t x,
                             std::uint64_t scale, std::string label) const;
    [[nodiscard]] Entry product(const PackedMatrix& matrix, std::uint64_t y, std::string label) const;
    [[nodiscard]] Entry vector(std::uint8_t opcode, std::string label) const;
    [[nodiscard]] std::vector<std::byte> bytes(const List& list) const;

    const Model* model_;
    unsigned columns_;
    KvFormat kv_;
    std::uint32_t capacity_;
    std::uint64_t next_ = 0;
    std::uint64_t request_ = 0;
    std::uint64_t prompt_ = 0;
    std::uint64_t output_ = 0;
    std::uint64_t argmax_ = 0;
    std::uint64_t head_y_ = 0;
    Buffers at_{};
    std::vector<std::uint64_t> caches_;  ///< of each layer
    std::uint64_t body_list_ = 0;
    std::uint64_t head_list_ = 0;
    List body_;
    List head_;
    std::uint64_t gains_ = 0;  ///< all norm vectors, one after the other
};

}  // namespace setun
