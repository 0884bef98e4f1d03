#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BitNet inference in numpy from a Hugging Face directory, in the arithmetic of whichever program it is compared with.

    python3 reference.py DIRECTORY --tokens 1,2,3 [--activations token|q8k|float] [--head int8|float] [--setun setun]

activations: how the input of a ternary matrix is quantised
  token   one scale a token, s = 127 / max(max|x|, 1e-5), q = round_half_even(x s): BitNet, Setun, transformers
  q8k     one scale for 256 inputs, s = -127 / (the value of largest magnitude, with its sign), q = min(127, round(x s)),
          products summed by block: llama.cpp's Q8_K, with which it multiplies TQ1_0 and TQ2_0 weights
  float   not at all
head: "int8" quantises the input of the output head and its weights to +-121 as Setun does; "float" neither.

Written from the formulas of docs/numerics.md and docs/model-file.md, independently of the runtime; everything that is
not an integer is computed in float64, or in float32 with --glue float32.
"""
import argparse
import json
import os
import struct
import sys

import numpy as np

HEAD_LEVELS = 121


def load_safetensors(path):
    """name -> array; BF16 and F16 become float32."""
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        data = f.read()
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        a, b = info["data_offsets"]
        kind = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "U8": np.uint8}[info["dtype"]]
        x = np.frombuffer(data[a:b], kind).reshape(info["shape"])
        if info["dtype"] == "BF16":
            x = (x.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = x if info["dtype"] == "U8" else x.astype(np.float32)
    return tensors


def unpack_rows(packed):
    return np.concatenate([((packed >> (2 * i)) & 3).astype(np.int8) - 1 for i in range(4)])


class Reference:
    def __init__(self, folder, activations="token", head="int8", glue=np.float64):
        with open(os.path.join(folder, "config.json")) as f:
            self.c = json.load(f)
        self.activations, self.head, self.glue = activations, head, glue
        self.t = load_safetensors(os.path.join(folder, "model.safetensors"))
        self.divide = self.c.get("quantization_config", {}).get("linear_class", "bitlinear") != "autobitlinear"
        self.linears = {n: self.ternary(n) for n in self.t if "_proj.weight" in n and not n.endswith("_scale")}
        e = self.t["model.embed_tokens.weight"]
        self.embedding = self.levels(e)
        self.output = self.levels(self.t.get("lm_head.weight", e))
        self.scaled, self.choose = [], None

    def ternary(self, name):
        """(w in {-1, 0, 1}, scale)."""
        w = self.t[name]
        if w.dtype == np.uint8:
            stored = np.float32(self.t[name + "_scale"].ravel()[0])
            return unpack_rows(w), np.float32(1) / stored if self.divide else stored
        mean = max(np.abs(w.astype(np.float64)).mean(), 1e-5)
        return np.clip(np.rint(w / mean), -1, 1).astype(np.int8), np.float32(mean)

    def levels(self, e):
        if self.head == "float":
            return e, self.glue(1)
        scale = np.abs(e).max() / np.float32(HEAD_LEVELS)
        return np.rint(e / scale), self.glue(scale)

    def rms(self, x, name):
        x = x.astype(self.glue)
        r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + self.glue(self.c["rms_norm_eps"]))
        return x * r * self.t[name].astype(self.glue)

    def rounded(self, x):
        """round half to even; self.scaled keeps what was rounded, in the order of the quantisers. self.choose may
        change the result: it is called with the number of the quantiser, x and the rounded x."""
        self.scaled.append(x)
        q = np.rint(x)
        return self.choose(len(self.scaled) - 1, x, q) if self.choose else q

    def product(self, x, w, scale, mode):
        """x [T, K] times w [M, K] times scale, with x quantised as `mode` says."""
        w = w.astype(np.float64)
        if mode == "float":
            return (x @ w.T).astype(self.glue) * scale
        if mode == "token":
            s = self.glue(127) / np.maximum(np.abs(x).max(-1, keepdims=True), self.glue(1e-5))
            q = np.clip(self.rounded(x * s), -128, 127)
            return (q @ w.T).astype(self.glue) * self.glue(scale) / s
        blocks = x.reshape(len(x), -1, 256)
        largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
        s = self.glue(-127) / np.where(largest == 0, self.glue(1), largest)
        flat = self.rounded((blocks * s).reshape(len(x), -1))
        q = np.minimum(flat, 127).reshape(blocks.shape)
        acc = np.einsum("tbk,mbk->tbm", q, w.reshape(len(w), -1, 256))
        return (acc.astype(self.glue) / s).sum(1) * self.glue(scale)

    def linear(self, x, name):
        return self.product(x, *self.linears[name + ".weight"], self.activations)

    def rope(self, x):
        half = x.shape[-1] // 2
        theta = self.c.get("rope_theta", 10000.0)
        angle = np.outer(np.arange(len(x)), theta ** (-np.arange(half) / half))
        cos, sin = np.cos(angle).astype(self.glue)[:, None], np.sin(angle).astype(self.glue)[:, None]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    def attention(self, x, p):
        n, nkv = self.c["num_attention_heads"], self.c["num_key_value_heads"]
        dim = self.c["hidden_size"] // n
        T = len(x)
        q = self.rope(self.linear(x, p + "q_proj").reshape(T, n, dim))
        k = self.rope(self.linear(x, p + "k_proj").reshape(T, nkv, dim)).repeat(n // nkv, 1)
        v = self.linear(x, p + "v_proj").reshape(T, nkv, dim).repeat(n // nkv, 1)
        score = np.einsum("ihd,jhd->hij", q, k) / self.glue(np.sqrt(dim))
        score = np.where(np.tril(np.ones((T, T), bool)), score, -np.inf)
        e = np.exp(score - score.max(-1, keepdims=True))
        return np.einsum("hij,jhd->ihd", e / e.sum(-1, keepdims=True), v).reshape(T, -1)

    def logits(self, ids):
        """[len(ids), vocab]; self.scaled then has, for each matrix in order, its inputs [T, K] before rounding."""
        self.scaled = []
        h = self.embedding[0][ids].astype(self.glue) * self.embedding[1]
        for i in range(self.c["num_hidden_layers"]):
            p = f"model.layers.{i}."
            a = self.attention(self.rms(h, p + "input_layernorm.weight"), p + "self_attn.")
            if p + "self_attn.attn_sub_norm.weight" in self.t:
                a = self.rms(a, p + "self_attn.attn_sub_norm.weight")
            h = h + self.linear(a, p + "self_attn.o_proj")
            x = self.rms(h, p + "post_attention_layernorm.weight")
            g, u = self.linear(x, p + "mlp.gate_proj"), self.linear(x, p + "mlp.up_proj")
            y = (np.maximum(g, 0) ** 2 if self.c["hidden_act"] == "relu2" else g / (1 + np.exp(-g))) * u
            if p + "mlp.ffn_sub_norm.weight" in self.t:
                y = self.rms(y, p + "mlp.ffn_sub_norm.weight")
            h = h + self.linear(y, p + "mlp.down_proj")
        x = self.rms(h, "model.norm.weight")
        return self.product(x, *self.output, "float" if self.head == "float" else "token")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("directory")
    ap.add_argument("--tokens", required=True)
    ap.add_argument("--activations", choices=["token", "q8k", "float"], default="token")
    ap.add_argument("--head", choices=["int8", "float"], default="int8")
    ap.add_argument("--glue", choices=["float64", "float32"], default="float64")
    ap.add_argument("--setun", help="also run this program and print the difference")
    a = ap.parse_args()
    ids = [int(t) for t in a.tokens.split(",")]
    r = Reference(a.directory, a.activations, a.head, np.dtype(a.glue).type)
    z = r.logits(ids)
    for i, row in enumerate(z):
        print(i, " ".join(f"{t}:{row[t]:.6f}" for t in np.argsort(-row, kind="stable")[:10]))
    if a.setun:
        from peer_common import difference, setun_logits
        print(difference(setun_logits(a.setun, a.directory, ids), z))
    return 0


if __name__ == "__main__":
    sys.exit(main())
