# SPDX-License-Identifier: Apache-2.0
"""BitNet b1.58 (2B4T style) decoder for training on CPU, and its full-precision twin.

Arithmetic of the ternary model
  weights      per tensor   s = 1 / max(mean|W|, 1e-5)    Wq = clamp(round(W s), -1, 1) / s
  activations  per token    s = 127 / max(max|x|, 1e-5)   xq = round(x s) / s
  embedding    per tensor   d = max|E| / 121              Eq = round(E / d) d
The embedding table is used for the look-up and, tied, for the output head; the head's
input is quantised like that of every other linear layer.  +-121 is what five balanced
ternary digits hold, so the head runs as five ternary digit planes.
All roundings are half-to-even with straight-through gradients.

With ``quant=False`` the same network runs without any of this.

q, k, v (and gate, up) share one input and are run as one matrix product; each keeps
its own scale.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

HEAD_LEVELS = 121


class TernaryWeight(torch.autograd.Function):
    """Per-tensor absmean ternarisation, straight-through."""

    @staticmethod
    def forward(ctx, w):
        d = w.abs().mean().clamp_(min=1e-5)
        return (w * (1.0 / d)).round_().clamp_(-1, 1).mul_(d)

    @staticmethod
    def backward(ctx, g):
        return g


class Int8Activation(torch.autograd.Function):
    """Per-token absmax INT8 fake quantisation, straight-through."""

    @staticmethod
    def forward(ctx, x):
        s = 127.0 / torch.maximum(x.amax(-1, keepdim=True), -x.amin(-1, keepdim=True)).clamp_(min=1e-5)
        return (x * s).round_().div_(s)

    @staticmethod
    def backward(ctx, g):
        return g


class EmbeddingWeight(torch.autograd.Function):
    """Per-tensor quantisation to integers in +-121, straight-through."""

    @staticmethod
    def forward(ctx, w):
        d = w.abs().max() / HEAD_LEVELS
        return (w / d).round_().clamp_(-HEAD_LEVELS, HEAD_LEVELS).mul_(d)

    @staticmethod
    def backward(ctx, g):
        return g


class RMSNormFn(torch.autograd.Function):
    """x * rsqrt(mean(x^2) + eps) * weight with a hand-written backward pass."""

    @staticmethod
    def forward(ctx, x, w, eps):
        r = (x.square().mean(-1, keepdim=True) + eps).rsqrt_()
        xh = x * r
        ctx.save_for_backward(xh, r, w)
        return xh * w

    @staticmethod
    def backward(ctx, g):
        xh, r, w = ctx.saved_tensors
        gx = g * xh
        gw = gx.flatten(0, -2).sum(0)
        m = (gx @ w).div_(xh.shape[-1]).unsqueeze(-1)
        return (g * w).addcmul_(xh, m, value=-1).mul_(r), gw, None


class ReLU2Gate(torch.autograd.Function):
    """relu(g)^2 * u for a fused [.., gate | up] tensor."""

    @staticmethod
    def forward(ctx, gu):
        g, u = gu.chunk(2, -1)
        r = g.relu()
        ctx.save_for_backward(r, u)
        return (r * r).mul_(u)

    @staticmethod
    def backward(ctx, d):
        r, u = ctx.saved_tensors
        dr = d * r
        return torch.cat(((dr * u).mul_(2.0), dr.mul_(r)), -1)


class CausalAttentionFn(torch.autograd.Function):
    """softmax(q k^T / sqrt(hd), causal) v for q [N, rep, T, hd] and k, v [N, T, hd].

    Runs over blocks of query positions, so that most of the masked half is never computed.
    """

    BLOCK = 64

    @staticmethod
    def forward(ctx, q, k, v, mask):
        N, rep, T, hd = q.shape
        scale = 1.0 / math.sqrt(hd)
        kt = k.transpose(1, 2)
        out = torch.empty_like(q)
        blocks = []
        for a in range(0, T, CausalAttentionFn.BLOCK):
            b = min(a + CausalAttentionFn.BLOCK, T)
            s = torch.bmm(q[:, :, a:b].reshape(N, rep * (b - a), hd), kt[:, :, :b]).mul_(scale)
            s.view(N, rep, b - a, b)[..., a:].add_(mask[:b - a, :b - a])
            p = torch.softmax(s, -1)
            out[:, :, a:b] = torch.bmm(p, v[:, :b]).view(N, rep, b - a, hd)
            blocks.append(p)
        ctx.save_for_backward(q, k, v, out, *blocks)
        return out

    @staticmethod
    def backward(ctx, g):
        q, k, v, out, *blocks = ctx.saved_tensors
        N, rep, T, hd = q.shape
        scale = 1.0 / math.sqrt(hd)
        g = g.contiguous()
        dot = (g * out).sum(-1, keepdim=True)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for i, p in enumerate(blocks):
            a = i * CausalAttentionFn.BLOCK
            b = p.shape[-1]
            gb = g[:, :, a:b].reshape(N, -1, hd)
            dv[:, :b] += torch.bmm(p.transpose(1, 2), gb)
            ds = torch.bmm(gb, v[:, :b].transpose(1, 2))
            ds.sub_(dot[:, :, a:b].reshape(N, -1, 1)).mul_(p)
            dq[:, :, a:b] = torch.bmm(ds, k[:, :b]).view(N, rep, b - a, hd)
            dk[:, :b] += torch.bmm(ds.transpose(1, 2), q[:, :, a:b].reshape(N, -1, hd))
        return dq.mul_(scale), dk.mul_(scale), dv, None


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        return RMSNormFn.apply(x, self.weight, self.eps)


class BitLinear(nn.Module):
    """Latent float weights, no bias."""

    def __init__(self, n_in, n_out, quant, std):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) * std)
        self.quant = quant

    def w(self):
        return TernaryWeight.apply(self.weight) if self.quant else self.weight


def apply_rope(x, cos, sin):
    """Rotate-half RoPE; x [B, T, heads, head_dim]."""
    h = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., h:], x[..., :h]), -1) * sin


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, q = c["hidden_size"], c["quant"]
        self.nq, self.nkv = c["num_attention_heads"], c["num_key_value_heads"]
        self.hd = d // self.nq
        self.quant = q
        self.q_proj = BitLinear(d, self.nq * self.hd, q, c["init_std"])
        self.k_proj = BitLinear(d, self.nkv * self.hd, q, c["init_std"])
        self.v_proj = BitLinear(d, self.nkv * self.hd, q, c["init_std"])
        self.o_proj = BitLinear(self.nq * self.hd, d, q, c["out_std"])
        self.attn_sub_norm = RMSNorm(self.nq * self.hd, c["rms_norm_eps"])

    def forward(self, x, cos, sin, mask):
        B, T, _ = x.shape
        nq, nkv, hd = self.nq, self.nkv, self.hd
        qkv = F.linear(x, torch.cat((self.q_proj.w(), self.k_proj.w(), self.v_proj.w())))
        qkv = qkv.view(B, T, nq + 2 * nkv, hd)
        qk = apply_rope(qkv[:, :, :nq + nkv], cos, sin)
        rep = nq // nkv                                    # query heads a key/value head
        q = qk[:, :, :nq].reshape(B, T, nkv, rep, hd).permute(0, 2, 3, 1, 4).reshape(B * nkv, rep, T, hd)
        k = qk[:, :, nq:].transpose(1, 2).reshape(B * nkv, T, hd)
        v = qkv[:, :, nq + nkv:].transpose(1, 2).reshape(B * nkv, T, hd)
        a = CausalAttentionFn.apply(q, k, v, mask)
        a = a.view(B, nkv, rep, T, hd).permute(0, 3, 1, 2, 4).reshape(B, T, nq * hd)
        a = self.attn_sub_norm(a)
        if self.quant:
            a = Int8Activation.apply(a)
        return F.linear(a, self.o_proj.w())


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, f, q = c["hidden_size"], c["intermediate_size"], c["quant"]
        self.quant = q
        self.gate_proj = BitLinear(d, f, q, c["init_std"])
        self.up_proj = BitLinear(d, f, q, c["init_std"])
        self.down_proj = BitLinear(f, d, q, c["out_std"])
        self.ffn_sub_norm = RMSNorm(f, c["rms_norm_eps"])

    def forward(self, x):
        y = ReLU2Gate.apply(F.linear(x, torch.cat((self.gate_proj.w(), self.up_proj.w()))))
        y = self.ffn_sub_norm(y)
        if self.quant:
            y = Int8Activation.apply(y)
        return F.linear(y, self.down_proj.w())


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.quant = c["quant"]
        self.input_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.mlp = MLP(c)

    def forward(self, h, cos, sin, mask):
        x = self.input_layernorm(h)
        h = h + self.self_attn(Int8Activation.apply(x) if self.quant else x, cos, sin, mask)
        x = self.post_attention_layernorm(h)
        return h + self.mlp(Int8Activation.apply(x) if self.quant else x)


class BitNet(nn.Module):
    """``state_dict`` names are the Hugging Face names without the leading ``model.``."""

    def __init__(self, c):
        super().__init__()
        c = dict(c)
        c.setdefault("init_std", 0.02)
        c["out_std"] = c["init_std"] / math.sqrt(2 * c["num_hidden_layers"])
        self.c = c
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        nn.init.normal_(self.embed_tokens.weight, std=c["init_std"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self._tables = {}

    def tables(self, T):
        """cos and sin [1, T, 1, head_dim] and the causal mask of one block, cached."""
        if T not in self._tables:
            hd = self.c["hidden_size"] // self.c["num_attention_heads"]
            inv = self.c["rope_theta"] ** (-torch.arange(0, hd, 2, dtype=torch.float64) / hd)
            ang = torch.outer(torch.arange(T, dtype=torch.float64), inv)
            ang = torch.cat((ang, ang), -1).view(1, T, 1, hd)
            n = CausalAttentionFn.BLOCK
            self._tables[T] = (ang.cos().float(), ang.sin().float(), torch.full((n, n), float("-inf")).triu_(1))
        return self._tables[T]

    def forward(self, ids):
        """Token ids [B, T] -> logits [B, T, vocab]."""
        quant = self.c["quant"]
        e = self.embed_tokens.weight
        if quant:
            e = EmbeddingWeight.apply(e)
        h = F.embedding(ids, e)
        cos, sin, mask = self.tables(ids.shape[1])
        for layer in self.layers:
            h = layer(h, cos, sin, mask)
        h = self.norm(h)
        return F.linear(Int8Activation.apply(h) if quant else h, e)
