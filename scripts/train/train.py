#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a small BitNet b1.58 language model (or its full-precision twin) on a CPU.

Examples
    python3 tokenizer.py --out run/tokenizer.json bible.txt plays.txt:2
    python3 train.py --out run/ternary --tokenizer run/tokenizer.json --steps 3000 bible.txt plays.txt:2
    python3 train.py --out run/fp32 --tokenizer run/tokenizer.json --steps 3000 --fp32 bible.txt plays.txt:2
    python3 train.py --out run/ternary --resume --steps 2500 ...     # go on, but finish earlier

The schedule is warm-up, constant, linear cool-down to zero.  Cool-down, the switch of
weight decay to zero and the long-context phase are fractions of --steps, so --steps may
be changed when resuming.  Send SIGTERM to save a checkpoint and stop.

In --out: log.txt (step, loss, lr, tokens/s, validation), checkpoint.pt (resumable),
result.json (at the end: validation over the whole held-out text).
"""
import argparse
import json
import math
import os
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import data
from model import BitNet


def parse_args():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("files", nargs="+", help="text files, PATH or PATH:REPEAT (up-sampling of the training part)")
    ap.add_argument("--out", required=True, help="output directory")
    ap.add_argument("--tokenizer", required=True)
    ap.add_argument("--fp32", action="store_true", help="no quantisation anywhere (the twin)")
    ap.add_argument("--hidden", type=int, default=320)
    ap.add_argument("--ffn", type=int, default=640)
    ap.add_argument("--layers", type=int, default=4)
    ap.add_argument("--heads", type=int, default=8)
    ap.add_argument("--kv-heads", type=int, default=2)
    ap.add_argument("--context", type=int, default=512, help="max_position_embeddings; length of the last phase")
    ap.add_argument("--short-context", type=int, default=256, help="length of the first phase")
    ap.add_argument("--tokens-per-step", type=int, default=2048)
    ap.add_argument("--steps", type=int, default=5000)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--warmup", type=int, default=200)
    ap.add_argument("--cooldown", type=float, default=0.35, help="fraction of the steps")
    ap.add_argument("--long-phase", type=float, default=0.12, help="fraction of the steps at full context")
    ap.add_argument("--weight-decay", type=float, default=0.1, help="in the first half of the steps, then 0")
    ap.add_argument("--clip", type=float, default=1.0)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--val-fraction", type=float, default=0.05)
    ap.add_argument("--val-every", type=int, default=200)
    ap.add_argument("--save-minutes", type=float, default=4.0)
    ap.add_argument("--stop-after", type=int, default=0, help="stop (and save) at this step; for trials")
    ap.add_argument("--resume", action="store_true")
    return ap.parse_args()


def learning_rate(step, a):
    """Warm-up, constant, linear cool-down."""
    down = max(1, int(a.steps * a.cooldown))
    return a.lr * min(1.0, (step + 1) / a.warmup, max(0.0, (a.steps - step) / down))


@torch.no_grad()
def evaluate(model, stream, length, max_windows=None):
    """(sum of negative log-likelihoods in nats, tokens) over non-overlapping windows.

    The context starts anew in each window.  With max_windows, evenly spaced windows only.
    """
    starts = list(range(0, len(stream) - 1, length))
    if max_windows and len(starts) > max_windows:
        starts = [starts[i * len(starts) // max_windows] for i in range(max_windows)]
    model.eval()
    nll, n = 0.0, 0
    for s in starts:
        w = torch.from_numpy(stream[s:s + length + 1].astype(np.int64))
        nll += F.cross_entropy(model(w[None, :-1])[0], w[1:], reduction="sum").item()
        n += len(w) - 1
    model.train()
    return nll, n


def main():
    a = parse_args()
    torch.manual_seed(a.seed)
    torch.set_flush_denormal(True)
    os.makedirs(a.out, exist_ok=True)
    tok = Tokenizer.from_file(a.tokenizer)
    docs, val = data.load_documents(a.files, a.val_fraction, seed=a.seed)
    stream = data.encode_documents(tok, docs)
    val_streams = [(n, data.encode_documents(tok, d), sum(map(len, d))) for n, d in val]
    all_val = np.concatenate([s for _, s, _ in val_streams])

    config = dict(vocab_size=tok.get_vocab_size(), hidden_size=a.hidden, intermediate_size=a.ffn,
                  num_hidden_layers=a.layers, num_attention_heads=a.heads, num_key_value_heads=a.kv_heads,
                  max_position_embeddings=a.context, rms_norm_eps=1e-5, rope_theta=10000.0,
                  end_token_id=tok.token_to_id(data.END), quant=not a.fp32)
    model = BitNet(config)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    opt = torch.optim.AdamW([dict(params=matrices, weight_decay=a.weight_decay),
                             dict(params=vectors, weight_decay=0.0)], lr=a.lr, betas=(0.9, 0.95), foreach=True)
    step, spent, cpu0 = 0, 0.0, 0.0
    ckpt = os.path.join(a.out, "checkpoint.pt")
    if a.resume and os.path.exists(ckpt):
        c = torch.load(ckpt)
        model.load_state_dict(c["model"])
        opt.load_state_dict(c["optimizer"])
        torch.set_rng_state(c["rng"])
        step, spent, cpu0 = c["step"], c["seconds"], c["cpu_seconds"]

    log_file = open(os.path.join(a.out, "log.txt"), "a", buffering=1)

    def log(msg):
        line = time.strftime("%H:%M:%S ") + msg
        print(line, flush=True)
        log_file.write(line + "\n")

    begin = time.time()

    def save():
        torch.save(dict(model=model.state_dict(), optimizer=opt.state_dict(), rng=torch.get_rng_state(),
                        step=step, config=config, args=vars(a), seconds=spent + time.time() - begin,
                        cpu_seconds=cpu0 + time.process_time()), ckpt + ".tmp")
        os.replace(ckpt + ".tmp", ckpt)

    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))

    log(f"{'fp32' if a.fp32 else 'ternary'}: {sum(p.numel() for p in model.parameters())} parameters, "
        f"{len(stream)} training tokens (with repeats), {len(all_val)} validation tokens, "
        f"{sum(c for _, _, c in val_streams)} validation characters, from step {step} to {a.steps}, lr {a.lr}")
    last_save = last_time = time.time()
    mean_loss, count, tokens = 0.0, 0, 0
    while step < a.steps and not stop and not (a.stop_after and step >= a.stop_after):
        length = a.context if step >= a.steps * (1 - a.long_phase) else a.short_context
        rows = max(1, a.tokens_per_step // length)
        ids = torch.from_numpy(data.batch(stream, step, rows, length, a.seed))
        lr = learning_rate(step, a)
        for g in opt.param_groups:
            g["lr"] = lr
        opt.param_groups[0]["weight_decay"] = a.weight_decay if step < a.steps / 2 else 0.0
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), a.clip)
        if torch.isfinite(norm):
            opt.step()
        else:
            log(f"step {step}: gradient not finite, skipped")
        step += 1
        mean_loss, count, tokens = mean_loss + loss.item(), count + 1, tokens + rows * length
        if step % 20 == 0:
            now = time.time()
            log(f"step {step} loss {mean_loss / count:.4f} lr {lr:.3e} norm {norm:.2f} "
                f"tok/s {tokens / (now - last_time):.0f} cpu {time.process_time() + cpu0:.0f}")
            last_time, mean_loss, count, tokens = now, 0.0, 0, 0
        if step % a.val_every == 0:
            nll, n = evaluate(model, all_val, a.short_context, 64)
            log(f"step {step} validation {nll / n:.4f} (subset of {n} tokens, context {a.short_context})")
            last_time = time.time()
        if time.time() - last_save > a.save_minutes * 60:
            save()
            last_save = time.time()
    save()
    if step < a.steps:
        log(f"stopped at step {step}")
        return

    result = dict(model="fp32" if a.fp32 else "ternary", steps=step, args=vars(a), train_tokens=int(len(stream)),
                  context=a.context, files={})
    total = [0.0, 0, 0]
    for name, s, chars in val_streams:
        nll, n = evaluate(model, s, a.context)
        result["files"][name] = summary(nll, n, chars)
        total = [total[0] + nll, total[1] + n, total[2] + chars]
    result["all"] = summary(*total)
    result["seconds"] = spent + time.time() - begin
    result["cpu_seconds"] = cpu0 + time.process_time()
    log("validation " + json.dumps(result["all"]))
    with open(os.path.join(a.out, "result.json"), "w") as f:
        json.dump(result, f, indent=1)


def summary(nll, n, chars):
    """Loss and perplexity a token, bits a character (end tokens are counted as predicted tokens)."""
    return dict(tokens=n, characters=chars, loss=nll / n, perplexity=math.exp(nll / n),
                bits_per_character=nll / math.log(2) / chars)


if __name__ == "__main__":
    main()
