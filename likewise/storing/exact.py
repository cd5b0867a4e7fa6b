"""Exact search over the rows in SQLite: the oracle, and at small sizes also the fastest way."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from likewise.storing.database import damaged
from likewise.storing.protocol import Ranking, Terms
from likewise.storing.rows import numbers_json, state_row, total, words_checksum
from likewise.types import Ids, Vectors

_BATCH = 2_000  # rows read at a time: bounds the memory beside the arrays
_AMONG = "chunk IN (SELECT value FROM json_each(?))"
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


@dataclass(frozen=True, slots=True)
class WordRows:
    """The words of N chunks, end to end; those of row i are ``terms[starts[i]:starts[i + 1]]``."""

    ids: Ids  # (N,) ascending
    lengths: NDArray[np.int64]  # (N,) in words
    starts: NDArray[np.int64]  # (N + 1,)
    terms: Terms  # (M,)
    counts: NDArray[np.uint16]  # (M,)

    def take(self, kept: NDArray[np.intp] | NDArray[np.bool_]) -> "WordRows":
        rows = np.arange(len(self.ids))[kept]
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], sizes)
        return WordRows(self.ids[rows], self.lengths[rows], starts, self.terms[places], self.counts[places])

    def join(self, more: "WordRows") -> "WordRows":
        if not len(more.ids):
            return self
        return WordRows(
            np.concatenate([self.ids, more.ids]),
            np.concatenate([self.lengths, more.lengths]),
            np.concatenate([self.starts, self.starts[-1] + more.starts[1:]]),
            np.concatenate([self.terms, more.terms]),
            np.concatenate([self.counts, more.counts]),
        )


@dataclass(frozen=True, slots=True)
class Bm25Query:
    """A query with everything about the whole store that scoring one chunk needs."""

    terms: Terms  # (t,)
    weights: NDArray[np.float64]  # (t,): count in the query times idf
    k1: float
    b: float
    average_length: float


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


def load_words(connection: sqlite3.Connection, path: Path, wanted: Rows) -> WordRows:
    """Words of the wanted rows that there are.

    Raises:
        ArtifactError: A row whose checksum does not match.
    """
    condition, parameters = wanted.condition
    found = connection.execute(
        f"SELECT chunk, terms, counts, tokens, checksum FROM words WHERE {condition} ORDER BY chunk", parameters
    ).fetchall()
    for number, terms, counts, tokens, checksum in found:
        if words_checksum(number, terms, counts, tokens) != checksum:
            raise damaged(path, f"the word list of chunk {number}")
    return WordRows(
        ids=np.array([row[0] for row in found], dtype=np.int64),
        lengths=np.array([row[3] for row in found], dtype=np.int64),
        starts=np.fromiter(chain([0], (len(row[1]) // 4 for row in found)), np.int64, len(found) + 1).cumsum(),
        terms=np.frombuffer(b"".join(row[1] for row in found), dtype="<u4"),
        counts=np.frombuffer(b"".join(row[2] for row in found), dtype="<u2"),
    )


def bm25_query(connection: sqlite3.Connection, terms: Terms, weights: Vectors, *, k1: float, b: float) -> Bm25Query:
    """Weigh a query's terms by Lucene's idf over the whole store: ln(1 + (N - df + 0.5) / (df + 0.5))."""
    terms, places = np.unique(terms, return_inverse=True)
    counts = np.bincount(places, weights=weights, minlength=len(terms))
    chunks, tokens = state_row(connection, "chunks, tokens")
    listed = numbers_json(terms.tolist())
    known = dict(
        connection.execute(
            "SELECT term, chunks FROM terms WHERE term IN (SELECT value FROM json_each(?))", (listed,)
        ).fetchall()
    )
    frequency = np.array([known.get(term, 0) for term in terms.tolist()], dtype=np.float64)
    kept = frequency > 0
    idf = np.log1p((chunks - frequency + 0.5) / (frequency + 0.5))
    return Bm25Query(terms[kept], (counts * idf)[kept], k1, b, tokens / chunks if chunks and tokens else 1.0)


def rank_dense(rows: DenseRows, query: Vectors, k: int) -> Ranking:
    """The k rows with the greatest dot product.

    One matrix-vector product finds the candidates. Their scores are then summed again in float64, row by row: so a
    score does not depend on which other rows were looked at, and equal vectors have equal scores.
    """
    if not len(rows.ids):
        return Ranking(NO_IDS, np.empty(0, dtype=np.float32))
    close = close_to_best(rows.vectors @ query, k)
    scores = np.einsum("nd,d->n", rows.vectors[close].astype(np.float64), query.astype(np.float64))
    return _best(rows.ids[close], scores.astype(np.float32), k)


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


def rank_words(rows: WordRows, query: Bm25Query, k: int) -> Ranking:
    """The k rows with the greatest BM25 score, among those with a term of the query."""
    scores = np.zeros(len(rows.ids))
    norms = query.k1 * (1 - query.b + query.b * rows.lengths / query.average_length)
    for term, weight in zip(query.terms, query.weights, strict=True):
        places = np.flatnonzero(rows.terms == term)
        hit = np.searchsorted(rows.starts, places, side="right") - 1
        counts = rows.counts[places].astype(np.float64)
        scores[hit] += weight * counts / (counts + norms[hit])
    found = np.flatnonzero(scores)
    return _best(rows.ids[found], scores[found].astype(np.float32), k)


def score_words(rows: WordRows, query: Bm25Query) -> NDArray[np.float64]:
    """What each term of the query adds to the BM25 score of each row: (N, t)."""
    parts = np.zeros((len(rows.ids), len(query.terms)))
    norms = query.k1 * (1 - query.b + query.b * rows.lengths / query.average_length)
    for column, (term, weight) in enumerate(zip(query.terms, query.weights, strict=True)):
        places = np.flatnonzero(rows.terms == term)
        hit = np.searchsorted(rows.starts, places, side="right") - 1
        counts = rows.counts[places].astype(np.float64)
        parts[hit, column] = weight * counts / (counts + norms[hit])
    return parts


def _best(ids: Ids, scores: Vectors, k: int) -> Ranking:
    if k < len(scores):
        kth = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= kth)  # all that tie with the last, so that the lower id can win
        ids, scores = ids[kept], scores[kept]
    order = np.argsort(-scores, kind="stable")[:k]  # ids ascend, and stable keeps that among ties
    return Ranking(ids[order], scores[order])
