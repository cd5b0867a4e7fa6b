"""Runs a network plainly: the reference for every other interpreter."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import Array

Values: TypeAlias = NDArray[Any]  # float32 activations, or int64 ids and masks


def erf(x: Values) -> Values:
    """The error function, within 1.5e-7 (Abramowitz and Stegun 1964, formula 7.1.26); numpy has none."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1.0 - series * np.exp(-x * x))


class NumpyOps:
    """Activations are arrays."""

    def lookup(self, table: Array, ids: Values) -> Values:
        return table[ids]

    def first_rows(self, table: Array, ids: Values) -> Values:
        return table[: ids.shape[1]]

    def add(self, left: Values, right: Values) -> Values:
        return left + right

    def linear(self, x: Values, weight: Array, bias: Array, *, site: str) -> Values:
        del site
        return x @ weight.T + bias

    def layer_norm(self, x: Values, weight: Array, bias: Array, *, epsilon: float) -> Values:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        return centred / np.sqrt(variance + epsilon) * weight + bias

    def gelu(self, x: Values) -> Values:
        return 0.5 * x * (1.0 + erf(x / np.float32(np.sqrt(2.0))))

    def attention(
        self, query: Values, key: Values, value: Values, mask: Values, *, heads: int, scale: float, site: str
    ) -> Values:
        del site
        q, k, v = (_split_heads(x, heads) for x in (query, key, value))  # (B, H, T, D/H)
        scores = q @ k.swapaxes(-1, -2) * np.float32(scale)  # (B, H, T, T)
        scores = np.where(mask[:, None, None, :] > 0, scores, np.float32(-np.inf))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ v  # (B, H, T, D/H)
        return mixed.swapaxes(1, 2).reshape(query.shape)

    def mean_pool(self, x: Values, mask: Values) -> Values:
        weights = mask[:, :, None].astype(np.float32)  # (B, T, 1)
        return (x * weights).sum(axis=1) / weights.sum(axis=1)

    def first_token(self, x: Values) -> Values:
        return x[:, 0]

    def normalise(self, x: Values) -> Values:
        return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _split_heads(x: Values, heads: int) -> Values:
    rows, tokens, width = x.shape
    return x.reshape(rows, tokens, heads, width // heads).swapaxes(1, 2)
