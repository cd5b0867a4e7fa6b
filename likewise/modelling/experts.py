"""Mixtures of experts: each token goes through a few of several feed-forward networks (Shazeer 2017, arXiv:1701.06538).

All experts are computed for all tokens and those not chosen weigh 0. That is right, runs on every interpreter and at
any batch size alike, and costs E/k times the products that the chosen experts need.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.families import Forward
from likewise.modelling.ops import Array, Function, Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps, Values
from likewise.modelling.parts import Scope

A = TypeVar("A")


def route(scope: Scope[A], x: A, *, top: int) -> A:
    """What each expert weighs for each token: (B, T, D) to (B, T, E), 0 but for the ``top`` chosen ones.

    The weights are shares among all experts, so those of the chosen ones sum to less than 1. The products stay in
    float where those of linear maps are quantised: a rounding may not send a token elsewhere.
    """
    ops = scope.ops
    return ops.keep_top(ops.softmax(ops.matmul(x, ops.constant(scope["router.weight"].T))), top)


def experts(scope: Scope[A], x: A, function: Function, *, top: int) -> A:
    """The chosen experts' results, weighted and summed: (B, T, D) to (B, T, D).

    The scope has ``router.weight`` (E, D), ``up.weight`` and ``down.weight`` (E·F, D), experts one below the other, and
    ``bias`` (D,), which is added once.
    """
    ops, count = scope.ops, scope["router.weight"].shape[0]
    weights = ops.reshape(route(scope, x, top=top), (0, 0, count, 1))  # (B, T, E, 1)
    inner = ops.apply(scope.linear("up", x), function)  # (B, T, E·F)
    chosen = ops.multiply(ops.reshape(inner, (0, 0, count, -1)), weights)
    joined = ops.reshape(chosen, (0, 0, -1))
    return ops.linear(joined, scope["down.weight"].T, scope["bias"], site=scope.full("down.input"))


class _Watcher(NumpyOps):
    """Keeps what ``route`` gives; no other part of a network keeps the top of anything."""

    def __init__(self) -> None:
        self.routes: list[Values] = []

    def keep_top(self, x: Values, k: int) -> Values:
        kept = super().keep_top(x, k)
        self.routes.append(kept)
        return kept


def expert_load(
    forward: Forward, weights: Mapping[str, Array], settings: Any, inputs: Inputs[NDArray[np.int64]]
) -> NDArray[np.int64]:
    """How many real tokens went to each expert: (L, E) for L layers with experts, each row summing to k · tokens.

    Args:
        forward: Of the family.
        weights: Under our names.
        settings: The family's.
        inputs: A batch of texts.
    """
    watcher = _Watcher()
    forward(watcher, weights, settings, inputs)
    real = inputs.mask[:, :, None] > 0  # (B, T, 1)
    counts = [((route > 0) & real).sum(axis=(0, 1)) for route in watcher.routes]
    return np.array(counts, np.int64) if counts else np.zeros((0, 0), np.int64)
