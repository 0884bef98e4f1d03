#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Record transformers' logits of tiny checkpoints for tests/host/peer_logits_test.cpp.

    python3 record_transformers.py --out tests/host/data/transformers

Each directory has config.json, model.safetensors and logits.json {tokens, logits}: float32, the head's input quantised to
INT8 as Setun does it (see compare_transformers.py). The seeds are such that no activation is near half-way.
"""
import argparse
import json
import os

import numpy as np
import torch
import transformers
from compare_transformers import difference, peer_logits
from reference import Reference

from checkpoint import write_checkpoint

CASES = {"relu2": dict(storage="bf16"), "silu_divide": dict(storage="divide", activation="silu", tied=False),
         "llama": dict(storage="divide", activation="silu", sub_norms=False)}
SIZE = dict(hidden=32, ffn=48, layers=2, heads=4, kv_heads=2, vocab=48, context=32)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    torch.set_num_threads(1)
    for name, options in CASES.items():
        folder = os.path.join(a.out, name)
        for seed in range(100):
            c = write_checkpoint(folder, seed=seed, **options, **SIZE)
            ids = [int(i) for i in np.random.default_rng(seed).integers(0, c["vocab_size"], 10)]
            reference = Reference(folder)
            z = reference.logits(ids)
            near = min(np.abs(x - np.floor(x) - 0.5).min() for x in reference.scaled)
            theirs = peer_logits(folder, ids, True)[0]
            if near > 1e-4 and difference(z, theirs)["close"] == len(ids):
                break
        else:
            raise SystemExit("no seed without a value near half-way")
        with open(os.path.join(folder, "logits.json"), "w") as f:
            json.dump(dict(source=f"transformers {transformers.__version__}, torch {torch.__version__}, float32", seed=seed,
                           tokens=ids, logits=[[float(f"{v:.9g}") for v in row] for row in theirs]), f,
                      separators=(",", ":"))
        print(f"{folder}: seed {seed}, nearest to a half {near:.1e}, "
              f"{sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder))} bytes")


if __name__ == "__main__":
    main()
