"""Exact search over the rows in SQLite: the oracle, and at small sizes also the fastest way."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from likewise.storing.database import damaged
from likewise.storing.protocol import Ranking
from likewise.storing.rows import numbers_json, total
from likewise.types import Ids, Vectors

_BATCH = 2_000  # rows read at a time: bounds the memory beside the arrays
_AMONG = "chunk IN (SELECT value FROM json_each(?))"
_FEW = 64  # rows of which all are scored with care at once
_ROUNDING = 1e-4  # far above the float32 error of a dot product, relative to the greatest score
NO_IDS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class DenseRows:
    ids: Ids  # (N,) ascending
    vectors: Vectors  # (N, D)

    def take(self, kept: NDArray[np.intp] | NDArray[np.bool_]) -> "DenseRows":
        return DenseRows(self.ids[kept], self.vectors[kept])

    def join(self, more: "DenseRows") -> "DenseRows":
        if not len(more.ids):
            return self
        if not len(self.ids):
            return more
        return DenseRows(np.concatenate([self.ids, more.ids]), np.concatenate([self.vectors, more.vectors]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows to load: those after a number, or exactly those listed."""

    after: int = 0
    only: Sequence[int] | None = None

    @property
    def condition(self) -> tuple[str, tuple[int | str, ...]]:
        if self.only is not None:
            return _AMONG, (numbers_json(self.only),)
        return "chunk > ?", (self.after,)


def load_dense(connection: sqlite3.Connection, path: Path, wanted: Rows) -> DenseRows:
    """Vectors of the wanted rows that there are.

    Raises:
        ArtifactError: A row whose checksum does not match.
    """
    condition, parameters = wanted.condition
    (count,) = connection.execute(f"SELECT count(*) FROM vectors WHERE {condition}", parameters).fetchone()
    first = connection.execute(f"SELECT length(vector) FROM vectors WHERE {condition} LIMIT 1", parameters).fetchone()
    width = total(connection, "width")
    if first is not None and first[0] != 4 * width:
        raise damaged(path, "the width of the vectors")
    ids, vectors = np.empty(count, dtype=np.int64), np.empty((count, width), dtype=np.float32)
    found = connection.execute(
        f"SELECT chunk, vector, checksum FROM vectors WHERE {condition} ORDER BY chunk", parameters
    )
    row = 0
    while batch := found.fetchmany(_BATCH):
        numbers, blobs, checksums = zip(*batch, strict=True)
        if [crc32(blob, number) for number, blob in zip(numbers, blobs, strict=True)] != list(checksums):
            bad = next(n for n, blob, checksum in batch if crc32(blob, n) != checksum)
            raise damaged(path, f"the vector of chunk {bad}")
        if any(len(blob) != 4 * width for blob in blobs):
            raise damaged(path, "the width of a vector")
        ids[row : row + len(batch)] = numbers
        vectors[row : row + len(batch)] = np.frombuffer(b"".join(blobs), dtype="<f4").reshape(-1, width)
        row += len(batch)
    return DenseRows(ids, vectors)


def rank_dense(rows: DenseRows, query: Vectors, k: int) -> Ranking:
    """The k rows with the greatest dot product.

    Where there are many, one matrix-vector product finds the candidates. Scores are summed in float64, row by row: so
    a score does not depend on which other rows were looked at, and equal vectors have equal scores.
    """
    if len(rows.ids) > _FEW:
        rows = rows.take(close_to_best(rows.vectors @ query, k))
    scores = np.einsum("nd,d->n", rows.vectors.astype(np.float64), query.astype(np.float64)).astype(np.float32)
    return best_of(rows.ids, scores, k)


def places_of(few: Ids, many: Ids) -> NDArray[np.intp]:
    """Where those of ``few`` (M,) that are in ``many`` (N,) are there; both ascend, each once, and so do the places."""
    places = many.searchsorted(few)
    places = places[places < len(many)]
    return places[many[places] == few[: len(places)]]


def close_to_best(rough: Vectors, k: int) -> NDArray[np.intp]:
    """Places, ascending, of all that may be among the k greatest of scores (N,) once they are summed with care.

    -inf is for what does not count; there must be k others.
    """
    if k >= len(rough):
        return np.arange(len(rough))
    if k < 1:
        return np.empty(0, dtype=np.intp)
    best = np.partition(rough, len(rough) - k)[len(rough) - k :]
    slack = _ROUNDING * max(1.0, float(np.abs(best).max()))
    return np.flatnonzero(rough >= best[0] - slack)


def best_of(ids: Ids, scores: Vectors, k: int) -> Ranking:
    """The k with the greatest scores, best first, ties to the lower id; ids (N,) ascend."""
    if max(k, _FEW) < len(scores):
        kth = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= kth)  # all that tie with the last, so that the lower id can win
        ids, scores = ids[kept], scores[kept]
    order = (-scores).argsort(kind="stable")[:k]  # ids ascend, and stable keeps that among ties
    return Ranking(ids[order], scores[order])
