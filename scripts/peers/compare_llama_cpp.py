#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""llama.cpp (npm's node-llama-cpp) on TQ1_0 and TQ2_0 files against reference.py and `setun logits`.

    python3 compare_llama_cpp.py --setun build/release/host/setun [--work DIRECTORY] [--gguf]

llama.cpp quantises activations by blocks of 256 (Q8_K), BitNet and Setun by token, so the two are not the same
arithmetic and agree to a few per cent. The proof goes over reference.py: with Q8_K activations and a float head it must
equal llama.cpp (that checks graph and file format), and with INT8 by token and the INT8 head it must equal Setun. The
only difference between the two runs of reference.py is the quantiser. --gguf gives Setun the same GGUF file; otherwise
it reads the Hugging Face directory that the file was made from.
Needs node and npm with a reachable registry; node-llama-cpp brings its own binary. Exit code 1 when a position without
a rounding flip is farther than 1e-5, or more than 1 argmax in 20 differs.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

from checkpoint import write_checkpoint
from gguf import write_gguf
from peer_common import difference, setun_logits
from reference import Reference

PACKAGE = "node-llama-cpp@3.22.1"
CLOSE = 1e-5


def llama_cpp(work, model, ids):
    out = model + ".json"
    done = subprocess.run(["node", os.path.join(work, "llama_cpp.mjs"), model, ",".join(map(str, ids)), out],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    with open(out) as f:
        return np.array(json.load(f), np.float32)


def show(name, d):
    print(f"  {name:44} close {d['close']:>2} / {d['positions']}, largest close {d['largest_close']:.1e}, "
          f"rel. L2 {d['rel_l2']:.1e}, top 1 {d['top1']} / {d['positions']}", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--setun", required=True)
    ap.add_argument("--work")
    ap.add_argument("--gguf", action="store_true")
    ap.add_argument("--seeds", type=int, default=3)
    a = ap.parse_args()
    work = a.work or tempfile.mkdtemp(prefix="setun-peers-")
    os.makedirs(work, exist_ok=True)
    if not os.path.isdir(os.path.join(work, "node_modules", "node-llama-cpp")):
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", work, PACKAGE],
                       check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_cpp.mjs")) as f:
        script = f.read()
    with open(os.path.join(work, "llama_cpp.mjs"), "w") as f:
        f.write(script)
    bad = 0
    for seed in range(a.seeds):
        folder = os.path.join(work, f"random-{seed}")
        c = write_checkpoint(folder, storage="multiply", activation="silu", seed=seed, hidden=256, ffn=768, layers=4,
                             vocab=512)
        ids = [int(i) for i in np.random.default_rng(seed + 100).integers(3, c["vocab_size"], 17)]
        by_token, exact = Reference(folder).logits(ids), Reference(folder, "float", "float").logits(ids)
        by_block = Reference(folder, "q8k", "float").logits(ids)
        print(f"seed {seed}")
        for kind in ("F32", "TQ2_0", "TQ1_0"):
            file = os.path.join(folder, kind + ".gguf")
            write_gguf(folder, file, kind)
            theirs = llama_cpp(work, file, ids)
            d = difference(exact if kind == "F32" else by_block, theirs, CLOSE)
            show(f"{kind}: llama.cpp and the reference, same rules", d)
            if kind == "F32":
                bad += d["close"] != d["positions"]
                continue
            bad += d["close"] == 0 or d["top1"] < 0.95 * len(ids)
            ours = setun_logits(a.setun, file if a.gguf else folder, ids)
            d = difference(ours, by_token, CLOSE)
            show(f"{kind}: Setun and the reference, same rules", d)
            bad += d["close"] == 0 or d["top1"] < 0.95 * len(ids)
            d = difference(ours, theirs, CLOSE)
            show(f"{kind}: Setun and llama.cpp", d)
            bad += d["top1"] < 0.9 * len(ids)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
