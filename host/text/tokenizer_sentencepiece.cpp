// SentencePiece .model files: the few protobuf fields that a BPE model needs, read with bounds.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/text/token_spelling.h"
#include "host/text/tokenizer_files.h"
#include "host/text/utf8.h"

namespace setun {
namespace {

/// Field numbers of sentencepiece_model.proto.
namespace model_field {
constexpr std::uint32_t kPieces = 1;
constexpr std::uint32_t kTrainer = 2;
constexpr std::uint32_t kNormalizer = 3;
}  // namespace model_field
namespace piece_field {
constexpr std::uint32_t kText = 1;
constexpr std::uint32_t kScore = 2;
constexpr std::uint32_t kType = 3;
}  // namespace piece_field
namespace trainer_field {
constexpr std::uint32_t kModelType = 3;
constexpr std::uint32_t kSpaceAsSuffix = 24;
}  // namespace trainer_field
namespace normalizer_field {
constexpr std::uint32_t kCharacterMap = 2;
constexpr std::uint32_t kDummyPrefix = 3;
constexpr std::uint32_t kRemoveExtraSpaces = 4;
constexpr std::uint32_t kEscapeSpaces = 5;
}  // namespace normalizer_field

constexpr std::uint64_t kModelTypeBpe = 2;

/// One field of a message. Exactly one of `number` and `bytes` has the value, by wire type.
struct Field {
    std::uint32_t id = 0;
    std::uint64_t number = 0;          ///< varint, fixed32 or fixed64
    std::span<const std::byte> bytes;  ///< length-delimited
};

/// The fields of one protobuf message, in file order. Never reads past the message.
class Message {
  public:
    Message(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

    bool next(Field& field) {
        if (at_ == bytes_.size()) {
            return false;
        }
        const std::uint64_t tag = varint();
        field = {};
        field.id = static_cast<std::uint32_t>(tag >> 3);
        switch (tag & 7) {
            case 0:
                field.number = varint();
                break;
            case 1:
                field.number = fixed(8);
                break;
            case 2:
                field.bytes = take(varint());
                break;
            case 5:
                field.number = fixed(4);
                break;
            default:
                fail(fmt::format("wire type {}", tag & 7));
        }
        return true;
    }

  private:
    [[noreturn]] void fail(const std::string& what) const {
        throw InputError(fmt::format(
            "{}: not a SentencePiece model ({} at byte {} of a message); copy it again", where_, what, at_));
    }
    std::span<const std::byte> take(std::uint64_t size) {
        if (size > bytes_.size() - at_) {
            fail(fmt::format("{} bytes wanted, {} left", size, bytes_.size() - at_));
        }
        const auto part = bytes_.subspan(at_, size);
        at_ += size;
        return part;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
            value |= (byte & 0x7F) << shift;
            if ((byte & 0x80) == 0) {
                return value;
            }
        }
        fail("an integer of more than ten bytes");
    }
    std::uint64_t fixed(std::size_t size) {
        std::uint64_t value = 0;
        std::memcpy(&value, take(size).data(), size);  // little endian, as this machine is
        return value;
    }

    std::span<const std::byte> bytes_;
    const std::string& where_;
    std::size_t at_ = 0;
};

class ModelReader {
  public:
    explicit ModelReader(std::string where) : where_(std::move(where)) {}
    TokenizerData read(std::span<const std::byte> bytes);

  private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw InputError(fmt::format("{}: {}", where_, problem));
    }
    void read_piece(std::span<const std::byte> bytes);
    void add_piece(const std::string& text, float score, std::uint64_t type);
    void read_trainer(std::span<const std::byte> bytes) const;
    void read_normalizer(std::span<const std::byte> bytes);

    std::string where_;
    TokenizerData data_;
};

void ModelReader::read_piece(std::span<const std::byte> bytes) {
    Message message(bytes, where_);
    std::string text;
    float score = 0;
    std::uint64_t type = 1;
    for (Field field; message.next(field);) {
        if (field.id == piece_field::kText) {
            text.assign(reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size());
        } else if (field.id == piece_field::kScore) {
            score = std::bit_cast<float>(static_cast<std::uint32_t>(field.number));
        } else if (field.id == piece_field::kType) {
            type = field.number;
        }
    }
    add_piece(text, score, type);
}

void ModelReader::add_piece(const std::string& text, float score, std::uint64_t type) {
    const std::size_t id = data_.tokens.size();
    if (id == kMaxTokens || text.empty() || !std::isfinite(score)) {
        fail(fmt::format("piece {} is empty, has a score that is not finite, or is one too many", id));
    }
    std::string raw = spaces_for_marks(text);
    TokenKind kind = TokenKind::kNormal;
    switch (type) {
        case 1:
            break;
        case 2:
            kind = TokenKind::kUnknown;
            break;
        case 3:
            kind = TokenKind::kSpecial;
            break;
        case 4:
            kind = TokenKind::kAdded;
            break;
        case 5:
            kind = TokenKind::kUnused;
            break;
        case 6: {
            const auto byte = parse_byte_token(text);
            if (!byte) {
                fail(fmt::format("piece {} is a byte piece, but not of the form <0x0A>", id));
            }
            kind = TokenKind::kByte;
            raw.assign(1, *byte);
            break;
        }
        default:
            fail(fmt::format("piece {} has type {}; expected 1 to 6", id, type));
    }
    data_.tokens.push_back(std::move(raw));
    data_.kinds.push_back(kind);
    data_.scores.push_back(score);
}

void ModelReader::read_trainer(std::span<const std::byte> bytes) const {
    Message message(bytes, where_);
    std::uint64_t type = 1;
    for (Field field; message.next(field);) {
        if (field.id == trainer_field::kModelType) {
            type = field.number;
        } else if (field.id == trainer_field::kSpaceAsSuffix && field.number != 0) {
            fail("field 'treat_whitespace_as_suffix' is true; only a space in front of words is supported");
        }
    }
    if (type != kModelTypeBpe) {
        fail(fmt::format("field 'model_type' is {}; only 2 (BPE) is supported", type));
    }
}

void ModelReader::read_normalizer(std::span<const std::byte> bytes) {
    Message message(bytes, where_);
    bool prefix = true;
    bool remove = true;
    bool escape = true;
    for (Field field; message.next(field);) {
        if (field.id == normalizer_field::kCharacterMap && !field.bytes.empty()) {
            fail("field 'precompiled_charsmap' is set; only the identity normalizer is supported");
        } else if (field.id == normalizer_field::kDummyPrefix) {
            prefix = field.number != 0;
        } else if (field.id == normalizer_field::kRemoveExtraSpaces) {
            remove = field.number != 0;
        } else if (field.id == normalizer_field::kEscapeSpaces) {
            escape = field.number != 0;
        }
    }
    if (remove || !escape) {
        fail("field 'remove_extra_whitespaces' must be false and 'escape_whitespaces' true, as in Llama");
    }
    data_.prefix = prefix ? SpacePrefix::kAlways : SpacePrefix::kNever;
}

TokenizerData ModelReader::read(std::span<const std::byte> bytes) {
    data_.kind = TokenizerKind::kSentencePiece;
    bool trainer = false;
    bool normalizer = false;
    Message message(bytes, where_);
    for (Field field; message.next(field);) {
        if (field.id == model_field::kPieces) {
            read_piece(field.bytes);
        } else if (field.id == model_field::kTrainer) {
            read_trainer(field.bytes);
            trainer = true;
        } else if (field.id == model_field::kNormalizer) {
            read_normalizer(field.bytes);
            normalizer = true;
        }
    }
    if (data_.tokens.empty() || !trainer || !normalizer) {
        fail(
            "not a SentencePiece model (pieces, trainer_spec or normalizer_spec are missing); copy it again");
    }
    return std::move(data_);
}

}  // namespace

TokenizerData read_sentencepiece(const MappedFile& file) {
    return ModelReader(file.path().string()).read(file.bytes());
}

}  // namespace setun
