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
