"""The safetensors format: one file of tensors, checked before it is believed and written back to the bit.

A file is the length of its header (8 bytes, little-endian), the header (JSON: name → dtype, shape, data_offsets; and
``__metadata__``, text → text), then the numbers without a gap. Files come from strangers, so all of this is checked
before anything is allocated.
"""

import json
import math
import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from likewise.errors import ArtifactError, ModelError, SettingError, StorageError

Array = NDArray[Any]

MAX_HEADER_BYTES = 100_000_000
_MAX_AXES = 32
_LENGTH = struct.Struct("<Q")
_NUMPY: dict[str, np.dtype[Any]] = {  # published dtype → how its bytes are read; BF16 is the upper half of a float32
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_PUBLISHED = {dtype: name for name, dtype in _NUMPY.items() if name != "BF16"}
_BF16_INFINITY = 0x7F80
_NOT_HERE = re.compile(r"F8_\w+|F6_\w+|F4|C64")  # dtypes of the format that numpy lacks or no encoder has


@dataclass(frozen=True, slots=True)
class Tensors:
    """Tensors by name, as published."""

    values: Mapping[str, Array]  # read-only; BF16 widened to float32, which loses nothing
    dtypes: Mapping[str, str]  # as published: "F32", "BF16"…; with these ``write_tensors`` gives the same bits back
    metadata: Mapping[str, str]

    def as_float32(self) -> dict[str, Array]:
        """All tensors, those of floating point as float32 (F64 is rounded; the rest is exact), others as they are."""
        return {
            name: value.astype(np.float32, copy=False) if value.dtype.kind == "f" else value
            for name, value in self.values.items()
        }


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a tensor lies in its file."""

    dtype: str
    shape: tuple[int, ...]
    start: int  # bytes from the beginning of the file
    end: int


def read_file(path: Path) -> Tensors:
    """All tensors of one safetensors file.

    Raises:
        ArtifactError: It is missing or damaged.
        ModelError: It holds a dtype that numpy can't.
    """
    slots, metadata, size = _read_header(path)
    try:
        data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))  # (bytes,)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read: {error.strerror}") from error
    if len(data) != size:
        raise unreadable(path, f"it became {len(data)} bytes long while it was read, and had {size}")
    return Tensors(
        values={name: _array(data, slot) for name, slot in slots.items()},
        dtypes={name: slot.dtype for name, slot in slots.items()},
        metadata=metadata,
    )


def write_file(
    path: Path, values: Mapping[str, Array], *, dtypes: Mapping[str, str], metadata: Mapping[str, str]
) -> None:
    """Write one file under a temporary name and rename it; the same values give the same bytes.

    Args:
        path: Replaced if it is there.
        values: Arrays by name.
        dtypes: The published dtype of each, as ``stored_dtypes`` gives them.
        metadata: Text by name.

    Raises:
        SettingError: An array can't be written as asked: another kind of number, or too large for the dtype.
        StorageError: The disk refused.
    """
    order = sorted(values, key=lambda name: (-_NUMPY[dtypes[name]].itemsize, name))  # so that all are aligned
    with new_file(path) as file:
        file.write(_header({name: (dtypes[name], values[name]) for name in order}, metadata))
        for name in order:
            file.write(_encode(name, values[name], dtypes[name]).reshape(-1).view(np.uint8).data)


def stored_dtypes(values: Mapping[str, Array], dtypes: Mapping[str, str] | None) -> dict[str, str]:
    """The published dtype of each array: the one asked for, else its own.

    Raises:
        SettingError: The format has none for it.
    """
    found = {}
    for name, value in values.items():
        dtype = (dtypes or {}).get(name) or _PUBLISHED.get(value.dtype.newbyteorder("<"))
        if dtype not in _NUMPY:
            what = dtype or f"an array of {value.dtype}"
            raise SettingError(f"{name!r} can't be written: it is {what}, expected one of {', '.join(_NUMPY)}")
        found[name] = dtype
    return found


def size_bytes(value: Array, dtype: str) -> int:
    """What an array takes in a file."""
    return int(value.size * _NUMPY[dtype].itemsize)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when all is written and on the disk, and is gone otherwise.

    Raises:
        StorageError: The disk refused.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"can't write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            fresh.unlink()  # it is there only if something went wrong


def _read_header(path: Path) -> tuple[dict[str, _Slot], dict[str, str], int]:
    """Slots by name in the order of their bytes, metadata, and the size of the file."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            raw = _raw_header(file, size)
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=without_twins)
        if not isinstance(header, dict):
            raise ValueError(f"its header is a {type(header).__name__}, expected an object")
        metadata = _metadata(header.pop("__metadata__", {}))
        begin = _LENGTH.size + len(raw)
        slots = {name: _slot(name, entry, begin, size) for name, entry in header.items()}
        return _without_gaps(slots, begin, size), metadata, size
    except OSError as error:
        raise ArtifactError(f"{path} can't be read: {error.strerror}") from error
    except RecursionError as error:
        raise unreadable(path, "its header is nested too deeply") from error
    except ValueError as error:
        raise unreadable(path, str(error)) from error


def _raw_header(file: BinaryIO, size: int) -> bytes:
    length = _LENGTH.unpack(file.read(_LENGTH.size))[0] if size >= _LENGTH.size else 0
    room = size - _LENGTH.size
    if not 2 <= length <= min(room, MAX_HEADER_BYTES):
        raise ValueError(
            f"it is {size} bytes long and its header is said to be {length}; "
            f"expected 2 to {max(2, min(room, MAX_HEADER_BYTES))} bytes"
        )
    return file.read(length)


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads``: an object in which no key appears twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"its header says {key!r:.80} twice")
        found[key] = value
    return found


def _metadata(found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("its __metadata__ is not an object of texts")
    return found


def _slot(name: str, entry: Any, begin: int, size: int) -> _Slot:
    if not isinstance(entry, dict):
        raise ValueError(f"tensor {name!r:.80} is described by {entry!r:.60}, expected an object")
    name.encode()  # half a surrogate pair raises: it is no text
    dtype: Any = entry.get("dtype")
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if isinstance(dtype, str) and _NOT_HERE.fullmatch(dtype):
        raise ModelError(
            f"tensor {name!r:.80} is of dtype {dtype}, which is not read here: save the model in BF16 or F32"
        )
    if not isinstance(dtype, str) or dtype not in _NUMPY:
        raise ValueError(f"tensor {name!r:.80} has dtype {dtype!r:.60}, expected one of {', '.join(_NUMPY)}")
    if not _is_shape(shape):
        raise ValueError(f"tensor {name!r:.80} has shape {shape!r:.60}, expected at most {_MAX_AXES} whole numbers")
    if not _are_sizes(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= size - begin:
        raise ValueError(
            f"tensor {name!r:.80} has data_offsets {offsets!r:.60}, expected two that rise, up to {size - begin}"
        )
    expected = math.prod(shape) * _NUMPY[dtype].itemsize
    if offsets[1] - offsets[0] != expected:
        raise ValueError(
            f"tensor {name!r:.80} has {offsets[1] - offsets[0]} bytes, expected {expected} for {dtype} of shape {shape}"
        )
    return _Slot(dtype, tuple(shape), begin + offsets[0], begin + offsets[1])


def _are_sizes(found: Any) -> bool:
    return isinstance(found, list) and all(type(number) is int and 0 <= number < 1 << 63 for number in found)


def _is_shape(found: Any) -> bool:
    # numpy multiplies the axes even of an empty array
    return _are_sizes(found) and len(found) <= _MAX_AXES and math.prod(max(axis, 1) for axis in found) < 1 << 59


def _without_gaps(slots: dict[str, _Slot], begin: int, size: int) -> dict[str, _Slot]:
    ordered = dict(sorted(slots.items(), key=lambda item: (item[1].start, item[1].end)))
    at = begin
    for name, slot in ordered.items():
        if slot.start != at:
            what = "overlaps the one before it" if slot.start < at else "leaves a hole before it"
            raise ValueError(
                f"tensor {name!r:.80} starts at byte {slot.start - begin}, expected {at - begin}: it {what}"
            )
        at = slot.end
    if at != size:
        raise ValueError(f"it is {size} bytes long, expected {at} after its last tensor")
    return ordered


def _array(data: NDArray[np.uint8], slot: _Slot) -> Array:
    dtype = _NUMPY[slot.dtype]
    found: Array = data[slot.start : slot.end].view(dtype)
    if slot.dtype == "BF16":
        found = (found.astype(np.uint32) << 16).view(np.float32)
    elif not found.flags.aligned:
        found = found.copy()
    found = found.reshape(slot.shape)
    found.flags.writeable = False
    return found


def unreadable(path: Path, what: str) -> ArtifactError:
    """The error for a file of weights that is not what it should be."""
    return ArtifactError(f"{path} can't be read: {what}. The file is damaged: download it again")


def _header(entries: Mapping[str, tuple[str, Array]], metadata: Mapping[str, str]) -> bytes:
    described: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    at = 0
    for name, (dtype, value) in entries.items():
        end = at + size_bytes(value, dtype)
        described[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    return _LENGTH.pack(len(text)) + text


def _encode(name: str, value: Array, dtype: str) -> Array:
    """The array as it lies in the file: contiguous, little-endian, of the published dtype."""
    target = _NUMPY[dtype]
    if dtype != "BF16" and value.dtype.newbyteorder("<") == target:
        return np.ascontiguousarray(value, dtype=target)
    if value.dtype.kind != "f" or (dtype != "BF16" and target.kind != "f"):
        raise SettingError(f"{name!r} is an array of {value.dtype} and can't be written as {dtype} without loss")
    with np.errstate(over="ignore"):
        rounded: Array = _to_bfloat16(value) if dtype == "BF16" else np.ascontiguousarray(value, dtype=target)
    infinite = (rounded & 0x7FFF) == _BF16_INFINITY if dtype == "BF16" else np.isinf(rounded)
    if (infinite & np.isfinite(value)).any():
        raise SettingError(f"{name!r} holds numbers too large for {dtype}: write it as F32")
    return rounded


def _to_bfloat16(value: Array) -> NDArray[np.uint16]:
    """The upper halves of float32, rounded to the nearest, ties to even; what came from BF16 comes out the same."""
    bits = np.ascontiguousarray(value, dtype="<f4").reshape(-1).view("<u4")
    halves = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    quiet = (bits >> 16) | np.where((bits >> 16) & 0x7F, 0, 0x40)  # rounding could turn a NaN into an infinity
    return np.where(np.isnan(bits.view("<f4")), quiet, halves).astype("<u2").reshape(value.shape)
