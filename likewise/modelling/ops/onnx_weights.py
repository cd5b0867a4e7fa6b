"""How the weights of a recorded network are kept, and what their products are computed in.

The int8 form follows SmoothQuant (Xiao et al. 2022, arXiv:2211.10438): the input of a linear map is divided by a scale
for each channel that its weights are multiplied with, then both are quantised: weights to int8 for each output channel,
inputs to uint8 with one range for the whole tensor.

Processors without dot-product instructions (VNNI) add pairs of 8-bit products in 16 bits, where they saturate: two
times 255 times 127 is more than 32,767. Weights of at most 64 can't: two times 255 times 64 is 32,640.
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

    def linear(self, graph: Graph, x: str, weight: Array, bias: Array | None, *, site: str) -> str:
        """``x @ weight.T + bias``."""
        ...

    def before_joining(self, graph: Graph, mixed: str, *, site: str) -> str:
        """The result of attention (B, H, T, e), which a linear map will read at ``site`` once its heads are joined."""
        ...

    def joined(self, name: str, *, site: str) -> None:
        """Told the name of that result with its heads joined."""
        ...

    def image(self, x: str) -> str | None:
        """The value that holds the same numbers as ``x`` in another order of axes, which this form computes in."""
        ...

    def keep_image(self, x: str, image: str) -> None:
        """Told such a value."""
        ...


class FloatWeights:
    """float32 throughout."""

    def embed(self, graph: Graph, table: Array, ids: str) -> str:
        return graph.node("Gather", graph.constant(table), ids)

    def linear(self, graph: Graph, x: str, weight: Array, bias: Array | None, *, site: str) -> str:
        del site
        return with_bias(graph, graph.node("MatMul", x, graph.constant(weight.T)), bias)

    def before_joining(self, graph: Graph, mixed: str, *, site: str) -> str:
        del graph, site
        return mixed

    def joined(self, name: str, *, site: str) -> None:
        del name, site

    def image(self, x: str) -> None:
        del x

    def keep_image(self, x: str, image: str) -> None:
        del x, image


@dataclass(frozen=True, slots=True)
class Range:
    """How one site is quantised: ``round((x / smooth - low) / step)`` as uint8."""

    low: float
    high: float
    smooth: Array | None  # (I,), or None where rescaling the input would cost more than it brings
    axes: int = 3  # of what is read there: 3 for tokens (B, T, I), 2 for one vector a text (B, I)


_TOKEN_AXES = 3
UNSATURATED = 64  # the greatest magnitude of weights whose products with uint8 fit 16 bits in pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Form:
    """Which of the ways to compute in int8 suits an engine on a processor. All mean the same but for ``largest``."""

    early: bool = True  # quantise the result of attention before its heads are joined: faster if that runs in float32
    convolve: bool = False  # products as 1x1 convolutions over an image of tokens
    largest: int = 127  # the greatest magnitude of a weight


class Int8Weights:
    """Weights in int8, and the inputs of linear maps in uint8.

    Args:
        ranges: For each site.
        form: How products are computed.
    """

    def __init__(self, ranges: Mapping[str, Range], form: Int8Form = Int8Form()) -> None:
        self._ranges, self._form = ranges, form
        self._images: dict[str, str] = {}  # tokens -> the same as an image
        self._quantised: dict[tuple[str, str], str] = {}  # (value, site) -> its quantised form, made once

    def embed(self, graph: Graph, table: Array, ids: str) -> str:
        return embed_int8(graph, table, ids)

    def linear(self, graph: Graph, x: str, weight: Array, bias: Array | None, *, site: str) -> str:
        smooth = self._ranges[site].smooth
        rows = weight if smooth is None else weight * smooth  # (O, I)
        top = self._form.largest
        scale = np.maximum(np.abs(rows).max(axis=1) / top, 1e-8).astype(np.float32)  # (O,)
        packed = np.clip(np.rint(rows / scale[:, None]), -top, top).astype(np.int8)  # (O, I)
        grid = graph.constant(scale), graph.constant(np.zeros(len(scale), np.int8))
        if self._form.convolve and self._ranges[site].axes == _TOKEN_AXES:
            weights = graph.node("DequantizeLinear", graph.constant(packed[:, :, None, None]), *grid, axis=0)
            return self._convolve(graph, self._quantised_image(graph, x, site), weights, bias)
        weights = graph.node("DequantizeLinear", graph.constant(packed.T), *grid, axis=1)
        return with_bias(graph, graph.node("MatMul", self._quantise(graph, x, site), weights), bias)

    def _convolve(self, graph: Graph, image: str, weights: str, bias: Array | None) -> str:
        """An image of tokens (1, I, B, T) to tokens (B, T, O), remembering what they were as an image."""
        biases = [] if bias is None else [graph.constant(bias)]
        convolved = graph.node("Conv", image, weights, *biases)  # (1, O, B, T)
        tokens = graph.node("Squeeze", graph.node("Transpose", convolved, perm=[0, 2, 3, 1]), graph.integers(0))
        self._images[tokens] = convolved
        return tokens

    def _quantised_image(self, graph: Graph, x: str, site: str) -> str:
        """Tokens (B, T, I) in uint8, as one image of I channels that is B high and T wide."""
        if x in self._images and (x, site) not in self._quantised:
            return self._quantise(graph, self._images[x], site, channels_first=True)
        quantised = self._quantise(graph, x, site)
        if quantised not in self._images:
            wide = graph.node("Unsqueeze", quantised, graph.integers(0))
            self._images[quantised] = graph.node("Transpose", wide, perm=[0, 3, 1, 2])
        return self._images[quantised]

    def image(self, x: str) -> str | None:
        return self._images.get(x)

    def keep_image(self, x: str, image: str) -> None:
        self._images[x] = image

    def before_joining(self, graph: Graph, mixed: str, *, site: str) -> str:
        return self._quantise(graph, mixed, site) if self._form.early else mixed

    def joined(self, name: str, *, site: str) -> None:
        if self._form.early:
            self._quantised[name, site] = name

    def _quantise(self, graph: Graph, x: str, site: str, *, channels_first: bool = False) -> str:
        if (x, site) not in self._quantised:
            limits = self._ranges[site]
            if limits.smooth is not None:
                factors = (1 / limits.smooth).astype(np.float32)  # (I,)
                scaled = graph.node("Mul", x, graph.constant(factors[:, None, None] if channels_first else factors))
            self._quantised[x, site] = _through_uint8(graph, x if limits.smooth is None else scaled, limits)
        return self._quantised[x, site]


def embed_int8(graph: Graph, table: Array, ids: str) -> str:
    """Rows of a table that is kept in int8 with one scale a row.

    That keeps the table, most of the bytes of a small model, at a quarter of its size, and moves a vector far less than
    the products do.
    """
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-8).astype(np.float32)  # (V, 1)
    packed = np.rint(table / scale).astype(np.int8)
    rows = graph.floats(graph.node("Gather", graph.constant(packed), ids))
    return graph.node("Mul", rows, graph.node("Gather", graph.constant(scale), ids))


def with_bias(graph: Graph, product: str, bias: Array | None) -> str:
    return product if bias is None else graph.node("Add", product, graph.constant(bias))


def _through_uint8(graph: Graph, x: str, limits: Range) -> str:
    low, high = min(limits.low, 0.0), max(limits.high, 0.0)  # zero must be exact: a ReLU or padding gives it
    step = np.float32(max(high - low, 1e-8) / 255)
    grid = graph.constant(step), graph.constant(np.uint8(np.clip(np.rint(-low / step), 0, 255)))
    return graph.node("DequantizeLinear", graph.node("QuantizeLinear", x, *grid), *grid)
