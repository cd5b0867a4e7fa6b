"""Token states (B, T, D) and a mask (B, T) to one vector each (B, D). To add one, add a function.

A function's name is what a model's ``1_Pooling/config.json`` says. Padding may be on either side.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from likewise.modelling.ops import Ops
from likewise.registry import Table

Pool = Callable[[Ops[Any], Any, Any], Any]  # ops, states, mask -> vectors
POOLINGS: Table[Pool] = Table("pooling")


@POOLINGS.add("mean")
def mean(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """Average of the real tokens."""
    total, count = _total(ops, states, ops.real(mask))
    return ops.divide(total, count)


@POOLINGS.add("cls")
def cls(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """The first token."""
    return ops.token(states, mask, "first")


@POOLINGS.add("max")
def max_(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """The greatest value of each feature over the real tokens."""
    return ops.max(ops.hide(states, mask), 1)


@POOLINGS.add("mean_sqrt_len_tokens")
def mean_sqrt_len_tokens(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """Sum of the real tokens over the square root of their number."""
    total, count = _total(ops, states, ops.real(mask))
    return ops.divide(total, ops.apply(count, "sqrt"))


@POOLINGS.add("weightedmean")
def weightedmean(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """Average of the real tokens, each weighted by its place from 1 (Muennighoff 2022, arXiv:2202.08904)."""
    return mean_by_place(ops, states, mask, ops.positions(mask))


@POOLINGS.add("lasttoken")
def lasttoken(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """The last real token."""
    return ops.token(states, mask, "last")


def mean_by_place(ops: Ops[Any], states: Any, mask: Any, places: Any) -> Any:
    """As ``weightedmean``, for places (B, T) from 0 that are counted otherwise: a prompt that is left out has some."""
    weights = ops.add(ops.real(places), ops.constant(np.ones(1, np.float32)))
    total, count = _total(ops, states, ops.multiply(weights, ops.real(mask)))
    return ops.divide(total, count)


def _total(ops: Ops[Any], states: Any, weights: Any) -> tuple[Any, Any]:
    """The weighted sum over tokens (B, D), and the sum of the weights (B, 1)."""
    return ops.sum(ops.multiply(states, weights), 1), ops.sum(weights, 1)
