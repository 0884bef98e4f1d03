# SPDX-License-Identifier: Apache-2.0
"""Packer, descriptors and integer reference of the kernel in numpy, written from docs/memory-format.md and
docs/command-interface.md alone: it shares nothing with host/ or hls/. `shape` has the kernel's ports, tokens, tile_rows, beat (B) and lanes."""
import struct

import numpy as np

NOP, MATMUL, FENCE = 0, 1, 1


def decode_byte(byte):
    """The five weights of a T5 byte, or None when it is illegal (memory-format.md section 1)."""
    b = [bool(byte >> i & 1) for i in range(8)]
    esc = b[4] and b[3] and b[2]
    c4, c3, c2 = (b[7], b[6], b[5]) if esc else (b[4], b[3], b[2])
    a = b[1] and b[0]
    if c3 and c2 and (a or (esc and c4)):
        return None
    nonzero = (not c3 if a else not b[1],
               a or not c3,
               not a and not (c3 and c2),
               not esc and not (b[6] and not b[5]),
               not esc and not (b[6] and b[5]))
    negative = (c2 if a else b[0], c4 if a else c2, c4, b[7] if b[6] else b[5], b[7])
    return tuple(-int(n) or 1 if z else 0 for z, n in zip(nonzero, negative))


ILLEGAL = [byte for byte in range(256) if decode_byte(byte) is None]
ENCODE = np.zeros(3**5, np.uint8)  # code by sum_j (weight_j + 1) 3^j
for _byte in set(range(256)) - set(ILLEGAL):
    ENCODE[sum((w + 1) * 3**j for j, w in enumerate(decode_byte(_byte)))] = _byte


def beats(shape, trits):
    """T5 beats uint8 [n][B] of trits [n][LANES] in -1, 0, 1 (memory-format.md section 2)."""
    codes = ENCODE[((trits + 1).reshape(len(trits), 5, shape.beat) * 3**np.arange(5)[:, None]).sum(1)]
    bits = (codes[:, None, :] >> np.arange(8)[:, None]) & 1
    return np.packbits(bits.reshape(len(trits), -1), axis=1, bitorder="little")


def digits(weights, planes):
    """Balanced ternary [P][M][K] of integers [M][K], most significant plane first (section 4)."""
    out = []
    for _ in range(planes):
        out.insert(0, (weights + 1) % 3 - 1)
        weights = (weights - out[0]) // 3
    assert not weights.any(), "weights do not fit the planes"
    return np.array(out)


def streams(shape, weights, planes):
    """The bytes behind each weight port of an integer matrix [M][K] (section 3)."""
    rows, inputs = weights.shape
    chunks, span = -(-inputs // shape.lanes), shape.ports * shape.tile_rows
    padded = np.zeros((planes, -(-rows // shape.ports) * shape.ports, chunks * shape.lanes), np.int64)
    padded[:, :rows, :inputs] = digits(weights, planes)
    out = [[] for _ in range(shape.ports)]
    for tile in range(0, rows, span):
        for plane in padded[:, tile:tile + span]:
            for chunk in np.split(plane, chunks, axis=1):
                for port in range(shape.ports):
                    out[port].append(beats(shape, chunk[port::shape.ports]))
    return [np.concatenate(parts).tobytes() for parts in out]


def results(shape, weights, x):
    """The result bytes of weights [M][K] and activations int8 [tokens][K] (section 6)."""
    y = np.zeros((len(weights), shape.tokens), "<i4")
    y[:, :len(x)] = weights @ x.astype(np.int64).T
    return y.tobytes()


def descriptor(opcode=MATMUL, flags=0, weight=0, x=0, y=0, m=0, k=0, tokens=0, planes=0, x_stride=0, version=1, encoding=1, tag=0,
               reserved=bytes(16)):
    """The 64 bytes of a command (command-interface.md section 3)."""
    return struct.pack("<BBHIQQQIIHBBI16s", version, opcode, flags, tag, weight, x, y, m, k, tokens, planes, encoding, x_stride, reserved)
