"""Whether an engine's int8 products saturate on this processor, found by asking it for one that would."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import onnx_file
from likewise.modelling.ops.onnx_graph import OPSET, Graph
from likewise.modelling.ops.onnx_weights import Int8Weights, Range

_ROWS, _WIDTH = 16, 64
_GREATEST = 255.0  # of uint8; the range below makes the step 1


def saturates(run: Callable[[bytes, NDArray[np.float32]], NDArray[np.float32]]) -> bool:
    """Whether products of uint8 and int8 are added in 16 bits, as processors without VNNI do.

    Args:
        run: Compiles an ONNX model of one input (16, 64), gives it the array, and returns the output (16, 64).
    """
    graph = Graph()
    weights = Int8Weights({"probe": Range(0.0, _GREATEST, None, axes=2)})
    product = weights.linear(graph, "x", np.ones((_WIDTH, _WIDTH), np.float32), None, site="probe")
    inputs = [onnx_file.value_info("x", onnx_file.FLOAT, [_ROWS, _WIDTH])]
    model = onnx_file.model(graph.finish(inputs, {"y": (product, [_ROWS, _WIDTH])}), opset=OPSET)
    found = run(model, np.full((_ROWS, _WIDTH), _GREATEST, np.float32))
    return bool(np.abs(found / (_GREATEST * _WIDTH) - 1).max() > 0.01)
