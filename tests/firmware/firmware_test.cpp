// The firmware itself, on the processor model, against a mock chip: order, overlap, limits, failures,
// recovery.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/firmware/mock_chip.h"

namespace {

using setun::sim::Random;
using setun::vp::test::Answer;
using setun::vp::test::Item;
using setun::vp::test::MockChip;
using setun::vp::test::Start;

constexpr const char* kFirmware = SETUN_FIRMWARE_ELF;

class FirmwareTest : public testing::Test {
  protected:
    FirmwareTest() : chip_(kFirmware) {}
    void SetUp() override { ASSERT_TRUE(chip_.boot()) << text(chip_.violations); }
    void TearDown() override { EXPECT_TRUE(chip_.violations.empty()) << text(chip_.violations); }

    static std::string text(const std::vector<std::string>& lines) {
        std::string all;
        for (const std::string& line : lines) {
            all += line + '\n';
        }
        return all;
    }
    void expect_status(const Answer& answer, std::uint32_t status, std::vector<std::uint32_t> details) {
        EXPECT_EQ(answer.status, status);
        for (std::size_t i = 0; i < details.size(); ++i) {
            EXPECT_EQ(answer.detail.at(i), details[i]) << "detail " << i;
        }
    }
    /// After any failure the next request works.
    void expect_recovery() {
        chip_.errors.clear();
        chip_.duration = [](std::uint32_t, std::uint32_t) { return 50U; };
        chip_.set_prompt({3, 4});
        chip_.chosen = {7};
        const Answer answer = chip_.serve(chip_.request());
        EXPECT_EQ(answer.status, SETUN_STATUS_DONE);
        EXPECT_EQ(answer.tokens, 1U);
        EXPECT_EQ(chip_.output(1), std::vector<std::uint32_t>{7});
    }

    MockChip chip_;
};

TEST_F(FirmwareTest, BootsAndReportsItsSize) {
    EXPECT_EQ(chip_.console, "setun firmware ready\r\n");
    EXPECT_EQ(chip_.firmware_register() & 0xFFFFU, chip_.info().loaded_bytes);
    EXPECT_EQ(chip_.info().platform_version, SETUN_PLATFORM_VERSION);
    chip_.set_prompt({1, 2, 3});
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    const std::uint32_t stack = chip_.firmware_register() >> 16U;
    EXPECT_EQ(chip_.console, "setun firmware ready\r\nrequest: 3+2 commands, prompt 3, at most 1 tokens\r\n");
    std::cout << "code and data " << chip_.info().loaded_bytes << " bytes, stack used " << stack
              << " bytes\n";
    RecordProperty("loaded_bytes", static_cast<int>(chip_.info().loaded_bytes));
    RecordProperty("stack_bytes", static_cast<int>(stack));
    EXPECT_GT(stack, 0U);
    EXPECT_LE(stack, 1024U);
    EXPECT_LE(chip_.info().loaded_bytes, SETUN_SRAM_BYTES - 2048);
}

TEST_F(FirmwareTest, RunsPositionsInOrderAndMakesTokens) {
    chip_.set_prompt({10, 20, 30});
    chip_.chosen = {5, 6, 7, 8};
    setun::vp::test::Answer answer;
    SetunRequest request = chip_.request();
    request.position = 2;
    request.max_tokens = 4;
    std::vector<std::uint32_t> told;
    chip_.on_tokens = [&](std::uint32_t tokens) { told.push_back(tokens); };
    answer = chip_.serve(request);
    expect_status(answer, SETUN_STATUS_DONE, {0, 0, 0});
    EXPECT_EQ(answer.tokens, 4U);
    EXPECT_EQ(told, (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
    EXPECT_EQ(chip_.output(4), (std::vector<std::uint32_t>{5, 6, 7, 8}));
    // A chain: one start per command. Positions 2 and 3 without the head, 4 to 7 with it.
    std::vector<std::vector<std::uint32_t>> seen;
    for (const Start& start : chip_.starts) {
        seen.push_back({start.position, start.token, start.index, start.count});
    }
    std::vector<std::vector<std::uint32_t>> expected;
    const std::vector<std::uint32_t> tokens = {10, 20, 30, 5, 6, 7};
    for (std::uint32_t i = 0; i < tokens.size(); ++i) {
        for (std::uint32_t index = 0; index < (i < 2 ? 3U : 5U); ++index) {
            expected.push_back({i + 2, tokens[i], index, 1});
        }
    }
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(chip_.phases.front(), SETUN_PHASE_LOAD);
    EXPECT_EQ(chip_.phases.back(), SETUN_PHASE_IDLE);
    for (const std::uint32_t phase : {SETUN_PHASE_DISPATCH, SETUN_PHASE_WAIT, SETUN_PHASE_TOKEN}) {
        EXPECT_NE(std::find(chip_.phases.begin(), chip_.phases.end(), phase), chip_.phases.end()) << phase;
    }
}

TEST_F(FirmwareTest, IndependentUnitsOverlap) {
    chip_.set_lists({{SETUN_OP_EMBED},
                     {SETUN_OP_MATMUL},
                     {SETUN_OP_NORM_QUANTIZE},
                     {SETUN_OP_ROPE},
                     {SETUN_OP_ATTENTION},
                     {SETUN_OP_GATE}},
                    {{SETUN_OP_ARGMAX, 1, 2}});
    chip_.duration = [](std::uint32_t, std::uint32_t) { return 5000U; };
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    std::uint32_t most = 0;
    for (const Start& start : chip_.starts) {
        most |= start.busy | 1U << start.unit;
    }
    EXPECT_EQ(most, 0x3FU);
    // All six at once before any has finished.
    EXPECT_EQ(chip_.starts[5].busy | 1U << chip_.starts[5].unit, 0x3FU);
}

TEST_F(FirmwareTest, NeighbouringEngineCommandsBecomeOneRun) {
    chip_.set_lists({{SETUN_OP_NORM_QUANTIZE},
                     {SETUN_OP_MATMUL, 1},
                     {SETUN_OP_MATMUL, 2},
                     {SETUN_OP_NOP},
                     {SETUN_OP_MATMUL, 3, 4},
                     {SETUN_OP_MATMUL, 1},  // waits for a member: a run of its own
                     {SETUN_OP_MATMUL, 4},  // may start with it
                     {SETUN_OP_GATE, 1},
                     {SETUN_OP_MATMUL}},  // not a neighbour
                    {{SETUN_OP_MATMUL}, {SETUN_OP_MATMUL}, {SETUN_OP_ARGMAX, 1}});
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
    for (const Start& start : chip_.starts) {
        if (start.unit == SETUN_UNIT_ENGINE) {
            runs.emplace_back(start.index, start.count);
        }
    }
    // 1 to 3 wait for 0 except 3; 4 waits for 1 of the same run.
    const std::vector<std::pair<std::uint32_t, std::uint32_t>> expected = {
        {1, 3}, {4, 1}, {5, 2}, {8, 1}, {9, 2}};
    EXPECT_EQ(runs, expected);
}

TEST_F(FirmwareTest, RunsAreBoundedByTheWindow) {
    chip_.set_lists(std::vector<Item>(100, Item{SETUN_OP_MATMUL}), {{SETUN_OP_ARGMAX, 1}});
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    ASSERT_EQ(chip_.starts.size(), 5U);
    EXPECT_EQ(chip_.starts[0].count, 32U);
    EXPECT_EQ(chip_.starts[3].count, 4U);
    // Without a name for it, a command 32 places on still waits: the mock would complain otherwise.
    std::vector<Item> slow(40, Item{SETUN_OP_MATMUL});
    slow[0] = {SETUN_OP_ATTENTION};
    chip_.set_lists(slow, {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t index, std::uint32_t) { return index == 0 ? 20000U : 10U; };
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
}

TEST_F(FirmwareTest, LargestListsRun) {
    std::vector<Item> body;
    for (std::uint32_t i = 0; i < SETUN_MAX_COMMANDS - 1; ++i) {
        body.push_back({static_cast<std::uint8_t>(i % 2 == 0 ? SETUN_OP_NORM_QUANTIZE : SETUN_OP_MATMUL),
                        std::min(i, 31U), i == 0 ? 0U : 1U});
    }
    // Unit 5 has one command only, 6143 places behind the first.
    chip_.set_lists(body, {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t, std::uint32_t) { return 1U; };
    SetunRequest request = chip_.request();
    EXPECT_EQ(chip_.serve(request).status, SETUN_STATUS_DONE);
    EXPECT_EQ(chip_.starts.size(), SETUN_MAX_COMMANDS);
    request.head_count = 2;
    expect_status(chip_.serve(request), SETUN_STATUS_BAD_REQUEST, {offsetof(SetunRequest, head_count), 2});
}

constexpr std::array<std::uint8_t, 10> kOpcodes = {
    SETUN_OP_MATMUL,    SETUN_OP_NOP,  SETUN_OP_NORM_QUANTIZE, SETUN_OP_ROPE,  SETUN_OP_KV_APPEND,
    SETUN_OP_ATTENTION, SETUN_OP_GATE, SETUN_OP_RESIDUAL,      SETUN_OP_EMBED, SETUN_OP_MATMUL};

std::vector<Item> random_list(Random& random, std::uint32_t count, std::uint32_t before) {
    std::vector<Item> list;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t reach = std::min<std::uint32_t>(before + i, 31);
        const auto distance = [&] {
            return random.between(0, 2) == 0 ? 0U : static_cast<std::uint32_t>(random.between(0, reach));
        };
        list.push_back({kOpcodes.at(random.between(0, kOpcodes.size() - 1)), distance(), distance()});
    }
    return list;
}

TEST_F(FirmwareTest, RandomListsKeepTheirDependencies) {
    std::uint64_t overlapped = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const auto body = random_list(random, static_cast<std::uint32_t>(random.between(1, 150)), 0);
        auto head = random_list(random, static_cast<std::uint32_t>(random.between(0, 40)),
                                static_cast<std::uint32_t>(body.size()));
        head.push_back({SETUN_OP_ARGMAX, 1});
        chip_.set_lists(body, head);
        const auto longest = std::vector<std::uint64_t>{1, 30, 300, 5000}.at(seed % 4);
        chip_.duration = [&](std::uint32_t, std::uint32_t) {
            return static_cast<std::uint32_t>(random.between(0, longest));
        };
        chip_.set_prompt({1, 2});
        SetunRequest request = chip_.request();
        request.max_tokens = 2;
        ASSERT_EQ(chip_.serve(request).status, SETUN_STATUS_DONE);
        // Every command once at each of three positions; the head at two of them.
        std::vector<std::uint32_t> times(body.size() + head.size());
        for (const Start& start : chip_.starts) {
            for (std::uint32_t i = 0; i < start.count; ++i) {
                ++times.at(start.index + i);
            }
            overlapped += start.busy != 0 ? 1 : 0;
        }
        for (std::size_t i = 0; i < times.size(); ++i) {
            ASSERT_EQ(times[i], i < body.size() ? 3U : 2U) << i;
        }
        ASSERT_TRUE(chip_.violations.empty()) << text(chip_.violations);
    }
    EXPECT_GT(overlapped, 1000U);
}

TEST_F(FirmwareTest, ACommandCostsFewInstructions) {
    // A decoder layer in its usual shape, twelve times.
    std::vector<Item> body = {{SETUN_OP_EMBED}};
    for (int layer = 0; layer < 12; ++layer) {
        const std::vector<Item> commands = {
            {SETUN_OP_NORM_QUANTIZE, 1}, {SETUN_OP_MATMUL, 1},       {SETUN_OP_MATMUL, 2},
            {SETUN_OP_MATMUL, 3},        {SETUN_OP_ROPE, 3},         {SETUN_OP_ROPE, 3},
            {SETUN_OP_KV_APPEND, 1, 3},  {SETUN_OP_ATTENTION, 1, 3}, {SETUN_OP_NORM_QUANTIZE, 1},
            {SETUN_OP_MATMUL, 1},        {SETUN_OP_RESIDUAL, 1},     {SETUN_OP_NORM_QUANTIZE, 1},
            {SETUN_OP_MATMUL, 1},        {SETUN_OP_MATMUL, 2},       {SETUN_OP_GATE, 1, 2},
            {SETUN_OP_NORM_QUANTIZE, 1}, {SETUN_OP_MATMUL, 1},       {SETUN_OP_RESIDUAL, 1}};
        body.insert(body.end(), commands.begin(), commands.end());
    }
    chip_.set_lists(body, {{SETUN_OP_NORM_QUANTIZE, 1}, {SETUN_OP_MATMUL, 1}, {SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t, std::uint32_t) { return 2000U; };
    SetunRequest request = chip_.request();
    const auto cost = [&](std::uint32_t tokens) {
        request.max_tokens = tokens;
        const std::uint64_t before = chip_.instructions();
        EXPECT_EQ(chip_.serve(request).status, SETUN_STATUS_DONE);
        return chip_.instructions() - before;
    };
    const std::uint64_t once = cost(1);
    const std::uint64_t per_token = (cost(11) - once) / 10;
    const std::uint64_t per_command = per_token / (body.size() + 3);
    std::cout << per_command << " instructions per command, " << per_token << " per token of "
              << body.size() + 3 << " commands, " << once - per_token << " per request\n";
    RecordProperty("instructions_per_command", static_cast<int>(per_command));
    EXPECT_GT(per_command, 20U);
    EXPECT_LT(per_command, 180U);
}

// ---- Refused requests
// ----------------------------------------------------------------------------------------

TEST_F(FirmwareTest, EveryFieldOfARequestIsChecked) {
    struct Case {
        std::uint32_t SetunRequest::*field;
        std::uint32_t value;
    };
    using R = SetunRequest;
    const std::vector<Case> cases = {
        {&R::magic, 0},
        {&R::version, 0x00020000},
        {&R::body_list, 0x10004},
        {&R::body_list, 0x80000000},
        {&R::body_list, 0x7FFFFFC0},
        {&R::body_count, 0},
        {&R::body_count, SETUN_MAX_COMMANDS},  // leaves no room for the head
        {&R::body_count, 0xFFFFFFFF},
        {&R::head_list, 0x10020},
        {&R::head_list, 0xFFFFFFC0},
        {&R::head_count, 0},
        {&R::head_count, SETUN_MAX_COMMANDS},
        {&R::argmax, 2},
        {&R::argmax, 0x7FFFFFFC},
        {&R::prompt, 1},
        {&R::prompt, 0x80000004},
        {&R::prompt_count, 0},
        {&R::prompt_count, 0x20000000},
        {&R::prompt_count, 0xFFFFFFFF},
        {&R::capacity, 0},
        {&R::capacity, SETUN_MAX_POSITIONS + 1},
        {&R::vocabulary, 0},
        {&R::max_tokens, 0},
        {&R::max_tokens, 0x20000000},
        {&R::output, 3},
        {&R::output, 0xFFFFFFFC},
        {&R::watchdog, 0x80000001},
        {&R::stop_count, SETUN_MAX_STOP + 1},
    };
    for (const Case& c : cases) {
        SetunRequest request = chip_.request();
        request.*c.field = c.value;
        const auto offset =
            static_cast<std::uint32_t>(reinterpret_cast<const std::byte*>(&(request.*c.field)) -
                                       reinterpret_cast<const std::byte*>(&request));
        SCOPED_TRACE(std::to_string(offset) + " = " + std::to_string(c.value));
        // Counts of 6144 are the other list's fault: there is no room left for it.
        const bool body_full = c.field == &R::body_count && c.value == SETUN_MAX_COMMANDS;
        expect_status(chip_.serve(request), SETUN_STATUS_BAD_REQUEST,
                      {body_full ? static_cast<std::uint32_t>(offsetof(SetunRequest, head_count)) : offset,
                       body_full ? 2U : c.value, 0});
        EXPECT_TRUE(chip_.starts.empty());
    }
    for (std::uint32_t i = 0; i < 15; ++i) {
        SetunRequest request = chip_.request();
        request.reserved[i] = i + 1;
        expect_status(chip_.serve(request), SETUN_STATUS_BAD_REQUEST,
                      {static_cast<std::uint32_t>(offsetof(SetunRequest, reserved)) + 4 * i, i + 1});
    }
    expect_recovery();
    EXPECT_NE(chip_.console.find("failed: status 16, details 0 0 0 0 0 0 0 0\r\n"), std::string::npos)
        << chip_.console;
}

TEST_F(FirmwareTest, LimitsThemselvesAreAccepted) {
    SetunRequest request = chip_.request();
    request.capacity = SETUN_MAX_POSITIONS;
    request.position = SETUN_MAX_POSITIONS - 1;
    request.watchdog = 0x80000000;
    request.stop_count = SETUN_MAX_STOP;
    request.vocabulary = 0xFFFFFFFF;
    request.version = SETUN_PLATFORM_VERSION + 5;  // a minor version that came later
    EXPECT_EQ(chip_.serve(request).status, SETUN_STATUS_DONE);
    EXPECT_EQ(chip_.starts.front().position, SETUN_MAX_POSITIONS - 1);
}

TEST_F(FirmwareTest, AddressOfTheRequestIsChecked) {
    for (const std::uint32_t address :
         {0U, 0x1000U, 0x7FFFFFC0U, SETUN_DATA_BASE + 0x1020, 0xFFFFFF80U, 0xFFFFFFC0U}) {
        SCOPED_TRACE(address);
        expect_status(chip_.serve_at(address), SETUN_STATUS_BAD_REQUEST, {0xFFFFFFFF, address});
    }
    // Inside the window, but no memory is there: the bus says so.
    const Answer answer = chip_.serve_at(0xFFFFFF40U);
    EXPECT_EQ(answer.status, SETUN_STATUS_TRAP);
    EXPECT_EQ(answer.detail[0], 5U);
    EXPECT_EQ(answer.detail[2], 0xFFFFFF40U);
    expect_recovery();
}

TEST_F(FirmwareTest, ListsAreChecked) {
    struct Case {
        Item item;
        std::uint32_t error;
    };
    const std::vector<Case> cases = {
        {{SETUN_OP_MATMUL, 0, 0, 2}, SETUN_ERR_VERSION},
        {{SETUN_OP_MATMUL, 0, 0, 0}, SETUN_ERR_VERSION},
        {{2}, SETUN_ERR_OPCODE},
        {{0x11}, SETUN_ERR_OPCODE},
        {{0x60}, SETUN_ERR_OPCODE},
        {{0xFF}, SETUN_ERR_OPCODE},
        {{SETUN_OP_ROPE, 32}, SETUN_ERR_TAG},
        {{SETUN_OP_ROPE, 0, 0xFFFF}, SETUN_ERR_TAG},
    };
    for (const Case& c : cases) {
        for (const std::uint32_t place : {0U, 39U}) {
            for (const bool head : {false, true}) {
                std::vector<Item> body(40, Item{SETUN_OP_GATE});
                std::vector<Item> tail(40, Item{SETUN_OP_GATE});
                (head ? tail : body)[place] = c.item;
                chip_.set_lists(body, tail);
                expect_status(chip_.serve(chip_.request()), SETUN_STATUS_BAD_COMMAND, {head, place, c.error});
                EXPECT_TRUE(chip_.starts.empty());
            }
        }
    }
    // Before the start of the list; the head's may reach into the body.
    chip_.set_lists({{SETUN_OP_GATE}, {SETUN_OP_GATE, 1, 2}}, {{SETUN_OP_ARGMAX, 1}});
    expect_status(chip_.serve(chip_.request()), SETUN_STATUS_BAD_COMMAND, {0, 1, SETUN_ERR_TAG});
    chip_.set_lists({{SETUN_OP_GATE}, {SETUN_OP_GATE}}, {{SETUN_OP_GATE, 3}, {SETUN_OP_ARGMAX, 1}});
    expect_status(chip_.serve(chip_.request()), SETUN_STATUS_BAD_COMMAND, {1, 0, SETUN_ERR_TAG});
    chip_.set_lists({{SETUN_OP_GATE}, {SETUN_OP_GATE}}, {{SETUN_OP_GATE, 2}, {SETUN_OP_ARGMAX, 1}});
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    expect_recovery();
}

TEST_F(FirmwareTest, PromptTokensAreCheckedFirst) {
    chip_.set_prompt({1, 2, 1000, 3});
    expect_status(chip_.serve(chip_.request()), SETUN_STATUS_TOKEN_RANGE, {2, 1000, 1000});
    EXPECT_TRUE(chip_.starts.empty());
    chip_.set_prompt({999});
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    expect_recovery();
}

TEST_F(FirmwareTest, FullContextsStopBeforeOrWhenTheyAreFull) {
    chip_.set_prompt({1, 2, 3});
    SetunRequest request = chip_.request();
    request.capacity = 2;
    expect_status(chip_.serve(request), SETUN_STATUS_CONTEXT_FULL, {2, 2});
    request.position = 7;
    expect_status(chip_.serve(request), SETUN_STATUS_CONTEXT_FULL, {7, 2});
    request.position = 0xFFFFFFFF;
    expect_status(chip_.serve(request), SETUN_STATUS_CONTEXT_FULL, {0xFFFFFFFF, 2});
    EXPECT_TRUE(chip_.starts.empty());
    request.position = 1;
    request.capacity = 6;
    request.max_tokens = 10;
    const Answer answer = chip_.serve(request);
    // Positions 1 to 3 are the prompt, 4 and 5 made tokens; the token of position 5 needs no room any more.
    expect_status(answer, SETUN_STATUS_CONTEXT_FULL, {6, 6});
    EXPECT_EQ(answer.tokens, 3U);
    expect_recovery();
}

// ---- Ends and failures while running
// ------------------------------------------------------------------------

TEST_F(FirmwareTest, StopTokensEndTheRequest) {
    chip_.chosen = {5, 6, 0, 8};
    SetunRequest request = chip_.request();
    request.max_tokens = 10;
    request.stop_count = 2;
    request.stop[0] = 8;
    request.stop[1] = 0;
    request.stop[2] = 5;  // beyond stop_count
    Answer answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_STOPPED);
    EXPECT_EQ(answer.tokens, 3U);
    EXPECT_EQ(chip_.output(3), (std::vector<std::uint32_t>{5, 6, 0}));
    request.stop_count = 0;
    answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_DONE);
    EXPECT_EQ(answer.tokens, 10U);
}

TEST_F(FirmwareTest, TheHostMayCancel) {
    SetunRequest request = chip_.request();
    request.max_tokens = 50;
    chip_.on_tokens = [&](std::uint32_t tokens) {
        if (tokens == 3) {
            chip_.set_data(MockChip::kRequest + offsetof(SetunRequest, cancel), 1);
        }
    };
    Answer answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_ABORTED);
    EXPECT_EQ(answer.tokens, 3U);
    request.cancel = 1;
    answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_ABORTED);
    EXPECT_EQ(answer.tokens, 0U);
    EXPECT_TRUE(chip_.starts.empty());
    expect_recovery();
}

TEST_F(FirmwareTest, ADoorbellWhileBusyDisturbsNothing) {
    SetunRequest request = chip_.request();
    request.max_tokens = 3;
    bool rang = false;
    chip_.on_start = [&] { rang = chip_.ring(0) || rang; };
    const Answer answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_DONE);
    EXPECT_EQ(answer.tokens, 3U);
    EXPECT_FALSE(rang);
    EXPECT_EQ(chip_.refused(), chip_.starts.size());
    chip_.on_start = nullptr;
    expect_recovery();
}

/// One command of every unit, in an order where all can be under way at once.
std::vector<Item> one_of_each() {
    return {{SETUN_OP_MATMUL},    {SETUN_OP_NORM_QUANTIZE}, {SETUN_OP_ROPE},
            {SETUN_OP_ATTENTION}, {SETUN_OP_GATE},          {SETUN_OP_EMBED}};
}

TEST_F(FirmwareTest, ErrorsOfEveryUnitAreReported) {
    chip_.set_prompt({1, 2});
    for (std::uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        SCOPED_TRACE(unit);
        chip_.set_lists(one_of_each(), {{SETUN_OP_ARGMAX, 1}});
        chip_.duration = [&](std::uint32_t index, std::uint32_t) { return index == unit ? 100U : 3000U; };
        chip_.errors = {{unit, 11}};
        SetunRequest request = chip_.request();
        request.position = 9;
        const Answer answer = chip_.serve(request);
        if (unit == SETUN_UNIT_ENGINE) {
            expect_status(answer, SETUN_STATUS_UNIT_ERROR, {unit, 11, 0, unit, 0x1234, 0x56, 0x78, 9});
        } else {
            expect_status(answer, SETUN_STATUS_UNIT_ERROR, {unit, 11, 0, unit, 0x9ABC, 0, 0, 9});
        }
        EXPECT_EQ(answer.tokens, 0U);
        // What was under way was awaited, and nothing more was started.
        EXPECT_EQ(chip_.starts.size(), 6U);
        expect_recovery();
    }
    // In the head, and inside an engine run.
    chip_.set_lists(one_of_each(),
                    {{SETUN_OP_MATMUL, 1}, {SETUN_OP_MATMUL, 2}, {SETUN_OP_MATMUL, 3}, {SETUN_OP_ARGMAX, 1}});
    chip_.errors = {{8, 12}};
    expect_status(chip_.serve(chip_.request()), SETUN_STATUS_UNIT_ERROR,
                  {0, 12, 1, 2, 0x1234, 0x56, 0x78, 1});
    expect_recovery();
}

TEST_F(FirmwareTest, TheWatchdogEndsWhatHangs) {
    for (std::uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        SCOPED_TRACE(unit);
        chip_.set_lists(one_of_each(), {{SETUN_OP_ARGMAX, 1}});
        chip_.duration = [&](std::uint32_t index, std::uint32_t) {
            return index == unit ? MockChip::kNever : 200U;
        };
        SetunRequest request = chip_.request();
        request.watchdog = 20000;
        request.position = 5;
        const std::uint64_t before = chip_.now();
        const Answer answer = chip_.serve(request);
        expect_status(answer, SETUN_STATUS_WATCHDOG, {1U << unit, 0, unit, 5});
        EXPECT_GE(chip_.now() - before, 20000U);
        EXPECT_LT(chip_.now() - before, 20000U + 19000U);  // loading and the console take some 14000
        expect_recovery();
    }
    // All of them at once, and the head.
    chip_.set_prompt({0});
    chip_.set_lists(one_of_each(), {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [&](std::uint32_t, std::uint32_t) { return MockChip::kNever; };
    SetunRequest request = chip_.request();
    request.watchdog = 5000;
    expect_status(chip_.serve(request), SETUN_STATUS_WATCHDOG, {0x3F, 0, 0, 0});
    chip_.duration = [&](std::uint32_t index, std::uint32_t) { return index == 6 ? MockChip::kNever : 10U; };
    expect_status(chip_.serve(request), SETUN_STATUS_WATCHDOG, {1U << SETUN_UNIT_TOKEN, 1, 0, 0});
    expect_recovery();
}

TEST_F(FirmwareTest, TheWatchdogCountsFromTheLastCommandThatFinished) {
    // Ten commands of 15000 cycles, one after another, within a limit of 20000.
    std::vector<Item> body(10, Item{SETUN_OP_GATE});
    chip_.set_lists(body, {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t, std::uint32_t) { return 15000U; };
    SetunRequest request = chip_.request();
    request.watchdog = 20000;
    EXPECT_EQ(chip_.serve(request).status, SETUN_STATUS_DONE);
    // And when the last of them hangs, the limit counts from the one before.
    chip_.duration = [](std::uint32_t index, std::uint32_t) {
        return index == 9 ? MockChip::kNever : 15000U;
    };
    const std::uint64_t before = chip_.now();
    expect_status(chip_.serve(request), SETUN_STATUS_WATCHDOG, {1U << SETUN_UNIT_GATE, 0, 9, 0});
    const std::uint64_t cycles = chip_.now() - before;
    EXPECT_GE(cycles, 9 * 15000U + 20000U);
    EXPECT_LT(cycles, 9 * 15000U + 20000U + 19000U);
    expect_recovery();
}

TEST_F(FirmwareTest, AnErrorBesideAUnitThatHangsStaysTheError) {
    chip_.set_lists(one_of_each(), {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t index, std::uint32_t) { return index == 2 ? MockChip::kNever : 100U; };
    chip_.errors = {{3, 4}};
    SetunRequest request = chip_.request();
    request.watchdog = 10000;
    expect_status(chip_.serve(request), SETUN_STATUS_UNIT_ERROR, {3, 4, 0, 3, 0x9ABC, 0, 0, 0});
    expect_recovery();
}

TEST_F(FirmwareTest, AHeadThatChoosesNoTokenIsAnError) {
    chip_.set_lists({{SETUN_OP_GATE}}, {{SETUN_OP_MATMUL, 1}, {SETUN_OP_MATMUL, 1}});
    expect_status(
        chip_.serve(chip_.request()), SETUN_STATUS_UNIT_ERROR,
        {SETUN_UNIT_TOKEN, SETUN_ERR_TOKEN, 1, 1, SETUN_DATA_BASE + MockChip::kArgmax, 0, 0xFFFFFFFF, 0});
    chip_.set_lists({{SETUN_OP_GATE}}, {{SETUN_OP_ARGMAX, 1}});
    chip_.chosen = {1000};
    const Answer answer = chip_.serve(chip_.request());
    expect_status(answer, SETUN_STATUS_UNIT_ERROR, {SETUN_UNIT_TOKEN, SETUN_ERR_TOKEN, 1, 0});
    EXPECT_EQ(answer.detail[6], 1000U);
    expect_recovery();
}

TEST_F(FirmwareTest, BusErrorsAreTrapsAndTheNextRequestWorks) {
    // The output lies in the window, but beyond the memory that is there.
    SetunRequest request = chip_.request();
    request.output = MockChip::kMemoryBytes;
    Answer answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_TRAP);
    EXPECT_EQ(answer.detail[0], 7U);
    EXPECT_LT(answer.detail[1], chip_.info().loaded_bytes);
    EXPECT_EQ(answer.detail[2], SETUN_DATA_BASE + MockChip::kMemoryBytes);
    expect_recovery();
    request = chip_.request();
    request.body_list = MockChip::kMemoryBytes;
    answer = chip_.serve(request);
    EXPECT_EQ(answer.status, SETUN_STATUS_TRAP);
    EXPECT_EQ(answer.detail[0], 5U);
    expect_recovery();
    request = chip_.request();
    request.prompt = MockChip::kMemoryBytes - 4;
    request.prompt_count = 2;
    EXPECT_EQ(chip_.serve(request).status, SETUN_STATUS_TRAP);
    expect_recovery();
}

TEST_F(FirmwareTest, ATrapWhileUnitsWorkResetsThem) {
    chip_.set_lists(one_of_each(), {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t index, std::uint32_t) { return index == 2 ? 300U : MockChip::kNever; };
    chip_.on_start = [&] {
        if (chip_.starts.size() == 6) {
            chip_.broken = SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO;
        }
    };
    const Answer answer = chip_.serve(chip_.request());
    EXPECT_EQ(answer.status, SETUN_STATUS_TRAP);
    EXPECT_EQ(answer.detail[0], 5U);
    EXPECT_EQ(answer.detail[2], SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
    chip_.on_start = nullptr;
    expect_recovery();
}

TEST_F(FirmwareTest, AStackThatGrewTooFarIsReported) {
    const std::uint32_t guard = SETUN_SRAM_BYTES - 2048;
    SetunRequest request = chip_.request();
    request.max_tokens = 10;
    chip_.on_tokens = [&](std::uint32_t tokens) {
        if (tokens == 2) {
            chip_.sram()[guard + 4] = std::byte{0};
        }
    };
    const Answer answer = chip_.serve(request);
    expect_status(answer, SETUN_STATUS_TRAP, {24, 0, guard + 4});
    EXPECT_EQ(answer.tokens, 2U);
    chip_.on_tokens = nullptr;
    expect_recovery();
}

TEST_F(FirmwareTest, SpuriousInterruptsAreAcknowledged) {
    chip_.set_lists({{SETUN_OP_GATE}, {SETUN_OP_MATMUL, 1}}, {{SETUN_OP_ARGMAX, 1}});
    chip_.duration = [](std::uint32_t, std::uint32_t) { return 20000U; };
    chip_.on_start = [&] {
        chip_.raise_spurious(SETUN_UNIT_ROPE);
        chip_.raise_spurious(SETUN_UNIT_NORM);
    };
    const std::uint64_t before = chip_.instructions();
    EXPECT_EQ(chip_.serve(chip_.request()).status, SETUN_STATUS_DONE);
    EXPECT_LT(chip_.instructions() - before, 20000U) << "it polled instead of sleeping";
    chip_.on_start = nullptr;
    expect_recovery();
}

TEST(Firmware, BootsOnlyWithUnitsThatItKnows) {
    for (std::uint32_t unit = 1; unit <= SETUN_UNITS; ++unit) {
        SCOPED_TRACE(unit);
        MockChip chip(kFirmware);
        chip.wrong_ident = unit;
        EXPECT_FALSE(chip.boot());
        EXPECT_TRUE(chip.violations.empty());
        const std::string line =
            "failed: status 20, details " + std::to_string(unit % SETUN_UNITS) + " 1 0 0 0 0 0 0\r\n";
        EXPECT_EQ(chip.console, line);
    }
}

TEST(Firmware, NeedsNoConsole) {
    MockChip chip(kFirmware);
    chip.uart_ready = false;
    EXPECT_TRUE(chip.boot());
    EXPECT_EQ(chip.serve(chip.request()).status, SETUN_STATUS_DONE);
    EXPECT_TRUE(chip.console.empty());
    EXPECT_TRUE(chip.violations.empty());
}

TEST(Firmware, EveryRunIsTheSame) {
    const auto run = [] {
        MockChip chip(kFirmware, 3);
        EXPECT_TRUE(chip.boot());
        chip.set_prompt({1, 2, 3});
        EXPECT_EQ(chip.serve(chip.request()).status, SETUN_STATUS_DONE);
        return std::pair(chip.now(), chip.instructions());
    };
    EXPECT_EQ(run(), run());
}

}  // namespace
