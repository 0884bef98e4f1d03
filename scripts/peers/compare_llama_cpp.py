#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""llama.cpp (npm's node-llama-cpp) on F32, TQ1_0 and TQ2_0 files against reference.py and `setun logits`.

    python3 compare_llama_cpp.py --setun build/release/host/setun [--work DIRECTORY] [--seeds N]

llama.cpp quantises activations by blocks of 256 (Q8_K), BitNet and Setun by token, so the two are not the same
arithmetic and agree to a few per cent. The proof goes over reference.py: with Q8_K activations and a float head it must
equal llama.cpp (that checks graph and file format), and with INT8 by token and the INT8 head it must equal Setun. The
only difference between the two runs of reference.py is the quantiser. Setun reads the same GGUF file, and an I2_S file,
which llama.cpp does not know; its logits must have the same bits for every file, and for the Hugging Face directory
that the files were made from.
Needs node and npm with a reachable registry; node-llama-cpp brings its own binary. Exit code 1 when a position farther than
1e-5 is not explained by INT8 activations near a half, or more than 1 argmax in 10 differs.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from checkpoint import write_checkpoint
from gguf import write_gguf
from peer_common import difference, explain_by_rounding, setun_logits
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


def install(work):
    """node-llama-cpp and the script that runs it, in `work`."""
    os.makedirs(work, exist_ok=True)
    if not os.path.isdir(os.path.join(work, "node_modules", "node-llama-cpp")):
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", work, PACKAGE],
                       check=True, stdout=subprocess.DEVNULL)
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copy(os.path.join(here, "llama_cpp.mjs"), work)
    return work


def show(name, d):
    print(f"  {name:44} close {d['close']:>2} / {d['positions']}, largest close {d['largest_close']:.1e}, "
          f"rel. L2 {d['rel_l2']:.1e}, top 1 {d['top1']} / {d['positions']}", flush=True)


def not_explained(reference, ids, logits):
    """1 when a far position is not explained by rounding; says how they are."""
    why = explain_by_rounding(reference, ids, logits, CLOSE)
    if why != "":
        print(f"    {why or 'NOT EXPLAINED BY ROUNDING'}", flush=True)
    return why is None


def make_model(work, architecture, seed):
    """(folder of a random checkpoint, tokens for it)"""
    folder = os.path.join(work, f"random-{architecture}-{seed}")
    c = write_checkpoint(folder, storage="multiply", activation="silu", sub_norms=architecture == "bitnet", seed=seed,
                         hidden=256, ffn=768, layers=4, vocab=512)
    return folder, [int(i) for i in np.random.default_rng(seed + 100).integers(3, c["vocab_size"], 17)]


def compare(setun, work, architecture, seed):
    """One model in every form; returns how many of the conditions do not hold."""
    bad = 0
    folder, ids = make_model(work, architecture, seed)
    by_token, exact = Reference(folder).logits(ids), Reference(folder, "float", "float").logits(ids)
    by_block = Reference(folder, "q8k", "float").logits(ids)
    print(f"{architecture}, seed {seed}")
    ours = setun_logits(setun, folder, ids)
    d = difference(ours, by_token, CLOSE)
    show("Setun and the reference, same rules", d)
    bad += not_explained(Reference(folder), ids, ours)
    for kind in ("F32", "TQ2_0", "TQ1_0", "I2_S"):
        file = os.path.join(folder, kind + ".gguf")
        write_gguf(folder, file, kind, architecture)
        equal = np.array_equal(setun_logits(setun, file, ids), ours)
        print(f"  {kind + ': Setun reads the GGUF file':44} {'same bits' if equal else 'DIFFERS from the directory'}")
        bad += not equal
        if kind == "I2_S":
            continue
        theirs = llama_cpp(work, file, ids)
        d = difference(exact if kind == "F32" else by_block, theirs, CLOSE)
        show(f"{kind}: llama.cpp and the reference, same rules", d)
        if kind == "F32":
            bad += d["close"] != d["positions"]
            continue
        bad += not_explained(Reference(folder, "q8k", "float"), ids, theirs)
        d = difference(ours, theirs, CLOSE)
        show(f"{kind}: Setun and llama.cpp", d)
        bad += d["top1"] < 0.9 * len(ids)
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--setun", required=True)
    ap.add_argument("--work")
    ap.add_argument("--seeds", type=int, default=3)
    a = ap.parse_args()
    work = install(a.work or tempfile.mkdtemp(prefix="setun-peers-"))
    bad = sum(compare(a.setun, work, architecture, seed)
              for architecture in ("bitnet", "llama") for seed in range(a.seeds))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
