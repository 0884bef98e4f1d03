// Segments, faults and their lookup.
#include "sim/axi_memory.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace setun::sim {
namespace {

std::string hex(std::uint64_t value) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    do {
        text.insert(text.begin(), kDigits[value & 15U]);
        value >>= 4U;
    } while (value != 0);
    return "0x" + text;
}

}  // namespace

std::vector<AxiMemory::Segment>::iterator AxiMemory::insertion_point(std::uint64_t base, std::size_t bytes) {
    if (base % kPage != 0) {
        throw std::invalid_argument("memory segment at " + hex(base) +
                                    " does not start at a multiple of 4096");
    }
    constexpr std::uint64_t kLimit = std::uint64_t{0} - kPage;  // so that no end of a segment wraps around
    if (bytes == 0 || base >= kLimit || bytes > kLimit - base) {
        throw std::invalid_argument("memory segment at " + hex(base) +
                                    " is empty or passes the end of the address space");
    }
    const auto next =
        std::lower_bound(segments_.begin(), segments_.end(), base,
                         [](const Segment& s, std::uint64_t address) { return s.base < address; });
    const bool hits_next = next != segments_.end() && next->base < base + bytes;
    const bool hits_previous = next != segments_.begin() && std::prev(next)->page_end() > base;
    if (hits_next || hits_previous) {
        throw std::invalid_argument("memory segment at " + hex(base) + " overlaps another segment");
    }
    return next;
}

void AxiMemory::map(std::uint64_t base, std::span<const std::byte> bytes) {
    segments_.insert(insertion_point(base, bytes.size()),
                     Segment{base, bytes.size(), bytes.data(), nullptr, {}});
}

std::span<std::byte> AxiMemory::allocate(std::uint64_t base, std::size_t bytes) {
    const auto place = insertion_point(base, bytes);
    std::vector<std::byte> storage(bytes);
    const std::span<std::byte> host(storage);  // stays valid when the vector is moved
    segments_.insert(place, Segment{base, bytes, storage.data(), storage.data(), std::move(storage)});
    return host;
}

void AxiMemory::release(std::uint64_t base) {
    const auto found =
        std::find_if(segments_.begin(), segments_.end(), [base](const Segment& s) { return s.base == base; });
    if (found == segments_.end()) {
        throw std::invalid_argument("no memory segment starts at " + hex(base));
    }
    segments_.erase(found);
}

const AxiMemory::Segment* AxiMemory::find(std::uint64_t address) const {
    const auto next = std::upper_bound(segments_.begin(), segments_.end(), address,
                                       [](std::uint64_t a, const Segment& s) { return a < s.base; });
    if (next == segments_.begin() || std::prev(next)->page_end() <= address) {
        return nullptr;
    }
    return &*std::prev(next);
}

const Fault* AxiMemory::fault(std::uint64_t address, std::size_t bytes, bool write) const {
    for (const Fault& f : faults_) {
        if ((write ? f.on_write : f.on_read) && address < f.end && f.begin < address + bytes) {
            return &f;
        }
    }
    return nullptr;
}

const std::byte* AxiMemory::direct(std::uint64_t address, std::size_t bytes) const {
    const Segment* const segment = find(address);
    if (segment == nullptr || address + bytes > segment->base + segment->size ||
        fault(address, bytes, false)) {
        return nullptr;
    }
    return segment->data + (address - segment->base);
}

Response AxiMemory::read(std::uint64_t address, std::span<std::byte> bytes) const {
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    if (const Fault* const f = fault(address, bytes.size(), false)) {
        return f->response;
    }
    const Segment* const segment = find(address);
    if (segment == nullptr || address + bytes.size() > segment->page_end()) {
        return Response::kDecErr;
    }
    const std::uint64_t offset = address - segment->base;
    if (offset < segment->size) {
        std::memcpy(bytes.data(), segment->data + offset,
                    std::min<std::uint64_t>(bytes.size(), segment->size - offset));
    }
    return Response::kOkay;
}

Response AxiMemory::write(std::uint64_t address, std::span<const std::byte> bytes, std::uint64_t strobe) {
    if (const Fault* const f = fault(address, bytes.size(), true)) {
        return f->response;
    }
    const Segment* const segment = find(address);
    if (segment == nullptr || segment->writable == nullptr) {
        return Response::kDecErr;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if ((strobe >> i & 1U) == 0) {
            continue;
        }
        const std::uint64_t offset = address + i - segment->base;
        if (offset >= segment->size) {
            return Response::kDecErr;
        }
        segment->writable[offset] = bytes[i];
    }
    return Response::kOkay;
}

std::span<std::byte> AxiMemory::allocated(std::uint64_t address, std::size_t bytes) const {
    const Segment* const segment = find(address);
    if (segment == nullptr || segment->writable == nullptr || address - segment->base > segment->size ||
        bytes > segment->size - (address - segment->base)) {
        throw std::out_of_range(std::to_string(bytes) + " bytes at " + hex(address) + " were not allocated");
    }
    return {segment->writable + (address - segment->base), bytes};
}

}  // namespace setun::sim
