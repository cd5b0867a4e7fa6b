"""Weights in four bits, with one scale for each group of inputs of each output; all else is computed in float32.

What it saves is memory and what is read from it: a product spreads its weights to floats again first. The scale of a
group is the one of several that leaves the least squared error, as clipping the greatest weight a little often does
(the search of Lin et al. 2023, AWQ, arXiv:2306.00978, section 3.2, without activations).
"""

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import Array
from likewise.modelling.ops.onnx_graph import Graph
from likewise.modelling.ops.onnx_weights import FloatWeights, embed_int8, with_bias

GROUP = 32  # inputs that share a scale
_LOW, _HIGH = -8, 7
_SHRINK = np.linspace(1.0, 0.65, 8)  # what the scale that clips nothing is multiplied with


class Int4Weights(FloatWeights):
    """Linear maps with weights of four bits.

    Args:
        group: Inputs that share a scale; a map whose inputs are no multiple of it takes its greatest divisor below.
    """

    def __init__(self, group: int = GROUP) -> None:
        self._group = group

    def embed(self, graph: Graph, table: Array, ids: str) -> str:
        return embed_int8(graph, table, ids)

    def linear(self, graph: Graph, x: str, weight: Array, bias: Array | None, *, site: str) -> str:
        del site
        packed, scales = quantise_int4(weight, self._group)
        group = weight.shape[1] // scales.shape[1]
        constants = graph.int4(packed), graph.constant(scales)
        rows = graph.node("DequantizeLinear", *constants, axis=1, block_size=group)  # (O, I)
        return with_bias(graph, graph.node("MatMul", x, graph.node("Transpose", rows, perm=[1, 0])), bias)


def quantise_int4(weight: Array, group: int = GROUP) -> tuple[NDArray[np.int8], Array]:
    """The nearest numbers from -8 to 7 (O, I), and what to multiply each group of inputs with (O, I / group)."""
    outputs, width = weight.shape
    group = next(size for size in range(min(group, width), 0, -1) if width % size == 0)
    grouped = weight.reshape(outputs, width // group, group)  # (O, G, group)
    scales = best = np.maximum(np.abs(grouped).max(axis=2) / _HIGH, 1e-8).astype(np.float32)  # (O, G)
    least = np.full(scales.shape, np.inf)
    for shrink in _SHRINK.astype(np.float32):
        error = np.square(_rounded(grouped, scales * shrink) * (scales * shrink)[:, :, None] - grouped).sum(axis=2)
        best, least = np.where(error < least, scales * shrink, best), np.minimum(error, least)
    return _rounded(grouped, best).astype(np.int8).reshape(outputs, width), best


def _rounded(grouped: Array, scales: Array) -> Array:
    rounded: Array = np.clip(np.rint(grouped / scales[:, :, None]), _LOW, _HIGH)
    return rounded
