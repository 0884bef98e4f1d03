# SPDX-License-Identifier: Apache-2.0
"""What the comparisons have in common: logits from `setun logits`, and figures of the difference."""
import json
import subprocess

import numpy as np


def setun_logits(setun, model, ids, device="cpu"):
    """float32 logits [len(ids), vocab] of `setun logits`, teacher-forced."""
    command = [setun, "logits", "--model", model, "--tokens", ",".join(map(str, ids)), "--device", device, "--all",
               "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return np.array([p["logits"] for p in json.loads(done.stdout)["positions"]], np.float32)


def difference(ours, theirs, close=1e-5):
    """Figures of two logit matrices; differences are relative to the largest logit of the position.

    `close` positions differ by no more than `close`; after a rounding flip in one INT8 activation a position and, by
    the key/value cache, those behind it differ by far more, and relative L2 over all says by how much.
    """
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    size = np.abs(theirs).max(-1)
    each = np.abs(ours - theirs).max(-1) / size
    good = each <= close
    return dict(positions=len(each), close=int(good.sum()), largest_close=float(each[good].max(initial=0)),
                largest=float(each.max()), first_far=int(np.argmin(good)) if not good.all() else None,
                rel_l2=float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)),
                top1=int((ours.argmax(-1) == theirs.argmax(-1)).sum()))


NEAR = 1e-3  # of a half: how far float32 may be from float64 before a value is rounded
EXACT = 1e-9  # a half in exact arithmetic, as float64 has it
MOST_TIES = 12  # whose 2^n choices are tried
GROUPS = {0: 0, 1: 0, 2: 0, 3: 3, 4: 4, 5: 4, 6: 6}  # matrices of a layer by the first that has the same input


def rounded_together(reference, matrix, inputs):
    """The given inputs of a matrix, those that are copies of one number together: the output of the attention at
    position 0 has a value of each key/value head once for every query head that shares it."""
    if matrix % 7 != 3 or matrix >= 7 * reference.c["num_hidden_layers"]:
        return [[e] for e in inputs]
    heads = reference.c["num_attention_heads"]
    dim, sharing = reference.c["hidden_size"] // heads, heads // reference.c["num_key_value_heads"]
    sets = {}
    for e in inputs:
        sets.setdefault((e // dim // sharing, e % dim), []).append(e)
    return list(sets.values())


def explain_by_rounding(reference, ids, theirs, close):
    """Whether and how rounding explains all positions at which `theirs` is far from the reference's logits: INT8
    activations near a half, rounded the other way, make them close. "" when none is far, None when one is not explained.
    Positions are taken in order, each with the choices of those before it, because they stay in the key/value cache.

    Mostly it is one value. At position 0 the attention gives the value vector itself, integers times a factor; without a
    sub-norm many quotients of it can be exact halves, and each falls as its own float32 rounding errors say. One right
    choice more need not bring the logits nearer then, so all choices of the exact halves are tried.
    """
    flips, lines = [], []  # flips: (position, matrix, inputs)

    def group(matrix):
        head = matrix == len(reference.linears)  # an INT8 head is one more quantiser
        return matrix if head else matrix - matrix % 7 + GROUPS[matrix % 7]

    def logits(tokens, flips):
        def choose(matrix, x, q):
            q = q.copy()
            for p, m, e in flips:
                if group(matrix) == m and p < len(x):
                    q[p, e] = 2 * np.floor(x[p, e]) + 1 - q[p, e]
            return q

        reference.choose = choose
        return reference.logits(tokens)

    while (position := difference(logits(ids, flips), theirs, close)["first_far"]) is not None:
        values = [x[position].copy() for x in reference.scaled]

        def error(more, position=position):
            z = logits(ids[:position + 1], [*flips, *((position, m, e) for _, m, e in more)])[position:]
            return difference(z, theirs[position:position + 1], close)["largest"]

        near = []  # (distance from a half, matrix, inputs), nearest first
        for m, row in enumerate(values):
            if group(m) == m:
                away = np.abs(row - np.floor(row) - 0.5)
                near += [(away[e[0]], m, e) for e in rounded_together(reference, m, np.flatnonzero(away < NEAR))]
        near.sort(key=lambda c: c[0])
        ties = [c for c in near if c[0] < EXACT]
        chosen = []
        if 1 < len(ties) <= MOST_TIES:
            choices = ([t for i, t in enumerate(ties) if n >> i & 1] for n in range(1 << len(ties)))
            chosen = min(choices, key=error)
        best = error(chosen)
        while best > close:  # the flip that helps most, until none helps
            each = [(error([*chosen, c]), i) for i, c in enumerate(near) if all(c is not f for f in chosen)]
            if not each or min(each)[0] >= best:
                return None
            best, i = min(each)
            chosen.append(near[i])
        flips += [(position, m, e) for _, m, e in chosen]
        lines.append(f"position {position}: " + ", ".join(
            f"{values[m][e[0]]:.6f} rounded the other way (matrix {m}, input {' and '.join(map(str, e))})"
            for _, m, e in chosen))
    return "; ".join(lines)
