#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Integer-exact reference inference (numpy) for an exported directory.

    python3 reference.py generate run/hf-ternary --prompt "KING RICHARD:" --tokens 200 --temperature 0.8 --seed 1
    python3 reference.py validate run/hf-ternary bible.txt plays.txt
    python3 reference.py vectors  run/hf-ternary --out vectors --text plays.txt

Arithmetic of the ternary model (everything not an integer is float32):
    q       = rint(x * s), s = 127 / max(max|x|, 1e-5)           per token
    acc     = sum_j q_j * w_j                                     exact (int32); w in {-1, 0, +1}
    y       = acc * m / s, m = mean|W| of the tensor
    logits  = acc * d / s, with integers in +-121 for w, d = max|E| / 121
Look-up: integer row * d.  The products are run through float32 BLAS; every partial sum is an
integer below 2^24 (largest: 320 * 127 * 121 in the head), so they are exact.
A full-precision directory (no quantization_config) runs in plain float32.
"""
import argparse
import json
import math
import os

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

import data

HEAD_LEVELS = 121


def ternary(w):
    """(values in {-1, 0, 1}, mean|W|) with the mean in float64."""
    m = max(np.abs(w.astype(np.float64)).mean(), 1e-5)
    return np.clip(np.rint(w / m), -1, 1).astype(np.int8), m


class Reference:
    def __init__(self, path, glue=np.float32):
        """``glue``: type of all non-integer arithmetic; float64 shows how much rounding matters."""
        with open(os.path.join(path, "config.json")) as f:
            c = self.c = json.load(f)
        self.tok = Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
        self.glue = glue
        self.quant = "quantization_config" in c
        t = load_file(os.path.join(path, "model.safetensors"))
        self.nq, self.nkv = c["num_attention_heads"], c["num_key_value_heads"]
        self.hd = c["hidden_size"] // self.nq
        e = t["model.embed_tokens.weight"]
        if self.quant:
            self.d = glue(np.abs(e).max()) / glue(HEAD_LEVELS)
            self.e = np.rint(e / (np.abs(e).max() / np.float32(HEAD_LEVELS))).astype(np.float32)
        else:
            self.d, self.e = glue(1), e
        self.norm = t["model.norm.weight"].astype(glue)
        self.layers = []
        for i in range(c["num_hidden_layers"]):
            p = f"model.layers.{i}."
            lay = {}
            for k, w in t.items():
                if not k.startswith(p):
                    continue
                k = k[len(p):-len(".weight")].split(".")[-1]
                if w.ndim == 1:
                    lay[k] = w.astype(glue)
                elif self.quant:
                    q, m = ternary(w)
                    lay[k] = (q.astype(np.float32), glue(np.float32(m)))
                else:
                    lay[k] = (w, glue(1))
            self.layers.append(lay)
        inv = c["rope_theta"] ** (-np.arange(0, self.hd, 2) / self.hd)
        ang = np.outer(np.arange(c["max_position_embeddings"]), inv)
        self.cos = np.concatenate([np.cos(ang)] * 2, 1).astype(glue)
        self.sin = np.concatenate([np.sin(ang)] * 2, 1).astype(glue)
        self.trace = None
        self.reset()

    def reset(self):
        """Empty the key/value cache."""
        self.k = [np.zeros((0, self.nkv, self.hd), self.glue) for _ in self.layers]
        self.v = [np.zeros((0, self.nkv, self.hd), self.glue) for _ in self.layers]

    def rms(self, x, w):
        return x * (1 / np.sqrt((x * x).mean(-1, keepdims=True, dtype=self.glue) + self.glue(1e-5))) * w

    def quantise(self, x, name):
        """(integers as float32, scale s) of one activation matrix."""
        if not self.quant:
            return x, self.glue(1)
        s = self.glue(127) / np.maximum(np.abs(x).max(-1, keepdims=True), self.glue(1e-5))
        q = np.rint(x * s).astype(np.float32)
        if self.trace is not None:
            self.trace[name + ".in"] = (q.astype(np.int32), s)
        return q, s

    def linear(self, qs, w, name):
        q, s = qs
        acc = q @ w[0].T
        if self.trace is not None:
            self.trace[name + ".acc"] = acc.astype(np.int32)
        return acc.astype(self.glue) * w[1] / s

    def rope(self, x, pos):
        h = self.hd // 2
        r = np.concatenate((-x[..., h:], x[..., :h]), -1)
        return x * self.cos[pos, None, :] + r * self.sin[pos, None, :]

    def forward(self, ids):
        """Append tokens to the cache; logits [len(ids), vocab]."""
        ids = np.asarray(ids)
        T = len(ids)
        past = len(self.k[0])
        pos = np.arange(past, past + T)
        mask = np.where(np.arange(past + T)[None] > pos[:, None], -np.inf, 0).astype(self.glue)
        h = self.e[ids].astype(self.glue) * self.d
        rep = self.nq // self.nkv
        for i, L in enumerate(self.layers):
            n = f"layers.{i}."
            x = self.quantise(self.rms(h, L["input_layernorm"]), n + "qkv_proj")
            q = self.rope(self.linear(x, L["q_proj"], n + "q_proj").reshape(T, self.nq, self.hd), pos)
            k = self.rope(self.linear(x, L["k_proj"], n + "k_proj").reshape(T, self.nkv, self.hd), pos)
            v = self.linear(x, L["v_proj"], n + "v_proj").reshape(T, self.nkv, self.hd)
            k = self.k[i] = np.concatenate((self.k[i], k))
            v = self.v[i] = np.concatenate((self.v[i], v))
            a = np.empty((T, self.nq, self.hd), self.glue)
            for j in range(self.nq):
                s = q[:, j] @ k[:, j // rep].T / self.glue(math.sqrt(self.hd)) + mask
                p = np.exp(s - s.max(-1, keepdims=True))
                a[:, j] = p @ v[:, j // rep] / p.sum(-1, keepdims=True)
            a = self.rms(a.reshape(T, -1), L["attn_sub_norm"])
            h = h + self.linear(self.quantise(a, n + "o_proj"), L["o_proj"], n + "o_proj")
            x = self.quantise(self.rms(h, L["post_attention_layernorm"]), n + "gate_up_proj")
            g = np.maximum(self.linear(x, L["gate_proj"], n + "gate_proj"), 0)
            y = g * g * self.linear(x, L["up_proj"], n + "up_proj")
            y = self.rms(y, L["ffn_sub_norm"])
            h = h + self.linear(self.quantise(y, n + "down_proj"), L["down_proj"], n + "down_proj")
        return self.linear(self.quantise(self.rms(h, self.norm), "lm_head"), (self.e, self.d), "lm_head")

    def nll(self, ids):
        """Negative log-likelihoods of ids[1:], and the logits."""
        self.reset()
        z = self.forward(ids[:-1]).astype(np.float64)
        z0 = z - z.max(-1, keepdims=True)
        return np.log(np.exp(z0).sum(-1)) - z0[np.arange(len(ids) - 1), ids[1:]], z

    def generate(self, prompt, tokens, temperature=0.0, seed=1, stop=True):
        """Ids after ``prompt`` (text ids; the end token is put in front)."""
        rng = np.random.default_rng(seed)
        end = self.c["eos_token_id"]
        self.reset()
        z = self.forward([end] + list(prompt))[-1].astype(np.float64)
        out = []
        while len(out) < tokens and len(self.k[0]) < self.c["max_position_embeddings"]:
            if temperature > 0:
                p = np.exp((z - z.max()) / temperature)
                t = int(rng.choice(len(p), p=p / p.sum()))
            else:
                t = int(z.argmax())
            out.append(t)
            if stop and t == end:
                break
            z = self.forward([t])[-1].astype(np.float64)
        return out


TOKENIZER_STRINGS = [
    "", " ", "Hello, world!", "In the beginning God created the heaven and the earth.",
    "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.",
    "  two leading, three   inside, two trailing  ", "tab\tand\r\nCRLF\n\n\nnewlines \n \n end",
    "I'll we've they're don't 'tis it's I'd I'm O'er 'Twas", "ALL CAPS AND MiXeD cAsE", "1234567890 3.14159 2,000,000 1st",
    "!?...;:--(brackets)[square]{curly}<angle>", "caf\u00e9 na\u00efve \u00fcber \u00c5ngstr\u00f6m",
    "\u65e5\u672c\u8a9e \u4e2d\u6587 \ud55c\uad6d\uc5b4", "emoji \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 end",
    "no-break\u00a0space, em\u2003space, zero\u200bwidth", "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439, \u043c\u0438\u0440 \u0663\u0664 \u00bd \u00b2",
    "<|end|>", "before<|end|>after <|end|> <|end", "a" * 40, "x\u0000y\u0001z\u007f", "\n", "   \n   x",
    "ROMEO:\nBut, soft! what light through yonder window breaks?\n",
]


def sig(x):
    """JSON-friendly floats with 7 significant digits."""
    return [float(f"{v:.7g}") for v in np.asarray(x, np.float64).ravel()]


def write(path, obj):
    with open(path, "w") as f:
        f.write(json.dumps(obj, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{path}: {os.path.getsize(path)} bytes")


def vectors(a):
    """Write tokenizer.json, logits.json, layer0.json, text.json, greedy.json under --out."""
    os.makedirs(a.out, exist_ok=True)
    r, r64 = Reference(a.model), Reference(a.model, np.float64)
    tok, end = r.tok, r.c["eos_token_id"]
    write(os.path.join(a.out, "tokenizer.json"),
          [dict(text=s, ids=tok.encode(s, add_special_tokens=False).ids) for s in TOKENIZER_STRINGS])

    cases, worst = [], 0.0
    for n, text in enumerate(["To be, or not", "And God said unto Moses", "KING RICHARD III:\nWhat", ""]):
        ids = [end] + tok.encode(text).ids
        r.reset()
        r64.reset()
        z = r.forward(ids)
        z64 = r64.forward(ids)
        worst = max(worst, float(np.abs(z - z64).max()))
        rows = range(len(ids)) if n == 0 else [len(ids) - 1]
        cases.append(dict(text=text, ids=ids, argmax=[int(v) for v in z.argmax(-1)], positions=list(rows),
                          logits=[sig(z[i]) for i in rows]))
    write(os.path.join(a.out, "logits.json"), dict(
        note="float32 glue, exact integer products; ids start with the end token; "
             "float64_difference is the largest difference to the same model with float64 glue",
        float64_difference=worst, cases=cases))

    ids = cases[0]["ids"][:2]
    r.reset()
    r.trace = {}
    r.forward(ids)
    keep = {}
    for k, v in r.trace.items():
        if k.startswith("layers.0.") or k == "lm_head.in":
            keep[k] = dict(q=v[0].tolist(), s=sig(v[1])) if k.endswith(".in") else v.tolist()
    r.trace = None
    write(os.path.join(a.out, "layer0.json"), dict(
        note="layer 0 of the first tokens: INT8 inputs q with their scale s = 127 / max, and int32 accumulators",
        ids=ids, tensors=keep))

    val = data.split_text(data.read_text(a.text), 0.05)[1]
    ids = [end] + tok.encode(data.documents(val, 3000)[0]).ids
    ids = (ids + tok.encode(data.documents(val, 3000)[1]).ids)[:r.c["max_position_embeddings"] + 1]
    nll, z = r.nll(ids)
    nll64, z64 = r64.nll(ids)
    top = np.sort(z, -1)
    write(os.path.join(a.out, "text.json"), dict(
        note="teacher-forced held-out text filling the context: nll (nats) of ids[i+1], argmax, logit margin of the argmax",
        ids=[int(i) for i in ids], nll=[round(float(v), 5) for v in nll], argmax=[int(v) for v in z.argmax(-1)],
        margin=[round(float(v), 4) for v in top[:, -1] - top[:, -2]], mean_nll=float(nll.mean()),
        float64_mean_nll=float(nll64.mean()), float64_logit_difference=float(np.abs(z - z64).max()),
        float64_same_argmax=float((z.argmax(-1) == z64.argmax(-1)).mean())))

    runs = []
    for text in ["KING RICHARD III:\n", "And it came to pass"]:
        out = r.generate(tok.encode(text).ids, 64, stop=False)
        runs.append(dict(text=text, prompt=[end] + tok.encode(text).ids, ids=out, output=tok.decode(out)))
    write(os.path.join(a.out, "greedy.json"), runs)


def validate(a):
    """Loss over the validation part of the files, as train.py does it."""
    r = Reference(a.model)
    length = a.context or r.c["max_position_embeddings"]
    _, val = data.load_documents(a.files)
    total = [0.0, 0, 0]
    for name, docs in val:
        s = data.encode_documents(r.tok, docs).astype(int)
        one = [0.0, 0, sum(map(len, docs))]
        for i in range(0, len(s) - 1, length):
            nll, _ = r.nll(s[i:i + length + 1])
            one[0] += float(nll.sum())
            one[1] += len(nll)
        report(name, *one)
        total = [x + y for x, y in zip(total, one)]
    report("all", *total)


def report(name, nll, n, chars):
    print(f"{name}: loss {nll / n:.4f} perplexity {math.exp(nll / n):.3f} a token, "
          f"{nll / math.log(2) / chars:.4f} bits a character ({n} tokens, {chars} characters)")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="command", required=True)
    g = sub.add_parser("generate")
    g.add_argument("model")
    g.add_argument("--prompt", default="")
    g.add_argument("--tokens", type=int, default=200)
    g.add_argument("--temperature", type=float, default=0.0)
    g.add_argument("--seed", type=int, default=1)
    v = sub.add_parser("validate")
    v.add_argument("model")
    v.add_argument("files", nargs="+")
    v.add_argument("--context", type=int, default=0)
    w = sub.add_parser("vectors")
    w.add_argument("model")
    w.add_argument("--out", required=True)
    w.add_argument("--text", required=True, help="text whose validation part fills text.json")
    a = ap.parse_args()
    if a.command == "generate":
        r = Reference(a.model)
        out = r.generate(r.tok.encode(a.prompt).ids, a.tokens, a.temperature, a.seed)
        print(a.prompt + r.tok.decode(out, skip_special_tokens=True))
    elif a.command == "validate":
        validate(a)
    else:
        vectors(a)


if __name__ == "__main__":
    main()
