// Loads a Hugging Face BitNet directory: config.json, model.safetensors, tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "host/model.h"

namespace setun {

/// A ternary matrix with its factor: y = acc * scale / activation scale.
struct TernaryMatrix {
    std::vector<std::int8_t> w;  ///< [m][k]
    float scale = 1;
};

/// Ternarises master weights (arXiv 2402.17764): scale = max(mean|W|, 1e-5) with the mean in double,
/// w = clamp(round_half_even(W / scale), -1, 1). `name` is for errors; not finite values are refused.
TernaryMatrix ternarise(std::span<const float> weights, const std::string& name);

/// Integers within +-121 (five digit planes): scale = max|E| / 121, w = round_half_even(E / scale).
TernaryMatrix to_digit_planes(std::span<const float> weights, const std::string& name);

/// Loads `directory` and packs it for `layout`. `progress`, when given, is called with the share done in [0,
/// 1]. Master weights (F32, F16, BF16) are ternarised; U8 weights are unpacked, and their weight_scale is
/// taken as a factor for linear_class "autobitlinear" and as a divisor otherwise. Throws InputError with
/// file, tensor or field, and remedy.
Model load_hugging_face(const std::filesystem::path& directory, const StreamLayout& layout,
                        const std::function<void(double)>& progress = {});

}  // namespace setun
