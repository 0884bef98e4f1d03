// setun sweep, and the HTML reports of sweep and energy: rows, files, shards, bad input.
#include <gtest/gtest.h>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/setun_command.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

using nlohmann::json;

std::string text_of(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// The page's figures; fails when it is no well-formed XML.
int figures_of(const std::string& html) {
    std::istringstream stream(html);
    boost::property_tree::ptree tree;
    EXPECT_NO_THROW(boost::property_tree::read_xml(stream, tree));
    int figures = 0;
    for (std::size_t at = html.find("<figure>"); at != std::string::npos;
         at = html.find("<figure>", at + 1)) {
        ++figures;
    }
    return figures;
}

std::vector<std::string> sweep_of_six() {
    return {"sweep", "--shape", "b158-700m", "--ports", "1,2,4", "--tokens", "1,4", "--memory", "kv260"};
}

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

TEST(SweepCli, JsonHasARowForEachConfiguration) {
    const ProcessResult result = setun(with(sweep_of_six(), {"--json"}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json sweep = json::parse(result.out);
    EXPECT_EQ(sweep["configurations"], 6);
    ASSERT_EQ(sweep["rows"].size(), 6U);
    int marked = 0;
    for (const json& row : sweep["rows"]) {
        EXPECT_GT(row["tokens_per_s"], 0);
        EXPECT_GT(row["joules_per_token"], 0);
        EXPECT_GT(row["luts_estimate"], 0);
        EXPECT_EQ(row["clock_hz"], 250e6);
        EXPECT_EQ(row["cycles_projected"], true);
        marked += row["pareto"].get<bool>() ? 1 : 0;
    }
    EXPECT_GE(marked, 1);
    EXPECT_EQ(sweep["rows"][5]["ports"], 4);
    EXPECT_EQ(sweep["rows"][5]["tokens_per_beat"], 4);
}

TEST(SweepCli, CyclesAreThoseOfBench) {
    const ProcessResult bench = setun(
        {"bench", "--shape", "700m", "--device", "cpu", "--memory", "ddr4", "--lists", "whole", "--json"});
    const ProcessResult sweep = setun({"sweep", "--shape", "b158-700m", "--exact", "--json"});
    ASSERT_EQ(bench.exit_code, 0) << bench.err;
    ASSERT_EQ(sweep.exit_code, 0) << sweep.err;
    const json row = json::parse(sweep.out)["rows"][0];
    EXPECT_EQ(row["cycles"], json::parse(bench.out)["rows"][0]["cycles"]);
    EXPECT_EQ(row["tokens_per_s"], json::parse(bench.out)["rows"][0]["tokens_per_s"]);
    EXPECT_EQ(row["cycles_projected"], false);
}

TEST(SweepCli, FilesAreWholeAndShardsJoin) {
    const TemporaryFolder folder;
    const auto path = [&folder](const char* name) { return (folder / name).string(); };
    const ProcessResult whole =
        setun(with(sweep_of_six(), {"--csv", path("whole.csv"), "--report", path("whole.html")}));
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    EXPECT_NE(whole.out.find("6 configurations"), std::string::npos);
    EXPECT_NE(whole.out.find("tokens/s: the matrix engine alone"), std::string::npos);
    EXPECT_EQ(figures_of(text_of(folder / "whole.html")), 2);
    const ProcessResult standard = setun(with(sweep_of_six(), {"--csv", "-"}));
    EXPECT_EQ(standard.out, text_of(folder / "whole.csv"));
    for (const char* shard : {"0", "1"}) {
        const ProcessResult part = setun(with(sweep_of_six(), {"--shard", std::string(shard) + "/2", "--csv",
                                                               path((std::string("part") + shard).c_str())}));
        ASSERT_EQ(part.exit_code, 0) << part.err;
    }
    const ProcessResult merged = setun({"sweep", "--merge", path("part1"), path("part0"), "--csv",
                                        path("merged.csv"), "--report", path("merged.html")});
    ASSERT_EQ(merged.exit_code, 0) << merged.err;
    EXPECT_EQ(text_of(folder / "merged.csv"), text_of(folder / "whole.csv"));
    EXPECT_EQ(figures_of(text_of(folder / "merged.html")), 2);
    expect_bad_input({"sweep", "--merge", path("part0")}, "configuration 1 is missing");
    expect_bad_input({"sweep", "--merge", path("whole.html")}, "whole.html: line 1");
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / ".")) {
        ++files;
    }
    EXPECT_EQ(files, 6U) << "no temporary file is left behind";
}

TEST(SweepCli, BadInputIsNamed) {
    const std::vector<std::string> base{"sweep", "--shape", "b158-700m"};
    expect_bad_input(with(base, {"--ports", "1,3"}), "--ports: no kernel has 3");
    expect_bad_input(with(base, {"--port-bits", "100"}), "--port-bits");
    expect_bad_input(with(base, {"--tokens", "0"}), "--tokens");
    expect_bad_input(with(base, {"--leaf", "planes"}), "--leaf");
    expect_bad_input(with(base, {"--clock", "0"}), "--clock");
    expect_bad_input(with(base, {"--clock", "fast"}), "--clock");
    expect_bad_input(with(base, {"--memory", "ddr9"}), "--memory");
    expect_bad_input(with(base, {"--context", "0"}), "--context");
    expect_bad_input(with(base, {"--batch", "1,1"}), "--batch lists 1 twice");
    expect_bad_input(with(base, {"--phase", "paper"}), "--phase");
    expect_bad_input(with(base, {"--tech", "3nm"}), "3nm");
    expect_bad_input(with(base, {"--ports", "1,2,4", "--max", "2"}), "--max 2");
    expect_bad_input(with(base, {"--shard", "2/2"}), "--shard");
    expect_bad_input(with(base, {"--shard", "0/2", "--report", "x.html"}), "--merge");
    expect_bad_input(with(base, {"--csv", "/nowhere/x.csv"}), "--csv '/nowhere/x.csv'");
    expect_bad_input(with(base, {"--report", "/nowhere/x.html"}), "--report '/nowhere/x.html'");
    expect_bad_input(with(base, {"--report", "/"}), "--report '/'");
    expect_bad_input({"sweep", "--shape", "no-such"}, "no-such");
}

TEST(EnergyReport, IsAWellFormedPageWithItsCharts) {
    const TemporaryFolder folder;
    const std::string path = (folder / "energy.html").string();
    for (const char* phase : {"decode", "prompt"}) {
        const ProcessResult result = setun({"energy", "--shape", "b158-700m", "--phase", phase, "--context",
                                            "64", "--report", path, "--json"});
        ASSERT_EQ(result.exit_code, 0) << result.err;
        EXPECT_TRUE(json::accept(result.out));
        const std::string html = text_of(path);
        EXPECT_EQ(figures_of(html), 7) << phase;
        for (const char* text :
             {"18.6", "41.2", "unverified", "arXiv:2310.11453", "Published claims", "Assumptions"}) {
            EXPECT_NE(html.find(text), std::string::npos) << text;
        }
    }
    expect_bad_input({"energy", "--shape", "b158-700m", "--report", "/nowhere/x.html"},
                     "--report '/nowhere/x.html'");
    expect_bad_input({"energy", "--claims", "--report", path}, "--report");
    expect_bad_input({"energy", "--shape", "b158-700m", "--phase", "paper", "--report", path}, "--report");
}

}  // namespace
}  // namespace setun::test
