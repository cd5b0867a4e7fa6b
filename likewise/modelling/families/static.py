"""Static: a row of a table for each token, whatever stands beside it; one text's rows are averaged.

The table of model2vec (Tulkens and van Dongen 2024) and of the module StaticEmbedding of sentence-transformers.
``modelling/static_files.py`` reads the settings from such folders, which have no ``config.json`` for a network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Inputs, Ops, Weights

A = TypeVar("A")
NO_MAXIMUM = 1_000_000_000  # tokens: more than any text has, for a table reads texts of any length


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSettings:
    """What is in the file of tensors, and under which names."""

    vocab_size: int
    hidden_size: int
    table: str = "embedding.weight"
    mapped: bool = False  # tokens share rows: "mapping" (V,) is the row of each
    weighted: bool = False  # rows are multiplied by what their token weighs: "weights" (V,)


def settings(config: Mapping[str, Any]) -> StaticSettings:
    """The settings that ``static_config`` found."""
    return read_settings(StaticSettings, config)


def keys(settings: StaticSettings) -> dict[str, str]:
    """Our names to the published ones."""
    found = {"tokens": settings.table}
    found |= {"mapping": "mapping"} if settings.mapped else {}
    return found | ({"weights": "weights"} if settings.weighted else {})


def fold(settings: StaticSettings, weights: Weights) -> Weights:
    """One row for each token, float32 (V, D), in place of shared and weighted ones."""
    rows = {name: value for name, value in weights.items() if name not in ("mapping", "weights")}
    table = weights["tokens"].astype(np.float32, copy=False)
    if settings.mapped:
        table = table[weights["mapping"].astype(np.int64)]
    if settings.weighted:
        table = table * weights["weights"][:, None]
    if len(table) != settings.vocab_size:
        raise ModelError(f"the table has rows for {len(table)} tokens, expected {settings.vocab_size}")
    return {**rows, "tokens": table}


def forward(ops: Ops[A], weights: Weights, _settings: StaticSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D); zeros for padding."""
    return ops.multiply(ops.embed(weights["tokens"], inputs.ids), ops.real(inputs.mask))


PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    fold=fold,
    most_tokens=lambda config: config.get("max_length") or NO_MAXIMUM,
)
