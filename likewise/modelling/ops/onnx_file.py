"""Writes ONNX files: the few messages of its protocol buffer schema that a recorded network needs.

The ``onnx`` package does this too, at 30 MB. Field numbers are those of onnx.proto, and the
wire format is that of https://protobuf.dev/programming-guides/encoding/.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8, INT8, INT64, FLOAT16 = 1, 2, 3, 7, 10  # TensorProto.DataType
_TYPES = {"float32": FLOAT, "uint8": UINT8, "int8": INT8, "int64": INT64, "float16": FLOAT16}
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 7  # AttributeProto.AttributeType
_IR_VERSION = 10

Attribute: TypeAlias = int | float | Sequence[int]


def node(kind: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Attribute]) -> bytes:
    """A NodeProto with one output, named as that."""
    parts = [_text(1, name) for name in inputs] + [_text(2, output), _text(3, output), _text(4, kind)]
    return b"".join([*parts, *(_message(5, _attribute(name, value)) for name, value in attributes.items())])


def tensor(name: str, value: NDArray[np.generic]) -> bytes:
    """A TensorProto; ``value`` is float32, float16, int8, uint8 or int64."""
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    dims = b"".join(_number(1, size) for size in value.shape)
    return dims + _number(2, _TYPES[value.dtype.name]) + _text(8, name) + _message(9, little.tobytes())


def value_info(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto of a tensor; axes without a fixed size are named."""
    axes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape)
    dims = b"".join(_message(1, axis) for axis in axes)
    return _text(1, name) + _message(2, _message(1, _number(1, kind) + _message(2, dims)))


def model(
    nodes: Sequence[bytes], constants: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes], *, opset: int
) -> bytes:
    """A ModelProto, as a file holds it."""
    numbered = [(1, nodes), (5, constants), (11, inputs), (12, outputs)]
    graph = b"".join(_message(number, part) for number, parts in numbered for part in parts)
    return _number(1, _IR_VERSION) + _message(8, _number(2, opset)) + _message(7, graph + _text(2, "encoder"))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _number(20, _ATTRIBUTE_FLOAT)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _ATTRIBUTE_INT)
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
