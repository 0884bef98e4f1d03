// The bytes behind one AXI port: mapped host memory, allocated memory, and addresses that answer with an
// error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace setun::sim {

/// AXI response codes (AMBA AXI specification, RRESP and BRESP).
enum class Response : std::uint8_t { kOkay = 0, kExOkay = 1, kSlvErr = 2, kDecErr = 3 };

/// An address range whose accesses answer with an error, for tests of error handling.
struct Fault {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  ///< first address after the range
    Response response = Response::kSlvErr;
    bool on_read = true;
    bool on_write = true;
};

/// A sparse 64-bit address space. Segments do not overlap and start at multiples of kPage; the rest of a
/// segment's last page reads as zero and is not writable. Everything else answers DECERR.
class AxiMemory {
  public:
    static constexpr std::uint64_t kPage = 4096;

    /// Makes `bytes` readable at `base` without a copy; they must outlive this object.
    /// Throws std::invalid_argument when `base` is not page aligned or the range overlaps another segment.
    void map(std::uint64_t base, std::span<const std::byte> bytes);

    /// Reserves zero-filled, writable memory at `base`. Errors as map().
    std::span<std::byte> allocate(std::uint64_t base, std::size_t bytes);

    /// Forgets the segment that starts at `base`. No burst may be under way in it.
    /// Throws std::invalid_argument when there is none.
    void release(std::uint64_t base);

    /// From now on accesses that touch the range answer with `fault.response`; their writes are dropped.
    void add_fault(const Fault& fault) { faults_.push_back(fault); }
    void clear_faults() { faults_.clear(); }

    /// The host address of [address, address + bytes) when all of it lies in one segment and no fault touches
    /// it; otherwise null, and the burst has to go through read() beat by beat.
    [[nodiscard]] const std::byte* direct(std::uint64_t address, std::size_t bytes) const;

    /// One beat. On an error `bytes` is zero-filled.
    Response read(std::uint64_t address, std::span<std::byte> bytes) const;

    /// One beat; byte i is written when bit i of `strobe` is set.
    Response write(std::uint64_t address, std::span<const std::byte> bytes, std::uint64_t strobe);

    /// The allocated bytes of [address, address + bytes). Throws std::out_of_range when they were not
    /// allocated.
    [[nodiscard]] std::span<std::byte> allocated(std::uint64_t address, std::size_t bytes) const;

  private:
    struct Segment {
        std::uint64_t base;
        std::uint64_t size;
        const std::byte* data;
        std::byte* writable;             ///< the same place; null for mapped memory
        std::vector<std::byte> storage;  ///< empty for mapped memory

        [[nodiscard]] std::uint64_t page_end() const { return base + (size + kPage - 1) / kPage * kPage; }
    };

    std::vector<Segment>::iterator insertion_point(std::uint64_t base, std::size_t bytes);
    [[nodiscard]] const Segment* find(std::uint64_t address) const;
    [[nodiscard]] const Fault* fault(std::uint64_t address, std::size_t bytes, bool write) const;

    std::vector<Segment> segments_;  ///< by base
    std::vector<Fault> faults_;
};

}  // namespace setun::sim
