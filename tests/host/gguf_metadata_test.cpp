// Metadata of GGUF files: every value and array type at its extremes, and refusals that name the key.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "host/base/error.h"
#include "host/loaders/gguf.h"
#include "tests/host/refusal.h"

namespace setun {
namespace {

using test::error_of;

template <class T>
std::string raw(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

std::string raw_text(const std::string& text) { return raw<std::uint64_t>(text.size()) + text; }

/// Key, number of its type, value as it stands in the file.
std::string pair_of(const std::string& key, std::uint32_t type, const std::string& value) {
    return raw_text(key) + raw(type) + value;
}

std::string array_of(const std::string& key, std::uint32_t type, std::uint64_t count,
                     const std::string& values) {
    return pair_of(key, 9, raw(type) + raw(count) + values);
}

/// A file of metadata alone.
class File {
  public:
    explicit File(const std::vector<std::string>& pairs)
        : bytes_("GGUF" + raw<std::uint32_t>(3) + raw<std::uint64_t>(0) + raw<std::uint64_t>(pairs.size())) {
        for (const std::string& pair : pairs) {
            bytes_ += pair;
        }
    }
    [[nodiscard]] GgufFile open() const {
        return GgufFile::open(MappedFile::in_memory("m.gguf", std::as_bytes(std::span(bytes_))));
    }

  private:
    std::string bytes_;
};

std::string open_error(const std::string& pair) {
    return error_of([&] { static_cast<void>(File({pair}).open()); });
}

TEST(GgufMetadata, EveryNumberTypeIsReadAtItsExtremes) {
    using Limits64 = std::numeric_limits<std::int64_t>;
    const File file(
        {pair_of("u8", 0, raw<std::uint8_t>(255)), pair_of("i8", 1, raw<std::int8_t>(-128)),
         pair_of("u16", 2, raw<std::uint16_t>(65535)), pair_of("i16", 3, raw<std::int16_t>(-32768)),
         pair_of("u32", 4, raw<std::uint32_t>(4294967295U)),
         pair_of("i32", 5, raw(std::numeric_limits<std::int32_t>::min())), pair_of("f32", 6, raw(0.375F)),
         pair_of("bool", 7, raw<std::uint8_t>(1)), pair_of("text", 8, raw_text("words")),
         pair_of("u64", 10, raw(static_cast<std::uint64_t>(Limits64::max()))),
         pair_of("i64", 11, raw(Limits64::min())), pair_of("f64", 12, raw(-1e300))});
    const GgufFile gguf = file.open();
    const auto integer = [&](const char* key) { return std::get<std::int64_t>(gguf.metadata().at(key)); };
    EXPECT_EQ(integer("u8"), 255);
    EXPECT_EQ(integer("i8"), -128);
    EXPECT_EQ(integer("u16"), 65535);
    EXPECT_EQ(integer("i16"), -32768);
    EXPECT_EQ(integer("u32"), 4294967295);
    EXPECT_EQ(integer("i32"), std::numeric_limits<std::int32_t>::min());
    EXPECT_EQ(integer("u64"), Limits64::max());
    EXPECT_EQ(integer("i64"), Limits64::min());
    EXPECT_EQ(gguf.number("f32", -1, 1), 0.375);
    EXPECT_EQ(gguf.number("f64", -1e301, 0), -1e300);
    EXPECT_TRUE(gguf.boolean_or("bool", false));
    EXPECT_EQ(gguf.text("text"), "words");
    EXPECT_EQ(gguf.integer("u8", 0, 255), 255U);
}

TEST(GgufMetadata, ArraysOfEveryTypeAreRead) {
    const std::string bytes{"\x00\x01\xFF\x7F", 4};
    const File file({array_of("u8", 0, 4, bytes), array_of("i8", 1, 4, bytes),
                     array_of("bool", 7, 2, bytes.substr(0, 2)), array_of("u16", 2, 2, bytes),
                     array_of("i16", 3, 2, bytes), array_of("u32", 4, 1, bytes),
                     array_of("i32", 5, 1, raw<std::int32_t>(-7)), array_of("f32", 6, 1, raw(-0.5F)),
                     array_of("f64", 12, 1, raw(1e-300)), array_of("u64", 10, 1, raw<std::uint64_t>(1)),
                     array_of("i64", 11, 1, raw<std::int64_t>(-1)),
                     array_of("texts", 8, 2, raw_text("a") + raw_text("")), array_of("none", 4, 0, "")});
    const GgufFile gguf = file.open();
    using Integers = std::vector<std::int64_t>;
    EXPECT_EQ(gguf.integers("u8"), (Integers{0, 1, 255, 127}));
    EXPECT_EQ(gguf.integers("i8"), (Integers{0, 1, -1, 127}));
    EXPECT_EQ(gguf.integers("bool"), (Integers{0, 1}));
    EXPECT_EQ(gguf.integers("u16"), (Integers{0x0100, 0x7FFF}));
    EXPECT_EQ(gguf.integers("i16"), (Integers{0x0100, 0x7FFF}));
    EXPECT_EQ(gguf.integers("u32"), (Integers{0x7FFF0100}));
    EXPECT_EQ(gguf.integers("i32"), (Integers{-7}));
    EXPECT_EQ(gguf.numbers("f32"), (std::vector<double>{-0.5}));
    EXPECT_EQ(gguf.numbers("f64"), (std::vector<double>{1e-300}));
    EXPECT_EQ(gguf.integers("u64"), (Integers{1}));
    EXPECT_EQ(gguf.integers("i64"), (Integers{-1}));
    EXPECT_EQ(gguf.texts("texts"), (std::vector<std::string_view>{"a", ""}));
    EXPECT_TRUE(gguf.integers("none").empty());
    EXPECT_TRUE(gguf.numbers("no such key").empty());
}

TEST(GgufMetadata, RefusesValuesThatAreNone) {
    const auto expect = [](const std::string& pair, const char* text) {
        const std::string error = open_error(pair);
        EXPECT_NE(error.find("m.gguf"), std::string::npos) << error;
        EXPECT_NE(error.find(text), std::string::npos) << error;
    };
    expect(pair_of("k", 10, raw(std::uint64_t{1} << 63)),
           "key 'k' is 9223372036854775808, which is out of range");
    expect(pair_of("k", 7, raw<std::uint8_t>(2)), "key 'k' is a boolean of value 2; expected 0 or 1");
    expect(pair_of("k", 13, raw<std::uint64_t>(0)), "key 'k' has value type 13; types 0 to 12 are known");
    expect(array_of("k", 9, 1, raw<std::uint32_t>(4) + raw<std::uint64_t>(0)),
           "array 'k' has entries of type 9; expected numbers, booleans or strings");
    expect(array_of("k", 12, 3, raw(1.0) + raw(2.0)), "has 3 entries, which the file is too short for");
    expect(array_of("k", 8, 1000, raw_text("a")),
           "array 'k' has 1000 entries, which the file is too short for");
    expect(array_of("k", 8, 1, raw<std::uint64_t>(1000) + "a"), "string of an array");
}

TEST(GgufMetadata, NamesAKeyOfAnotherTypeThanWanted) {
    const File file({pair_of("f", 6, raw(1.0F)), pair_of("i", 4, raw<std::uint32_t>(5)),
                     pair_of("t", 8, raw_text("x")), array_of("a", 4, 1, raw<std::uint32_t>(5))});
    const GgufFile gguf = file.open();
    const auto expect = [&](const std::function<void()>& what, const char* text) {
        const std::string error = error_of(what);
        EXPECT_NE(error.find(text), std::string::npos) << error;
        EXPECT_NE(error.find("m.gguf"), std::string::npos) << error;
    };
    expect([&] { static_cast<void>(gguf.integer("f", 1, 9)); },
           "key 'f' is not a single integer; expected one from 1 to 9");
    expect([&] { static_cast<void>(gguf.integer("a", 1, 9)); },
           "key 'a' is not a single integer; expected one from 1 to 9");
    expect([&] { static_cast<void>(gguf.integer("i", 6, 9)); },
           "key 'i' is 5; expected an integer from 6 to 9");
    expect([&] { static_cast<void>(gguf.number("i", 0, 1)); },
           "key 'i' is not a float; expected a number from 0 to 1");
    expect([&] { static_cast<void>(gguf.number("f", 2, 3)); }, "key 'f' is 1; expected a number from 2 to 3");
    expect([&] { static_cast<void>(gguf.boolean_or("i", true)); }, "key 'i' is not a boolean");
    expect([&] { static_cast<void>(gguf.text("i")); }, "key 'i' is not a string");
    expect([&] { static_cast<void>(gguf.texts("a")); }, "key 'a' is not an array of strings");
    expect([&] { static_cast<void>(gguf.integers("t")); }, "key 't' is not an array of integers");
    expect([&] { static_cast<void>(gguf.numbers("a")); }, "key 'a' is not an array of floats");
    expect([&] { static_cast<void>(gguf.text("none")); }, "key 'none' is missing");
}

}  // namespace
}  // namespace setun
