#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Record what other tokenizer libraries answer, for tests/host/tokenizer_test.cpp.

    python3 record_tokenizers.py --text FILE.txt --out tests/host/data

Trains two small vocabularies on the text (384 SentencePiece BPE pieces with byte fallback, 400 tiktoken ranks) and
writes them with the ids that the `sentencepiece`, `tiktoken` and `tokenizers` libraries give for a list of texts:
  sentencepiece.model, sentencepiece.json   the model, and its ids by `sentencepiece`
  llama_bpe.json, llama_bpe_ids.json        the same vocabulary as a tokenizer.json of Llama 2's kind, by `tokenizers`
  ranks.tiktoken, tiktoken.json             the ranks, and their ids by `tiktoken` with Llama 3's expression
"""
import argparse
import base64
import json
import os
import tempfile

import sentencepiece
import tiktoken
import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
TEXTS = [
    "the", " the", "  the  king ", "Hello, world!", "What, my lord?", "aaaaaaaaaaaaaaaaaaaa", "ababababab abababa",
    "In the beginning God created the heaven and the earth.",
    "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.",
    "tab\tand\r\nCRLF\n\n\nnewlines \n \n end", "I'LL we've they're don't 'tis it's I'd", "1234567890 3.14159",
    "caf\u00e9 na\u00efve \u00fcber", "\u65e5\u672c\u8a9e \u4e2d\u6587 \ud55c\uad6d\uc5b4",
    "emoji \U0001f600\U0001f468\u200d\U0001f469 end", "no-break\u00a0space, em\u2003space", "a\u2581b \u2581c",
    "x\u0001y\u007f", "\n", "   \n   x", " ", "          ten spaces          ", "<0x0A> is not a byte",
    "thethethe their them then there these they",
]


def write(folder, name, value):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{path}: {os.path.getsize(path)} bytes")


def record_sentencepiece(text, out):
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "m")
        sentencepiece.SentencePieceTrainer.train(
            input=text, model_prefix=prefix, model_type="bpe", vocab_size=384 + 259, byte_fallback=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True,
            character_coverage=0.9999, split_digits=True, user_defined_symbols=[], minloglevel=2,
            allow_whitespace_only_pieces=True, max_sentence_length=4000, input_sentence_size=4000,
            shuffle_input_sentence=False, num_threads=1)
        with open(prefix + ".model", "rb") as f:
            data = f.read()
    with open(os.path.join(out, "sentencepiece.model"), "wb") as f:
        f.write(data)
    print(f"sentencepiece.model: {len(data)} bytes")
    sp = sentencepiece.SentencePieceProcessor(model_proto=data)
    write(out, "sentencepiece.json", [dict(text=t, ids=sp.encode(t)) for t in TEXTS])
    return sp


def record_llama_bpe(sp, out):
    """The vocabulary with merges in place of scores, as converters write it: by score, then by length."""
    n = sp.get_piece_size()
    pieces = [sp.id_to_piece(i) for i in range(n)]
    vocab = {p: i for i, p in enumerate(pieces)}
    merges = []
    for i, piece in enumerate(pieces):
        if sp.is_byte(i) or sp.is_control(i) or sp.is_unknown(i):
            continue
        local = [(piece[:k], piece[k:], i) for k in range(1, len(piece)) if piece[:k] in vocab and piece[k:] in vocab]
        merges += sorted(local, key=lambda m: (vocab[m[0]], vocab[m[1]]))
    merges.sort(key=lambda m: -sp.get_score(m[2]))
    tok = tokenizers.Tokenizer(models.BPE(vocab, [(a, b) for a, b, _ in merges], unk_token="<unk>", fuse_unk=True,
                                          byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tok.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     decoders.Strip(" ", 1, 0)])
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    write(out, "llama_bpe.json", json.loads(tok.to_str()))
    texts = TEXTS + ["one</s>two", "<s>The king</s> said", "</s> </s>"]
    write(out, "llama_bpe_ids.json",
          [dict(text=t, ids=tok.encode(t, add_special_tokens=False).ids) for t in texts])


def record_tiktoken(text, out):
    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(LLAMA3), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tok.train([text], trainers.BpeTrainer(vocab_size=656, initial_alphabet=alphabet, show_progress=False))
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    raw = {chr(b): b for b in printable}
    raw.update({chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in printable)})
    ranks = {}
    for piece, _ in sorted(tok.get_vocab().items(), key=lambda item: item[1]):
        ranks[bytes(raw[c] for c in piece)] = len(ranks)
    with open(os.path.join(out, "ranks.tiktoken"), "w") as f:
        for token, rank in ranks.items():
            f.write(f"{base64.b64encode(token).decode()} {rank}\n")
    encoding = tiktoken.Encoding("recorded", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
    write(out, "tiktoken.json", [dict(text=t, ids=encoding.encode_ordinary(t)) for t in TEXTS])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--text", required=True)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    sp = record_sentencepiece(a.text, a.out)
    record_llama_bpe(sp, a.out)
    record_tiktoken(a.text, a.out)


if __name__ == "__main__":
    main()
