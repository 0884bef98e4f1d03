# SPDX-License-Identifier: Apache-2.0
"""Writes the checkpoints of checkpoint.py as GGUF files of the architectures "bitnet" and "llama"."""
import struct

import numpy as np

from reference import Reference

F32, TQ1_0, TQ2_0, I2_S = 0, 34, 35, 36
TYPES = {"F32": F32, "TQ1_0": TQ1_0, "TQ2_0": TQ2_0, "I2_S": I2_S}
U32, I32, FLOAT, STRING, ARRAY = 4, 5, 6, 8, 9
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
         "self_attn.attn_sub_norm": "attn_sub_norm", "mlp.ffn_sub_norm": "ffn_sub_norm"}


def text(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def value(kind, x):
    if kind == STRING:
        return text(x)
    return struct.pack({U32: "<I", I32: "<i", FLOAT: "<f"}[kind], x)


def pair(key, kind, x, element=None):
    head = text(key) + struct.pack("<I", kind)
    if kind != ARRAY:
        return head + value(kind, x)
    return head + struct.pack("<IQ", element, len(x)) + b"".join(value(element, v) for v in x)


def tq2_0(w, scale):
    """66 bytes for 256 weights: 64 of codes, four in a byte 32 apart, then the scale in half precision."""
    b = (w.reshape(-1, 2, 4, 32) + 1).astype(np.uint8)
    codes = (b[:, :, 0] | b[:, :, 1] << 2 | b[:, :, 2] << 4 | b[:, :, 3] << 6).reshape(-1, 64)
    return with_scale(codes, scale)


def tq1_0(w, scale):
    """54 bytes for 256 weights: five trits a byte, first the most significant, as ceil(v * 256 / 243)."""
    b = (w.reshape(-1, 256) + 1).astype(np.uint32)

    def bytes_of(part, trits):
        v = np.zeros(part[:, 0].shape, np.uint32)
        for n in range(trits):
            v = v * 3 + part[:, n]
        return ((v * 3 ** (5 - trits) * 256 + 242) // 243).astype(np.uint8)

    codes = np.concatenate([bytes_of(b[:, :160].reshape(-1, 5, 32), 5), bytes_of(b[:, 160:240].reshape(-1, 5, 16), 5),
                            bytes_of(b[:, 240:].reshape(-1, 4, 4), 4)], 1)
    return with_scale(codes, scale)


def i2_s(w, scale):
    """128 weights in 32 bytes over the whole tensor, the first 32 in the top bits; one scale at the end."""
    b = (w.reshape(-1, 4, 32) + 1).astype(np.uint8)
    codes = b[:, 0] << 6 | b[:, 1] << 4 | b[:, 2] << 2 | b[:, 3]
    return codes.tobytes() + np.float32(scale).tobytes() + bytes(28)


def f32(w, scale):
    return (w.astype(np.float32) * scale).tobytes()


ENCODERS = {F32: f32, TQ1_0: tq1_0, TQ2_0: tq2_0, I2_S: i2_s}


def in_pairs(w, heads):
    """Rows of q or k as files of architecture "llama" have them: 0, d/2, 1, d/2 + 1, ... in each head."""
    return w.reshape(heads, 2, -1, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def with_scale(codes, scale):
    d = np.full((len(codes), 1), scale, np.float16).view(np.uint8).reshape(len(codes), 2)
    return np.concatenate([codes, d], 1).tobytes()


def vocabulary(n):
    """A SentencePiece vocabulary, which llama.cpp asks for: three special tokens, 256 bytes, and fillers."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    types = [2, 3, 3] + [6] * 256
    fill = n - len(tokens)
    return tokens + [f"filler{i}" for i in range(fill)], types + [1] * fill


def write_gguf(folder, path, kind, architecture="bitnet"):
    """The checkpoint in `folder` (SiLU, tied head, sub-norms unless "llama") with linear layers of type `kind`."""
    r = Reference(folder)
    c = r.c
    assert c["hidden_act"] == "silu" and c["tie_word_embeddings"], "llama.cpp's models have SiLU, and this one a tied head"
    tokens, types = vocabulary(c["vocab_size"])
    a = architecture + "."
    head_dim = c["hidden_size"] // c["num_attention_heads"]
    pairs = [pair("general.architecture", STRING, architecture), pair("general.name", STRING, "random"),
             pair(a + "vocab_size", U32, c["vocab_size"]), pair(a + "context_length", U32, c["max_position_embeddings"]),
             pair(a + "embedding_length", U32, c["hidden_size"]), pair(a + "block_count", U32, c["num_hidden_layers"]),
             pair(a + "feed_forward_length", U32, c["intermediate_size"]),
             pair(a + "attention.head_count", U32, c["num_attention_heads"]),
             pair(a + "attention.head_count_kv", U32, c["num_key_value_heads"]),
             pair(a + "attention.layer_norm_rms_epsilon", FLOAT, c["rms_norm_eps"]),
             pair(a + "rope.dimension_count", U32, head_dim), pair(a + "rope.freq_base", FLOAT, c["rope_theta"]),
             pair("tokenizer.ggml.model", STRING, "llama"), pair("tokenizer.ggml.tokens", ARRAY, tokens, STRING),
             pair("tokenizer.ggml.scores", ARRAY, [-float(i) for i in range(len(tokens))], FLOAT),
             pair("tokenizer.ggml.token_type", ARRAY, types, I32), pair("tokenizer.ggml.bos_token_id", U32, 1),
             pair("tokenizer.ggml.eos_token_id", U32, 2)]
    tensors = [("token_embd.weight", F32, r.t["model.embed_tokens.weight"], np.float32(1)),
               ("output_norm.weight", F32, r.t["model.norm.weight"], np.float32(1))]
    for i in range(c["num_hidden_layers"]):
        for theirs, ours in NAMES.items():
            name = f"model.layers.{i}.{theirs}.weight"
            if name in r.linears:
                w, scale = r.linears[name]
                if architecture == "llama" and ours in ("attn_q", "attn_k"):
                    w = in_pairs(w, c["num_attention_heads" if ours == "attn_q" else "num_key_value_heads"])
                assert np.float32(np.float16(scale)) == scale, "the scale must be exact in half precision"
                tensors.append((f"blk.{i}.{ours}.weight", TYPES[kind], w, scale))
            elif name in r.t:
                tensors.append((f"blk.{i}.{ours}.weight", F32, r.t[name], np.float32(1)))
    infos, blobs, at = b"", [], 0
    for name, t, x, scale in tensors:
        blob = ENCODERS[t](x, scale)
        shape = x.shape[::-1]
        infos += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        infos += struct.pack("<IQ", t, at)
        blob += bytes(-len(blob) % 32)
        at += len(blob)
        blobs.append(blob)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + infos
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 32) + b"".join(blobs))
