// A model so small that its work can be counted by hand.
#pragma once

#include "energy_model/shape.h"

namespace setun::energy {

/// hidden 4, feed-forward 6, 3 layers, 2 heads of 2, 1 KV head, vocabulary 10.
inline ModelShape small_shape() {
    ModelShape s;
    s.name = "small";
    s.hidden = 4;
    s.ffn = 6;
    s.layers = 3;
    s.heads = 2;
    s.kv_heads = 1;
    s.head_dim = 2;
    s.vocab = 10;
    return s;
}

}  // namespace setun::energy
