"""How the weights of a recorded network are kept, and what their products are computed in.

The int8 form follows SmoothQuant (Xiao et al. 2022, arXiv:2211.10438): the input of a linear map is divided by a scale
for each channel that its weights are multiplied with, then both are quantised: weights to int8 for each output channel,
inputs to uint8 with one range for the whole tensor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from likewise.modelling.ops import Array
from likewise.modelling.ops.onnx_graph import Graph


class WeightForm(Protocol):
    def embed(self, graph: Graph, table: Array, ids: str) -> str:
        """Rows of a vocabulary's table."""
        ...

    def product(self, graph: Graph, x: str, weight: Array, *, site: str) -> str:
        """``x @ weight.T``."""
        ...

    def before_joining(self, graph: Graph, mixed: str, *, site: str) -> str:
        """The result of attention (B, H, T, e), which a linear map will read at ``site`` once its heads are joined."""
        ...

    def joined(self, name: str, *, site: str) -> None:
        """Told the name of that result with its heads joined."""
        ...


class FloatWeights:
    """float32 throughout."""

    def embed(self, graph: Graph, table: Array, ids: str) -> str:
        return graph.node("Gather", graph.constant(table), ids)

    def product(self, graph: Graph, x: str, weight: Array, *, site: str) -> str:
        del site
        return graph.node("MatMul", x, graph.constant(weight.T))

    def before_joining(self, graph: Graph, mixed: str, *, site: str) -> str:
        del graph, site
        return mixed

    def joined(self, name: str, *, site: str) -> None:
        del name, site


@dataclass(frozen=True, slots=True)
class Range:
    """How one site is quantised: ``round((x / smooth - low) / step)`` as uint8."""

    low: float
    high: float
    smooth: Array | None  # (I,), or None where the input can't be rescaled for free


class Int8Weights:
    """Weights in int8, and the inputs of linear maps in uint8.

    Args:
        ranges: For each site.
        early: Quantise the result of attention before its heads are joined, not after. The values are the same; early
            is faster where attention runs in float32, late where it runs in half precision.
    """

    def __init__(self, ranges: Mapping[str, Range], *, early: bool) -> None:
        self._ranges, self._early = ranges, early
        self._quantised: dict[tuple[str, str], str] = {}  # (value, site) -> its quantised form, made once

    def embed(self, graph: Graph, table: Array, ids: str) -> str:
        # One scale a row keeps the table, most of the bytes of a small model, at a quarter of its size; that moves a
        # vector far less than the products do.
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-8).astype(np.float32)  # (V, 1)
        packed = np.rint(table / scale).astype(np.int8)
        rows = graph.floats(graph.node("Gather", graph.constant(packed), ids))
        return graph.node("Mul", rows, graph.node("Gather", graph.constant(scale), ids))

    def product(self, graph: Graph, x: str, weight: Array, *, site: str) -> str:
        across = weight.T  # (I, O)
        smooth = self._ranges[site].smooth
        if smooth is not None:
            across = across * smooth[:, None]
        scale = np.maximum(np.abs(across).max(axis=0) / 127, 1e-8).astype(np.float32)  # (O,)
        packed = np.clip(np.rint(across / scale), -127, 127).astype(np.int8)
        grid = graph.constant(scale), graph.constant(np.zeros(len(scale), np.int8))
        weights = graph.node("DequantizeLinear", graph.constant(packed), *grid, axis=1)
        return graph.node("MatMul", self._quantise(graph, x, site), weights)

    def before_joining(self, graph: Graph, mixed: str, *, site: str) -> str:
        return self._quantise(graph, mixed, site) if self._early else mixed

    def joined(self, name: str, *, site: str) -> None:
        if self._early:
            self._quantised[name, site] = name

    def _quantise(self, graph: Graph, x: str, site: str) -> str:
        if (x, site) not in self._quantised:
            self._quantised[x, site] = _through_uint8(graph, x, self._ranges[site])
        return self._quantised[x, site]


def _through_uint8(graph: Graph, x: str, limits: Range) -> str:
    if limits.smooth is not None:
        x = graph.node("Mul", x, graph.constant((1 / limits.smooth).astype(np.float32)))
    low, high = min(limits.low, 0.0), max(limits.high, 0.0)  # zero must be exact: a ReLU or padding gives it
    step = np.float32(max(high - low, 1e-8) / 255)
    grid = graph.constant(step), graph.constant(np.uint8(np.clip(np.rint(-low / step), 0, 255)))
    return graph.node("DequantizeLinear", graph.node("QuantizeLinear", x, *grid), *grid)
