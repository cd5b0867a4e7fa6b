"""USE-style transformer: sinusoidal positions and post-norm layers (Cer et al. 2018, arXiv:1803.11175, section 3.1).

The network of the Universal Sentence Encoder, not Google's weights, which are published for TensorFlow alone. A folder
has its tensors by the names that torch's ``TransformerEncoder`` gives them, and ``word_embeddings.weight``. The paper's
vector is the sum of the states over the square root of their number: the pooling ``mean_sqrt_len_tokens``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation, split_heads, thirds
from likewise.modelling.positions import sinusoidal

A = TypeVar("A")
_LAYER = {
    "attention.input.weight": "self_attn.in_proj_weight",
    "attention.input.bias": "self_attn.in_proj_bias",
    "attention.output.weight": "self_attn.out_proj.weight",
    "attention.output.bias": "self_attn.out_proj.bias",
    "attention.norm.weight": "norm1.weight",
    "attention.norm.bias": "norm1.bias",
    "feed_forward.up.weight": "linear1.weight",
    "feed_forward.up.bias": "linear1.bias",
    "feed_forward.down.weight": "linear2.weight",
    "feed_forward.down.bias": "linear2.bias",
    "feed_forward.norm.weight": "norm2.weight",
    "feed_forward.norm.bias": "norm2.bias",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTransformerSettings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int  # so many positions are there
    hidden_act: str = "relu"
    layer_norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        activation(self.hidden_act)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is no multiple of {self.num_attention_heads} heads")


def settings(config: Mapping[str, Any]) -> UseTransformerSettings:
    """The settings of a ``config.json``."""
    return read_settings(UseTransformerSettings, config)


def keys(settings: UseTransformerSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return {"tokens": "word_embeddings.weight"} | {
        f"layers.{i}.{ours}": f"layers.{i}.{theirs}"
        for i in range(settings.num_hidden_layers)
        for ours, theirs in _LAYER.items()
    }


def forward(ops: Ops[A], weights: Weights, settings: UseTransformerSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    table = sinusoidal(settings.max_position_embeddings, settings.hidden_size)
    size = ops.constant(np.array(settings.hidden_size**0.5, np.float32))  # Vaswani et al. 2017, section 3.4
    words = ops.multiply(ops.embed(scope["tokens"], inputs.ids), size)
    x = ops.add(words, ops.lookup(table, ops.positions(inputs.mask)))
    for i in range(settings.num_hidden_layers):
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask)
    return x


def _layer(scope: Scope[A], settings: UseTransformerSettings, x: A, mask: A) -> A:
    ops, heads, width, epsilon = scope.ops, settings.num_attention_heads, settings.hidden_size, settings.layer_norm_eps
    fused = scope.linear("attention.input", x, site="attention.input")
    q, k, v = (split_heads(ops, part, heads) for part in thirds(ops, fused, width))
    how = Attention(heads=heads, groups=heads, scale=(width // heads) ** -0.5)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"))
    update = scope.linear("attention.output", mixed, site="attention.mixed")
    x = scope.layer_norm("attention.norm", ops.add(x, update), epsilon=epsilon)
    inner = ops.apply(scope.linear("feed_forward.up", x), activation(settings.hidden_act))
    update = scope.linear("feed_forward.down", inner, site="feed_forward.inner")
    return scope.layer_norm("feed_forward.norm", ops.add(x, update), epsilon=epsilon)


PLUGIN = Family(settings=settings, keys=keys, forward=forward)
