"""Runs a network plainly: the reference for every other interpreter."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from likewise.modelling.ops import HIDDEN, Array, Attention, Cell, Function

Values: TypeAlias = NDArray[Any]  # float32 activations, or int64 ids and masks


def erf(x: Values) -> Values:
    """The error function, within 1.5e-7 (Abramowitz and Stegun 1964, formula 7.1.26); numpy has none."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1.0 - series * np.exp(-x * x))


def sigmoid(x: Values) -> Values:
    return 0.5 * (1.0 + np.tanh(0.5 * x))  # never overflows


_FUNCTIONS: Mapping[str, Any] = {
    "gelu": lambda x: 0.5 * x * (1.0 + erf(x / np.float32(np.sqrt(2.0)))),
    "gelu_tanh": lambda x: 0.5 * x * (1.0 + np.tanh(np.float32(np.sqrt(2 / np.pi)) * (x + 0.044715 * x * x * x))),
    "quick_gelu": lambda x: x * sigmoid(1.702 * x),
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "identity": lambda x: x,
    "absolute": np.abs,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
}


class NumpyOps:
    """Activations are arrays."""

    def constant(self, value: Values | np.generic) -> Values:
        return np.asarray(value)

    def embed(self, table: Array, ids: Values) -> Values:
        return table[ids]

    def lookup(self, table: Values, ids: Values) -> Values:
        return table[ids]

    def first_rows(self, table: Values, ids: Values) -> Values:
        return table[: ids.shape[1]]

    def positions(self, mask: Values) -> Values:
        return np.maximum(np.arange(mask.shape[1]) - mask.argmax(axis=1)[:, None], 0)

    def distances(self, ids: Values, *, limit: int) -> Values:
        places = np.arange(ids.shape[1])
        return np.clip(places[None, :] - places[:, None], -limit, limit)

    def add(self, left: Values, right: Values) -> Values:
        return left + right

    def multiply(self, left: Values, right: Values) -> Values:
        return left * right

    def divide(self, left: Values, right: Values) -> Values:
        return left / right

    def matmul(self, left: Values, right: Values) -> Values:
        return left @ right

    def linear(self, x: Values, weight: Array, bias: Array | None, *, site: str) -> Values:
        del site
        product = x @ weight.T
        return product if bias is None else product + bias

    def layer_norm(self, x: Values, weight: Array, bias: Array | None, *, epsilon: float) -> Values:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        normed = centred / np.sqrt(variance + np.float32(epsilon)) * weight
        return normed if bias is None else normed + bias

    def rms_norm(self, x: Values, weight: Array, *, epsilon: float) -> Values:
        return x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + np.float32(epsilon)) * weight

    def apply(self, x: Values, function: Function) -> Values:
        found: Values = _FUNCTIONS[function](x)
        return found

    def softmax(self, x: Values) -> Values:
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def attention(
        self,
        query: Values,
        key: Values,
        value: Values,
        mask: Values,
        how: Attention,
        *,
        site: str,
        bias: Values | None = None,
    ) -> Values:
        del site
        q, k, v = (x.swapaxes(1, 2) for x in (query, key, value))  # (B, H, T, d)
        k, v = (np.repeat(x, how.heads // how.groups, axis=1) for x in (k, v))
        scores = q @ k.swapaxes(-1, -2) * np.float32(how.scale)  # (B, H, T, T)
        scores = scores if bias is None else scores + bias
        seen = (mask > 0)[:, None, None, :] & _visible(mask.shape[1], how)
        weights = self.softmax(scores + np.where(seen, np.float32(0), np.float32(HIDDEN)))
        return self._mix(weights, v)

    def _mix(self, weights: Values, value: Values) -> Values:
        """Attention (B, H, T, T) times values (B, H, T, e), with the heads joined."""
        mixed = (weights @ value).swapaxes(1, 2)  # (B, T, H, e)
        return mixed.reshape(*mixed.shape[:2], -1)

    def reshape(self, x: Values, shape: Sequence[int]) -> Values:
        return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])

    def transpose(self, x: Values, order: Sequence[int]) -> Values:
        return x.transpose(order)

    def concat(self, parts: Sequence[Values]) -> Values:
        return np.concatenate(parts, axis=-1)

    def part(self, x: Values, start: int, stop: int) -> Values:
        return x[..., start:stop]

    def take_along(self, x: Values, index: Values) -> Values:
        return np.take_along_axis(x, np.broadcast_to(index, (*x.shape[:-1], index.shape[-1])), axis=-1)

    def sum(self, x: Values, axis: int) -> Values:
        return x.sum(axis=axis)

    def max(self, x: Values, axis: int) -> Values:
        return x.max(axis=axis)

    def real(self, mask: Values) -> Values:
        return mask[:, :, None].astype(np.float32)

    def hide(self, x: Values, mask: Values) -> Values:
        return np.where(mask[:, :, None] > 0, x, np.float32(-np.inf))

    def token(self, x: Values, mask: Values, which: Literal["first", "last"]) -> Values:
        there = mask if which == "first" else mask[:, ::-1]
        place = there.argmax(axis=1)
        return x[np.arange(len(x)), place if which == "first" else mask.shape[1] - 1 - place]

    def normalise(self, x: Values) -> Values:
        return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), np.float32(1e-12))

    def keep_top(self, x: Values, k: int) -> Values:
        best = np.argsort(-x, axis=-1, kind="stable")[..., :k]
        kept = np.zeros_like(x)
        np.put_along_axis(kept, best, np.take_along_axis(x, best, axis=-1), axis=-1)
        return kept

    def lstm(self, x: Values, mask: Values, cell: Cell, *, reverse: bool) -> Values:
        rows, tokens, _ = x.shape
        state = np.zeros((rows, cell.state_weight.shape[1]), np.float32)
        memory = np.zeros((rows, len(cell.bias) // 4), np.float32)
        states = np.zeros((rows, tokens, state.shape[1]), np.float32)
        for t in reversed(range(tokens)) if reverse else range(tokens):
            new_state, new_memory = _step(x[:, t], state, memory, cell)
            there = mask[:, t, None] > 0  # (B, 1)
            state, memory = np.where(there, new_state, state), np.where(there, new_memory, memory)
            states[:, t] = np.where(there, new_state, 0)
        return states

    def convolve(self, x: Values, weight: Array, bias: Array | None, *, stride: int = 1, padding: int = 0) -> Values:
        axes = tuple(range(2, x.ndim))
        padded = np.pad(x, [(0, 0), (0, 0)] + [(padding, padding)] * len(axes))
        windows = sliding_window_view(padded, weight.shape[2:], axis=axes)  # (B, I, N'…, K…)
        windows = windows[(slice(None), slice(None), *[slice(None, None, stride)] * len(axes))]
        summed = (1, *range(windows.ndim - len(axes), windows.ndim))
        found = np.tensordot(windows, weight, (summed, tuple(range(1, weight.ndim))))  # (B, N'…, O)
        found = found if bias is None else found + bias
        return np.moveaxis(found, -1, 1)


def _visible(tokens: int, how: Attention) -> NDArray[np.bool_]:
    """Which keys each query may see by their places alone: (T, T)."""
    places = np.arange(tokens)
    ahead = places[None, :] - places[:, None]
    seen = np.ones((tokens, tokens), np.bool_)
    if how.causal:
        seen &= ahead <= 0
    if how.window is not None:
        seen &= np.abs(ahead) <= how.window
    return seen


def _step(x: Values, state: Values, memory: Values, cell: Cell) -> tuple[Values, Values]:
    """One token: (B, I), the state (B, H) and the cell (B, S) to the next state and cell."""
    gates = x @ cell.input_weight.T + state @ cell.state_weight.T + cell.bias  # (B, 4S)
    i, f, g, o = np.split(gates, 4, axis=1)
    memory = sigmoid(f + np.float32(cell.forget_bias)) * memory + sigmoid(i) * np.tanh(g)
    if cell.clip_cell is not None:
        memory = np.clip(memory, -cell.clip_cell, cell.clip_cell)
    state = sigmoid(o) * np.tanh(memory)
    if cell.project is not None:
        state = state @ cell.project.T
    if cell.clip_state is not None:
        state = np.clip(state, -cell.clip_state, cell.clip_state)
    return state, memory
