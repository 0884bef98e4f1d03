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
GROUPS = {0: 0, 1: 0, 2: 0, 3: 3, 4: 4, 5: 4, 6: 6}  # matrices of a layer by the first that has the same input


def explain_by_rounding(reference, ids, theirs, close):
    """Whether and how rounding explains the first position at which `theirs` is far from the reference's logits: INT8
    activations near a half, rounded the other way, make that position close. "" when none is far, None when that does
    not explain it. Positions before are not touched: attention looks back only.

    Mostly it is one value. At position 0 the attention gives the value vector itself, integers times a factor; without a
    sub-norm many quotients of it can be exact halves. Which of them float32 rounds up is not looked for: the answer then
    says how many there are.
    """
    reference.choose = None
    position = difference(reference.logits(ids), theirs, close)["first_far"]
    if position is None:
        return ""
    values = [x[position].copy() for x in reference.scaled]
    head = len(values) - 1 if len(values) % 7 else None  # an INT8 head is one more quantiser

    def group(matrix):
        return matrix if matrix == head else matrix - matrix % 7 + GROUPS[matrix % 7]

    near = sorted((abs(x - np.floor(x) - 0.5), m, e) for m, row in enumerate(values) if group(m) == m
                  for e, x in enumerate(row) if abs(x - np.floor(x) - 0.5) < NEAR)
    candidates = [(m, e) for _, m, e in near]

    def logits(flips):
        def choose(matrix, x, q):
            q = q.copy()
            for m, e in flips:
                if group(matrix) == m:
                    q[position, e] = 2 * np.floor(x[position, e]) + 1 - q[position, e]
            return q

        reference.choose = choose
        return reference.logits(ids[:position + 1])[position:]

    def error(flips):
        return difference(logits(flips), theirs[position:position + 1], close)["largest"]

    flips, best = [], error([])
    while best > close:  # the flip that helps most, until none helps
        each = [(error([*flips, c]), c) for c in candidates if c not in flips]
        if not each or min(each)[0] >= best:
            exact = sum(1 for distance, _, _ in near if distance < 1e-9)
            return f"position {position}: {exact} inputs are exact halves, not followed further" if exact > 1 else None
        best, chosen = min(each)
        flips.append(chosen)
    return f"position {position}: " + ", ".join(
        f"{values[m][e]:.6f} rounded the other way (matrix {m}, input {e})" for m, e in flips)
