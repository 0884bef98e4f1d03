#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`setun tokenize` against npm's llama3-tokenizer-js and llama-tokenizer-js, with the whole vocabularies.

    python3 compare_tokenizers.py --setun build/release/host/setun [--text FILE.txt ...] [--work DIRECTORY]

Needs node and npm with a reachable registry; the packages go to the work directory. Compares odd texts and pieces of
2000 characters of the files. Exit code 1 when any text has other ids.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

PACKAGES = ["llama3-tokenizer-js@1.2.0", "llama-tokenizer-js@1.2.2"]
ODD = [
    "The rain in Spain", " leading", "trailing ", "  two   three    four ", "a\tb\r\nc\n\n\nd \n e", "I'LL we've 'Tis it's",
    "1 12 123 1234 12345 3.14159", "caf\u00e9 na\u00efve \u00fcber \u00c5ngstr\u00f6m", "\u65e5\u672c\u8a9e\u4e2d\u6587\ud55c\uad6d\uc5b4",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439 \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947",
    "x = y+z;\n\n\n  return f(x);\n}", "!?...;:--(brackets)[square]{curly}<angle>", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\u00a0no-break em\u2003space zero\u200bwidth", "ababababababababab", "-----=====_____", "\n", " ", "e\u0301 combining",
]


def pieces(file, size=2000):
    with open(file, encoding="utf-8", newline="") as f:
        text = f.read()
    return [text[i:i + size] for i in range(0, min(len(text), 200_000), size)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--setun", required=True)
    ap.add_argument("--text", nargs="*", default=[])
    ap.add_argument("--work")
    a = ap.parse_args()
    work = a.work or tempfile.mkdtemp(prefix="setun-peers-")
    os.makedirs(work, exist_ok=True)
    texts = ODD + [p for f in a.text for p in pieces(f)]
    rng = random.Random(0)
    alphabet = list("ab Z7\n'\u00e9\u4e2d") + ["the ", "\U0001f600", "  "]
    texts += ["".join(rng.choice(alphabet) for _ in range(200)) for _ in range(50)]
    with open(os.path.join(work, "texts.json"), "w") as f:
        json.dump(texts, f)
    subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", work, *PACKAGES],
                   check=True, stdout=subprocess.DEVNULL)
    script = os.path.join(work, "tokenizers.mjs")  # node looks for packages beside the script
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers.mjs")) as f, open(script, "w") as g:
        g.write(f.read())
    subprocess.run(["node", script, os.path.join(work, "texts.json"), work], check=True)
    wrong = 0
    for kind, package in zip(("llama3", "llama2"), PACKAGES):
        with open(os.path.join(work, kind + "_ids.json")) as f:
            expected = json.load(f)
        bad = 0
        total = 0
        for text, ids in zip(texts, expected):
            done = subprocess.run([a.setun, "tokenize", "--tokenizer", os.path.join(work, kind + ".json"), "--plain",
                                   "--json"], input=text.encode(), capture_output=True, check=False)
            if done.returncode != 0:
                raise SystemExit(done.stderr.decode())
            ours = json.loads(done.stdout)["tokens"]
            total += len(ids)
            if ours != ids:
                bad += 1
                at = next((i for i, (x, y) in enumerate(zip(ours, ids)) if x != y), min(len(ours), len(ids)))
                print(f"{package}: {text[:60]!r} differs at token {at}: {ours[at:at + 5]} for {ids[at:at + 5]}")
        print(f"{package}: {len(texts) - bad} of {len(texts)} texts, {total} tokens")
        wrong += bad
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
