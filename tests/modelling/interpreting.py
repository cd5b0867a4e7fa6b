"""One function over ``Ops`` by each interpreter: ``function(ops, weights, **given)``, all arrays by name."""

from collections.abc import Callable, Mapping

import numpy as np
import openvino

from likewise.modelling.ops import onnx_file
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.ops.onnx_graph import OPSET
from likewise.modelling.ops.onnx_ops import OnnxOps

Arrays = Mapping[str, np.ndarray]


def by_numpy(function: Callable, given: Arrays, weights: Mapping[str, np.ndarray] = {}) -> np.ndarray:
    return function(NumpyOps(), weights, **given)


def by_openvino(function: Callable, given: Arrays, weights: Mapping[str, np.ndarray] = {}) -> np.ndarray:
    """As OpenVINO runs the recorded graph, in which no size is fixed."""
    ops, kinds = OnnxOps(), {"f": onnx_file.FLOAT, "i": onnx_file.INT64}
    found = function(ops, weights, **{name: name for name in given})
    inputs = [
        onnx_file.value_info(name, kinds[value.dtype.kind], [f"{name}{i}" for i in range(value.ndim)])
        for name, value in given.items()
    ]
    axes = [f"found{i}" for i in range(by_numpy(function, given, weights).ndim)]
    model = onnx_file.model(ops._graph.finish(inputs, {"found": (found, axes)}), opset=OPSET)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(dict(given))[0]


def by_torch(function: Callable, given: Arrays, weights: Mapping[str, np.ndarray] = {}) -> np.ndarray:
    import torch

    from likewise.modelling.ops.torch_ops import TorchOps

    tensors = ({name: torch.tensor(value) for name, value in arrays.items()} for arrays in (given, weights))
    of_given, of_weights = tensors
    return function(TorchOps(), of_weights, **of_given).numpy()
