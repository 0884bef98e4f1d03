#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every ternary product of llama.cpp (npm's node-llama-cpp, x86-64 Linux) against the rule of its AVX2 code, bit by bit.

    python3 compare_llama_cpp_products.py [--work DIRECTORY] [--seeds N] [--record]

The rule, for one output: the input is quantised by blocks of 256 (Q8_K). Integers of a block are summed in eight lanes:
lane l has the products (w + 1) q of inputs 4 l to 4 l + 3 of every 32, less the sum of the lth 32 q. A lane is made
float32 and added to the lane of the blocks before by a fused multiply-add, times d = float32(1 / s * scale). At the end
lanes are added as 0+4, 1+5, ..., then 0+2, 1+3, then 0+1. So an output is not float32(integer times d): the last bits
differ from row to row with how the integer is spread over lanes, and where quotients of outputs are exact halves, the next
quantiser rounds each as it falls.
--record writes the products of compare_llama_cpp.py's model "llama", seed 1, that have such halves to
tests/host/data/llama_cpp_halves.json. Needs npm, git and g++ as well. Exit code 1 when an output has other bits.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

from compare_llama_cpp import PACKAGE, install, make_model
from gguf import NAMES, in_pairs, write_gguf
from reference import Reference

WEIGHTS = {ours: theirs for theirs, ours in NAMES.items()}


def build(work):
    """(the program of llama_cpp_products.cpp, the folder of llama.cpp's libraries)"""
    package = os.path.join(work, "node_modules")
    libraries = os.path.join(package, "@node-llama-cpp", "linux-x64", "bins", "linux-x64")
    source = os.path.join(work, "llama.cpp")
    if not os.path.isdir(source):
        subprocess.run(["git", "clone", "-q", os.path.join(package, "node-llama-cpp", "llama", "gitRelease.bundle"),
                        source], check=True, stderr=subprocess.DEVNULL)
    program = os.path.join(work, "llama_cpp_products")
    names = [f for f in os.listdir(libraries) if f.startswith(("libllama.", "libggml.", "libggml-base."))]
    subprocess.run(["g++", "-std=c++20", "-O1", "-I", os.path.join(source, "include"), "-I",
                    os.path.join(source, "ggml", "include"),
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_cpp_products.cpp"), "-o", program,
                    *(os.path.join(libraries, f) for f in names), "-Wl,--allow-shlib-undefined",
                    f"-Wl,-rpath,{libraries}"], check=True)
    return program, libraries


def products(program, libraries, file, ids):
    """(weight name, inputs, outputs) of every ternary product, in order."""
    out = file + ".products"
    subprocess.run([program, file, out, libraries, *map(str, ids)], check=True)
    with open(out, "rb") as f:
        while line := f.readline():
            name, k, m = line.decode().split()
            yield name, np.fromfile(f, np.float32, int(k)), np.fromfile(f, np.float32, int(m))


def q8_k(x):
    """(q [blocks, 256], 1 / s [blocks]), all steps in float32."""
    blocks = x.reshape(-1, 256)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    s = np.float32(-127) / largest
    return np.minimum(np.rint(blocks * s), 127).astype(np.int64), (np.float32(1) / s)[:, 0]


def rule(w, scale, x):
    q, d = q8_k(x)
    lanes = np.zeros((len(w), 8), np.float32)
    for b, w_block in enumerate(np.split(w.astype(np.int64), len(q), 1)):
        s = ((w_block + 1) * q[b]).reshape(len(w), 8, 8, 4).sum((1, 3)) - q[b].reshape(8, 32).sum(1)
        step = np.float64(np.float32(d[b] * np.float32(scale)))
        # 16-bit integers times 24 bits are exact in float64, and the sum has few bits more: one rounding in practice
        lanes = (s * step + lanes).astype(np.float32)
    fours = lanes[:, :4] + lanes[:, 4:]
    twos = fours[:, :2] + fours[:, 2:]
    return twos[:, 0] + twos[:, 1]


def weights_of(reference, name, architecture):
    _, layer, part, _ = name.split(".")
    w, scale = reference.linears[f"model.layers.{layer}.{WEIGHTS[part]}.weight"]
    if architecture == "llama" and part in ("attn_q", "attn_k"):
        w = in_pairs(w, reference.c["num_attention_heads" if part == "attn_q" else "num_key_value_heads"])
    return w, scale


def halves_of(all_products, reference):
    """The value product at position 0 whose outputs the next quantiser has as exact halves, with what it made of them:
    only rows of a half and that of largest magnitude, weights as a string of "-0+" a row."""
    first = {}
    for name, x, y in all_products:
        first.setdefault(name, (x, y))
    for name, (x, y) in first.items():
        if not name.endswith("attn_v.weight"):
            continue
        attention, _ = first[name.replace("attn_v", "attn_output")]
        w, scale = weights_of(reference, name, "llama")
        q = q8_k(x)[0].reshape(-1)
        acc = w.astype(np.int64) @ q
        largest = int(np.abs(y).argmax())
        half = [r for r in range(len(y)) if 254 * acc[r] % acc[largest] == 0 and 127 * acc[r] % acc[largest] != 0]
        dim = reference.c["hidden_size"] // reference.c["num_attention_heads"]
        sharing = reference.c["num_attention_heads"] // reference.c["num_key_value_heads"]
        assert np.array_equal(attention.reshape(-1, sharing, dim)[:, 0].reshape(-1), y), "position 0 has one value"
        rounded = q8_k(attention)[0].reshape(-1, sharing, dim)[:, 0].reshape(-1)
        if len(half) > 1:
            rows = [largest, *half]
            return dict(program=PACKAGE, weight=name, scale=float(scale), x=[float(v) for v in x],
                        w=["".join("-0+"[v + 1] for v in w[r]) for r in rows], y=[float(y[r]) for r in rows],
                        rounded=[int(rounded[r]) for r in rows])
    raise SystemExit("no product has exact halves")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--work")
    ap.add_argument("--seeds", type=int, default=3)
    ap.add_argument("--record", action="store_true")
    a = ap.parse_args()
    work = install(a.work or tempfile.mkdtemp(prefix="setun-peers-"))
    program, libraries = build(work)
    bad = 0
    for architecture in ("bitnet", "llama"):
        for seed in range(a.seeds):
            folder, ids = make_model(work, architecture, seed)
            reference = Reference(folder)
            for kind in ("TQ2_0", "TQ1_0"):
                file = os.path.join(folder, kind + ".gguf")
                write_gguf(folder, file, kind, architecture)
                every = list(products(program, libraries, file, ids))
                same = sum(int((rule(*weights_of(reference, name, architecture), x).view(np.uint32) ==
                                y.view(np.uint32)).sum()) for name, x, y in every)
                outputs = sum(len(y) for _, _, y in every)
                print(f"{architecture}, seed {seed}, {kind}: {same} of {outputs} outputs have the same bits", flush=True)
                bad += same != outputs
                if a.record and (architecture, seed, kind) == ("llama", 1, "TQ2_0"):
                    halves = halves_of(every, reference)
                    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
                    with open(os.path.join(root, "tests/host/data/llama_cpp_halves.json"), "w") as f:
                        json.dump(halves, f)
                        f.write("\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
