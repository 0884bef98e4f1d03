#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""checkpoint.pt of train.py -> an ordinary Hugging Face BitNet directory.

    python3 export.py run/ternary/checkpoint.pt --tokenizer run/tokenizer.json --out run/hf-ternary

Writes config.json, model.safetensors (float32), tokenizer.json, tokenizer_config.json.

The ternary model is written as master weights ("quantization_mode": "online"): the loader
ternarises each of the seven projections of a layer with s = 1 / mean|W|.  Two things make
the result independent of the loader's order of summation:
  * a latent weight closer than 0.001 to a rounding threshold (|W| s = 0.5) is moved to that
    distance, on its own side, so that the ternary value cannot depend on the last bit of s;
  * the embedding is written as (integer in +-121) * max / 121, exactly the table used in
    training for look-up and tied head.
"""
import argparse
import json
import os
import shutil

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer

import data
from reference import HEAD_LEVELS, ternary

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def clear_of_threshold(w, margin=1e-3):
    """Move latent weights away from |W| / mean|W| = 0.5 without changing their ternary value."""
    q, _ = ternary(w)
    for _ in range(20):
        m = np.abs(w.astype(np.float64)).mean()
        t = np.abs(w) / m
        bad = np.abs(t - 0.5) < margin * 0.999
        if not bad.any():
            break
        to = np.where(q != 0, 0.5 + margin, 0.5 - margin) * m
        w = np.where(bad, np.where(np.signbit(w), -to, to), w).astype(np.float32)
    assert (ternary(w)[0] == q).all() and not bad.any()
    return w


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("--tokenizer", required=True)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    ck = torch.load(a.checkpoint, map_location="cpu")
    c = ck["config"]
    os.makedirs(a.out, exist_ok=True)

    tensors, counts, moved = {}, np.zeros(3, np.int64), 0
    for name, t in ck["model"].items():
        w = t.numpy().astype(np.float32)
        if c["quant"] and name.split(".")[-2] in PROJECTIONS:
            new = clear_of_threshold(w)
            moved += int((new != w).sum())
            w = new
            counts += np.bincount(ternary(w)[0].ravel() + 1, minlength=3)
        elif c["quant"] and name == "embed_tokens.weight":
            d = np.float32(np.abs(w).max() / HEAD_LEVELS)
            w = np.clip(np.rint(w / d), -HEAD_LEVELS, HEAD_LEVELS).astype(np.float32) * d
        tensors["model." + name] = np.ascontiguousarray(w)
    path = os.path.join(a.out, "model.safetensors")
    save_file(tensors, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)

    config = {
        "architectures": ["BitNetForCausalLM"], "model_type": "bitnet",
        "vocab_size": c["vocab_size"], "hidden_size": c["hidden_size"],
        "intermediate_size": c["intermediate_size"], "num_hidden_layers": c["num_hidden_layers"],
        "num_attention_heads": c["num_attention_heads"], "num_key_value_heads": c["num_key_value_heads"],
        "max_position_embeddings": c["max_position_embeddings"], "hidden_act": "relu2",
        "rms_norm_eps": c["rms_norm_eps"], "rope_theta": c["rope_theta"], "attention_bias": False,
        "attention_dropout": 0.0, "tie_word_embeddings": True, "initializer_range": 0.02, "use_cache": True,
        "bos_token_id": c["end_token_id"], "eos_token_id": c["end_token_id"], "torch_dtype": "float32",
    }
    if c["quant"]:
        config["quantization_config"] = {"quant_method": "bitnet", "linear_class": "autobitlinear",
                                         "quantization_mode": "online"}
        config["embedding_levels"] = HEAD_LEVELS
    with open(os.path.join(a.out, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    shutil.copyfile(a.tokenizer, os.path.join(a.out, "tokenizer.json"))
    assert Tokenizer.from_file(a.tokenizer).token_to_id(data.END) == c["end_token_id"]
    with open(os.path.join(a.out, "tokenizer_config.json"), "w") as f:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": data.END, "eos_token": data.END,
                   "model_max_length": c["max_position_embeddings"], "clean_up_tokenization_spaces": False}, f, indent=2)
        f.write("\n")
    n = counts.sum()
    print(f"{a.out}: step {ck['step']}, {len(tensors)} tensors, "
          f"{sum(t.size for t in tensors.values())} parameters")
    if n:
        print(f"ternary weights {n}: -1 {counts[0] / n:.4f}, 0 {counts[1] / n:.4f}, +1 {counts[2] / n:.4f}; "
              f"{moved} latents moved off a rounding threshold")


if __name__ == "__main__":
    main()
