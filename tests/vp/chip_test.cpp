// The virtual chip with its real firmware: tokens of the processor, failures that the next request survives.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/base/error.h"
#include "host/chip/chip_session.h"
#include "host/cpu/cpu_device.h"
#include "host/generate/generate.h"
#include "host/model/decoder.h"
#include "host/model/model.h"
#include "host/schedule/lowering.h"
#include "host/schedule/scheduler.h"

namespace setun {
namespace {

constexpr std::uint32_t kPositions = 40;

Architecture small_architecture() {
    Architecture a;
    a.hidden = 96;
    a.ffn = 224;
    a.layers = 3;
    a.heads = 6;
    a.kv_heads = 2;
    a.head_dim = 16;
    a.vocab = 150;
    a.context = 64;
    a.rope_theta = 10000.0F;
    a.eps = 1e-5F;
    return a;
}

/// SystemC has one simulation in a process, so all tests of this program share a chip. That every request
/// after a failed one is answered right is part of what they test.
struct Bench {
    Bench() {
        programs.emplace(KvFormat::kFloat32, ChipProgram(model, 1, KvFormat::kFloat32, kPositions));
        programs.emplace(KvFormat::kInt8, ChipProgram(model, 1, KvFormat::kInt8, kPositions));
        vp::PlatformOptions options;
        options.kernel = {1, 512, 1, 0, 1024};
        options.memory = "u50";
        options.seed = 3;
        options.firmware = SETUN_FIRMWARE_ELF;
        options.timeline = true;
        options.uart = [this](const std::string& line) { uart.push_back(line); };
        for (const auto& [format, program] : programs) {
            options.data_bytes = std::max(options.data_bytes, program.data_bytes());
        }
        chip = std::make_unique<vp::VirtualPlatform>(options);
    }

    Model model = random_model(small_architecture(), "chip", 0, {1, 512, 1024});
    std::map<KvFormat, ChipProgram> programs;
    std::vector<std::string> uart;
    std::unique_ptr<vp::VirtualPlatform> chip;
};

Bench& bench() {
    static Bench the;
    return the;
}

/// The same text with device cpu.
std::vector<std::uint32_t> expected(const std::vector<std::uint32_t>& prompt, std::uint32_t count,
                                    KvFormat kv) {
    const Model& model = bench().model;
    const std::unique_ptr<Device> device = make_cpu_device({});
    const LoweredModel lowered(product_groups(model), *device);
    Scheduler scheduler;
    Decoder decoder(model, kPositions, kv);
    GenerateRequest request;
    request.prompt = prompt;
    request.max_tokens = count;
    request.decoder = &decoder;
    return generate(scheduler, model, lowered, scheduler.attach(*device), nullptr, request).tokens;
}

class Chip : public testing::Test {
  protected:
    void SetUp() override { place(KvFormat::kFloat32); }

    void place(KvFormat kv) {
        program_ = &bench().programs.at(kv);
        program_->place(chip());
    }
    static vp::VirtualPlatform& chip() { return *bench().chip; }

    static ChipRequest request(std::vector<std::uint32_t> prompt, std::uint32_t count) {
        ChipRequest r;
        r.prompt = std::move(prompt);
        r.max_tokens = count;
        return r;
    }
    ChipOutcome run(const ChipRequest& r) { return ChipSession(chip(), *program_).run(r); }

    /// The message of the error that the request ends with.
    template <class Error = CheckError>
    std::string failure(const ChipRequest& r) {
        try {
            run(r);
        } catch (const Error& error) {
            return error.what();
        }
        return "no failure";
    }
    void expect_recovered() {
        EXPECT_EQ(run(request({7, 8, 9}, 4)).tokens, expected({7, 8, 9}, 4, KvFormat::kFloat32));
    }
    [[nodiscard]] std::span<std::byte> body_command(std::size_t index) {
        return chip().data().subspan(program_->request().body_list + index * sizeof(Command),
                                     sizeof(Command));
    }

    ChipProgram* program_ = nullptr;
};

TEST_F(Chip, MakesTheTokensOfTheProcessor) {
    for (const std::vector<std::uint32_t>& prompt : std::vector<std::vector<std::uint32_t>>{
             {0}, {149}, {5, 77, 3, 120, 9}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}) {
        const auto count = static_cast<std::uint32_t>(kPositions + 1 - prompt.size());  // fills the cache
        EXPECT_EQ(run(request(prompt, count)).tokens, expected(prompt, count, KvFormat::kFloat32));
    }
}

TEST_F(Chip, MakesTheTokensOfTheProcessorWithAnInt8Cache) {
    place(KvFormat::kInt8);
    EXPECT_EQ(run(request({5, 77, 3}, 30)).tokens, expected({5, 77, 3}, 30, KvFormat::kInt8));
}

TEST_F(Chip, EndsBehindAStopToken) {
    const auto all = expected({4, 5}, 12, KvFormat::kFloat32);
    ChipRequest r = request({4, 5}, 12);
    r.stop = {all[3]};
    const auto first = std::find(all.begin(), all.end(), all[3]);
    EXPECT_EQ(run(r).tokens, std::vector<std::uint32_t>(all.begin(), first + 1));
}

TEST_F(Chip, TellsOfEachTokenAsItComes) {
    std::vector<std::uint32_t> seen;
    ChipRequest r = request({4, 5}, 6);
    r.on_token = [&](std::uint32_t id) { seen.push_back(id); };
    EXPECT_EQ(run(r).tokens, seen);
}

TEST_F(Chip, EndsEarlyWhenAsked) {
    ChipRequest r = request({4, 5}, 30);
    std::size_t seen = 0;
    r.on_token = [&](std::uint32_t) { ++seen; };
    r.stopping = [&]() -> const char* { return seen >= 3 ? "enough" : nullptr; };
    const ChipOutcome outcome = run(r);
    EXPECT_EQ(outcome.stopped, "enough");
    EXPECT_GE(outcome.tokens.size(), 3U);
    EXPECT_LT(outcome.tokens.size(), 30U);
    expect_recovered();
}

TEST_F(Chip, AccountsForEveryCycle) {
    const ChipOutcome outcome = run(request({4, 5, 6}, 8));
    const std::uint64_t cycles = outcome.end.cycles - outcome.begin.cycles;
    std::uint64_t phases = 0;
    for (std::size_t p = 0; p < outcome.end.phases.size(); ++p) {
        phases += outcome.end.phases.at(p) - outcome.begin.phases.at(p);
    }
    EXPECT_EQ(phases, cycles);
    const std::uint64_t any = outcome.end.any_busy - outcome.begin.any_busy;
    const std::uint64_t overlapped = outcome.end.overlapped - outcome.begin.overlapped;
    std::uint64_t sum = 0;
    for (unsigned u = 0; u < SETUN_UNITS; ++u) {
        sum += outcome.end.units.at(u).cycles - outcome.begin.units.at(u).cycles;
        EXPECT_LE(outcome.end.units.at(u).compute, outcome.end.units.at(u).cycles);
    }
    EXPECT_LE(any, cycles);
    // Two units at a time at most: the step has no three independent commands at any moment.
    EXPECT_EQ(sum, any + overlapped);
    EXPECT_GT(overlapped, 0U);
    // Ten positions (three of the prompt, seven tokens fed back) and eight heads.
    const auto commands = [&](unsigned u) {
        return outcome.end.units.at(u).commands - outcome.begin.units.at(u).commands;
    };
    EXPECT_EQ(commands(SETUN_UNIT_NORM), 10U * 4 * 3 + 8);
    EXPECT_EQ(commands(SETUN_UNIT_ROPE), 10U * 3 * 3);
    EXPECT_EQ(commands(SETUN_UNIT_ATTENTION), 10U * 3);
    EXPECT_EQ(commands(SETUN_UNIT_GATE), 10U * 3 * 3);
    EXPECT_EQ(commands(SETUN_UNIT_TOKEN), 10U + 8);
}

TEST_F(Chip, NamesATokenThatIsOutOfRange) {
    EXPECT_EQ(
        failure<InputError>(request({4, 150, 6}, 2)),
        "device vp: token id 150 at place 1 of the prompt is out of range; the vocabulary has ids 0 to 149");
    expect_recovered();
}

TEST_F(Chip, RefusesWhatDoesNotFit) {
    EXPECT_THROW(run(request({}, 1)), InputError);
    EXPECT_THROW(run(request({1}, 0)), InputError);
    EXPECT_THROW(run(request({1, 2}, kPositions)), InputError);
    ChipRequest r = request({1}, 1);
    r.stop.assign(SETUN_MAX_STOP + 1, 0);
    EXPECT_THROW(run(r), InputError);
    EXPECT_THROW(ChipProgram(bench().model, 1, KvFormat::kFloat32, 65), InputError);
    EXPECT_THROW(ChipProgram(bench().model, 1, KvFormat::kFloat32, 0), InputError);
    expect_recovered();
}

TEST_F(Chip, RefusesADamagedList) {
    body_command(6)[0] = std::byte{2};  // version
    EXPECT_NE(failure(request({4}, 2)).find("the firmware refused the body list: VERSION"),
              std::string::npos);
    program_->place(chip());
    body_command(9)[1] = std::byte{0x7F};  // opcode
    EXPECT_NE(failure(request({4}, 2)).find("OPCODE"), std::string::npos);
    program_->place(chip());
    body_command(3)[4] = std::byte{200};  // tag: far before the list
    EXPECT_NE(failure(request({4}, 2)).find("TAG"), std::string::npos);
    program_->place(chip());
    expect_recovered();
}

TEST_F(Chip, ReportsACommandThatAUnitRefuses) {
    body_command(1)[0x24 + 3] = std::byte{0x7F};  // k of the first norm
    EXPECT_NE(failure(request({4}, 2)).find("norm reported SHAPE"), std::string::npos);
    program_->place(chip());
    body_command(2)[0x20 + 3] = std::byte{0x7F};  // m of the first product
    EXPECT_NE(failure(request({4}, 2)).find("matrix engine reported SHAPE"), std::string::npos);
    program_->place(chip());
    expect_recovered();
}

TEST_F(Chip, ReportsBusErrorsOfWeightsAndData) {
    const sim::Fault everything{.begin = 0, .end = ~std::uint64_t{0}};
    chip().memory(0).add_fault(everything);
    // The embedding row is the first that needs weights.
    EXPECT_NE(failure(request({4}, 2)).find("token reported WEIGHT_READ"), std::string::npos);
    chip().memory(0).clear_faults();
    expect_recovered();
    const std::uint64_t gain = SETUN_DATA_BASE + program_->data_bytes() - 64;  // the last norm vector
    chip().memory(1).add_fault({.begin = gain, .end = gain + 64, .response = sim::Response::kSlvErr});
    EXPECT_NE(failure(request({4}, 2)).find("norm reported DATA_READ"), std::string::npos);
    chip().memory(1).clear_faults();
    expect_recovered();
}

TEST_F(Chip, ItsWatchdogEndsAHungRequest) {
    ChipRequest r = request({4}, 2);
    r.watchdog_cycles = 64;  // shorter than any product
    EXPECT_NE(failure(r).find("watchdog"), std::string::npos);
    expect_recovered();
}

TEST_F(Chip, RefusesADoorbellWhileBusy) {
    const std::uint32_t before = chip().read_mailbox(SETUN_MBOX_REFUSED);
    ChipRequest r = request({4, 5}, 6);
    bool rung = false;
    r.on_token = [&](std::uint32_t) {
        if (!std::exchange(rung, true)) {
            chip().write_mailbox(SETUN_MBOX_REQUEST, SETUN_DATA_BASE + 64);
            chip().write_mailbox(SETUN_MBOX_DOORBELL, 1);
        }
    };
    EXPECT_EQ(run(r).tokens, expected({4, 5}, 6, KvFormat::kFloat32));
    EXPECT_EQ(chip().read_mailbox(SETUN_MBOX_REFUSED), before + 1);
    expect_recovered();
}

TEST_F(Chip, TheFirmwareSaysThatItIsReady) {
    ASSERT_FALSE(bench().uart.empty());
    EXPECT_NE(bench().uart[0].find("ready"), std::string::npos);
}

TEST_F(Chip, TheTimelineShowsUnitsThatNeverDoTwoThingsAtOnce) {
    run(request({4}, 3));
    const auto trace = nlohmann::json::parse(chip().timeline_json());
    std::map<int, std::string> names;
    std::map<int, std::vector<std::pair<std::uint64_t, std::uint64_t>>> spans;
    for (const auto& event : trace["traceEvents"]) {
        if (event["name"] == "thread_name") {
            names[event["tid"]] = event["args"]["name"];
        } else if (event["ph"] == "X") {
            const std::uint64_t begin = event["args"]["cycle"];
            spans[event["tid"]].emplace_back(begin, begin + std::uint64_t{event["args"]["cycles"]});
        }
    }
    unsigned tracks = 0;
    for (auto& [tid, list] : spans) {
        if (names[tid].rfind("port ", 0) == 0) {
            continue;  // bursts of a port may overlap
        }
        ++tracks;
        std::sort(list.begin(), list.end());
        for (std::size_t i = 1; i < list.size(); ++i) {
            EXPECT_GE(list[i].first, list[i - 1].second) << names[tid];
        }
    }
    EXPECT_EQ(tracks, SETUN_UNITS + 1U);  // and the firmware
}

TEST_F(Chip, ThereIsOnlyOneInAProcess) {
    vp::PlatformOptions options;
    options.firmware = SETUN_FIRMWARE_ELF;
    EXPECT_THROW(vp::VirtualPlatform{options}, vp::PlatformError);
    options.data_bytes = 0;
    EXPECT_THROW(vp::VirtualPlatform{options}, vp::PlatformError);
    EXPECT_THROW(chip().map_weights(1, {}), vp::PlatformError);
    EXPECT_THROW(static_cast<void>(chip().read_mailbox(0x800)), vp::PlatformError);
}

TEST(ChipMessages, EveryStatusIsASentence) {
    const std::vector<std::uint32_t> details(SETUN_MBOX_DETAILS, 1);
    for (std::uint32_t status = SETUN_STATUS_BAD_REQUEST; status <= SETUN_STATUS_TRAP; ++status) {
        const std::string text = ChipSession::describe(status, details);
        EXPECT_EQ(text.find("unknown"), std::string::npos) << text;
        EXPECT_EQ(text.find('\n'), std::string::npos);
    }
    EXPECT_NE(ChipSession::describe(99, details).find("unknown status 99"), std::string::npos);
}

}  // namespace
}  // namespace setun
