"""An ONNX graph that grows node by node; values are known by their names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import onnx_file

OPSET = 21  # the first with weights of four bits, scaled by groups


class Graph:
    """Nodes and constants, in the order in which they were added. A constant that is added twice is kept once.

    Args:
        prefix: Of all names: a body inside another graph needs names of its own.
        keep: Makes a TensorProto of a constant.
    """

    def __init__(self, prefix: str = "", *, keep: onnx_file.Keep = onnx_file.tensor) -> None:
        self._prefix, self._keep = prefix, keep
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._known: dict[Any, tuple[str, Any]] = {}  # where an array lies -> its name, and the array so that it stays

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """The name of a constant."""
        array = np.asarray(value)
        small = array.size <= 8  # compared by value, so that they need not stay
        place = array.tobytes() if small else (array.__array_interface__["data"][0], array.strides)
        key = (place, array.shape, array.dtype.str)
        if key not in self._known:
            name = f"{self._prefix}constant_{len(self._constants)}"
            self._constants.append(self._keep(name, array))
            self._known[key] = name, array
        return self._known[key][0]

    def int4(self, value: NDArray[np.int8]) -> str:
        """The name of a constant of numbers from -8 to 7, kept in four bits each. Never found again."""
        name = f"{self._prefix}constant_{len(self._constants)}"
        self._constants.append(self._keep(name, value, four_bits=True))
        return name

    def integers(self, *values: int) -> str:
        """A constant row of int64."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A float32 constant without axes."""
        return self.constant(np.float32(value))

    def node(self, kind: str, *inputs: str, **attributes: onnx_file.Attribute) -> str:
        """The name of the one result of an operation."""
        return self.nodes(kind, inputs, 1, attributes)[0]

    def nodes(
        self, kind: str, inputs: Sequence[str], outputs: int, attributes: Mapping[str, onnx_file.Attribute]
    ) -> list[str]:
        """The names of the results of an operation."""
        names = [f"{self._prefix}{kind}_{len(self._nodes)}{f'_{i}' if i else ''}" for i in range(outputs)]
        self._nodes.append(onnx_file.node(kind, inputs, names, attributes))
        return names

    def floats(self, x: str) -> str:
        """Any numbers as float32."""
        return self.node("Cast", x, to=onnx_file.FLOAT)

    def finish(self, inputs: Sequence[bytes], outputs: Mapping[str, tuple[str, Sequence[int | str]]]) -> bytes:
        """A GraphProto whose outputs are float32: published name -> (value, shape)."""
        for published, (name, _) in outputs.items():
            self._nodes.append(onnx_file.node("Identity", [name], [published], {}))
        described = [onnx_file.value_info(name, onnx_file.FLOAT, shape) for name, (_, shape) in outputs.items()]
        return onnx_file.graph(f"{self._prefix}encoder", self._nodes, self._constants, inputs, described)
