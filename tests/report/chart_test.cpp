// Charts and pages: lengths proportional to values, ticks, escaping, labels that do not overlap, well-formed
// XML.
#include <gtest/gtest.h>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>

#include "report/chart.h"
#include "report/page.h"
#include "report/scale.h"
#include "report/text.h"

namespace setun::report {
namespace {

using boost::property_tree::ptree;

/// Throws when `text` is not well-formed.
ptree parse(const std::string& text) {
    std::istringstream stream(text);
    ptree tree;
    boost::property_tree::read_xml(stream, tree);
    return tree;
}

/// Calls `visit` with every element called `name`.
template <class Visit>
void each(const ptree& tree, const std::string& name, Visit&& visit) {
    for (const auto& [key, child] : tree) {
        if (key == name) {
            visit(child);
        }
        each(child, name, visit);
    }
}

double number(const ptree& element, const char* attribute) {
    return element.get<double>(std::string("<xmlattr>.") + attribute);
}

struct Bar {
    std::string colour;
    double x = 0;
    double width = 0;
};

/// Bars of the drawing, without the boxes of the legend.
std::vector<Bar> bars_of(const std::string& html) {
    std::vector<Bar> bars;
    const ptree tree = parse(html);
    each(tree, "svg", [&](const ptree& svg) {
        if (svg.get("<xmlattr>.class", "") == "chart") {
            each(svg, "rect", [&](const ptree& rect) {
                bars.push_back({rect.get("<xmlattr>.class", ""), number(rect, "x"), number(rect, "width")});
            });
        }
    });
    return bars;
}

BarChart bar_chart(BarForm form) {
    BarChart chart;
    chart.head = {"title", "description", {"note"}};
    chart.form = form;
    chart.axis = "energy";
    chart.unit = "J";
    chart.categories = {"one", "two", "three"};
    chart.series = {{"a", {0.001, 0.002, 0.004}}, {"b", {0.003, 0, 0.016}}};
    return chart;
}

TEST(Bars, StackedLengthsAreProportionalAndTouch) {
    const auto bars = bars_of(figure(bar_chart(BarForm::kStacked)));
    ASSERT_EQ(bars.size(), 5U);  // a part of nothing has no bar
    const double scale = bars[0].width / 0.001;
    const std::vector<double> values{0.001, 0.003, 0.002, 0.004, 0.016};
    for (std::size_t i = 0; i < bars.size(); ++i) {
        EXPECT_NEAR(bars[i].width, values[i] * scale, 0.04 + 0.02 * values[i] / 0.001) << i;
    }
    EXPECT_NEAR(bars[1].x, bars[0].x + bars[0].width, 0.02);
    EXPECT_NEAR(bars[4].x, bars[3].x + bars[3].width, 0.02);
    EXPECT_LE(bars[4].x + bars[4].width, kChartWidth);
    EXPECT_NEAR(bars[4].width / bars[3].width, 4, 0.01);
    EXPECT_EQ(bars[0].colour, "f0");
    EXPECT_EQ(bars[1].colour, "f1");
}

TEST(Bars, GroupedLengthsAreProportionalAndStartTogether) {
    BarChart chart = bar_chart(BarForm::kGrouped);
    chart.series[1].values[1] = std::numeric_limits<double>::quiet_NaN();
    const auto bars = bars_of(figure(chart));
    ASSERT_EQ(bars.size(), 5U);
    for (const Bar& bar : bars) {
        EXPECT_DOUBLE_EQ(bar.x, bars.front().x);
    }
    EXPECT_NEAR(bars[4].width / bars[3].width, 4, 0.01);
    EXPECT_NEAR(bars[3].width / bars[2].width, 2, 0.01);
}

TEST(Bars, RefuseWhatTheyCannotShow) {
    BarChart chart = bar_chart(BarForm::kStacked);
    chart.series[0].values.pop_back();
    EXPECT_THROW(static_cast<void>(figure(chart)), std::invalid_argument);
    chart = bar_chart(BarForm::kStacked);
    chart.series[1].values[0] = -1;
    EXPECT_THROW(static_cast<void>(figure(chart)), std::invalid_argument);
    chart.series[1].values[0] = std::numeric_limits<double>::infinity();
    EXPECT_THROW(static_cast<void>(figure(chart)), std::invalid_argument);
    chart = bar_chart(BarForm::kStacked);
    chart.remarks = {"only one"};
    EXPECT_THROW(static_cast<void>(figure(chart)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(figure(BarChart{})), std::invalid_argument);
    chart = bar_chart(BarForm::kStacked);
    chart.series = {{"zeros", {0, 0, 0}}};
    EXPECT_TRUE(bars_of(figure(chart)).empty());
}

XyChart xy_chart() {
    XyChart chart;
    chart.head = {"title", "description", {}};
    chart.x = {"size", "", true, true};
    chart.y = {"speed", "tokens/s", true, true};
    chart.series = {{"points", {{1e3, 10, "", ""}, {1e4, 100, "", ""}, {1e6, 1000, "", ""}}, false}};
    return chart;
}

std::vector<std::pair<double, double>> circles_of(const std::string& html) {
    std::vector<std::pair<double, double>> circles;
    each(parse(html), "circle",
         [&](const ptree& c) { circles.emplace_back(number(c, "cx"), number(c, "cy")); });
    return circles;
}

TEST(Xy, LogarithmicAxesMakeEqualRatiosEqualDistances) {
    const auto c = circles_of(figure(xy_chart()));
    ASSERT_EQ(c.size(), 3U);
    EXPECT_NEAR(c[2].first - c[1].first, 2 * (c[1].first - c[0].first), 0.05);
    EXPECT_NEAR(c[2].second - c[1].second, c[1].second - c[0].second, 0.05);
    EXPECT_LT(c[1].second, c[0].second) << "up is more";
}

TEST(Xy, LinearAxesMakeEqualDifferencesEqualDistances) {
    XyChart chart = xy_chart();
    chart.x.logarithmic = chart.y.logarithmic = false;
    chart.series = {{"points", {{0, 5, "", ""}, {10, 6, "", ""}, {30, 8, "", ""}}, false}};
    const auto c = circles_of(figure(chart));
    ASSERT_EQ(c.size(), 3U);
    EXPECT_NEAR(c[2].first - c[1].first, 2 * (c[1].first - c[0].first), 0.05);
    EXPECT_NEAR(c[2].second - c[1].second, 2 * (c[1].second - c[0].second), 0.05);
}

TEST(Xy, RefusesWhatItsAxesCannotShow) {
    XyChart chart = xy_chart();
    chart.series[0].points[1].y = 0;
    EXPECT_THROW(static_cast<void>(figure(chart)), std::invalid_argument);
    chart.y.logarithmic = false;
    EXPECT_NO_THROW(static_cast<void>(figure(chart)));
    chart.series[0].points[1].y = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(static_cast<void>(figure(chart)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(figure(XyChart{})), std::invalid_argument);
    chart = xy_chart();
    chart.series[0].points.clear();
    EXPECT_NO_THROW(static_cast<void>(parse(figure(chart))));
    chart.series[0].points = {{5, 5, "alone", ""}};
    EXPECT_NO_THROW(static_cast<void>(parse(figure(chart))));
}

TEST(Xy, LabelsStayInsideAndApart) {
    for (const unsigned seed : {0U, 1U, 2U}) {
        std::mt19937 generator(seed);
        std::uniform_real_distribution<double> random(1, 1000);
        XyChart chart = xy_chart();
        chart.series[0].points.clear();
        for (int i = 0; i < 40; ++i) {
            chart.series[0].points.push_back(
                {random(generator), random(generator), "4x512x8 u280 " + std::to_string(i), ""});
        }
        struct Label {
            double left, right, base;
        };
        std::vector<Label> labels;
        each(parse(figure(chart)), "text", [&](const ptree& text) {
            if (text.get("<xmlattr>.class", "") != "value") {
                return;
            }
            const double width = text_width(text.data(), kChartText);
            const std::string anchor = text.get("<xmlattr>.text-anchor", "");
            const double left = number(text, "x") - (anchor == "start"    ? 0
                                                     : anchor == "middle" ? width / 2
                                                                          : width);
            labels.push_back({left, left + width, number(text, "y")});
        });
        EXPECT_GE(labels.size(), 3U) << "seed " << seed;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            EXPECT_GE(labels[i].left, 0);
            EXPECT_LE(labels[i].right, kChartWidth);
            for (std::size_t j = 0; j < i; ++j) {
                const bool apart = labels[i].left >= labels[j].right || labels[j].left >= labels[i].right ||
                                   std::abs(labels[i].base - labels[j].base) >= kChartText - 0.1;
                EXPECT_TRUE(apart) << "seed " << seed << ": " << i << " and " << j;
            }
        }
    }
}

TEST(Ticks, LinearOnesAreRoundInsideAndFew) {
    for (const auto& [low, high] : std::vector<std::pair<double, double>>{
             {0, 1}, {0, 0.00037}, {0, 123456}, {-3, 7}, {0, 9.99}, {5, 5.01}}) {
        const auto ticks = linear_ticks(low, high, 6);
        ASSERT_GE(ticks.size(), 2U) << low << " " << high;
        EXPECT_LE(ticks.size(), 6U);
        const double step = ticks[1] - ticks[0];
        const double mantissa = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
        EXPECT_TRUE(std::abs(mantissa - 1) < 1e-6 || std::abs(mantissa - 2) < 1e-6 ||
                    std::abs(mantissa - 5) < 1e-6)
            << mantissa;
        EXPECT_GE(ticks.front(), low - 1e-9 * step);
        EXPECT_LE(ticks.back(), high + 1e-9 * std::abs(high));
    }
}

TEST(Ticks, LogarithmicOnesArePowersOfTenOrTwosAndFivesBetween) {
    EXPECT_EQ(log_ticks(0.9, 1100, 6).size(), 4U);  // 1, 10, 100, 1000
    for (const double tick : log_ticks(1e-12, 1e12, 5)) {
        EXPECT_NEAR(std::log10(tick), std::round(std::log10(tick)), 1e-9);
    }
    EXPECT_LE(log_ticks(1e-12, 1e12, 5).size(), 5U);
    const auto few = log_ticks(3, 70, 6);
    ASSERT_EQ(few.size(), 4U);
    EXPECT_DOUBLE_EQ(few[0], 5);
    EXPECT_DOUBLE_EQ(few[1], 10);
    EXPECT_DOUBLE_EQ(few[2], 20);
    EXPECT_DOUBLE_EQ(few[3], 50);
    EXPECT_GE(log_ticks(6, 9, 5).size(), 2U);
}

TEST(Scales, RefuseImpossibleAxes) {
    EXPECT_THROW(Scale(false, 1, 1, 0, 10), std::invalid_argument);
    EXPECT_THROW(Scale(true, 0, 10, 0, 10), std::invalid_argument);
    EXPECT_DOUBLE_EQ(Scale(true, 1, 100, 0, 10).at(10), 5);
    EXPECT_DOUBLE_EQ(Scale(false, 0, 4, 10, 0).at(1), 7.5);
}

TEST(Text, EscapesEverythingThatMarkupGivesAMeaning) {
    EXPECT_EQ(escape(R"(<a b="c">&'x')"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;x&#39;");
    EXPECT_EQ(escape("\xC2\xB5J \xF0\x9F\x98\x80"), "\xC2\xB5J \xF0\x9F\x98\x80");
    const std::string bad = "\xEF\xBF\xBD";
    EXPECT_EQ(escape(std::string("a\0b", 3)), "a" + bad + "b");
    EXPECT_EQ(escape("\x1B[0m"), bad + "[0m");
    EXPECT_EQ(escape("\xC0\xAF"), bad + bad) << "overlong";
    EXPECT_EQ(escape("\xED\xA0\x80"), bad + bad + bad) << "surrogate";
    EXPECT_EQ(escape("\xE2\x82"), bad + bad) << "cut short";
    EXPECT_EQ(escape("\xEF\xBF\xBE"), bad + bad + bad) << "U+FFFE";
    EXPECT_EQ(escape("\xF4\x90\x80\x80"), bad + bad + bad + bad) << "beyond U+10FFFF";
}

TEST(Text, NumbersHaveThreeDigits) {
    EXPECT_EQ(si(0.0131, "J"), "13.1 mJ");
    EXPECT_EQ(si(7e-15, "J"), "7 fJ");
    EXPECT_EQ(si(0, "J"), "0 J");
    EXPECT_EQ(si(999.7e-6, "J"), "1 mJ");
    EXPECT_EQ(si(1.3e9, ""), "1.3G");
    EXPECT_EQ(plain(0.007), "0.007");
    EXPECT_EQ(plain(71.43), "71.4");
    EXPECT_EQ(plain(1234567), "1,234,567");
    EXPECT_EQ(plain(-1234.5), "-1,234");
    EXPECT_EQ(plain(100), "100");
    EXPECT_EQ(shortened("abcdef", 4), "abc\xE2\x80\xA6");
    EXPECT_EQ(shortened("\xC2\xB5\xC2\xB5\xC2\xB5", 2), "\xC2\xB5\xE2\x80\xA6");
}

TEST(Pages, AreWellFormedWhateverTheTexts) {
    const std::string hostile = "</title><script>alert('1')</script> \x01\xFF\"&amp; ]]>";
    Page page(hostile, hostile);
    page.heading(hostile);
    page.paragraph(hostile);
    page.list({hostile});
    page.facts({{hostile, hostile}});
    page.table({hostile, hostile}, {{hostile, hostile}});
    page.folded_table(hostile, {hostile}, {{hostile}});
    page.sources({hostile});
    BarChart bars = bar_chart(BarForm::kStacked);
    bars.head = {hostile, hostile, {hostile}};
    bars.axis = bars.unit = hostile;
    bars.categories = {hostile, hostile, hostile};
    bars.series[0].name = hostile;
    bars.remarks = {hostile, hostile, hostile};
    XyChart xy = xy_chart();
    xy.head = {hostile, hostile, {hostile}};
    xy.x.label = xy.y.label = xy.x.unit = xy.y.unit = hostile;
    xy.series[0].name = hostile;
    xy.series[0].points[0].label = xy.series[0].points[0].note = hostile;
    page.figures({figure(bars), figure(xy)});
    const std::string html = page.html();
    const ptree tree = parse(html);
    int scripts = 0;
    each(tree, "script", [&](const ptree&) { ++scripts; });
    EXPECT_EQ(scripts, 0);
    EXPECT_EQ(html.find("<script"), std::string::npos);
    std::string heading;
    each(tree, "h1", [&](const ptree& h1) { heading = h1.data(); });
    EXPECT_NE(heading.find("<script>alert('1')</script>"), std::string::npos) << "shown as it was given";
}

TEST(Pages, LoadNothingAndDescribeEveryChart) {
    Page page("title", "subtitle");
    page.figures({figure(bar_chart(BarForm::kGrouped)), figure(xy_chart())});
    std::string html = page.html();
    for (const char* forbidden : {"src=", "href=", "url(", "@import", "javascript"}) {
        EXPECT_EQ(html.find(forbidden), std::string::npos) << forbidden;
    }
    int charts = 0;
    int tables = 0;
    each(parse(html), "figure", [&](const ptree& f) {
        EXPECT_FALSE(f.get("svg.title", "").empty());
        EXPECT_FALSE(f.get("svg.desc", "").empty());
        EXPECT_EQ(f.get("svg.<xmlattr>.role", ""), "img");
        ++charts;
        each(f, "table", [&](const ptree&) { ++tables; });
    });
    EXPECT_EQ(charts, 2);
    EXPECT_EQ(tables, 2);
    EXPECT_NE(html.find("prefers-color-scheme:dark"), std::string::npos);
    EXPECT_NE(html.find("@media print"), std::string::npos);
    // 380 pixels less the page's margins: text keeps 11 pixels.
    EXPECT_GE(kChartText * (380 - 2 * 12) / kChartWidth, 11);
}

}  // namespace
}  // namespace setun::report
