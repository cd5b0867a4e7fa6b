"""Search over packed vectors: float queries against codes, signs against signs, and a shortlist scored again.

A component is ``centre + code * scale``. So a dot product needs no unpacked row: the query takes the scale, and the
centre gives one number for each query.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.packing import (
    Packed,
    blocks,
    codes_of,
    magnitude,
    reading_of,
    require_count,
    require_vectors,
    shape_of,
    unpack,
)
from likewise.errors import SettingError, ShapeError
from likewise.types import Ids, Vectors

_SCORES = 1 << 24  # scores held at a time while searching, 64 MB
_GREATEST_CODE = {"int8": 128.0, "uint8": 255.0, "binary": 1.0}
_EPSILON = float(np.finfo(np.float32).eps)
_ONES = np.array([byte.bit_count() for byte in range(256)], np.uint8)  # for numpy before 2.0


@dataclass(frozen=True, slots=True)
class Rankings:
    """The best rows for each query, best first; equal scores in the order of ids."""

    ids: Ids  # (Q, K) row numbers; -1 where there are no more
    scores: Vectors  # (Q, K) float32, higher is better; -inf where there are no more


def similarities(queries: Vectors, packed: Packed) -> Vectors:
    """Dot products of float queries with packed vectors, unpacking a few rows at a time.

    Args:
        queries: (Q, D) float32.
        packed: N vectors.

    Returns:
        (Q, N) float32, as with ``unpack(packed)`` but for the rounding of sums.

    Raises:
        ShapeError: The queries are not (Q, D) float32.
        SettingError: A component is not finite, or the products are too great for float32.
    """
    return _rough(queries, packed)[0]


def sign_similarities(queries: Packed, packed: Packed) -> Vectors:
    """Cosines of signs: 1 - 2 * (how many signs differ) / D, by counting bits.

    Args:
        queries: Q binary vectors.
        packed: N binary vectors of the same dimension.

    Returns:
        (Q, N) float32, from -1 to 1.

    Raises:
        SettingError: One is not binary, or the dimensions differ.
    """
    _require_signs(queries, packed)
    differing = np.empty((len(queries), len(packed)), np.int32)  # (Q, N)
    for block in blocks(packed.rows, packed.packing.width):
        rows = _words(packed.rows[block])
        for row, query in enumerate(_words(queries.rows)):
            differing[row, block] = _count_differing(rows, query)
    return (1 - 2 * differing / packed.packing.dimension).astype(np.float32)


def search(queries: Vectors, packed: Packed, *, k: int) -> Rankings:
    """The k packed vectors with the greatest dot products; equal rows have equal scores.

    Raises:
        ShapeError, SettingError: As ``similarities``, or k is below 1.
    """
    require_vectors(queries, "queries", dimension=packed.packing.dimension)
    found = _no_rankings(len(queries), k)
    for some in _query_blocks(queries, packed):
        rough, slack = _rough(queries[some], packed)
        for row, query in enumerate(queries[some], some.start):
            close = _close(rough[row - some.start], k, slack[row - some.start])
            _fill(found, row, close, _exact(query, packed.take(close)))
    return found


def search_signs(queries: Packed, packed: Packed, *, k: int) -> Rankings:
    """The k binary vectors whose signs agree most with those of binary queries. Faster, and rougher, than ``search``.

    Raises:
        SettingError: As ``sign_similarities``, or k is below 1.
    """
    _require_signs(queries, packed)
    found = _no_rankings(len(queries), k)
    for some in _query_blocks(queries.rows, packed):
        scores = sign_similarities(Packed(queries.rows[some], queries.packing), packed)
        for row, found_scores in enumerate(scores, some.start):
            close = _close(found_scores, k, 0.0)
            _fill(found, row, close, found_scores[close])
    return found


def rescore(queries: Vectors, shortlist: Ids, fine: Packed, *, k: int) -> Rankings:
    """The best k of a shortlist, by finer vectors of the same rows.

    Args:
        queries: (Q, D) float32.
        shortlist: (Q, S) int64 rows of ``fine``, in any order; -1 for none.
        fine: N vectors; only the rows on the shortlist are read, so a memory map of the originals will do.
        k: How many to keep.

    Raises:
        ShapeError: The queries are not (Q, D) float32, or the shortlist is not (Q, S) int64.
        SettingError: A component is not finite, a row that ``fine`` lacks, or k is below 1.
    """
    require_vectors(queries, "queries", dimension=fine.packing.dimension)
    if shortlist.ndim != 2 or shortlist.dtype != np.int64 or len(shortlist) != len(queries):
        raise ShapeError(f"the shortlist is {shape_of(shortlist)}; expected ({len(queries)}, S) int64")
    if shortlist.size and not (shortlist.min() >= -1 and shortlist.max() < len(fine)):
        raise SettingError(f"the shortlist has rows {shortlist.min()} to {shortlist.max()}; there are {len(fine)}")
    found = _no_rankings(len(queries), k)
    for row, (query, listed) in enumerate(zip(queries, shortlist, strict=True)):
        ids = np.unique(listed[listed >= 0])
        _fill(found, row, ids, _exact(query, fine.take(ids)))
    return found


def search_and_rescore(queries: Vectors, coarse: Packed, fine: Packed, *, k: int, oversample: int = 4) -> Rankings:
    """The best ``k * oversample`` by coarse vectors, and of these the best k by finer ones of the same rows.

    Raises:
        ShapeError, SettingError: As ``search`` and ``rescore``, or both do not have the same rows.
    """
    require_count("oversample", oversample)
    if len(coarse) != len(fine):
        raise ShapeError(f"{len(coarse)} coarse and {len(fine)} fine vectors; expected the same rows in both")
    shortlist = search(queries, coarse, k=k * oversample).ids
    return rescore(queries, shortlist, fine, k=k)


def _require_signs(queries: Packed, packed: Packed) -> None:
    if queries.packing != packed.packing or packed.packing.precision != "binary":
        got = [f"{one.packing.precision} of {one.packing.dimension} dimensions" for one in (queries, packed)]
        raise SettingError(f"signs are compared for two binary packings of one dimension, got {' and '.join(got)}")


def _rough(queries: Vectors, packed: Packed) -> tuple[Vectors, NDArray[np.float64]]:
    """Dot products (Q, N), and by how much two of a query's (Q,) may be in the wrong order."""
    packing = packed.packing
    require_vectors(queries, "queries", dimension=packing.dimension)
    centre, scale = reading_of(packing)
    scores, reach = np.empty((len(queries), len(packed)), np.float32), _GREATEST_CODE.get(packing.precision, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        weights, offsets = queries * scale, queries @ centre  # (Q, D), (Q,)
        for block in blocks(packed.rows, packing.dimension):
            codes = codes_of(packed.rows[block], packing)  # (n, D)
            if packing.precision not in _GREATEST_CODE:
                reach = max(reach, magnitude(codes))
            np.matmul(weights, codes.T, out=scores[:, block])
        scores += offsets[:, None]
        sums = np.abs(weights).sum(axis=1, dtype=np.float64) * reach + np.abs(queries * centre).sum(axis=1)  # (Q,)
    if not (sums < np.finfo(np.float32).max).all():
        raise SettingError("the products of queries and vectors are too great for float32: make them shorter")
    # Of a sum of D products in any order: D roundings of the sum of their magnitudes, for each of the two.
    return scores, 2 * (packing.dimension + 3) * _EPSILON * sums


def _exact(query: Vectors, packed: Packed) -> Vectors:
    """Dot products (N,), each summed in float64 by itself: equal rows have equal scores, whatever is beside them."""
    rows = unpack(packed).astype(np.float64)
    with np.errstate(over="ignore"):
        scores = np.einsum("nd,d->n", rows, query.astype(np.float64)).astype(np.float32)
    if not np.isfinite(scores).all():
        raise SettingError("the products of queries and vectors are too great for float32: make them shorter")
    return scores


def _close(scores: Vectors, k: int, slack: float) -> Ids:
    """Ascending ids of all that may be among the k greatest of ``scores`` (N,)."""
    if k >= len(scores):
        return np.arange(len(scores), dtype=np.int64)
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= kth - slack)


def _no_rankings(queries: int, k: int) -> Rankings:
    require_count("k", k)
    return Rankings(np.full((queries, k), -1, np.int64), np.full((queries, k), -np.inf, np.float32))


def _fill(rankings: Rankings, row: int, ids: Ids, scores: Vectors) -> None:
    """Write the best of ``ids``, which ascend, as the ranking of one query."""
    order = np.argsort(-scores, kind="stable")[: rankings.ids.shape[1]]
    rankings.ids[row, : len(order)] = ids[order]
    rankings.scores[row, : len(order)] = scores[order]


def _query_blocks(queries: NDArray[Any], packed: Packed) -> Iterator[slice]:
    height = max(1, _SCORES // max(1, len(packed)))
    for start in range(0, len(queries), height):
        yield slice(start, start + height)


def _words(rows: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
    """The bytes of rows (N, W) in as few unsigned numbers as they fill."""
    size = next(size for size in (8, 4, 2, 1) if rows.shape[1] % size == 0)
    return np.ascontiguousarray(rows).view(f"u{size}")


def _count_differing(rows: NDArray[np.unsignedinteger], query: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
    """How many bits of each row (N, W) differ from those of a query (W,)."""
    counts = np.zeros(len(rows), np.int32)
    for column, word in enumerate(query):  # by columns: a sum over so short an axis takes three times as long
        counts += _count_ones(rows[:, column] ^ word)
    return counts


def _count_ones(words: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Bits that are set in each of the words (N,)."""
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(words)
    return _ONES[words.view(np.uint8).reshape(len(words), -1)].sum(axis=1, dtype=np.uint8)
