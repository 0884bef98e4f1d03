# SPDX-License-Identifier: Apache-2.0
"""Text files -> training and validation token streams.

Split: the last ``val_fraction`` of every file (by characters, cut at a line
end) is validation, the rest is training; nothing of the validation part is seen
by the tokenizer or the model.  Each part is then cut into documents of about
``doc_chars`` characters, at blank lines if the file has them and else at line
ends, and the documents are joined with the end token:

    <|end|> doc <|end|> doc <|end|> ...

Training documents are shuffled (fixed seed); validation documents keep their order.
"""
import numpy as np

END = "<|end|>"


def read_text(path):
    """The whole file as text with LF line ends."""
    with open(path, encoding="utf-8", newline="") as f:
        return f.read().replace("\r\n", "\n")


def split_text(text, val_fraction):
    """(training part, validation part): one cut, at the first line end after (1 - val_fraction)."""
    cut = int(len(text) * (1.0 - val_fraction))
    nl = text.find("\n", cut)
    cut = len(text) if nl < 0 else nl + 1
    return text[:cut], text[cut:]


def documents(text, doc_chars):
    """Cut a text into documents of about ``doc_chars`` characters, each ending in one newline."""
    sep = "\n\n" if text.count("\n\n") * 400 > len(text) else "\n"
    docs, cur, size = [], [], 0
    for part in text.split(sep):
        if size >= doc_chars:
            docs.append(sep.join(cur))
            cur, size = [], 0
        cur.append(part)
        size += len(part) + len(sep)
    docs.append(sep.join(cur))
    return [d.strip("\n") + "\n" for d in docs if d.strip()]


def load_documents(specs, val_fraction=0.05, doc_chars=3000, seed=1):
    """``specs``: list of "path" or "path:repeat" (repeat = integer up-sampling of the training part).

    Returns (train_docs, val_docs), val_docs being a list of (name, docs) a file.
    """
    train, val = [], []
    for spec in specs:
        path, _, rep = spec.rpartition(":")
        if not path or not rep.isdigit():
            path, rep = spec, "1"
        tr, va = split_text(read_text(path), val_fraction)
        train += documents(tr, doc_chars) * int(rep)
        name = path.replace("\\", "/").rsplit("/", 1)[-1]
        val.append((name, documents(va, doc_chars)))
    order = np.random.default_rng(seed).permutation(len(train))
    return [train[i] for i in order], val


def encode_documents(tok, docs):
    """One uint16 array: end token, document, end token, document, ..., end token."""
    end = tok.token_to_id(END)
    ids = [end]
    for enc in tok.encode_batch(docs, add_special_tokens=False):
        ids += enc.ids
        ids.append(end)
    return np.asarray(ids, dtype=np.uint16)


def batch(stream, step, rows, length, seed):
    """Rows of length + 1 tokens from random places; depends on (seed, step) only.

    So a resumed run, and the full-precision twin, see exactly the same batches.
    """
    rng = np.random.default_rng([seed, step])
    at = rng.integers(0, len(stream) - length - 1, size=rows)
    return np.stack([stream[a:a + length + 1] for a in at]).astype(np.int64)
