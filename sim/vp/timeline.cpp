// Who worked when: spans of units, ports and firmware phases, written as a Chrome/Perfetto trace.
#include "sim/vp/timeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace setun::vp {

Timeline::Track Timeline::track(const std::string& name) {
    rows_.push_back({.name = name});
    return rows_.size() - 1;
}

void Timeline::span(Track track, std::string name, Time begin, Time end) {
    if (enabled_) {
        spans_.push_back({track, std::move(name), begin, end});
    }
}

void Timeline::activity(Track track, Time begin, Time end) {
    if (!enabled_) {
        return;
    }
    Row& row = rows_[track];
    if (row.open && begin <= row.end + kGap) {
        row.end = std::max(row.end, end);
        return;
    }
    if (row.open) {
        spans_.push_back({track, "busy", row.begin, row.end});
    }
    row.begin = begin;
    row.end = end;
    row.open = true;
}

std::string Timeline::json(double clock_hz) const {
    const auto microseconds = [clock_hz](Time time) {
        return static_cast<double>(time) / static_cast<double>(kCycle) / clock_hz * 1e6;
    };
    nlohmann::json events = nlohmann::json::array();
    const auto add = [&](Track track, const std::string& name, Time begin, Time end) {
        events.push_back(
            {{"name", name},
             {"ph", "X"},
             {"pid", 1},
             {"tid", track},
             {"ts", microseconds(begin)},
             {"dur", microseconds(end - begin)},
             {"args", {{"cycle", begin >> kTimeShift}, {"cycles", (end - begin) >> kTimeShift}}}});
    };
    events.push_back({{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", "setun"}}}});
    for (Track track = 0; track < rows_.size(); ++track) {
        events.push_back({{"name", "thread_name"},
                          {"ph", "M"},
                          {"pid", 1},
                          {"tid", track},
                          {"args", {{"name", rows_[track].name}}}});
        events.push_back({{"name", "thread_sort_index"},
                          {"ph", "M"},
                          {"pid", 1},
                          {"tid", track},
                          {"args", {{"sort_index", track}}}});
    }
    for (const Span& span : spans_) {
        add(span.track, span.name, span.begin, span.end);
    }
    for (Track track = 0; track < rows_.size(); ++track) {
        if (rows_[track].open) {
            add(track, "busy", rows_[track].begin, rows_[track].end);
        }
    }
    return nlohmann::json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ns"}}.dump();
}

}  // namespace setun::vp
