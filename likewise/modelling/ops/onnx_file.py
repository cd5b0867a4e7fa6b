"""Writes ONNX files: the few messages of its protocol buffer schema that a recorded network needs.

The ``onnx`` package does this too, at 30 MB. Field numbers are those of onnx.proto, and the
wire format is that of https://protobuf.dev/programming-guides/encoding/.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8, INT8, INT64, BOOL, FLOAT16, INT4 = 1, 2, 3, 7, 9, 10, 22  # TensorProto.DataType
_TYPES = {"float32": FLOAT, "uint8": UINT8, "int8": INT8, "int64": INT64, "bool": BOOL, "float16": FLOAT16}
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_GRAPH, _ATTRIBUTE_INTS = 1, 2, 3, 5, 7  # AttributeType
_IR_VERSION = 10
_ELSEWHERE = 1  # TensorProto.DataLocation
_PAGE_BYTES = 4096  # where values in a file of their own begin, so that they can be mapped into memory
_LEAST_BYTES = 1024  # what is smaller is shape or scalar, which others expect in the model itself

Attribute: TypeAlias = int | float | str | bytes | Sequence[int]  # bytes are a graph


class Keep(Protocol):
    def __call__(self, name: str, value: NDArray[np.generic], *, four_bits: bool = False) -> bytes:
        """The TensorProto of a constant, from its name and values; ``four_bits`` are int8 from -8 to 7."""
        ...


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute]) -> bytes:
    """A NodeProto, named as its first output."""
    parts = [_text(1, name) for name in inputs] + [_text(2, name) for name in outputs]
    parts += [_text(3, outputs[0]), _text(4, kind)]
    return b"".join([*parts, *(_message(5, _attribute(name, value)) for name, value in attributes.items())])


def tensor(name: str, value: NDArray[np.generic], *, four_bits: bool = False) -> bytes:
    """A TensorProto.

    Args:
        name: Of the constant.
        value: float32, float16, int8, uint8 or int64.
        four_bits: ``value`` is int8 from -8 to 7, and is kept two numbers to a byte.
    """
    return _described(name, value, four_bits) + _message(9, _content(value, four_bits).tobytes())


class DataFile:
    """Large constants in a file beside the model, which may be of any size; a model must stay under 2 GiB.

    Args:
        file: Where they are written, one after another.
        location: Its name, from the model's folder.
    """

    def __init__(self, file: BinaryIO, location: str) -> None:
        self._file, self._location = file, location

    def tensor(self, name: str, value: NDArray[np.generic], *, four_bits: bool = False) -> bytes:
        """As the function of this name, with the values in the file."""
        content = _content(value, four_bits)
        if content.nbytes < _LEAST_BYTES:
            return tensor(name, value, four_bits=four_bits)
        self._file.write(bytes(-self._file.tell() % _PAGE_BYTES))
        place = {"location": self._location, "offset": str(self._file.tell()), "length": str(content.nbytes)}
        self._file.write(content.reshape(-1).view(np.uint8).data)
        entries = b"".join(_message(13, _text(1, key) + _text(2, text)) for key, text in place.items())
        return _described(name, value, four_bits) + entries + _number(14, _ELSEWHERE)


def value_info(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto of a tensor; axes without a fixed size are named."""
    axes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape)
    dims = b"".join(_message(1, axis) for axis in axes)
    return _text(1, name) + _message(2, _message(1, _number(1, kind) + _message(2, dims)))


def graph(
    name: str, nodes: Sequence[bytes], constants: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]
) -> bytes:
    """A GraphProto."""
    numbered = [(1, nodes), (5, constants), (11, inputs), (12, outputs)]
    return b"".join([*(_message(number, part) for number, parts in numbered for part in parts), _text(2, name)])


def model(graph: bytes, *, opset: int) -> bytes:
    """A ModelProto, as a file holds it."""
    return _number(1, _IR_VERSION) + _message(8, _number(2, opset)) + _message(7, graph)


def _described(name: str, value: NDArray[np.generic], four_bits: bool) -> bytes:
    """Shape, type and name of a TensorProto."""
    dims = b"".join(_number(1, size) for size in value.shape)
    return dims + _number(2, INT4 if four_bits else _TYPES[value.dtype.name]) + _text(8, name)


def _content(value: NDArray[np.generic], four_bits: bool) -> NDArray[np.generic]:
    """The values as they lie in a file: little-endian; of four bits two to a byte, the first in its lower half."""
    if not four_bits:
        return np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    halves = np.append(value.reshape(-1), np.zeros(value.size % 2, np.int8)).astype(np.uint8) & 0xF
    return halves[0::2] | halves[1::2] << 4


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _number(20, _ATTRIBUTE_FLOAT)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _ATTRIBUTE_INT)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, _ATTRIBUTE_STRING)
    if isinstance(value, bytes):
        return _text(1, name) + _message(6, value) + _number(20, _ATTRIBUTE_GRAPH)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, _ATTRIBUTE_INTS)


def _message(number: int, content: bytes) -> bytes:
    return _key(number, 2) + _varint(len(content)) + content


def _text(number: int, content: str) -> bytes:
    return _message(number, content.encode())


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value % (1 << 64))  # negative numbers as two's complement of 64 bits


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
