// SPDX-License-Identifier: Apache-2.0
// Every ternary product of llama.cpp on a list of tokens: for each, a line "weight name, inputs K, outputs M"
// and then the K inputs and M outputs as float32.
//   llama_cpp_products MODEL.gguf OUT FOLDER_OF_BACKENDS TOKEN...
// Built by compare_llama_cpp_products.py with the headers and libraries that node-llama-cpp brings.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>

namespace {

std::vector<float> floats_of(const ggml_tensor* tensor) {
    std::vector<float> values(static_cast<std::size_t>(ggml_nelements(tensor)));
    ggml_backend_tensor_get(tensor, values.data(), 0, values.size() * sizeof(float));
    return values;
}

/// llama.cpp asks before each operation whether to stop behind it, and tells when it is done.
bool on_tensor(ggml_tensor* tensor, bool ask, void* out) {
    const bool ternary = tensor->op == GGML_OP_MUL_MAT &&
                         (tensor->src[0]->type == GGML_TYPE_TQ1_0 || tensor->src[0]->type == GGML_TYPE_TQ2_0);
    if (ask || !ternary) {
        return ask ? ternary : true;
    }
    if (!ggml_is_contiguous(tensor->src[1]) || tensor->src[1]->type != GGML_TYPE_F32) {
        std::fprintf(stderr, "%s: the input is not plain float32\n", tensor->src[0]->name);
        std::exit(1);
    }
    auto* const file = static_cast<std::FILE*>(out);
    const std::vector<float> x = floats_of(tensor->src[1]);
    const std::vector<float> y = floats_of(tensor);
    std::fprintf(file, "%s %zu %zu\n", tensor->src[0]->name, x.size(), y.size());
    std::fwrite(x.data(), sizeof(float), x.size(), file);
    std::fwrite(y.data(), sizeof(float), y.size(), file);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: llama_cpp_products MODEL.gguf OUT FOLDER_OF_BACKENDS TOKEN...\n");
        return 2;
    }
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    ggml_backend_load_all_from_path(argv[3]);
    llama_backend_init();
    llama_model* const model = llama_model_load_from_file(argv[1], llama_model_default_params());
    std::FILE* const file = std::fopen(argv[2], "wb");
    if (model == nullptr || file == nullptr) {
        std::fprintf(stderr, "cannot load %s or write %s\n", argv[1], argv[2]);
        return 1;
    }
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = 64;
    params.n_threads = params.n_threads_batch = 1;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.cb_eval = on_tensor;
    params.cb_eval_user_data = file;
    llama_context* const context = llama_init_from_model(model, params);
    for (int i = 4; i < argc; ++i) {
        llama_token token = std::atoi(argv[i]);
        if (context == nullptr || llama_decode(context, llama_batch_get_one(&token, 1)) != 0) {
            std::fprintf(stderr, "llama.cpp refuses token %s\n", argv[i]);
            return 1;
        }
    }
    return std::fclose(file) == 0 ? 0 : 1;
}
