"""Vectors in fewer bytes: half precision, 255 steps of a range, or signs alone.

A component is kept as a code, and read back as ``centre + code * scale`` of its dimension. The ranges of "int8" and
"uint8" come from a sample of vectors; "binary" is one bit for each dimension, 8 to a byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError, ShapeError, UnknownNameError
from likewise.types import Ids, Vectors

Precision: TypeAlias = Literal["float32", "float16", "int8", "uint8", "binary"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
RANGED: tuple[Precision, ...] = ("int8", "uint8")

_DTYPES = {"float32": np.float32, "float16": np.float16, "int8": np.int8, "uint8": np.uint8, "binary": np.uint8}
_STEPS = np.float32(255)
_LOWEST_CODE = {"int8": -128, "uint8": 0}
_SPREAD = 4.5  # standard deviations: see docs/decisions/0012-vector-precision.md
_GREATEST_HALF = 65504  # what float16 reaches
_BLOCK = 1 << 20  # components unpacked at a time, 4 MB: they stay in the cache until they are multiplied


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """From where to where the components of each dimension go; what is outside is clipped.

    Raises:
        ShapeError: The two are not one float32 row of the same length each.
        SettingError: A limit is not finite, or low is above high.
    """

    low: Vectors  # (D,)
    high: Vectors  # (D,)

    def __post_init__(self) -> None:
        for name, limits in (("low", self.low), ("high", self.high)):
            if limits.ndim != 1 or limits.dtype != np.float32 or limits.shape != self.low.shape or not limits.size:
                raise ShapeError(
                    f"ranges: {name} is {shape_of(limits)}; expected one row (D,) float32 for each of both"
                )
        with np.errstate(over="ignore", invalid="ignore"):
            widths = self.high - self.low
        if not (np.isfinite(self.low).all() and np.isfinite(widths).all() and (widths >= 0).all()):
            raise SettingError("ranges: each dimension needs finite limits with low ≤ high; fit them with fit_ranges")

    def __eq__(self, other: object) -> bool:
        same = np.array_equal
        return isinstance(other, Ranges) and same(self.low, other.low) and same(self.high, other.high)

    def __hash__(self) -> int:
        return hash((self.low.tobytes(), self.high.tobytes()))

    def to_lists(self) -> dict[str, list[float]]:
        """The limits as JSON takes them; ``from_lists`` gives back the same bits."""
        return {"low": self.low.tolist(), "high": self.high.tolist()}

    @classmethod
    def from_lists(cls, lists: Mapping[str, Sequence[float]]) -> "Ranges":
        """What ``to_lists`` gave.

        Raises:
            SettingError: It is not two lists of numbers named low and high.
        """
        if set(lists) != {"low", "high"}:
            raise SettingError(f"ranges have the keys {sorted(lists)}; expected high and low")
        try:
            low, high = (np.array(lists[key], np.float32) for key in ("low", "high"))
        except (TypeError, ValueError) as error:
            raise SettingError(f"ranges: expected two lists of numbers, low and high ({error})") from error
        return cls(low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How vectors are packed, and all that is needed to read them.

    Raises:
        SettingError: No such precision; ranges that are missing, of another dimension, or not needed.
    """

    precision: Precision
    dimension: int
    ranges: Ranges | None = None  # for int8 and uint8

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise SettingError(str(UnknownNameError("vector precision", str(self.precision), PRECISIONS)))
        require_count("dimension", self.dimension)
        if self.precision in RANGED and self.ranges is None:
            raise SettingError(f"{self.precision} vectors need ranges, got none: fit_ranges(a sample of the vectors)")
        if self.precision not in RANGED and self.ranges is not None:
            raise SettingError(f"{self.precision} vectors have no ranges; leave them out, or choose int8 or uint8")
        if self.ranges is not None and len(self.ranges.low) != self.dimension:
            raise SettingError(f"ranges for {len(self.ranges.low)} dimensions, but the vectors have {self.dimension}")

    @property
    def width(self) -> int:
        """Columns of a packed row: one for each dimension, or for each 8 if binary."""
        return (self.dimension + 7) // 8 if self.precision == "binary" else self.dimension

    @property
    def row_bytes(self) -> int:
        return self.width * np.dtype(_DTYPES[self.precision]).itemsize


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """N packed vectors. Rows read from a file, a memory map too, become searchable by this.

    Raises:
        ShapeError: The rows are not of the dtype and width of the packing.
    """

    rows: NDArray[Any]  # (N, packing.width)
    packing: Packing

    def __post_init__(self) -> None:
        dtype, width = np.dtype(_DTYPES[self.packing.precision]), self.packing.width
        if self.rows.ndim != 2 or self.rows.dtype != dtype or self.rows.shape[1] != width:
            what = f"{self.packing.precision} vectors of {self.packing.dimension} dimensions"
            raise ShapeError(f"packed rows are {shape_of(self.rows)}; {what} are (N, {width}) {dtype}")
        unused = 8 * width - self.packing.dimension  # bits at the end of a binary row
        if self.packing.precision == "binary" and unused and (self.rows[:, -1] & ((1 << unused) - 1)).any():
            raise ShapeError(f"packed rows have bits beyond dimension {self.packing.dimension}: is it another's?")

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, ids: Ids) -> "Packed":
        return Packed(self.rows[ids], self.packing)


def fit_ranges(vectors: Vectors) -> Ranges:
    """Ranges that hold a sample of vectors, and what is like it.

    Each reaches over all that the sample has, and to 4.5 standard deviations on both sides of its mean at least: a
    sample is narrower than what it was taken from, and clipping costs more than coarser steps do.

    Args:
        vectors: (N, D) float32 of what will be packed; some 100 or more, never the queries that it is judged by.

    Raises:
        ShapeError: Not (N, D) float32.
        SettingError: Fewer than two vectors, or a component that is not finite.
    """
    require_vectors(vectors, "the sample of vectors")
    if len(vectors) < 2:
        raise SettingError(f"ranges are fitted to two vectors at the least, better to some 100; got {len(vectors)}")
    mean, deviation = vectors.mean(axis=0, dtype=np.float64), vectors.std(axis=0, dtype=np.float64)  # (D,)
    low = np.minimum(vectors.min(axis=0), mean - _SPREAD * deviation)
    high = np.maximum(vectors.max(axis=0), mean + _SPREAD * deviation)
    with np.errstate(over="ignore"):  # Ranges refuses what has no finite width
        return Ranges(low.astype(np.float32), high.astype(np.float32))


def pack(vectors: Vectors, packing: Packing) -> Packed:
    """Vectors in fewer bytes.

    The codes of int8, uint8 and binary are those of ``quantize_embeddings`` in sentence-transformers for the same
    ranges, where its names are int8, uint8 and ubinary: the step that a component is in, and 1 where it is above 0.

    Args:
        vectors: (N, D) float32.
        packing: With the same D.

    Raises:
        ShapeError: Not (N, D) float32.
        SettingError: A component that is not finite, or too great for float16.
    """
    require_vectors(vectors, "vectors", dimension=packing.dimension)
    rows = np.empty((len(vectors), packing.width), _DTYPES[packing.precision])
    for block in blocks(vectors, packing.dimension):
        rows[block] = _coded(vectors[block], packing)
    return Packed(rows, packing)


def unpack(packed: Packed) -> Vectors:
    """Vectors (N, D) float32 that are near those packed.

    A component in its range is off by half a step at most. Signs come back as vectors of unit length.
    """
    centre, scale = reading_of(packed.packing)
    vectors = np.empty((len(packed), packed.packing.dimension), np.float32)
    for block in blocks(vectors, packed.packing.dimension):
        vectors[block] = codes_of(packed.rows[block], packed.packing) * scale + centre
    return vectors


def truncate(vectors: Vectors, dimension: int) -> Vectors:
    """The first dimensions of vectors, of unit length again (Matryoshka: Kusupati et al. 2022, arXiv:2205.13147).

    Args:
        vectors: (N, D) float32, of a model that was trained to be cut.
        dimension: How many to keep: 1 to D.

    Returns:
        (N, dimension) float32; what is zero stays zero.

    Raises:
        SettingError: ``dimension`` is not in 1 to D, or a component is not finite.
        ShapeError: Not (N, D) float32.

    Example:
        >>> truncate(np.array([[3, 4, 12]], np.float32), 2)
        array([[0.6, 0.8]], dtype=float32)
    """
    require_vectors(vectors, "vectors")
    require_count("dimension", dimension)
    if dimension > vectors.shape[1]:
        raise SettingError(f"dimension is {dimension}, but the vectors have {vectors.shape[1]}: ask for no more")
    kept = vectors[:, :dimension].astype(np.float64)  # its squares neither overflow nor vanish
    lengths = np.linalg.norm(kept, axis=1, keepdims=True)  # (N, 1)
    return (kept / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def reading_of(packing: Packing) -> tuple[Vectors, Vectors]:
    """Centre (D,) and scale (D,): a component is ``centre + code * scale``."""
    dimension = packing.dimension
    if packing.ranges is not None:
        low, step = packing.ranges.low, _steps(packing.ranges)
        # A code is the step that a component is in, so that it is read as the middle of the step.
        return low + (np.float32(0.5) - _LOWEST_CODE[packing.precision]) * step, step
    if packing.precision == "binary":
        part = np.float32(1 / np.sqrt(dimension))
        return np.full(dimension, -part), np.full(dimension, 2 * part)
    return np.zeros(dimension, np.float32), np.ones(dimension, np.float32)


def codes_of(rows: NDArray[Any], packing: Packing) -> Vectors:
    """Packed rows (N, W) as codes (N, D) float32, one for each component.

    Raises:
        SettingError: A row of float16 or float32 that is not finite.
    """
    if packing.precision == "binary":
        return np.unpackbits(rows, axis=1, count=packing.dimension).astype(np.float32)
    if packing.precision in RANGED:
        return rows.astype(np.float32)
    codes = _widened(rows) if packing.precision == "float16" else np.asarray(rows)
    if not np.isfinite(greatest := magnitude(codes)) or (packing.precision == "float16" and greatest > _GREATEST_HALF):
        raise SettingError("packed vectors hold a component that is not finite: pack them anew from sound vectors")
    return codes


def blocks(rows: NDArray[Any], dimension: int) -> Iterator[slice]:
    """Slices of rows whose codes fit the cache."""
    height = max(1, _BLOCK // dimension)
    for start in range(0, len(rows), height):
        yield slice(start, min(start + height, len(rows)))


def magnitude(values: NDArray[np.floating]) -> float:
    """The greatest absolute value; NaN if there is one, 0 if there is nothing."""
    return float(np.maximum(values.max(), -values.min())) if values.size else 0.0


def require_vectors(vectors: Vectors, name: str, *, dimension: int | None = None) -> None:
    """Refuse what is not (N, D) float32 and finite."""
    expected = f"(N, {'D' if dimension is None else dimension}) float32"
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not vectors.shape[1]:
        raise ShapeError(f"{name}: got {shape_of(vectors)}, expected {expected}")
    if dimension is not None and vectors.shape[1] != dimension:
        raise ShapeError(f"{name}: got {vectors.shape[1]} dimensions, expected {expected}")
    if not np.isfinite(magnitude(vectors)):
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise SettingError(f"{name}: row {row} holds NaN or infinity; leave it out, or find where it came from")


def require_count(name: str, value: int) -> None:
    """Refuse what is not a whole number of at least 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise SettingError(f"{name} is {value!r}; expected a whole number of at least 1")


def shape_of(array: NDArray[Any]) -> str:
    """Shape and dtype, for an error."""
    return f"{array.shape} {array.dtype}"


def _coded(vectors: Vectors, packing: Packing) -> NDArray[Any]:
    """Rows (N, W) of vectors (N, D)."""
    if packing.precision == "binary":
        return np.packbits(vectors > 0, axis=1)
    if packing.ranges is not None:
        step = _steps(packing.ranges)
        with np.errstate(over="ignore"):  # far outside the range, and clipped
            codes = np.floor((vectors - packing.ranges.low) / np.where(step == 0, 1, step))
        codes = np.clip(codes, 0, _STEPS) + _LOWEST_CODE[packing.precision]
        return codes.astype(_DTYPES[packing.precision])
    if packing.precision == "float16" and (greatest := magnitude(vectors)) > _GREATEST_HALF:
        raise SettingError(
            f"a component is ±{greatest:.6g}, float16 reaches {_GREATEST_HALF}: choose another precision"
        )
    return vectors.astype(_DTYPES[packing.precision])


def _steps(ranges: Ranges) -> Vectors:
    return (ranges.high - ranges.low) / _STEPS


def _widened(halves: NDArray[np.float16]) -> Vectors:
    """float16 as float32, at four times numpy's speed: its bits moved to their places, and the exponent's bias mended.

    Infinity and NaN come out above all that float16 reaches.
    """
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= ~0x70001FFF  # of the copies of the sign, the topmost
    widened = bits.view(np.float32)
    widened *= np.float32(2.0**112)
    return widened
