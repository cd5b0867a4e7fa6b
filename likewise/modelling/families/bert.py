"""BERT: learned positions and post-norm transformer layers (Devlin et al. 2018, arXiv:1810.04805)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Weights
from likewise.modelling.ops import Ops

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class BertSettings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    position_embedding_type: str = "absolute"

    def __post_init__(self) -> None:
        for name, only in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
            if getattr(self, name) != only:
                raise ModelError(
                    f"config.json says {name}={getattr(self, name)!r}; the bert family knows {only!r} alone"
                )
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is no multiple of {self.num_attention_heads} heads")


def settings(config: Mapping[str, Any]) -> BertSettings:
    """The settings of a published ``config.json``; its other keys concern training."""
    known = {f.name for f in fields(BertSettings)}
    try:
        return BertSettings(**{key: value for key, value in config.items() if key in known})
    except TypeError as error:
        raise ModelError(f"config.json does not describe a BERT: {error}") from error


_EMBEDDINGS = {
    "tokens": "embeddings.word_embeddings.weight",
    "positions": "embeddings.position_embeddings.weight",
    "segments": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention.norm": "attention.output.LayerNorm",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
    "feed_forward.norm": "output.LayerNorm",
}


def keys(settings: BertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    layers = {
        f"layers.{i}.{ours}.{kind}": f"encoder.layer.{i}.{published}.{kind}"
        for i in range(settings.num_hidden_layers)
        for ours, published in _LAYER.items()
        for kind in ("weight", "bias")
    }
    return _EMBEDDINGS | layers


def forward(ops: Ops[A], weights: Weights, settings: BertSettings, ids: A, mask: A) -> A:
    """Token states (B, T, D) for ids and mask (B, T); every text is one segment, so segment 0 is added to all."""
    where = weights["positions"] + weights["segments"][0]
    x = ops.add(ops.lookup(weights["tokens"], ids), ops.first_rows(where, ids))  # (B, T, D)
    x = ops.layer_norm(x, weights["norm.weight"], weights["norm.bias"], epsilon=settings.layer_norm_eps)
    for i in range(settings.num_hidden_layers):
        x = _layer(ops, weights, settings, f"layers.{i}", x, mask)
    return x


def _layer(ops: Ops[A], weights: Weights, settings: BertSettings, name: str, x: A, mask: A) -> A:
    def linear(x: A, part: str, site: str) -> A:
        full = f"{name}.{part}"
        return ops.linear(x, weights[f"{full}.weight"], weights[f"{full}.bias"], site=f"{name}.{site}")

    def add_and_norm(x: A, update: A, part: str) -> A:
        scale = weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"]
        return ops.layer_norm(ops.add(x, update), *scale, epsilon=settings.layer_norm_eps)

    q, k, v = (linear(x, f"attention.{part}", "attention.input") for part in ("query", "key", "value"))
    heads = settings.num_attention_heads
    scale = (settings.hidden_size // heads) ** -0.5
    mixed = ops.attention(q, k, v, mask, heads=heads, scale=scale, site=f"{name}.attention.mixed")
    x = add_and_norm(x, linear(mixed, "attention.output", "attention.mixed"), "attention.norm")
    inner = ops.gelu(linear(x, "feed_forward.up", "feed_forward.input"))  # (B, T, 4D)
    return add_and_norm(x, linear(inner, "feed_forward.down", "feed_forward.inner"), "feed_forward.norm")


PLUGIN = Family(settings=settings, keys=keys, forward=forward)
