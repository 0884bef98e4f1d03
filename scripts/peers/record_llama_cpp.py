#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records llama.cpp's logits for two of the tests' synthetic models in tests/host/data/llama_cpp.json.

    python3 record_llama_cpp.py --write-model build/release/tests/tools/write_model [--work DIRECTORY]

The models are those that tests/host/synthetic_gguf.cpp makes, so only logits, tokens and a checksum of the file are
recorded. Their seeds are ones for which no activation lies within float32 rounding of a half.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import zlib

from compare_llama_cpp import PACKAGE, install, llama_cpp

SIZES = dict(hidden=512, ffn=768, layers=2, heads=8, kv_heads=2)
CASES = [("bitnet", "tq2_0", 3), ("llama", "tq1_0", 0)]
TOKENS = [3, 250, 17, 99]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--write-model", required=True)
    ap.add_argument("--work")
    a = ap.parse_args()
    work = install(a.work or tempfile.mkdtemp(prefix="setun-peers-"))
    cases = []
    for architecture, kind, seed in CASES:
        file = os.path.join(work, f"recorded-{architecture}.gguf")
        options = [f"--{name.replace('_', '-')}={value}" for name, value in SIZES.items()]
        subprocess.run([a.write_model, f"gguf-{kind}", file, "--arch", architecture, "--embedding", "f32",
                        f"--seed={seed}", *options], check=True)
        with open(file, "rb") as f:
            checksum = zlib.crc32(f.read())
        rows = [[float(f"{x:.8g}") for x in row] for row in llama_cpp(work, file, TOKENS).tolist()]
        cases.append(dict(architecture=architecture, type=kind, seed=seed, crc32=checksum, logits=rows, **SIZES))
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(root, "tests/host/data/llama_cpp.json"), "w") as f:
        json.dump({"program": PACKAGE, "tokens": TOKENS, "cases": cases}, f)
        f.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
