# SPDX-License-Identifier: Apache-2.0
"""Small random BitNet checkpoints in Hugging Face's format, written by hand: only numpy is needed."""
import json
import os
import struct

import numpy as np

LINEARS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
           "mlp.up_proj", "mlp.down_proj"]
HEAD_LEVELS = 121


def bf16(x):
    """float32 values rounded to what BF16 holds, half to even."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return (((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) << 16).astype(np.uint32).view(np.float32)


def save_safetensors(path, tensors):
    """tensors: name -> (dtype name, array); BF16 arrays are float32 that BF16 holds exactly."""
    header, blobs, at = {}, [], 0
    for name, (dtype, x) in tensors.items():
        x = np.ascontiguousarray(x)
        blob = (x.view(np.uint32) >> 16).astype(np.uint16).tobytes() if dtype == "BF16" else x.tobytes()
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.writelines(blobs)


def pack_rows(w):
    """Ternary [out, in] to U8 [out / 4, in]: quarter i of the rows in bits 2i."""
    quarters = (w + 1).astype(np.uint8).reshape(4, -1, w.shape[1])
    return quarters[0] | quarters[1] << 2 | quarters[2] << 4 | quarters[3] << 6


def linear_shapes(c):
    head = c["hidden_size"] // c["num_attention_heads"]
    kv = head * c["num_key_value_heads"]
    h, f = c["hidden_size"], c["intermediate_size"]
    return dict(zip(LINEARS, [(h, h), (kv, h), (kv, h), (h, h), (f, h), (f, h), (h, f)]))


def write_checkpoint(folder, storage="bf16", activation="relu2", sub_norms=True, tied=True, seed=0, hidden=128, ffn=320,
                     layers=3, heads=4, kv_heads=2, vocab=320, context=64, theta=10000.0):
    """Writes config.json and model.safetensors into `folder` and returns the config.

    storage: "bf16" (master weights, ternarised on loading), "multiply" (packed, y = acc * weight_scale) or "divide"
    (packed, y = acc / weight_scale). Without sub_norms it is a Llama. Embedding and head are integers within +-121
    times 1/64, so that quantising them loses nothing.
    """
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(seed)
    c = dict(architectures=["BitNetForCausalLM" if sub_norms else "LlamaForCausalLM"],
             model_type="bitnet" if sub_norms else "llama", hidden_size=hidden, intermediate_size=ffn,
             num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads, vocab_size=vocab,
             max_position_embeddings=context, hidden_act=activation, rms_norm_eps=1e-5, rope_theta=theta,
             tie_word_embeddings=tied, attention_bias=False, bos_token_id=1, eos_token_id=2, torch_dtype="float32",
             quantization_config=dict(quant_method="bitnet"))
    if storage != "divide":
        c["quantization_config"].update(linear_class="autobitlinear",
                                        quantization_mode="online" if storage == "bf16" else "offline")

    def levels():
        e = rng.integers(-HEAD_LEVELS, HEAD_LEVELS + 1, (vocab, hidden))
        e[0, 0] = HEAD_LEVELS
        return ("F32", (e / 64).astype(np.float32))

    t = {"model.embed_tokens.weight": levels()}
    if not tied:
        t["lm_head.weight"] = levels()
    for i in range(layers):
        p = f"model.layers.{i}."
        for name, (m, k) in linear_shapes(c).items():
            if storage == "bf16":
                t[p + name + ".weight"] = ("BF16", bf16(rng.normal(0, 0.05, (m, k))))
                continue
            t[p + name + ".weight"] = ("U8", pack_rows(rng.integers(-1, 2, (m, k))))
            scale = rng.uniform(0.02, 0.08)
            t[p + name + ".weight_scale"] = ("BF16", bf16([scale if storage == "multiply" else 1 / scale]))
        norms = [("input_layernorm", hidden), ("post_attention_layernorm", hidden)]
        if sub_norms:
            norms += [("self_attn.attn_sub_norm", hidden), ("mlp.ffn_sub_norm", ffn)]
        for name, n in norms:
            t[p + name + ".weight"] = ("BF16", bf16(rng.uniform(0.5, 1.5, n)))
    t["model.norm.weight"] = ("BF16", bf16(rng.uniform(0.5, 1.5, hidden)))
    save_safetensors(os.path.join(folder, "model.safetensors"), t)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(c, f, indent=1)
    return c
