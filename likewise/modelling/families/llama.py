"""Llama: rotary positions, grouped queries, gated pre-norm layers, causal or not (Touvron 2023, arXiv:2302.13971).

Mistral, Qwen and Gemma are the same network with other settings. ``is_causal`` of a ``config.json`` says whether tokens
see only those before them; models that were published with code of their own must say it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation, gated, rotate, split_heads
from likewise.modelling.positions import declared_rotary, rotary

A = TypeVar("A")
FULL, SLIDING = "full_attention", "sliding_attention"
_MOST_TOKENS = 32_768  # places for which turns are kept: a table for each that a config.json allows would be 100 MB
_NEED_LENGTH = ("llama3", "yarn")  # scalings that depend on the length trained with


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How fast rotary positions turn."""

    theta: float
    scaling: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaSettings:
    """What shapes the network, here and in the families that share it."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    turns: Turns
    local_turns: Turns  # of layers with a window
    windows: Sequence[int | None]  # of each layer: how many places away a token sees; None is any
    scale: float  # of the products of attention
    is_causal: bool = True
    hidden_act: str = "silu"
    rms_norm_eps: float = 1e-6
    attention_bias: bool = False  # of queries, keys and values
    output_bias: bool = False  # of the map that reads the joined heads
    mlp_bias: bool = False
    head_norms: bool = False  # whether queries and keys are normalised, head by head
    after_norms: bool = False  # whether what a layer adds is normalised
    norm_offset: float = 0.0  # what the published weights of norms lack
    token_scale: float = 1.0  # what embedded tokens are multiplied with

    def __post_init__(self) -> None:
        activation(self.hidden_act)
        heads, groups = self.num_attention_heads, self.num_key_value_heads
        if heads % groups or self.head_dim % 2:
            raise ModelError(
                f"config.json has {heads} heads of {self.head_dim} dimensions that share {groups} keys; expected a "
                "divisor of the heads, and even dimensions"
            )
        if len(self.windows) != self.num_hidden_layers:
            raise ModelError(f"config.json describes {len(self.windows)} layers of {self.num_hidden_layers}")
        for turns in (self.turns, self.local_turns):
            rotary(1, self.head_dim, base=turns.theta, scaling=turns.scaling)  # refuses what is not known


def settings(config: Mapping[str, Any]) -> LlamaSettings:
    """The settings of a published ``config.json``."""
    bias = config.get("attention_bias", False)
    return read_settings(LlamaSettings, completed(config) | {"output_bias": bias})


def completed(config: Mapping[str, Any], *, theta: float = 10_000.0) -> dict[str, Any]:
    """A ``config.json`` with the settings that follow from its other keys; ``theta`` is that of rotary positions.

    Raises:
        ModelError: It leaves open whether tokens see what follows them, or turns only a part of each head.
    """
    refuse_unsaid_direction(config)
    try:
        width = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
        groups = config.get("num_key_value_heads") or config["num_attention_heads"]
        layers = int(config["num_hidden_layers"])
    except (KeyError, ZeroDivisionError) as error:
        raise ModelError(f"config.json lacks what shapes the network: {error}") from error
    base, scaling = declared_rotary(config, base=theta)
    turns = Turns(theta=base, scaling=with_length(scaling, config))
    found = {"head_dim": width, "num_key_value_heads": groups, "scale": width**-0.5, "windows": (None,) * layers}
    return {**config, **found, "turns": turns, "local_turns": turns}


def refuse_unsaid_direction(config: Mapping[str, Any]) -> None:
    """Refuse a causal family's model with code of its own that does not say whether it is causal, too.

    Raises:
        ModelError: It does not.
    """
    own = (config.get("auto_map") or {}).get("AutoModel")
    if own and "is_causal" not in config:
        raise ModelError(
            f"config.json names code of the model's authors ({own}), which is not run here and may let tokens see what "
            'follows them: add "is_causal": false to it if so, or "is_causal": true if not'
        )


def with_length(scaling: Mapping[str, Any] | None, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A scaling with the length that it was trained for, which a ``config.json`` may say elsewhere.

    Raises:
        ModelError: It turns only a part of each head.
    """
    scaling = scaling or {}
    for one in (scaling, config):
        if one.get("partial_rotary_factor") not in (None, 1):
            raise ModelError(
                f"config.json has partial_rotary_factor={one['partial_rotary_factor']}; this family knows 1 alone"
            )
    if scaling.get("rope_type", scaling.get("type")) not in _NEED_LENGTH:
        return scaling
    length = config.get("original_max_position_embeddings") or scaling.get("original_max_position_embeddings")
    return {**scaling, "original_max_position_embeddings": length or config.get("max_position_embeddings")}


def windows(config: Mapping[str, Any], kinds: Sequence[str], *, size: int | None) -> tuple[int | None, ...]:
    """How many places away a token sees, in each layer.

    Args:
        config: A ``config.json``.
        kinds: For each layer SLIDING or FULL.
        size: How many tokens a window has, the token itself among them. To both sides, where tokens see what follows
            them, it has so many more besides the token itself: so transformers reads the published number.

    Raises:
        ModelError: A kind that is not known, or no size.
    """
    if unknown := set(kinds) - {FULL, SLIDING}:
        raise ModelError(f"config.json has layers of {', '.join(sorted(unknown))}; known are {FULL} and {SLIDING}")
    if SLIDING not in kinds:
        return (None,) * len(kinds)
    if not size:
        raise ModelError(f"config.json has layers of {SLIDING}, but sliding_window={size}")
    reach = size - 1 if config.get("is_causal", True) else size
    return tuple(reach if kind == SLIDING else None for kind in kinds)


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """As many as it was made for, or as the tables of turns have."""
    found = config.get("max_position_embeddings")
    return None if found is None else min(int(found), _MOST_TOKENS)


_LAYER = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
_NORMS = {"attention.norm": "input_layernorm", "feed_forward.norm": "post_attention_layernorm"}
_MORE_NORMS = {
    "attention.norm": "input_layernorm",
    "attention.after": "post_attention_layernorm",
    "feed_forward.norm": "pre_feedforward_layernorm",
    "feed_forward.after": "post_feedforward_layernorm",
}
_HEAD_NORMS = {"attention.query_norm": "self_attn.q_norm", "attention.key_norm": "self_attn.k_norm"}


def keys(settings: LlamaSettings) -> dict[str, str]:
    """Our names to the published ones."""
    norms = (_MORE_NORMS if settings.after_norms else _NORMS) | (_HEAD_NORMS if settings.head_norms else {})
    table = {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in (_LAYER | norms).items()}
    table |= {f"{ours}.bias": f"{_LAYER[ours]}.bias" for ours in _biased(settings)}
    found = {"tokens": "embed_tokens.weight", "norm.weight": "norm.weight"}
    for i in range(settings.num_hidden_layers):
        found |= {f"layers.{i}.{ours}": f"layers.{i}.{theirs}" for ours, theirs in table.items()}
    return found


def _biased(settings: LlamaSettings) -> list[str]:
    """The linear maps of a layer that have a bias."""
    said = {"attention.output": settings.output_bias}
    said |= dict.fromkeys(("attention.query", "attention.key", "attention.value"), settings.attention_bias)
    said |= dict.fromkeys(("feed_forward.gate", "feed_forward.up", "feed_forward.down"), settings.mlp_bias)
    return [name for name, bias in said.items() if bias]


def forward(ops: Ops[A], weights: Weights, settings: LlamaSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    x = ops.embed(scope["tokens"], inputs.ids)
    if settings.token_scale != 1:
        x = ops.multiply(x, ops.constant(np.array(settings.token_scale, np.float32)))
    tables = [_tables(ops, settings, inputs.ids, turns) for turns in _distinct(settings)]
    for i, window in enumerate(settings.windows):
        turns = tables[0 if window is None else -1]
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask, turns, window)
    return _norm(scope, settings, "norm", x)


def _distinct(settings: LlamaSettings) -> list[Turns]:
    """Those of layers without a window and, if there are other ones, those of layers with one."""
    return [settings.turns] if settings.turns == settings.local_turns else [settings.turns, settings.local_turns]


def _tables(ops: Ops[A], settings: LlamaSettings, ids: A, turns: Turns) -> tuple[A, A]:
    """Cosines and sines for ``rotate``: (T, 1, d) each."""
    rows = min(settings.max_position_embeddings, _MOST_TOKENS)
    cosines, sines = rotary(rows, settings.head_dim, base=turns.theta, scaling=turns.scaling)
    return ops.first_rows(cosines, ids), ops.first_rows(sines, ids)


def _norm(scope: Scope[A], settings: LlamaSettings, part: str, x: A) -> A:
    weight = scope[f"{part}.weight"]
    weight = weight + settings.norm_offset if settings.norm_offset else weight
    return scope.ops.rms_norm(x, weight, epsilon=settings.rms_norm_eps)


def _layer(scope: Scope[A], settings: LlamaSettings, x: A, mask: A, turns: tuple[A, A], window: int | None) -> A:
    """Attention and feed-forward, each normalised before, in some families after too, and then added."""
    ops, normed = scope.ops, _norm(scope, settings, "attention.norm", x)
    q, k, v = _project(scope, settings, normed, turns)
    how = Attention(
        heads=settings.num_attention_heads,
        groups=settings.num_key_value_heads,
        scale=settings.scale,
        causal=settings.is_causal,
        window=window,
    )
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"))
    update = scope.linear("attention.output", mixed, site="attention.mixed")
    x = ops.add(x, _norm(scope, settings, "attention.after", update) if settings.after_norms else update)
    inside, normed = scope.inside("feed_forward"), _norm(scope, settings, "feed_forward.norm", x)
    update = gated(inside, normed, activation(settings.hidden_act), gate="gate", up="up", down="down")
    return ops.add(x, _norm(inside, settings, "after", update) if settings.after_norms else update)


def _project(scope: Scope[A], settings: LlamaSettings, x: A, turns: tuple[A, A]) -> tuple[A, A, A]:
    """Query (B, T, H, d), key and value (B, T, G, d), the first two turned."""
    ops, groups = scope.ops, settings.num_key_value_heads

    def heads(name: str, count: int) -> A:
        return split_heads(ops, scope.linear(f"attention.{name}", x, site="attention.input"), count)

    q, k, v = heads("query", settings.num_attention_heads), heads("key", groups), heads("value", groups)
    if settings.head_norms:
        q, k = (_norm(scope, settings, f"attention.{name}_norm", part) for name, part in (("query", q), ("key", k)))
    q, k = (rotate(ops, part, *turns, width=settings.head_dim) for part in (q, k))
    return q, k, v


def classification_keys(_settings: Any) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return {"head.score.weight": "score.weight"}


def classification(ops: Ops[A], weights: Weights, _settings: Any, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation, from each text's last token: (B, T, D) to (B, labels)."""
    return Scope(ops, weights).linear("head.score", ops.token(states, inputs.mask, "last"))


HEADS = {"classification": Head(keys=classification_keys, forward=classification)}
PLUGIN = Family(settings=settings, keys=keys, forward=forward, most_tokens=most_tokens, heads=HEADS)
