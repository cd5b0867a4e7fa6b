"""T5's encoder: relative positions in buckets, pre-norm layers without biases (Raffel et al. 2019, arXiv:1910.10683).

Version 1.1 and later gate the feed-forward (Shazeer 2020, arXiv:2002.05202). Products of attention are not scaled: the
weights were trained without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation, gated, split_heads
from likewise.modelling.positions import t5_buckets

A = TypeVar("A")
_GATED = "gated-"


@dataclass(frozen=True, slots=True, kw_only=True)
class T5Settings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    feed_forward_proj: str = "relu"  # an activation's name, with "gated-" in front where it is a gate's
    layer_norm_epsilon: float = 1e-6
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128  # from where on all distances are alike

    def __post_init__(self) -> None:
        activation(self.function)
        if self.relative_attention_num_buckets < 4 or self.relative_attention_num_buckets % 4:
            raise ModelError(
                f"config.json has relative_attention_num_buckets={self.relative_attention_num_buckets}; expected a "
                "multiple of 4"
            )

    @property
    def gated(self) -> bool:
        return self.feed_forward_proj.startswith(_GATED)

    @property
    def function(self) -> str:
        """The activation, as other config.json files spell it: "gated-gelu" has always meant the approximate one."""
        return "gelu_new" if self.feed_forward_proj == "gated-gelu" else self.feed_forward_proj.removeprefix(_GATED)


_PUBLISHED = {"hidden_size": "d_model", "num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"}
_LAYER = {
    "attention.query": "layer.0.SelfAttention.q",
    "attention.key": "layer.0.SelfAttention.k",
    "attention.value": "layer.0.SelfAttention.v",
    "attention.output": "layer.0.SelfAttention.o",
    "attention.norm": "layer.0.layer_norm",
    "feed_forward.down": "layer.1.DenseReluDense.wo",
    "feed_forward.norm": "layer.1.layer_norm",
}
_PLAIN = {"feed_forward.up": "layer.1.DenseReluDense.wi"}
_GATE = {"feed_forward.gate": "layer.1.DenseReluDense.wi_0", "feed_forward.up": "layer.1.DenseReluDense.wi_1"}


def settings(config: Mapping[str, Any]) -> T5Settings:
    """The settings of a published ``config.json``."""
    return read_settings(T5Settings, config, names=_PUBLISHED, only={"is_decoder": False})


def keys(settings: T5Settings) -> dict[str, str]:
    """Our names to the published ones: those of the encoder, whether or not a decoder is beside it."""
    found = {
        "tokens": "shared.weight",
        "distances": "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "norm.weight": "encoder.final_layer_norm.weight",
    }
    table = _LAYER | (_GATE if settings.gated else _PLAIN)
    for i in range(settings.num_hidden_layers):
        found |= {f"layers.{i}.{ours}.weight": f"encoder.block.{i}.{theirs}.weight" for ours, theirs in table.items()}
    return found


def forward(ops: Ops[A], weights: Weights, settings: T5Settings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope, epsilon = Scope(ops, weights), settings.layer_norm_epsilon
    x, bias = ops.embed(scope["tokens"], inputs.ids), _bias(scope, settings, inputs.ids)
    for i in range(settings.num_hidden_layers):
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask, bias)
    return scope.rms_norm("norm", x, epsilon=epsilon)


def _bias(scope: Scope[A], settings: T5Settings, ids: A) -> A:
    """What each head adds for the distance between query and key, in all layers: (H, T, T)."""
    ops, furthest = scope.ops, settings.relative_attention_max_distance
    buckets = t5_buckets(furthest, buckets=settings.relative_attention_num_buckets, furthest=furthest)
    by_distance = scope["distances"][buckets]  # (2·furthest + 1, H)
    places = ops.add(ops.distances(ids, limit=furthest), ops.constant(np.array(furthest)))  # (T, T), none negative
    return ops.transpose(ops.lookup(by_distance, places), (2, 0, 1))


def _layer(scope: Scope[A], settings: T5Settings, x: A, mask: A, bias: A) -> A:
    """Attention and feed-forward, each normalised before and then added."""
    ops, heads, epsilon = scope.ops, settings.num_attention_heads, settings.layer_norm_epsilon
    normed = scope.rms_norm("attention.norm", x, epsilon=epsilon)
    parts = (scope.linear(f"attention.{name}", normed, site="attention.input") for name in ("query", "key", "value"))
    q, k, v = (split_heads(ops, part, heads) for part in parts)
    how = Attention(heads=heads, groups=heads, scale=1.0)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"), bias=bias)
    x = ops.add(x, scope.linear("attention.output", mixed, site="attention.mixed"))
    normed = scope.rms_norm("feed_forward.norm", x, epsilon=epsilon)
    return ops.add(x, _feed_forward(scope.inside("feed_forward"), settings, normed))


def _feed_forward(scope: Scope[A], settings: T5Settings, x: A) -> A:
    function = activation(settings.function)
    if settings.gated:
        return gated(scope, x, function, gate="gate", up="up", down="down")
    return scope.linear("down", scope.ops.apply(scope.linear("up", x), function))


PLUGIN = Family(settings=settings, keys=keys, forward=forward)
