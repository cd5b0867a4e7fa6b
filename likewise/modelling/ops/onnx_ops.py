"""Records a network as an ONNX graph, in float32 or with int8 weights and activations.

The int8 form follows SmoothQuant (Xiao et al. 2022, arXiv:2211.10438): the input of a linear map is divided by a scale
for each channel that its weights are multiplied with, then both are quantised: weights to int8 for each output channel,
inputs to uint8 with one range for the whole tensor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import Array, onnx_file

OPSET = 20  # the first with Gelu


@dataclass(frozen=True, slots=True)
class Range:
    """How one site is quantised: ``round((x / smooth - low) / step)`` as uint8."""

    low: float
    high: float
    smooth: Array | None  # (I,), or None where the input can't be rescaled for free


class OnnxOps:
    """Activations are names of graph values; ``finish`` makes the model.

    Args:
        ranges: For each site; None records the network in float32.
        early: Quantise the result of attention before its heads are joined, not after. The values are the same; early
            is faster where attention runs in float32, late where it runs in half precision.
    """

    def __init__(self, ranges: Mapping[str, Range] | None = None, *, early: bool = True) -> None:
        self._ranges, self._early = ranges, early
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._quantised: dict[tuple[str, str], str] = {}  # (value, site) -> its quantised form, made once

    def finish(self, output: str, *, width: int) -> bytes:
        """The model as a file: int64 ``ids`` and ``mask`` (B, T) to float32 ``vectors`` (B, ``width``)."""
        self._nodes.append(onnx_file.node("Identity", [output], "vectors", {}))
        inputs = [onnx_file.value_info(name, onnx_file.INT64, ["B", "T"]) for name in ("ids", "mask")]
        outputs = [onnx_file.value_info("vectors", onnx_file.FLOAT, ["B", width])]
        return onnx_file.model(self._nodes, self._constants, inputs, outputs, opset=OPSET)

    def lookup(self, table: Array, ids: str) -> str:
        if self._ranges is None:
            return self._node("Gather", self._constant(table), ids)
        # One scale a row keeps the table, most of the bytes of the model, at a quarter of its size; that moves a vector
        # far less than the products do.
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-8)  # (V, 1)
        packed = np.rint(table / scale).astype(np.int8)
        rows = self._float(self._node("Gather", self._constant(packed), ids))
        return self._node("Mul", rows, self._node("Gather", self._constant(scale), ids))

    def first_rows(self, table: Array, ids: str) -> str:
        tokens = self._node("Shape", ids, start=1, end=2)
        zero = self._constant(np.array([0], np.int64))
        return self._node("Slice", self._constant(table), zero, tokens, zero)

    def add(self, left: str, right: str) -> str:
        return self._node("Add", left, right)

    def linear(self, x: str, weight: Array, bias: Array, *, site: str) -> str:
        across = weight.T  # (I, O)
        if self._ranges is None:
            return self.add(self._node("MatMul", x, self._constant(across)), self._constant(bias))
        smooth = self._ranges[site].smooth
        if smooth is not None:
            across = across * smooth[:, None]
        scale = np.maximum(np.abs(across).max(axis=0) / 127, 1e-8).astype(np.float32)  # (O,)
        packed = np.clip(np.rint(across / scale), -127, 127).astype(np.int8)
        zeros = self._constant(np.zeros(len(scale), np.int8))
        weights = self._node("DequantizeLinear", self._constant(packed), self._constant(scale), zeros, axis=1)
        return self.add(self._node("MatMul", self._quantise(x, site), weights), self._constant(bias))

    def layer_norm(self, x: str, weight: Array, bias: Array, *, epsilon: float) -> str:
        weights = self._constant(weight), self._constant(bias)
        return self._node("LayerNormalization", x, *weights, axis=-1, epsilon=epsilon)

    def gelu(self, x: str) -> str:
        return self._node("Gelu", x)

    def attention(self, query: str, key: str, value: str, mask: str, *, heads: int, scale: float, site: str) -> str:
        split = self._constant(np.array([0, 0, heads, -1], np.int64))
        q, k, v = (self._node("Reshape", x, split) for x in (query, key, value))  # (B, T, H, D/H)
        q = self._node("Mul", self._node("Transpose", q, perm=[0, 2, 1, 3]), self._constant(np.float32(scale)))
        k = self._node("Transpose", k, perm=[0, 2, 3, 1])
        v = self._node("Transpose", v, perm=[0, 2, 1, 3])
        scores = self.add(self._node("MatMul", q, k), self._penalty(mask))  # (B, H, T, T)
        mixed = self._node("MatMul", self._node("Softmax", scores, axis=-1), v)
        early = self._ranges is not None and self._early
        mixed = self._quantise(mixed, site) if early else mixed
        mixed = self._node("Transpose", mixed, perm=[0, 2, 1, 3])
        joined = self._node("Reshape", mixed, self._constant(np.array([0, 0, -1], np.int64)))
        if early:
            self._quantised[joined, site] = joined
        return joined

    def mean_pool(self, x: str, mask: str) -> str:
        weights = self._node("Unsqueeze", self._float(mask), self._constant(np.array([2], np.int64)))  # (B, T, 1)
        total, count = (self._sum(value) for value in (self._node("Mul", x, weights), weights))
        return self._node("Div", total, count)

    def first_token(self, x: str) -> str:
        return self._node("Gather", x, self._constant(np.int64(0)), axis=1)

    def normalise(self, x: str) -> str:
        return self._node("LpNormalization", x, axis=-1, p=2)

    def _quantise(self, x: str, site: str) -> str:
        if (x, site) not in self._quantised:
            assert self._ranges is not None
            self._quantised[x, site] = self._through_uint8(x, self._ranges[site])
        return self._quantised[x, site]

    def _through_uint8(self, x: str, limits: Range) -> str:
        if limits.smooth is not None:
            x = self._node("Mul", x, self._constant((1 / limits.smooth).astype(np.float32)))
        low, high = (
            min(limits.low, 0.0),
            max(limits.high, 0.0),
        )  # zero must be exact: it is what a ReLU or padding gives
        step = np.float32((high - low) / 255)
        grid = self._constant(step), self._constant(np.uint8(np.clip(np.rint(-low / step), 0, 255)))
        return self._node("DequantizeLinear", self._node("QuantizeLinear", x, *grid), *grid)

    def _penalty(self, mask: str) -> str:
        """0 where a token is real and a large negative number where it is padding: (B, 1, 1, T)."""
        key = (mask, "penalty")
        if key not in self._quantised:
            missing = self._node("Sub", self._constant(np.float32(1)), self._float(mask))
            penalty = self._node("Mul", missing, self._constant(np.float32(-1e9)))
            self._quantised[key] = self._node("Unsqueeze", penalty, self._constant(np.array([1, 2], np.int64)))
        return self._quantised[key]

    def _float(self, x: str) -> str:
        return self._node("Cast", x, to=onnx_file.FLOAT)

    def _sum(self, x: str) -> str:
        return self._node("ReduceSum", x, self._constant(np.array([1], np.int64)), keepdims=0)

    def _constant(self, value: NDArray[np.generic] | np.generic) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(onnx_file.tensor(name, np.asarray(value)))
        return name

    def _node(self, kind: str, *inputs: str, **attributes: onnx_file.Attribute) -> str:
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(onnx_file.node(kind, inputs, name, attributes))
        return name
