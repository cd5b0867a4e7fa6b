"""Jina's second: BERT with distances in place of positions, and gates (Günther et al. 2023, arXiv:2310.19923)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, bert, module_keys, read_settings
from likewise.modelling.ops import Array, Attention, Function, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation, gated_halves, split_heads
from likewise.modelling.positions import alibi_slopes

A = TypeVar("A")
_GATES: Mapping[str, Function] = {"geglu": "gelu", "reglu": "relu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JinaBertSettings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    feed_forward_type: str = "original"  # "geglu" or "reglu": gated; "original": as BERT's, with hidden_act
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    tie_word_embeddings: bool = True  # whether a head scores the vocabulary with the table of tokens
    norms_queries: bool = False  # the form for code: queries and keys are normalised, and attention's sum twice

    def __post_init__(self) -> None:
        activation(self.hidden_act)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is no multiple of {self.num_attention_heads} heads")
        if self.norms_queries and self.feed_forward_type not in _GATES:
            raise ModelError(f"config.json says feed_forward_type={self.feed_forward_type!r}; expected geglu or reglu")


def settings(config: Mapping[str, Any]) -> JinaBertSettings:
    """The settings of a published ``config.json``; which form it is stands in the name of the code it points to."""
    places = [config.get("_name_or_path"), *(config.get("auto_map") or {}).values()]
    found = {"norms_queries": any("qk-post-norm" in str(place) for place in places)}
    only = {"position_embedding_type": "alibi", "feed_forward_type": ("original", *_GATES), "is_decoder": False}
    return read_settings(JinaBertSettings, {**config, **found}, only=only)


def keys(settings: JinaBertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    found = {ours: theirs for ours, theirs in bert.EMBEDDINGS.items() if ours != "positions"}
    of_layer = module_keys(_modules(settings))
    if settings.feed_forward_type in _GATES:
        both = "mlp.up_gated_layer" if settings.norms_queries else "mlp.gated_layers"
        of_layer["feed_forward.both.weight"] = f"{both}.weight"
    return found | {
        f"layers.{i}.{ours}": f"encoder.layer.{i}.{theirs}"
        for i in range(settings.num_hidden_layers)
        for ours, theirs in of_layer.items()
    }


def _modules(settings: JinaBertSettings) -> dict[str, str]:
    """Those of a layer that have a weight and a bias."""
    table = {ours: theirs for ours, theirs in bert.LAYER.items() if ours.startswith("attention.")}
    if settings.norms_queries:
        table |= {f"attention.{name}_norm": f"attention.self.layer_norm_{name[0]}" for name in ("query", "key")}
        table |= {"attention.second_norm": "layer_norm_1", "feed_forward.norm": "layer_norm_2"}
        return table | {"feed_forward.down": "mlp.down_layer"}
    if settings.feed_forward_type in _GATES:
        return table | {"feed_forward.down": "mlp.wo", "feed_forward.norm": "mlp.layernorm"}
    return dict(bert.LAYER)


def forward(ops: Ops[A], weights: Weights, settings: JinaBertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    bias = _far(ops, settings, inputs.ids)
    x, table = ops.embed(scope["tokens"], inputs.ids), scope["segments"]
    x = ops.add(x, ops.constant(table[0]) if inputs.segments is None else ops.lookup(table, inputs.segments))
    x = scope.layer_norm("norm", x, epsilon=settings.layer_norm_eps)
    for i in range(settings.num_hidden_layers):
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask, bias)
    return x


def _far(ops: Ops[A], settings: JinaBertSettings, ids: A) -> A:
    """What distance costs, for each head: -slope · |distance|, on either side alike: (H, T, T)."""
    limit = settings.max_position_embeddings
    distances: Array = np.abs(np.arange(-limit, limit + 1)).astype(np.float32)
    far = ops.lookup(distances, ops.add(ops.distances(ids, limit=limit), ops.constant(np.int64(limit))))  # (T, T)
    return ops.multiply(far, ops.constant(-alibi_slopes(settings.num_attention_heads)))


def _layer(scope: Scope[A], settings: JinaBertSettings, x: A, mask: A, bias: A) -> A:
    """Attention and feed-forward, each added and then normalised."""
    ops, heads, epsilon = scope.ops, settings.num_attention_heads, settings.layer_norm_eps
    q, k, v = (scope.linear(f"attention.{name}", x, site="attention.input") for name in ("query", "key", "value"))
    if settings.norms_queries:
        q = scope.layer_norm("attention.query_norm", q, epsilon=epsilon)
        k = scope.layer_norm("attention.key_norm", k, epsilon=epsilon)
    q, k, v = (split_heads(ops, part, heads) for part in (q, k, v))
    how = Attention(heads=heads, groups=heads, scale=(settings.hidden_size // heads) ** -0.5)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"), bias=bias)
    update = scope.linear("attention.output", mixed, site="attention.mixed")
    summed = scope.layer_norm("attention.norm", ops.add(x, update), epsilon=epsilon)
    if settings.norms_queries:
        summed = scope.layer_norm("attention.second_norm", ops.add(x, summed), epsilon=epsilon)
    update = _feed_forward(scope.inside("feed_forward"), settings, summed)
    return scope.layer_norm("feed_forward.norm", ops.add(summed, update), epsilon=epsilon)


def _feed_forward(scope: Scope[A], settings: JinaBertSettings, x: A) -> A:
    if settings.feed_forward_type not in _GATES:
        return scope.linear("down", scope.ops.apply(scope.linear("up", x), activation(settings.hidden_act)))
    function, gate_first = _GATES[settings.feed_forward_type], not settings.norms_queries
    return gated_halves(scope, x, function, both="both", down="down", gate_first=gate_first)


PLUGIN = Family(settings=settings, keys=keys, forward=forward, heads=bert.HEADS, segments=True)
