// The packed model file: exact round trip, and every kind of damage detected.
#include "host/model/model_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <random>

#include "host/base/error.h"
#include "host/loaders/hf_loader.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

/// A packed synthetic model on disk.
class ModelFile : public testing::Test {
  protected:
    ModelFile() {
        test::write_synthetic(folder_.path(), {});
        model_ = load_hugging_face(folder_.path(), {});
        model_.metadata["licence"] = "test only";
        save_model(model_, file_, false);
        content_ = test::read_file(file_);
    }

    std::string error_with(const std::string& content) {
        test::write_file(folder_ / "changed.setun", content);
        try {
            static_cast<void>(open_model(folder_ / "changed.setun"));
        } catch (const InputError& error) {
            return error.what();
        }
        return "";
    }

    /// The file with its metadata replaced and every header checksum made right again.
    std::string with_metadata(const nlohmann::json& metadata) {
        std::string content = content_;
        const std::string text = metadata.dump();
        std::uint32_t header_bytes = 0;
        std::memcpy(&header_bytes, content.data() + 12, 4);
        EXPECT_LE(48 + text.size(), header_bytes);
        std::fill(content.begin() + 48, content.begin() + header_bytes, '\0');
        std::copy(text.begin(), text.end(), content.begin() + 48);
        put(content, 16, static_cast<std::uint32_t>(text.size()));
        put(content, 32, crc(content.substr(48, header_bytes - 48)));
        return with_head_checksum(content);
    }
    static std::string with_head_checksum(std::string content) {
        put(content, 36, 0);
        put(content, 36, crc(content.substr(0, 48)));
        return content;
    }
    nlohmann::json metadata() const {
        std::uint32_t size = 0;
        std::memcpy(&size, content_.data() + 16, 4);
        return nlohmann::json::parse(content_.substr(48, size));
    }
    static void put(std::string& content, std::size_t at, std::uint32_t value) {
        std::memcpy(content.data() + at, &value, 4);
    }
    static std::uint32_t crc(const std::string& bytes) {
        return static_cast<std::uint32_t>(
            ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
    }

    test::TemporaryFolder folder_;
    std::filesystem::path file_ = folder_ / "model.setun";
    Model model_;
    std::string content_;
};

TEST_F(ModelFile, HoldsTheModelExactly) {
    const Model read = open_model(file_);
    EXPECT_EQ(read.architecture, model_.architecture);
    EXPECT_EQ(read.metadata, model_.metadata);
    EXPECT_EQ(read.tokenizer, model_.tokenizer);
    EXPECT_EQ(read.final_norm, model_.final_norm);
    const auto ours = model_.matrices();
    const auto theirs = read.matrices();
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        EXPECT_EQ(ours[i]->name, theirs[i]->name);
        EXPECT_EQ(ours[i]->scale, theirs[i]->scale);
        ASSERT_EQ(ours[i]->streams.size(), theirs[i]->streams.size());
        EXPECT_TRUE(std::equal(ours[i]->streams[0].begin(), ours[i]->streams[0].end(),
                               theirs[i]->streams[0].begin(), theirs[i]->streams[0].end()));
    }
    for (std::size_t i = 0; i < read.layers.size(); ++i) {
        EXPECT_EQ(read.layers[i].norms, model_.layers[i].norms);
    }
}

TEST_F(ModelFile, SectionsAreAlignedAndCoverTheFile) {
    std::uint64_t end = 0;
    for (const FileSection& section : model_file_sections(file_)) {
        EXPECT_EQ(section.offset % 4096, 0U) << section.name;
        EXPECT_GE(section.offset, end) << section.name;
        end = section.offset + section.bytes;
    }
    EXPECT_EQ((end + 4095) / 4096 * 4096, content_.size());
}

TEST_F(ModelFile, IsTheSameWhenWrittenAgain) {
    save_model(open_model(file_), folder_ / "again.setun", false);
    EXPECT_TRUE(test::read_file(folder_ / "again.setun") == content_);
}

TEST_F(ModelFile, OtherLayoutsHoldTheSameIntegers) {
    Model other = open_model(file_);
    repack(other, {4, 128, 16});
    save_model(other, folder_ / "other.setun", false);
    const Model read = open_model(folder_ / "other.setun");
    EXPECT_EQ(read.embedding.layout, (StreamLayout{4, 128, 16}));
    for (std::size_t i = 0; i < read.matrices().size(); ++i) {
        const PackedMatrix& a = *read.matrices()[i];
        const PackedMatrix& b = *model_.matrices()[i];
        EXPECT_EQ(unpack_matrix(a.layout, a.m, a.k, a.planes, a.streams),
                  unpack_matrix(b.layout, b.m, b.k, b.planes, b.streams));
    }
}

TEST_F(ModelFile, AnyFlippedBitIsDetected) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        for (int i = 0; i < 150; ++i) {
            std::string changed = content_;
            // Every third flip in the header, where fields and padding differ most; the others anywhere.
            const std::size_t at = random() % (i % 3 == 0 ? 8192 : changed.size());
            const int bit = static_cast<int>(random() % 8);
            changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
            EXPECT_NE(error_with(changed), "") << "byte " << at << " bit " << bit;
        }
    }
}

TEST_F(ModelFile, EveryBitOfTheFixedHeaderIsProtected) {
    for (std::size_t at = 0; at < 48; ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = content_;
            changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
            EXPECT_NE(error_with(changed), "") << "byte " << at << " bit " << bit;
        }
    }
}

TEST_F(ModelFile, TruncationIsDetectedAtEveryLength) {
    for (std::size_t size = 0; size < content_.size(); size += 1 + size / 7) {
        EXPECT_NE(error_with(content_.substr(0, size)), "") << size;
    }
    EXPECT_NE(error_with(content_.substr(0, content_.size() - 1)).find("truncated"), std::string::npos);
    EXPECT_NE(error_with(content_ + "x"), "");
}

TEST_F(ModelFile, NewerVersionIsRefusedClearly) {
    std::string changed = content_;
    put(changed, 8, 2);
    for (const std::string& content : {changed, with_head_checksum(changed)}) {
        const std::string message = error_with(content);
        EXPECT_NE(message.find("version 2"), std::string::npos) << message;
        EXPECT_NE(message.find("newer setun"), std::string::npos) << message;
    }
}

TEST_F(ModelFile, HeadersThatContradictTheFileAreRefused) {
    const auto error = [&](std::size_t at, std::uint32_t value) {
        std::string changed = content_;
        put(changed, at, value);
        return error_with(with_head_checksum(changed));
    };
    EXPECT_NE(error(8, 0).find("field 'version' is 0; expected 1"), std::string::npos);
    EXPECT_NE(error(12, 4095).find("fields 'header_bytes' 4095"), std::string::npos);
    EXPECT_NE(error(16, 0xFFFFFFFFU).find("'metadata_bytes' 4294967295 do not fit the file"),
              std::string::npos);
    EXPECT_NE(error(20, 1).find("expected 1 sections"), std::string::npos);
    EXPECT_NE(error(24, 4096).find("field 'file_bytes' says 4096"), std::string::npos);
}

TEST_F(ModelFile, OtherFilesAreRefused) {
    EXPECT_NE(error_with(std::string(10000, '\0')).find("not a Setun model file"), std::string::npos);
    EXPECT_FALSE(is_model_file(folder_ / "config.json"));
    EXPECT_TRUE(is_model_file(file_));
}

TEST_F(ModelFile, LyingMetadataIsRefusedEvenWithRightChecksums) {
    ASSERT_EQ(error_with(with_metadata(metadata())), "");
    const auto error = [&](const std::string& pointer, const nlohmann::json& value) {
        nlohmann::json changed = metadata();
        changed[nlohmann::json::json_pointer(pointer)] = value;
        return error_with(with_metadata(changed));
    };
    EXPECT_NE(error("/architecture/hidden", 65).find("expected"), std::string::npos);
    EXPECT_NE(error("/architecture/hidden", 0), "");
    EXPECT_NE(error("/architecture/ffn", 200000), "");
    EXPECT_NE(error("/architecture/layers", 3), "");
    EXPECT_NE(error("/architecture/layers", 4000000000U), "");
    EXPECT_NE(error("/architecture/heads", 3), "");
    EXPECT_NE(error("/architecture/eps", -1), "");
    EXPECT_NE(error("/architecture/activation", "gelu").find("relu2 or silu"), std::string::npos);
    EXPECT_NE(error("/trit_code", "base3").find("t5"), std::string::npos);
    EXPECT_NE(error("/layout/ports", 2), "");
    EXPECT_NE(error("/layout/port_bits", 384), "");
    EXPECT_NE(error("/layout/tile_rows", 8192), "");
    EXPECT_NE(error("/matrices/0/m", 1U << 21), "");
    EXPECT_NE(error("/matrices/0/name", "layers.0.k"), "");
    EXPECT_NE(error("/matrices/0/scale", 0), "");
    EXPECT_NE(error("/matrices/0/scale", "1"), "");
    EXPECT_NE(error("/matrices/0/streams/0/offset", 4097), "");
    EXPECT_NE(error("/matrices/0/streams/0/offset", 0), "");
    EXPECT_NE(error("/matrices/0/streams/0/offset", 0xFFFFFFFFFFFFF000U), "");
    EXPECT_NE(error("/matrices/0/streams/0/bytes", 64), "");
    EXPECT_NE(error("/matrices/0/streams/0/bytes", 0xFFFFFFFFFFFFFFFFU), "");
    EXPECT_NE(error("/vectors/0/bytes", 8), "");
    EXPECT_NE(error("/matrices", nlohmann::json::array()), "");
    EXPECT_NE(error("/metadata/name", 7), "");
    EXPECT_NE(error("/vectors/0/name", "final_norm").find("'final_norm' stands where 'layers.0."),
              std::string::npos);
    EXPECT_NE(error("/architecture/eos", {263}).find("not a token id below 263"), std::string::npos);
    // Two entries that share one section: the file would then have an unchecked gap.
    EXPECT_NE(error("/matrices/1/streams/0", metadata()["matrices"][2]["streams"][0]), "");
}

TEST_F(ModelFile, IllegalTritCodesAreRefusedEvenWithRightChecksums) {
    nlohmann::json changed = metadata();
    auto& stream = changed["matrices"][0]["streams"][0];
    const auto offset = stream["offset"].get<std::size_t>();
    const auto bytes = stream["bytes"].get<std::size_t>();
    std::fill(content_.begin() + static_cast<std::ptrdiff_t>(offset),
              content_.begin() + static_cast<std::ptrdiff_t>(offset + 64), static_cast<char>(0xFF));
    stream["crc32"] = crc(content_.substr(offset, (bytes + 4095) / 4096 * 4096));
    const std::string message = error_with(with_metadata(changed));
    EXPECT_NE(message.find("layers.0.q"), std::string::npos) << message;
    EXPECT_NE(message.find("illegal"), std::string::npos) << message;
}

TEST_F(ModelFile, HoldsModelsWithoutTokenizerAndWithSeparateHead) {
    const test::TemporaryFolder folder;
    test::SyntheticOptions options;
    options.tied_head = false;
    options.sub_norms = false;
    test::write_synthetic(folder.path(), options);
    std::filesystem::remove(folder / "tokenizer.json");
    save_model(load_hugging_face(folder.path(), {}), folder / "m.setun", false);
    const Model read = open_model(folder / "m.setun");
    EXPECT_FALSE(read.tokenizer.has_value());
    ASSERT_TRUE(read.head.has_value());
    EXPECT_EQ(read.head->name, "head");
}

}  // namespace
}  // namespace setun
