#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a byte-level BPE tokenizer (GPT-2 regular expression) on text files.

    python3 tokenizer.py --out run/tokenizer.json --vocab 1024 bible.txt plays.txt:2

The vocabulary is the 256 byte symbols, one special token ``<|end|>`` and
vocab - 257 merges.  Only the training part of the files is used (see data.py).
"""
import argparse

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import data


def train(docs, vocab):
    """A trained ``tokenizers.Tokenizer``."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(docs, trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[data.END], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tok


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("files", nargs="+", help="text files, PATH or PATH:REPEAT")
    ap.add_argument("--out", required=True, help="tokenizer.json to write")
    ap.add_argument("--vocab", type=int, default=1024)
    ap.add_argument("--val-fraction", type=float, default=0.05)
    a = ap.parse_args()
    docs, val = data.load_documents(a.files, a.val_fraction)
    tok = train(docs, a.vocab)
    tok.save(a.out)
    text = [d for _, ds in val for d in ds]
    n = len(data.encode_documents(tok, text))
    chars = sum(map(len, text))
    print(f"{a.out}: {tok.get_vocab_size()} entries, end token id {tok.token_to_id(data.END)}, "
          f"validation {chars} characters = {n} tokens ({chars / n:.3f} characters a token)")


if __name__ == "__main__":
    main()
