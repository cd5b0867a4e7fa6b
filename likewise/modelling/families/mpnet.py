"""MPNet: RoBERTa's network with relative positions too, the same in each layer (Song et al. 2020, arXiv:2004.09297)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from likewise.modelling import positions
from likewise.modelling.families import Family, bert, read_settings, roberta
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope

A = TypeVar("A")

_FIRST_POSITION = 2  # whatever the config.json says of padding
_BUCKETS, _FURTHEST = 32, 128  # of relative positions
_NAMES = {
    "tokens": "embeddings.word_embeddings.weight",
    "positions": "embeddings.position_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
    "distances": "encoder.relative_attention_bias.weight",
}
_LAYER = bert.LAYER | {
    "attention.query": "attention.attn.q",
    "attention.key": "attention.attn.k",
    "attention.value": "attention.attn.v",
    "attention.output": "attention.attn.o",
    "attention.norm": "attention.LayerNorm",
}


def settings(config: Mapping[str, Any]) -> bert.BertSettings:
    """The settings of a published ``config.json``."""
    found = read_settings(bert.BertSettings, config, only={"relative_attention_num_buckets": _BUCKETS})
    return replace(found, first_position=_FIRST_POSITION)


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """How many rows of the position table are left for tokens."""
    rows = config.get("max_position_embeddings")
    return None if rows is None else int(rows) - _FIRST_POSITION


def keys(settings: bert.BertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return _NAMES | bert.layer_keys(settings.num_hidden_layers, _LAYER, published="encoder.layer")


def forward(ops: Ops[A], weights: Weights, settings: bert.BertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    x = bert.embed(scope, settings, inputs)
    return bert.encode(scope, settings, x, inputs.mask, bias=_bias(scope, inputs.ids))


def _bias(scope: Scope[A], ids: A) -> A:
    """What each head adds for the distance between query and key: (H, T, T)."""
    ops = scope.ops
    by_distance = scope["distances"][positions.t5_buckets(_FURTHEST, buckets=_BUCKETS, furthest=_FURTHEST)]
    places = ops.add(ops.distances(ids, limit=_FURTHEST), ops.constant(np.array(_FURTHEST)))  # (T, T), none negative
    return ops.transpose(ops.lookup(by_distance, places), (2, 0, 1))


PLUGIN = Family(settings=settings, keys=keys, forward=forward, most_tokens=most_tokens, heads=roberta.HEADS)
