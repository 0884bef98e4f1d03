// The merge loop that every BPE tokenizer shares: adjacent symbols become one, best pair first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <queue>
#include <vector>

namespace setun {

/// A stretch of text: bytes [begin, begin + size), and the token that it is, or kNoToken.
struct Symbol {
    std::size_t begin = 0;
    std::size_t size = 0;
    std::uint32_t id = 0;
};
constexpr std::uint32_t kNoToken = std::numeric_limits<std::uint32_t>::max();

/// Joins adjacent symbols until no pair can be joined: always the pair of the smallest priority, the leftmost
/// among equals. `find(left, right, priority, id)` returns whether the pair may be joined and then sets both.
/// `symbols` must be adjacent and not empty stretches in order. A linked list and a heap: n symbols take
/// O(n log n).
template <class Priority, class Find>
void merge_symbols(std::vector<Symbol>& symbols, const Find& find) {
    struct Candidate {
        Priority priority;
        std::size_t left;
        std::size_t
            left_size;  ///< both sizes as they were: a stretch with the same begin and size is unchanged
        std::size_t size;
        std::uint32_t id;
        bool operator<(const Candidate& other) const {  // priority_queue pops the largest
            return priority != other.priority ? priority > other.priority : left > other.left;
        }
    };
    const std::size_t n = symbols.size();
    std::vector<std::size_t> next(n);
    std::vector<std::size_t> previous(n);
    for (std::size_t i = 0; i < n; ++i) {
        next[i] = i + 1;
        previous[i] = i - 1;  // of the first: larger than any index, never followed
    }
    std::priority_queue<Candidate> heap;
    const auto offer = [&](std::size_t left) {
        if (left < n && next[left] < n) {
            const Symbol& a = symbols[left];
            const Symbol& b = symbols[next[left]];
            Candidate candidate{Priority{}, left, a.size, a.size + b.size, kNoToken};
            if (find(a, b, candidate.priority, candidate.id)) {
                heap.push(candidate);
            }
        }
    };
    for (std::size_t i = 0; i + 1 < n; ++i) {
        offer(i);
    }
    while (!heap.empty()) {
        const Candidate best = heap.top();
        heap.pop();
        Symbol& left = symbols[best.left];
        const std::size_t gone = next[best.left];
        if (left.size != best.left_size || gone >= n || left.size + symbols[gone].size != best.size) {
            continue;  // one of the two has been joined with another since
        }
        left.size = best.size;
        left.id = best.id;
        symbols[gone].size = 0;
        next[best.left] = next[gone];
        if (next[gone] < n) {
            previous[next[gone]] = best.left;
        }
        offer(previous[best.left]);
        offer(best.left);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; i = next[i]) {
        symbols[kept++] = symbols[i];
    }
    symbols.resize(kept);
}

}  // namespace setun
