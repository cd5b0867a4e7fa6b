"""Records an LSTM as a Scan: ONNX's own LSTM knows neither projections nor padding on the left."""

import numpy as np

from likewise.modelling.ops import Cell, onnx_file
from likewise.modelling.ops.onnx_graph import Graph


def lstm(graph: Graph, x: str, real: str, cell: Cell, *, reverse: bool) -> str:
    """States (B, T, H) for x (B, T, I) and real (B, T, 1), which is 1 for real tokens."""
    size, width = len(cell.bias) // 4, cell.state_weight.shape[1]
    product = graph.node("MatMul", x, graph.constant(cell.input_weight.T))
    offsets = np.repeat(np.array([0, cell.forget_bias, 0, 0], np.float32), size)
    gates = graph.node("Add", product, graph.constant(cell.bias + offsets))  # (B, T, 4S): all tokens at once
    rows = graph.node("Shape", x, start=0, end=1)
    starts = [
        graph.node("ConstantOfShape", graph.node("Concat", rows, graph.integers(n), axis=0)) for n in (width, size)
    ]
    turned = int(reverse)
    attributes: dict[str, onnx_file.Attribute] = {
        "body": _body(cell, prefix=f"{gates}_"),
        "num_scan_inputs": 2,
        "scan_input_axes": [1, 1],
        "scan_input_directions": [turned, turned],
        "scan_output_axes": [1],
        "scan_output_directions": [turned],
    }
    return graph.nodes("Scan", [*starts, gates, real], 3, attributes)[2]


def _body(cell: Cell, *, prefix: str) -> bytes:
    """One token: state (B, H), memory (B, S), gates (B, 4S), real (B, 1) to state, memory and what is given out."""
    graph = Graph(prefix)
    state, memory, gates, real = (f"{prefix}{name}" for name in ("state", "memory", "gates", "real"))
    size, width = len(cell.bias) // 4, cell.state_weight.shape[1]
    full = graph.node("Add", gates, graph.node("MatMul", state, graph.constant(cell.state_weight.T)))
    bounds = [graph.integers(size * i) for i in range(5)]
    i, f, g, o = (graph.node("Slice", full, bounds[n], bounds[n + 1], graph.integers(1)) for n in range(4))
    kept = graph.node("Mul", graph.node("Sigmoid", f), memory)
    new = graph.node("Add", kept, graph.node("Mul", graph.node("Sigmoid", i), graph.node("Tanh", g)))
    new_memory = _clipped(graph, new, cell.clip_cell)
    new_state = graph.node("Mul", graph.node("Sigmoid", o), graph.node("Tanh", new_memory))
    if cell.project is not None:
        new_state = graph.node("MatMul", new_state, graph.constant(cell.project.T))
    new_state = _clipped(graph, new_state, cell.clip_state)
    given = graph.node("Mul", new_state, real)
    absent = graph.node("Sub", graph.number(1), real)
    held = [
        graph.node("Add", graph.node("Mul", now, real), graph.node("Mul", before, absent))
        for now, before in ((new_state, state), (new_memory, memory))
    ]
    shapes = {state: width, memory: size, gates: 4 * size, real: 1}
    inputs = [onnx_file.value_info(name, onnx_file.FLOAT, ["B", n]) for name, n in shapes.items()]
    outputs = {
        f"{prefix}out_{i}": (name, ["B", n])
        for i, (name, n) in enumerate(zip([*held, given], (width, size, width), strict=True))
    }
    return graph.finish(inputs, outputs)


def _clipped(graph: Graph, x: str, limit: float | None) -> str:
    if limit is None:
        return x
    return graph.node("Clip", x, graph.constant(np.float32(-limit)), graph.constant(np.float32(limit)))
