"""InferSent: one LSTM in each direction over word vectors, to be pooled by max (Conneau et al. 2017, arXiv:1705.02364).

The authors publish a pickle, which is refused, and word vectors apart from it. A folder here has both in one
``model.safetensors``: the encoder's tensors by the names that they have in the pickle, and ``word_embeddings.weight``.
Their first version takes the maximum over padding too, so that a vector changes with its neighbours; padding never
counts here, as in their second version and as in a batch of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Cell, Inputs, Ops, Weights
from likewise.modelling.parts import Scope

A = TypeVar("A")
_PARTS = {"input": "weight_ih_l0", "state": "weight_hh_l0", "input_bias": "bias_ih_l0", "state_bias": "bias_hh_l0"}
_DIRECTIONS = {"forwards": "", "backwards": "_reverse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InferSentSettings:
    """The authors' names of the sizes."""

    word_emb_dim: int
    enc_lstm_dim: int


def settings(config: Mapping[str, Any]) -> InferSentSettings:
    """The settings of a ``config.json``."""
    return read_settings(InferSentSettings, config, only={"pool_type": "max", "version": (1, 2)})


def keys(_settings: InferSentSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return {"tokens": "word_embeddings.weight"} | {
        f"{direction}.{ours}": f"enc_lstm.{theirs}{suffix}"
        for direction, suffix in _DIRECTIONS.items()
        for ours, theirs in _PARTS.items()
    }


def forward(ops: Ops[A], weights: Weights, settings: InferSentSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, 2H), the forward direction's before the backward one's."""
    del settings  # the weights' shapes say it all
    x = ops.embed(weights["tokens"], inputs.ids)
    both = (_direction(Scope(ops, weights, name), x, inputs.mask) for name in _DIRECTIONS)
    return ops.concat(list(both))


def _direction(scope: Scope[A], x: A, mask: A) -> A:
    cell = Cell(scope["input"], scope["state"], scope["input_bias"] + scope["state_bias"])
    return scope.ops.lstm(x, mask, cell, reverse=scope.name == "backwards")


PLUGIN = Family(settings=settings, keys=keys, forward=forward, width=lambda settings: 2 * int(settings.enc_lstm_dim))
