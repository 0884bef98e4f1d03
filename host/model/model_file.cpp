// Setun's packed model file: writing, and opening by memory map with every byte checked (docs/model-file.md).
#include "host/model/model_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/base/json_fields.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "sections are mapped as they are: little endian");

constexpr std::array<char, 8> kMagic{'S', 'E', 'T', 'U', 'N', '\r', '\n', '\x1A'};
constexpr std::uint64_t kAlign = 4096;
constexpr std::uint64_t kMaxHeader = std::uint64_t{64} << 20;
constexpr const char* kTritCode = "t5";
constexpr const char* kRemedy = "copy or make the file again with 'setun pack'";

/// The first 48 bytes of the file.
struct FileHead {
    std::array<char, 8> magic = kMagic;
    std::uint32_t version = kModelFileVersion;
    std::uint32_t header_bytes =
        0;  ///< head and metadata with padding, a multiple of 4096: the first section begins here
    std::uint32_t metadata_bytes = 0;  ///< JSON text behind this head
    std::uint32_t section_count = 0;
    std::uint64_t file_bytes = 0;
    std::uint32_t metadata_crc = 0;  ///< of bytes 48 .. header_bytes - 1
    std::uint32_t head_crc = 0;      ///< of these 48 bytes with this field taken as zero
    std::uint64_t reserved = 0;
};
static_assert(sizeof(FileHead) == 48);

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

std::uint32_t checksum(std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// CRC-32 of the head with its own checksum field taken as zero.
std::uint32_t head_checksum(FileHead head) {
    head.head_crc = 0;
    return checksum(std::as_bytes(std::span(&head, 1)));
}

// ---- writing
// -------------------------------------------------------------------------------------------------------------

/// Lays out sections and remembers where their bytes come from.
class SectionPlan {
  public:
    json add(std::string name, std::span<const std::byte> bytes) {
        // The checksum covers the padding, so that no bit of the file is unprotected.
        static constexpr std::array<std::byte, kAlign> kZeros{};
        auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
        const std::uint64_t padding = aligned(bytes.size()) - bytes.size();
        crc = crc32_z(crc, reinterpret_cast<const Bytef*>(kZeros.data()), padding);
        json entry{{"offset", end_}, {"bytes", bytes.size()}, {"crc32", static_cast<std::uint32_t>(crc)}};
        parts_.push_back(bytes);
        end_ += aligned(bytes.size());
        names_.push_back(std::move(name));
        return entry;
    }
    [[nodiscard]] const std::vector<std::span<const std::byte>>& parts() const { return parts_; }
    [[nodiscard]] std::uint64_t end() const { return end_; }

  private:
    std::vector<std::span<const std::byte>> parts_;
    std::vector<std::string> names_;
    std::uint64_t end_ = 0;  ///< relative to the first section
};

json describe_architecture(const Architecture& a) {
    json result{{"hidden", a.hidden},
                {"ffn", a.ffn},
                {"layers", a.layers},
                {"heads", a.heads},
                {"kv_heads", a.kv_heads},
                {"head_dim", a.head_dim},
                {"vocab", a.vocab},
                {"context", a.context},
                {"rope_theta", a.rope_theta},
                {"eps", a.eps},
                {"activation", a.activation == Activation::kRelu2 ? "relu2" : "silu"},
                {"sub_norms", a.sub_norms},
                {"tied_head", a.tied_head},
                {"eos", a.eos}};
    if (a.bos) {
        result["bos"] = *a.bos;
    }
    return result;
}

json describe_matrix(const PackedMatrix& matrix, SectionPlan& plan) {
    json streams = json::array();
    for (std::size_t port = 0; port < matrix.streams.size(); ++port) {
        streams.push_back(plan.add(fmt::format("{} port {}", matrix.name, port), matrix.streams[port]));
    }
    return {{"name", matrix.name},     {"m", matrix.m},         {"k", matrix.k},
            {"planes", matrix.planes}, {"scale", matrix.scale}, {"streams", std::move(streams)}};
}

json describe_vector(const std::string& name, const std::vector<float>& values, SectionPlan& plan) {
    json entry = plan.add(name, bytes_of(values));
    entry["name"] = name;
    return entry;
}

std::string norm_name(std::uint32_t layer, std::size_t which) {
    return fmt::format("layers.{}.{}", layer, layer_norm_name(static_cast<LayerNorm>(which)));
}

json describe_model(const Model& model, SectionPlan& plan, const std::vector<std::byte>& tokenizer) {
    const StreamLayout& layout = model.embedding.layout;
    json matrices = json::array();
    for (const PackedMatrix* matrix : model.matrices()) {
        matrices.push_back(describe_matrix(*matrix, plan));
    }
    json vectors = json::array();
    for (std::uint32_t i = 0; i < model.layers.size(); ++i) {
        for (std::size_t which = 0; which < kLayerNorms; ++which) {
            if (!model.layers[i].norms[which].empty()) {
                vectors.push_back(describe_vector(norm_name(i, which), model.layers[i].norms[which], plan));
            }
        }
    }
    vectors.push_back(describe_vector("final_norm", model.final_norm, plan));
    json result{{"architecture", describe_architecture(model.architecture)},
                {"trit_code", kTritCode},
                {"layout",
                 {{"ports", layout.ports}, {"port_bits", layout.port_bits}, {"tile_rows", layout.tile_rows}}},
                {"metadata", model.metadata},
                {"matrices", std::move(matrices)},
                {"vectors", std::move(vectors)}};
    if (model.tokenizer) {
        result["tokenizer"] = plan.add("tokenizer", tokenizer);
    }
    return result;
}

/// Adds `base` to every section offset: they are known only when the metadata's length is.
void shift_offsets(json& value, std::uint64_t base) {
    for (const char* list : {"matrices", "vectors"}) {
        for (json& item : value[list]) {
            if (item.contains("streams")) {
                for (json& stream : item["streams"]) {
                    stream["offset"] = stream["offset"].get<std::uint64_t>() + base;
                }
            } else {
                item["offset"] = item["offset"].get<std::uint64_t>() + base;
            }
        }
    }
    if (value.contains("tokenizer")) {
        value["tokenizer"]["offset"] = value["tokenizer"]["offset"].get<std::uint64_t>() + base;
    }
}

std::string finished_metadata(const json& metadata, std::uint64_t& base) {
    // Larger offsets can need more digits, so the header can only grow from one round to the next.
    std::string text;
    base = kAlign;
    for (;;) {
        json shifted = metadata;
        shift_offsets(shifted, base);
        text = shifted.dump(-1, ' ', false, json::error_handler_t::replace);
        const std::uint64_t needed = aligned(sizeof(FileHead) + text.size());
        if (needed <= base) {
            return text;
        }
        base = needed;
    }
}

// ---- reading
// -------------------------------------------------------------------------------------------------------------

/// An open file whose head and metadata have been checked.
class ModelReader {
  public:
    explicit ModelReader(MappedFile file)
        : file_(std::make_shared<const MappedFile>(std::move(file))), where_(file_->path().string()) {
        check_head();
        check_metadata();
    }

    Model read();
    /// Sections in file order; fills while read() runs.
    [[nodiscard]] const std::vector<FileSection>& sections() const { return sections_; }

  private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw InputError(fmt::format("{}: {}; {}", where_, problem, kRemedy));
    }
    [[nodiscard]] std::span<const std::byte> bytes() const { return file_->bytes(); }
    void check_head();
    void check_metadata();
    std::span<const std::byte> section(const JsonFields& entry, const std::string& name,
                                       std::uint64_t expected);
    Architecture read_architecture(const JsonFields& fields);
    StreamLayout read_layout(const JsonFields& fields);
    PackedMatrix read_matrix(const json& item, const std::string& name, MatrixShape shape,
                             std::uint32_t planes);
    std::vector<float> read_vector(const json& item, const std::string& name, std::uint32_t size);
    void read_layers(Model& model, const json& matrices, const json& vectors);
    void check_sections_cover_file();

    std::shared_ptr<const MappedFile> file_;
    std::string where_;
    FileHead head_;
    json metadata_;
    StreamLayout layout_;
    std::vector<FileSection> sections_;
};

void ModelReader::check_head() {
    if (bytes().size() < sizeof(FileHead)) {
        fail(fmt::format("{} bytes is too short for a Setun model file", bytes().size()));
    }
    std::memcpy(&head_, bytes().data(), sizeof(head_));
    if (head_.magic != kMagic) {
        fail("not a Setun model file (wrong magic number)");
    }
    if (head_.version > kModelFileVersion) {
        throw InputError(fmt::format(
            "{}: format version {}, this program reads version {}; use a newer setun{}", where_,
            head_.version, kModelFileVersion,
            head_.head_crc == head_checksum(head_) ? ""
                                                   : " (or copy the file again: its header is damaged)"));
    }
    if (head_.head_crc != head_checksum(head_)) {
        fail("header checksum does not match: the first bytes are damaged");
    }
    if (head_.version != kModelFileVersion) {
        fail(fmt::format("field 'version' is {}; expected {}", head_.version, kModelFileVersion));
    }
    if (head_.file_bytes != bytes().size()) {
        fail(fmt::format("field 'file_bytes' says {}, the file has {}: truncated or extended",
                         head_.file_bytes, bytes().size()));
    }
    const bool header_ok = head_.header_bytes % kAlign == 0 &&
                           head_.header_bytes <= std::min<std::uint64_t>(kMaxHeader, bytes().size()) &&
                           head_.header_bytes >= sizeof(FileHead) &&
                           head_.metadata_bytes <= head_.header_bytes - sizeof(FileHead);
    if (!header_ok || head_.reserved != 0) {
        fail(fmt::format("fields 'header_bytes' {} and 'metadata_bytes' {} do not fit the file",
                         head_.header_bytes, head_.metadata_bytes));
    }
}

void ModelReader::check_metadata() {
    const auto region = bytes().subspan(sizeof(FileHead), head_.header_bytes - sizeof(FileHead));
    if (checksum(region) != head_.metadata_crc) {
        fail(fmt::format("metadata checksum is {:08x}, expected {:08x}: the file is damaged",
                         checksum(region), head_.metadata_crc));
    }
    metadata_ = parse_json({reinterpret_cast<const char*>(region.data()), head_.metadata_bytes},
                           where_ + " metadata");
}

std::span<const std::byte> ModelReader::section(const JsonFields& entry, const std::string& name,
                                                std::uint64_t expected) {
    const std::uint64_t size = entry.integer("bytes", 0, bytes().size());
    const std::uint64_t offset = entry.integer("offset", head_.header_bytes, bytes().size());
    const auto crc =
        static_cast<std::uint32_t>(entry.integer("crc32", 0, std::numeric_limits<std::uint32_t>::max()));
    if (offset % kAlign != 0 || aligned(size) > bytes().size() - offset) {
        fail(fmt::format("section '{}' at {} with {} bytes does not fit the file of {} bytes", name, offset,
                         size, bytes().size()));
    }
    if (size != expected) {
        fail(fmt::format("section '{}' has {} bytes, expected {}", name, size, expected));
    }
    const std::uint32_t found = checksum(bytes().subspan(offset, aligned(size)));
    if (found != crc) {
        fail(fmt::format("section '{}' checksum is {:08x}, expected {:08x}: the file is damaged", name, found,
                         crc));
    }
    sections_.push_back({name, offset, size, crc});
    return bytes().subspan(offset, size);
}

Architecture ModelReader::read_architecture(const JsonFields& fields) {
    const auto u32 = [&](const char* field) {
        return static_cast<std::uint32_t>(fields.integer(field, 0, SETUN_MAX_M));
    };
    Architecture a;
    a.hidden = u32("hidden");
    a.ffn = u32("ffn");
    a.layers = u32("layers");
    a.heads = u32("heads");
    a.kv_heads = u32("kv_heads");
    a.head_dim = u32("head_dim");
    a.vocab = u32("vocab");
    a.context = u32("context");
    a.rope_theta = static_cast<float>(fields.number("rope_theta", 1, 1e12));
    a.eps = static_cast<float>(fields.number("eps", 1e-12, 1));
    const std::string activation = fields.text("activation");
    if (activation != "relu2" && activation != "silu") {
        fields.fail("activation", fmt::format("is '{}'; expected relu2 or silu", activation));
    }
    a.activation = activation == "relu2" ? Activation::kRelu2 : Activation::kSilu;
    a.sub_norms = fields.boolean_or("sub_norms", false);
    a.tied_head = fields.boolean_or("tied_head", false);
    if (fields.has("bos")) {
        a.bos = u32("bos");
    }
    for (const json& id : fields.array("eos")) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= a.vocab) {
            fields.fail("eos", fmt::format("holds something that is not a token id below {}", a.vocab));
        }
        a.eos.push_back(id.get<std::uint32_t>());
    }
    check_architecture(a, fields.where());
    return a;
}

StreamLayout ModelReader::read_layout(const JsonFields& fields) {
    StreamLayout layout;
    layout.ports = static_cast<unsigned>(fields.integer("ports", 1, 16));
    layout.port_bits = static_cast<unsigned>(fields.integer("port_bits", 128, 512));
    layout.tile_rows = static_cast<unsigned>(fields.integer("tile_rows", 16, 4096));
    if (!std::has_single_bit(layout.ports) || !std::has_single_bit(layout.port_bits) ||
        !std::has_single_bit(layout.tile_rows)) {
        fields.fail("ports", "or 'port_bits' or 'tile_rows' is not a power of two");
    }
    return layout;
}

PackedMatrix ModelReader::read_matrix(const json& item, const std::string& name, MatrixShape shape,
                                      std::uint32_t planes) {
    const JsonFields fields(item, fmt::format("{} matrix '{}'", where_, name));
    const std::string found = fields.text("name");
    const auto m = fields.integer("m", 1, SETUN_MAX_M);
    const auto k = fields.integer("k", 1, SETUN_MAX_K);
    const auto found_planes = fields.integer("planes", 1, SETUN_MAX_PLANES);
    if (found != name || m != shape.m || k != shape.k || found_planes != planes) {
        fail(fmt::format(
            "matrix '{}' with m {}, k {}, planes {} stands where '{}' with m {}, k {}, planes {} is expected",
            found, m, k, found_planes, name, shape.m, shape.k, planes));
    }
    PackedMatrix matrix{name, shape.m, shape.k, planes, 0, layout_, {}};
    matrix.scale = static_cast<float>(fields.number("scale", 1e-38, 1e38));
    const json& streams = fields.array("streams");
    if (streams.size() != layout_.ports) {
        fields.fail("streams",
                    fmt::format("has {} entries; expected one per port, {}", streams.size(), layout_.ports));
    }
    const std::uint64_t expected = stream_bytes(layout_, shape.m, shape.k, planes);
    for (std::size_t port = 0; port < streams.size(); ++port) {
        const JsonFields entry(streams[port], fields.where() + " streams");
        matrix.streams.push_back(section(entry, fmt::format("{} port {}", name, port), expected));
    }
    try {
        check_streams(matrix.index(), matrix.streams);
    } catch (const InputError& error) {
        fail(fmt::format("matrix '{}': {}", name, error.what()));
    }
    return matrix;
}

std::vector<float> ModelReader::read_vector(const json& item, const std::string& name, std::uint32_t size) {
    const JsonFields fields(item, fmt::format("{} vector '{}'", where_, name));
    if (fields.text("name") != name) {
        fail(fmt::format("vector '{}' stands where '{}' is expected", fields.text("name"), name));
    }
    const auto data = section(fields, name, std::uint64_t{size} * sizeof(float));
    std::vector<float> values(size);
    std::memcpy(values.data(), data.data(), data.size());
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
        fail(fmt::format("vector '{}' holds a value that is not finite", name));
    }
    return values;
}

void ModelReader::read_layers(Model& model, const json& matrices, const json& vectors) {
    const Architecture& a = model.architecture;
    const std::size_t want_matrices = std::size_t{a.layers} * kLayerMatrices + (a.tied_head ? 1 : 2);
    const std::size_t want_vectors = std::size_t{a.layers} * (a.sub_norms ? 4 : 2) + 1;
    if (matrices.size() != want_matrices || vectors.size() != want_vectors) {
        fail(fmt::format("{} matrices and {} vectors; the architecture needs {} and {}", matrices.size(),
                         vectors.size(), want_matrices, want_vectors));
    }
    auto matrix = matrices.begin();
    auto vector = vectors.begin();
    for (std::uint32_t i = 0; i < a.layers; ++i) {
        Layer layer;
        for (std::size_t which = 0; which < kLayerMatrices; ++which) {
            const auto id = static_cast<LayerMatrix>(which);
            layer.matrices.push_back(read_matrix(*matrix++,
                                                 fmt::format("layers.{}.{}", i, layer_matrix_name(id)),
                                                 layer_matrix_shape(a, id), 1));
        }
        for (std::size_t which = 0; which < kLayerNorms; ++which) {
            const std::uint32_t size = layer_norm_size(a, static_cast<LayerNorm>(which));
            layer.norms.push_back(size == 0 ? std::vector<float>{}
                                            : read_vector(*vector++, norm_name(i, which), size));
        }
        model.layers.push_back(std::move(layer));
    }
    model.embedding = read_matrix(*matrix++, "embedding", {a.vocab, a.hidden}, SETUN_MAX_PLANES);
    if (!a.tied_head) {
        model.head = read_matrix(*matrix++, "head", {a.vocab, a.hidden}, SETUN_MAX_PLANES);
    }
    model.final_norm = read_vector(*vector, "final_norm", a.hidden);
}

void ModelReader::check_sections_cover_file() {
    // Every byte belongs to exactly one checksum: no overlap, no gap.
    std::sort(sections_.begin(), sections_.end(),
              [](const auto& a, const auto& b) { return a.offset < b.offset; });
    std::uint64_t end = head_.header_bytes;
    for (const FileSection& part : sections_) {
        if (part.offset != end) {
            fail(fmt::format("section '{}' begins at {}, expected {}", part.name, part.offset, end));
        }
        end += aligned(part.bytes);
    }
    if (end != bytes().size() || sections_.size() != head_.section_count) {
        fail(fmt::format("{} sections end at {}; expected {} sections and {} bytes", sections_.size(), end,
                         head_.section_count, bytes().size()));
    }
}

Model ModelReader::read() {
    const JsonFields root(metadata_, where_ + " metadata");
    if (root.text("trit_code") != kTritCode) {
        root.fail("trit_code",
                  fmt::format("is '{}'; this program reads '{}'", root.text("trit_code"), kTritCode));
    }
    Model model;
    model.architecture = read_architecture(root.object("architecture"));
    layout_ = read_layout(root.object("layout"));
    const JsonFields card = root.object("metadata");
    for (const auto& item : card.value().items()) {
        model.metadata[item.key()] = card.text(item.key().c_str());
    }
    read_layers(model, root.array("matrices"), root.array("vectors"));
    if (root.has("tokenizer")) {
        const JsonFields entry = root.object("tokenizer");
        const auto data = section(entry, "tokenizer", entry.integer("bytes", 0, bytes().size()));
        model.tokenizer = parse_tokenizer(data, where_);
        check_tokenizer_fits(*model.tokenizer, model.architecture.vocab, where_);
    }
    check_sections_cover_file();
    model.storage.push_back(file_);
    return model;
}

}  // namespace

void save_model(const Model& model, const std::filesystem::path& path, bool replace,
                const std::function<void(double)>& progress) {
    AtomicFile file(path, replace);
    SectionPlan plan;
    const std::vector<std::byte> tokenizer =
        model.tokenizer ? serialise_tokenizer(*model.tokenizer) : std::vector<std::byte>{};
    const json metadata = describe_model(model, plan, tokenizer);
    std::uint64_t base = 0;
    const std::string text = finished_metadata(metadata, base);
    if (base > kMaxHeader) {
        throw InputError(fmt::format("'{}': metadata of {} bytes is too long; shorten the model card",
                                     path.string(), text.size()));
    }
    std::vector<std::byte> header(base);
    std::memcpy(header.data() + sizeof(FileHead), text.data(), text.size());
    FileHead head;
    head.header_bytes = static_cast<std::uint32_t>(base);
    head.metadata_bytes = static_cast<std::uint32_t>(text.size());
    head.section_count = static_cast<std::uint32_t>(plan.parts().size());
    head.file_bytes = base + plan.end();
    head.metadata_crc = checksum(std::span(header).subspan(sizeof(FileHead)));
    head.head_crc = head_checksum(head);
    std::memcpy(header.data(), &head, sizeof(head));
    file.write(header);
    static constexpr std::array<std::byte, kAlign> kZeros{};
    for (const auto part : plan.parts()) {
        file.write(part);
        file.write(std::span(kZeros).first(aligned(part.size()) - part.size()));
        if (progress) {
            progress(static_cast<double>(file.size()) / static_cast<double>(head.file_bytes));
        }
    }
    file.commit();
}

Model open_model(MappedFile file) { return ModelReader(std::move(file)).read(); }

bool is_model_file(const std::filesystem::path& path) {
    const MappedFile file = MappedFile::open(path);
    return file.bytes().size() >= kMagic.size() &&
           std::memcmp(file.bytes().data(), kMagic.data(), kMagic.size()) == 0;
}

std::vector<FileSection> model_file_sections(const std::filesystem::path& path) {
    ModelReader reader(MappedFile::open(path));
    static_cast<void>(reader.read());
    return reader.sections();
}

}  // namespace setun
