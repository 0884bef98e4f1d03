// The characterisation's program without the library: what it lists, what it makes of committed results, what
// it refuses, and how it runs other tools.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/process.h"
#include "energy_model/characterize/stimulus_file.h"
#include "energy_model/characterize/synthesis.h"
#include "energy_model/characterize/units.h"
#include "tests/cli/process.h"

namespace setun::characterize {
namespace {

namespace fs = std::filesystem;
using setun::test::ProcessResult;

const fs::path kSource = SETUN_SOURCE_DIR;

std::string content(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

class CharacterizeCommand : public testing::Test {
  protected:
    CharacterizeCommand()
        : folder_(fs::temp_directory_path() / ("setun-characterize-" + std::to_string(::getpid()))) {
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] ProcessResult run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), SETUN_CHARACTERIZE);
        arguments.insert(arguments.end(), {"--work", (folder_ / "work").string()});
        setun::test::ProcessOptions options;
        options.environment = {"SETUN_LIBERTY_DIR="};
        return setun::test::run_process(arguments, options);
    }
    void expect_refused(const std::vector<std::string>& arguments, const std::string& text) const {
        const ProcessResult result = run(arguments);
        EXPECT_EQ(result.exit_code, 2) << result.err;
        EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    }
    const fs::path folder_;
};

TEST_F(CharacterizeCommand, ListsEveryUnitOfTheCommittedResults) {
    const ProcessResult result = run({"--list"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const std::string results = content(kSource / "energy_model/tech/asap7-units.json");
    std::istringstream lines(result.out);
    unsigned count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const std::string name = line.substr(0, line.find(' '));
        EXPECT_NE(results.find('"' + name + '"'), std::string::npos) << line;
    }
    EXPECT_GT(count, 10U);
}

TEST_F(CharacterizeCommand, TableFollowsFromTheCommittedResults) {
    for (const char* const part : {"energy_model/tech", "energy_model/characterize/stimulus"}) {
        fs::create_directories(folder_ / "copy" / part);
        fs::copy(kSource / part, folder_ / "copy" / part, fs::copy_options::recursive);
    }
    const fs::path table = folder_ / "copy/energy_model/tech/asap7.json";
    std::ofstream(table) << "old";
    const ProcessResult result = run({"--table", "--source", (folder_ / "copy").string()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(content(table), content(kSource / "energy_model/tech/asap7.json"));
    // Each line of the tables stands in the documentation.
    const std::string page = content(kSource / "docs/characterisation.md");
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_NE(page.find(line), std::string::npos) << line;
    }
}

TEST_F(CharacterizeCommand, RefusesWhatItCannotUse) {
    expect_refused({}, "--liberty DIR is missing");
    expect_refused({"--liberty", (folder_ / "none").string()}, "none: cannot be read as a folder");
    expect_refused({"--liberty", folder_.string()}, "--liberty " + folder_.string());
    expect_refused({"--check", "--write"}, "--write");
    expect_refused({"--list", "--source", folder_.string()}, "model.txt");
    EXPECT_EQ(run({"--help"}).exit_code, 0);
}

TEST_F(CharacterizeCommand, ToolsAnswerOrSayWhyNot) {
    const fs::path log = folder_ / "log";
    const auto failure = [&](const std::vector<std::string>& command) -> std::string {
        try {
            run_tool(command, "of-debian", log);
        } catch (const CharacterizeError& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_EQ(run_tool({"sh", "-c", "echo one; echo two >&2"}, "dash", log), "one\ntwo\n");
    EXPECT_EQ(
        failure({"setun-no-such-tool"}),
        "'setun-no-such-tool' cannot be run; install Debian's package of-debian (scripts/setup --tests)");
    const std::string before = "'sh' failed (all of it in " + log.string() + "): ";
    EXPECT_EQ(failure({"sh", "-c", "echo first; echo last; echo; exit 1"}), before + "last");
    EXPECT_EQ(failure({"sh", "-c", "echo ERROR: this; echo Aborted; exit 1"}), before + "ERROR: this");
    EXPECT_EQ(failure({"sh", "-c", "exit 1"}), before + "nothing was printed");
    EXPECT_EQ(failure({"sh", "-c", "kill -9 $$"}), before + "nothing was printed");
}

TEST_F(CharacterizeCommand, RecipesHaveNames) {
    for (const Recipe& recipe : Recipe::all()) {
        const Recipe again = Recipe::parse(recipe.name());
        EXPECT_EQ(again.full_adders, recipe.full_adders);
        EXPECT_EQ(again.ripple, recipe.ripple);
        EXPECT_EQ(again.nf, recipe.nf);
    }
    EXPECT_THROW(static_cast<void>(Recipe::parse("free-prefix")), CharacterizeError);
}

/// A port of a cycle as a signed number.
int number(const Trace& trace, std::size_t cycle, std::size_t port) {
    int value = 0;
    int weight = 1;
    for (const std::uint8_t bit : trace.bits(cycle, port)) {
        value += bit != 0 ? weight : 0;
        weight *= 2;
    }
    return 2 * value >= weight ? value - weight : value;
}

TEST(CharacterizeUnits, OperatorsExpectWhatArithmeticSays) {
    const std::vector<Unit> units =
        all_units(read_stimulus(kSource / "energy_model/characterize/stimulus/model.txt"));
    const auto check = [&](const char* name, int (*reference)(int, int)) {
        const Workload w = find_unit(units, name).cases.front().make();
        const std::size_t latency = w.first_checked - 1;
        for (std::size_t n = 0; n + latency < w.inputs.cycles(); ++n) {
            const int a = number(w.inputs, n, 0);
            const int b = number(w.inputs, n, 1);
            ASSERT_EQ(number(w.expected, n + latency, 0), reference(a, b)) << name << ' ' << a << ' ' << b;
        }
    };
    check("int8_add", [](int a, int b) { return static_cast<int>(static_cast<std::int8_t>(a + b)); });
    check("int8_add_full", [](int a, int b) { return a + b; });
    check("int8_mul", [](int a, int b) { return a * b; });
}

TEST(CharacterizeUnits, WorkloadsAreRepeatable) {
    const std::vector<Unit> units =
        all_units(read_stimulus(kSource / "energy_model/characterize/stimulus/model.txt"));
    for (const Unit& unit : units) {
        EXPECT_EQ(&find_unit(units, unit.name), &unit);
        EXPECT_GT(unit.operations, 0) << unit.name;
        ASSERT_FALSE(unit.cases.empty()) << unit.name;
        for (const Case& workload : unit.cases) {
            const Workload a = workload.make();
            const Workload b = workload.make();
            const std::size_t cycles = a.inputs.cycles();
            EXPECT_EQ(a.expected.cycles(), cycles) << unit.name;
            EXPECT_LT(a.first_checked, cycles) << unit.name;
            EXPECT_LT(a.first_counted, cycles) << unit.name;
            for (const auto& [one, other] :
                 {std::pair(&a.inputs, &b.inputs), std::pair(&a.expected, &b.expected)}) {
                ASSERT_EQ(one->ports().size(), other->ports().size());
                bool moves = false;
                for (std::size_t p = 0; p < one->ports().size(); ++p) {
                    for (std::size_t n = 0; n < cycles; ++n) {
                        ASSERT_TRUE(std::ranges::equal(one->bits(n, p), other->bits(n, p)))
                            << unit.name << ' ' << n;
                        moves |= !std::ranges::equal(one->bits(n, p), one->bits(0, p));
                    }
                }
                EXPECT_TRUE(moves) << unit.name << ' ' << workload.name;
            }
        }
    }
    EXPECT_THROW(static_cast<void>(find_unit(units, "none")), CharacterizeError);
}

}  // namespace
}  // namespace setun::characterize
