// Who worked when: spans of units, ports and firmware phases, written as a Chrome/Perfetto trace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/vp/clock.h"

namespace setun::vp {

/// Spans on named tracks. Does nothing until enabled, so that long runs need no memory for it.
class Timeline {
  public:
    using Track = std::size_t;

    Track track(const std::string& name);
    void enable() { enabled_ = true; }
    [[nodiscard]] bool enabled() const { return enabled_; }

    /// A finished span with a name, in platform time.
    void span(Track track, std::string name, Time begin, Time end);
    /// Something that happens in many short pieces, such as bursts on a port: pieces with less than kGap
    /// clocks between them are drawn as one span.
    void activity(Track track, Time begin, Time end);

    /// JSON in Chrome's trace event format, times in microseconds of a clock of `clock_hz`.
    /// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
    [[nodiscard]] std::string json(double clock_hz) const;

  private:
    static constexpr Time kGap = 16 * kCycle;
    struct Span {
        Track track;
        std::string name;
        Time begin;
        Time end;
    };
    struct Row {
        std::string name;
        Time begin = 0;  ///< activity not yet closed
        Time end = 0;
        bool open = false;
    };

    bool enabled_ = false;
    std::vector<Row> rows_;
    std::vector<Span> spans_;
};

}  // namespace setun::vp
