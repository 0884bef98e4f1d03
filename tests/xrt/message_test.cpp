// The codec: known bytes, round trips, and refusal of everything that is not a message.
#include "sim/xrt/message.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace setun::emulation {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (const int value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    return result;
}

TEST(Message, KnownEncoding) {
    // The example of the protocol buffer documentation: field 1 = 150 is 08 96 01; field 2 "testing" is 12 07
    // ...
    MessageWriter writer;
    writer.number(1, 150);
    const std::string text = "testing";
    writer.bytes(2, std::as_bytes(std::span(text)));
    EXPECT_EQ(writer.data(), bytes({0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67}));
}

TEST(Message, KnownHeaders) {
    EXPECT_EQ(make_request_header({0x0102, 20}), bytes({0x09, 2, 1, 0, 0, 0, 0, 0, 0, 0x15, 20, 0, 0, 0}));
    EXPECT_EQ(make_reply_header(7), bytes({0x09, 7, 0, 0, 0, 0, 0, 0, 0}));
    std::array<std::byte, RequestHeader::kBytes> raw{};
    const auto made = make_request_header({~std::uint64_t{0}, 9});
    std::copy(made.begin(), made.end(), raw.begin());
    EXPECT_EQ(parse_request_header(raw).payload, ~std::uint64_t{0});
    EXPECT_EQ(parse_request_header(raw).call, 9U);
    for (const std::size_t tag : {0U, 9U}) {
        auto bad = raw;
        bad[tag] = std::byte{0};
        EXPECT_THROW(static_cast<void>(parse_request_header(bad)), ProtocolError);
    }
}

TEST(Message, RoundTripsOfRandomFields) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        for (int round = 0; round < 200; ++round) {
            const std::uint64_t value = random() >> (random() % 64);
            const unsigned field = 1 + static_cast<unsigned>(random() % 100);
            std::vector<std::byte> blob(random() % 300);
            for (std::byte& b : blob) {
                b = static_cast<std::byte>(random());
            }
            MessageWriter writer;
            writer.number(field, value);
            writer.bytes(field + 1, blob);
            const MessageReader reader(writer.data());
            EXPECT_EQ(reader.number(field), value);
            EXPECT_EQ(reader.need(field, "value"), value);
            const auto back = reader.bytes(field + 1);
            EXPECT_TRUE(std::equal(back.begin(), back.end(), blob.begin(), blob.end()));
            EXPECT_FALSE(reader.number(field + 1).has_value()) << "a byte string is not a number";
            EXPECT_FALSE(reader.number(field + 2).has_value());
            EXPECT_THROW(static_cast<void>(reader.need(field + 2, "value")), ProtocolError);
        }
    }
}

TEST(Message, FixedNumbersAndTheLastValueCount) {
    const MessageReader reader(bytes({0x09, 1, 0, 0, 0, 0, 0, 0, 0x80, 0x15, 5, 0, 0, 1, 0x18, 1, 0x18, 2}));
    EXPECT_EQ(reader.number(1), 0x8000000000000001U);
    EXPECT_EQ(reader.number(2), 0x01000005U);
    EXPECT_EQ(reader.number(3), 2U);
}

TEST(Message, RefusesWhatIsNoMessage) {
    const std::vector<std::vector<std::byte>> bad{
        bytes({0x08}),                                                              // no value
        bytes({0x08, 0x80}),                                                        // unfinished varint
        bytes({0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}),  // 65 bits
        bytes({0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}),  // endless
        bytes({0x12, 0x05, 0x01}),                                                  // short byte string
        bytes({0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}),  // huge byte string
        bytes({0x09, 0x01}),                                                        // short fixed64
        bytes({0x15, 0x01}),                                                        // short fixed32
        bytes({0x0B}),                                                              // group
        bytes({0x00, 0x01}),                                                        // field 0
    };
    for (const auto& message : bad) {
        EXPECT_THROW(MessageReader{message}, ProtocolError) << message.size();
    }
}

TEST(Message, RandomBytesNeverCrash) {
    std::size_t refused = 0;
    for (const std::uint64_t seed : {0U, 1U}) {
        std::mt19937_64 random(seed);
        for (int round = 0; round < 5000; ++round) {
            std::vector<std::byte> noise(random() % 64);
            for (std::byte& b : noise) {
                b = static_cast<std::byte>(random());
            }
            try {
                static_cast<void>(MessageReader(noise).number(1));
            } catch (const ProtocolError&) {
                ++refused;
            }
        }
    }
    EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace setun::emulation
