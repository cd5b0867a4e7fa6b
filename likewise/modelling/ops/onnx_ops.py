"""Records a network as an ONNX graph."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import HIDDEN, Array, Attention, Cell, Function, Inputs, onnx_file
from likewise.modelling.ops.onnx_graph import OPSET, Graph
from likewise.modelling.ops.onnx_recurrence import lstm
from likewise.modelling.ops.onnx_weights import FloatWeights, WeightForm

_NODES = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "absolute": "Abs",
    "sqrt": "Sqrt",
    "identity": "Identity",
}
_SLICE = 1024  # outputs of a map that is computed in slices
INPUTS = Inputs("input_ids", "attention_mask", "token_type_ids", "pooling_mask")
"""What the inputs are called in a file, as other programs expect it."""


class OnnxOps:
    """Activations are names of graph values; ``finish`` makes the model.

    Args:
        form: How weights are kept.
        keep: Makes a TensorProto of a constant.
        in_slices: The site of a wide linear map of which only the greatest values over the tokens are wanted. It is
            computed in slices of its outputs, so that (B, T, V) is never in memory: a slice stays in the cache.
    """

    def __init__(
        self, form: WeightForm | None = None, *, keep: onnx_file.Keep = onnx_file.tensor, in_slices: str = ""
    ) -> None:
        self._form, self._in_slices = form or FloatWeights(), in_slices
        self._slices: dict[str, list[str]] = {}
        self._graph = Graph(keep=keep)
        self._node = self._graph.node
        self._penalties: dict[tuple[str, bool, int | None], str] = {}

    def finish(
        self, outputs: Mapping[str, tuple[str, Sequence[int | str]]], *, inputs: Inputs[str], characters: int = 0
    ) -> bytes:
        """The model as a file.

        Args:
            outputs: Published name to (value, shape); all are float32.
            inputs: Those that the network takes; each is int64 (B, T).
            characters: Of a word, for networks that read characters: ids are then (B, T, ``characters``).
        """
        named = [inputs.ids, inputs.mask, inputs.segments, inputs.pooled]
        described = [
            onnx_file.value_info(name, onnx_file.INT64, ["B", "T", *([characters] if characters and not i else [])])
            for i, name in enumerate(named)
            if name
        ]
        return onnx_file.model(self._graph.finish(described, outputs), opset=OPSET)

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        return self._graph.constant(value)

    def embed(self, table: Array, ids: str) -> str:
        return self._form.embed(self._graph, table, ids)

    def lookup(self, table: NDArray[Any], ids: str) -> str:
        return self._node("Gather", self._graph.constant(table), ids)

    def first_rows(self, table: NDArray[Any], ids: str) -> str:
        zero = self._graph.integers(0)
        return self._node("Slice", self._graph.constant(table), zero, self._tokens(ids), zero)

    def positions(self, mask: str) -> str:
        first = self._node("ArgMax", self._graph.floats(mask), axis=1, keepdims=1)  # (B, 1)
        return self._node("Max", self._node("Sub", self._places(mask), first), self._graph.integers(0))

    def distances(self, ids: str, *, limit: int) -> str:
        bounds = (self._graph.constant(np.int64(bound)) for bound in (-limit, limit))
        return self._node("Clip", self._ahead(ids), *bounds)

    def add(self, left: str, right: str) -> str:
        return self._node("Add", left, right)

    def multiply(self, left: str, right: str) -> str:
        return self._node("Mul", left, right)

    def divide(self, left: str, right: str) -> str:
        return self._node("Div", left, right)

    def matmul(self, left: str, right: str) -> str:
        return self._node("MatMul", left, right)

    def linear(self, x: str, weight: Array, bias: Array | None, *, site: str) -> str:
        if site != self._in_slices:
            return self._form.linear(self._graph, x, weight, bias, site=site)
        starts = range(0, len(weight), _SLICE)
        biases = [None if bias is None else bias[start : start + _SLICE] for start in starts]
        parts = [weight[start : start + _SLICE] for start in starts]
        self._slices[site] = [
            self._form.linear(self._graph, x, part, some, site=site) for part, some in zip(parts, biases, strict=True)
        ]
        return site  # no value of the graph: only hide and max know it

    def layer_norm(self, x: str, weight: Array, bias: Array | None, *, epsilon: float) -> str:
        weights = [self._graph.constant(part) for part in (weight, bias) if part is not None]
        return self._node("LayerNormalization", x, *weights, axis=-1, epsilon=float(epsilon))

    def rms_norm(self, x: str, weight: Array, *, epsilon: float) -> str:
        mean = self._node("ReduceMean", self.multiply(x, x), self._graph.integers(-1), keepdims=1)
        size = self._node("Sqrt", self.add(mean, self._graph.number(epsilon)))
        return self.multiply(self.divide(x, size), self._graph.constant(weight))

    def apply(self, x: str, function: Function) -> str:
        applied, image = self._applied(x, function), self._form.image(x)
        if image is not None:
            self._form.keep_image(applied, self._applied(image, function))
        return applied

    def _applied(self, x: str, function: Function) -> str:
        if function in ("gelu", "gelu_tanh"):
            return self._node("Gelu", x, approximate="tanh" if function == "gelu_tanh" else "none")
        if function in ("silu", "quick_gelu"):
            inner = x if function == "silu" else self.multiply(x, self._graph.number(1.702))
            return self.multiply(x, self._node("Sigmoid", inner))
        if function == "log1p":
            return self._node("Log", self.add(x, self._graph.number(1)))
        return self._node(_NODES[function], x)

    def softmax(self, x: str) -> str:
        return self._node("Softmax", x, axis=-1)

    def attention(
        self,
        query: str,
        key: str,
        value: str,
        mask: str,
        how: Attention,
        *,
        site: str,
        bias: str | None = None,
    ) -> str:
        q = self.multiply(self.transpose(query, (0, 2, 1, 3)), self._graph.number(how.scale))
        k, v = (self._for_each_query(x, how) for x in (key, value))
        scores = self.matmul(q, self.transpose(k, (0, 2, 3, 1)))  # (B, H, T, T)
        scores = scores if bias is None else self.add(scores, bias)
        weights = self.softmax(self.add(scores, self._penalty(mask, how)))
        mixed = self.matmul(weights, self.transpose(v, (0, 2, 1, 3)))
        mixed = self._form.before_joining(self._graph, mixed, site=site)
        joined = self.reshape(self.transpose(mixed, (0, 2, 1, 3)), (0, 0, -1))
        self._form.joined(joined, site=site)
        return joined

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        return self._node("Reshape", x, self._graph.integers(*shape))

    def transpose(self, x: str, order: Sequence[int]) -> str:
        return self._node("Transpose", x, perm=list(order))

    def concat(self, parts: Sequence[str]) -> str:
        return self._node("Concat", *parts, axis=-1)

    def part(self, x: str, start: int, stop: int) -> str:
        return self._node("Slice", x, *(self._graph.integers(value) for value in (start, stop, -1)))

    def take_along(self, x: str, index: str) -> str:
        lead = self._node("Shape", x, start=0, end=-1)
        shape = self._node("Concat", lead, self._node("Shape", index, start=-1), axis=0)
        return self._node("GatherElements", x, self._node("Expand", index, shape), axis=-1)

    def sum(self, x: str, axis: int) -> str:
        return self._node("ReduceSum", x, self._graph.integers(axis), keepdims=0)

    def max(self, x: str, axis: int) -> str:
        if x in self._slices:
            return self.concat([self.max(part, axis) for part in self._slices[x]])
        image = self._form.image(x)  # (1, D, B, T)
        if image is not None and axis == 1:
            greatest = self._node("ReduceMax", image, self._graph.integers(0, 3), keepdims=0)
            return self.transpose(greatest, (1, 0))
        return self._node("ReduceMax", x, self._graph.integers(axis), keepdims=0)

    def real(self, mask: str) -> str:
        return self._node("Unsqueeze", self._graph.floats(mask), self._graph.integers(2))

    def hide(self, x: str, mask: str) -> str:
        if x in self._slices:
            self._slices[x] = [self.hide(part, mask) for part in self._slices[x]]
            return x
        there = self._node("Cast", mask, to=onnx_file.BOOL)
        hidden, image = self._hidden(x, there, (2,)), self._form.image(x)
        if image is not None:
            self._form.keep_image(hidden, self._hidden(image, there, (0, 1)))
        return hidden

    def token(self, x: str, mask: str, which: Literal["first", "last"]) -> str:
        last = int(which == "last")
        place = self._node("ArgMax", self._graph.floats(mask), axis=1, keepdims=1, select_last_index=last)  # (B, 1)
        return self._node("GatherND", x, place, batch_dims=1)

    def normalise(self, x: str) -> str:
        length = self._node("ReduceL2", x, self._graph.integers(-1), keepdims=1)
        return self.divide(x, self._node("Max", length, self._graph.number(1e-12)))

    def keep_top(self, x: str, k: int) -> str:
        # Not by TopK's indices: among equals OpenVINO takes any, not the first.
        best, _ = self._graph.nodes("TopK", [x, self._graph.integers(k)], 2, {"axis": -1})
        least = self.part(best, k - 1, k)
        greater, equal = self._node("Greater", x, least), self._graph.floats(self._node("Equal", x, least))
        above = self._node("ReduceSum", self._graph.floats(greater), self._graph.integers(-1), keepdims=1)
        place = self.add(self._node("CumSum", equal, self._graph.constant(np.int64(-1))), above)  # from 1, if equal
        within = self._node("LessOrEqual", place, self._graph.number(k))
        kept = self._node("Or", greater, self._node("And", self._node("Cast", equal, to=onnx_file.BOOL), within))
        return self._node("Where", kept, x, self._graph.number(0))

    def mixture(self, x: str, weights: str, experts: Sequence[Callable[[str], str]]) -> str:
        ends = [self._node("Shape", one, start=-1) for one in (x, weights)]
        tokens, shares = (
            self._node("Reshape", one, self._node("Concat", self._graph.integers(-1), end, axis=0))
            for one, end in zip((x, weights), ends, strict=True)
        )  # (B·T, D), (B·T, E)
        found = self._node("ConstantOfShape", self._node("Shape", tokens))
        for i, expert in enumerate(experts):
            share = self.part(shares, i, i + 1)  # (B·T, 1)
            chosen = self._node("NonZero", self._node("Squeeze", share, self._graph.integers(1)))  # (1, N)
            places = self._node("Transpose", chosen, perm=[1, 0])  # (N, 1)
            given = self._node("Gather", tokens, chosen, axis=0)  # (1, N, D): as of one text
            made = self.multiply(expert(given), self._node("Gather", share, chosen, axis=0))
            rows = self._node("Squeeze", made, self._graph.integers(0))
            found = self._node("ScatterND", found, places, rows, reduction="add")
        return self._node("Reshape", found, self._node("Shape", x))

    def lstm(self, x: str, mask: str, cell: Cell, *, reverse: bool) -> str:
        return lstm(self._graph, x, self.real(mask), cell, reverse=reverse)

    def convolve(self, x: str, weight: Array, bias: Array | None, *, stride: int = 1, padding: int = 0) -> str:
        weights = [self._graph.constant(part) for part in (weight, bias) if part is not None]
        axes = weight.ndim - 2
        return self._node("Conv", x, *weights, strides=[stride] * axes, pads=[padding] * 2 * axes)

    def _hidden(self, x: str, there: str, axes: Sequence[int]) -> str:
        """``x`` with -inf where ``there`` (B, T) is false, once that has got the axes that ``x`` has beside B and T."""
        return self._node(
            "Where", self._node("Unsqueeze", there, self._graph.integers(*axes)), x, self._graph.number(-np.inf)
        )

    def _tokens(self, ids: str) -> str:
        return self._node("Shape", ids, start=1, end=2)

    def _places(self, ids: str) -> str:
        """0, 1, … T - 1."""
        start, step = (self._graph.constant(np.int64(value)) for value in (0, 1))
        return self._node("Range", start, self._node("Squeeze", self._tokens(ids)), step)

    def _ahead(self, ids: str) -> str:
        """Place of the key minus that of the query: (T, T)."""
        places = self._places(ids)
        keys, queries = (self._node("Unsqueeze", places, self._graph.integers(axis)) for axis in (0, 1))
        return self._node("Sub", keys, queries)

    def _for_each_query(self, shared: str, how: Attention) -> str:
        """Keys or values (B, T, G, d), each as often as queries share it: (B, T, H, d)."""
        if how.heads == how.groups:
            return shared
        which = np.arange(how.heads) * how.groups // how.heads
        return self._node("Gather", shared, self._graph.constant(which), axis=2)

    def _penalty(self, mask: str, how: Attention) -> str:
        """0 where a token may be seen and HIDDEN where not: (B, 1, 1, T) or (B, 1, T, T). Made once."""
        key = mask, how.causal, how.window
        if key not in self._penalties:
            missing = self._node("Sub", self._graph.number(1), self._graph.floats(mask))
            penalty = self.multiply(missing, self._graph.number(HIDDEN))
            penalty = self._node("Unsqueeze", penalty, self._graph.integers(1, 2))
            for unseen in self._unseen(mask, how):
                far = self.multiply(self._graph.floats(unseen), self._graph.number(HIDDEN))
                penalty = self._node("Min", penalty, far)
            self._penalties[key] = penalty
        return self._penalties[key]

    def _unseen(self, mask: str, how: Attention) -> list[str]:
        """Conditions (T, T) under which a key is out of a query's sight by its place alone."""
        found = []
        if how.causal:
            found.append(self._node("Greater", self._ahead(mask), self._graph.integers(0)))
        if how.window is not None:
            found.append(self._node("Greater", self._node("Abs", self._ahead(mask)), self._graph.integers(how.window)))
        return found
