"""Find chunks: candidates from the shard where there is one, the answer always from the rows in SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError, ShapeError
from likewise.storing.database import DATABASE, transaction, translated
from likewise.storing.dense_search import Asked, DenseSearch
from likewise.storing.exact import NO_IDS, Bm25Query, Rows, WordRows, bm25_query, load_words, rank_words, score_words
from likewise.storing.filter_to_sql import to_sql
from likewise.storing.filters import Filter, check_fields
from likewise.storing.past_queries import PastQueries
from likewise.storing.protocol import Ranking, Terms
from likewise.storing.rows import state_row
from likewise.storing.shards import ShardHolder
from likewise.types import Ids, Vectors

_NOTHING = Ranking(NO_IDS, np.empty(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class State:
    """The row of that name, as of one transaction."""

    sequence: int
    next_chunk: int
    chunks: int
    width: int
    shard: str


class Loaded(Protocol):
    """Rows as arrays."""

    @property
    def ids(self) -> Ids: ...
    def take(self, kept: NDArray[np.intp] | NDArray[np.bool_], /) -> Self: ...
    def join(self, more: Self, /) -> Self: ...


R = TypeVar("R", bound=Loaded)


class Way(Protocol[R]):
    """One way of searching: which rows it needs, and how they are ranked."""

    def load(self, wanted: Rows) -> R: ...
    def rank(self, rows: R, k: int) -> Ranking: ...


@dataclass(frozen=True, slots=True)
class LexicalWay:
    connection: sqlite3.Connection
    path: Path
    query: Bm25Query

    def load(self, wanted: Rows) -> WordRows:
        return load_words(self.connection, self.path, wanted)

    def rank(self, rows: WordRows, k: int) -> Ranking:
        return rank_words(rows, self.query, k)


class RowCache(Generic[R]):
    """All rows after some number, kept from one search to the next and brought up to date by what changed."""

    def __init__(self) -> None:
        self.rows: R | None = None
        self._after = self._sequence = self._seen = 0

    def current(self, connection: sqlite3.Connection, way: Way[R], state: State, *, after: int = 0) -> R:
        if self.rows is None or after != self._after:
            self.rows, self._after = way.load(Rows(after=after)), after
        elif state.sequence != self._sequence:
            # Rows never change in place, so news are the numbers not seen yet and those that are gone.
            rows = self.rows.join(way.load(Rows(after=self._seen)))
            alive = [n for (n,) in connection.execute("SELECT number FROM chunks WHERE number > ?", (after,))]
            self.rows = rows if len(alive) == len(rows.ids) else rows.take(np.isin(rows.ids, alive))
        self._sequence, self._seen = state.sequence, max(after, state.next_chunk - 1)
        return self.rows


class Searcher:
    """Searches one store; safe to call from several threads."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, lock: RLock, past: PastQueries) -> None:
        self._connection, self._lock, self._path = connection, lock, folder / DATABASE
        self.shards, self._past = ShardHolder(folder), past
        self._by_vectors = DenseSearch(connection, self._path)
        self._words: RowCache[WordRows] = RowCache()
        self._passing: tuple[tuple[int, str], Ids] | None = (
            None  # the last filter's chunks, as hybrid search asks twice
        )

    def dense(self, query: Vectors, k: int, where: Filter | None, recall: float) -> Ranking:
        check_k(k)
        check_recall(recall)
        with self._reading() as state:
            if not state.chunks:
                return _NOTHING
            if query.shape != (state.width,):
                raise ShapeError(f"the query must have shape ({state.width},) like the vectors, got {query.shape}")
            if not np.isfinite(query).all():
                raise SettingError("the query vector has NaN or infinity in it; check the encoder that made it")
            query = np.ascontiguousarray(query, dtype=np.float32)
            passing = None if where is None else self._all_passing(where, state)
            asked = Asked(query, k, recall, passing, repr(where), state)
            shard = self.shards.current(state.shard)
            if shard is None:
                return self._by_vectors.exactly(asked)
            self._past.add(query)
            try:
                return self._by_vectors.beside(shard, asked)
            except shard.failure as error:
                self.shards.give_up(error)
                return self._by_vectors.exactly(asked)

    def lexical(
        self,
        terms: Terms,
        weights: Vectors,
        k: int,
        where: Filter | None,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        check_k(k)
        if terms.ndim != 1 or terms.shape != weights.shape:
            raise ShapeError(f"terms {terms.shape} and weights {weights.shape} must both be (t,)")
        with self._reading() as state:
            if not state.chunks:
                return _NOTHING
            k1, b = bm25 or read_bm25(self._connection)
            query = bm25_query(self._connection, terms, weights, k1=k1, b=b)
            if not len(query.terms) and where is None:
                return _NOTHING
            way = LexicalWay(self._connection, self._path, query)
            return way.rank(self._exact_rows(way, self._words, state, where), k)

    def lexical_parts(
        self, terms: Terms, weights: Vectors, ids: Ids, *, bm25: tuple[float, float] | None = None
    ) -> dict[int, dict[int, float]]:
        """By chunk, what each term adds to its BM25 score; the terms that it lacks are left out."""
        with self._reading() as state:
            if not state.chunks or not len(ids):
                return {}
            k1, b = bm25 or read_bm25(self._connection)
            query = bm25_query(self._connection, terms, weights, k1=k1, b=b)
            rows = load_words(self._connection, self._path, Rows(only=ids.tolist()))
        parts = score_words(rows, query)  # (N, t)
        return {
            number: {int(query.terms[place]): float(row[place]) for place in np.flatnonzero(row)}
            for number, row in zip(rows.ids.tolist(), parts, strict=True)
        }

    def close(self) -> None:
        self.shards.close()

    @contextmanager
    def _reading(self) -> Iterator[State]:
        with self._lock, translated(self._path), transaction(self._connection):
            yield State(*state_row(self._connection, "sequence, next_chunk, chunks, width, shard"))

    def _exact_rows(self, way: Way[R], cache: RowCache[R], state: State, where: Filter | None) -> R:
        if where is None:
            return cache.current(self._connection, way, state)
        passing = self._all_passing(where, state)
        if cache.rows is None and len(passing) < state.chunks // 2:
            return way.load(Rows(only=passing.tolist()))
        rows = cache.current(self._connection, way, state)
        return rows.take(np.isin(rows.ids, passing, assume_unique=True))

    def _all_passing(self, where: Filter, state: State) -> Ids:
        """Chunks of the documents that pass the filter, ascending."""
        asked = (state.sequence, repr(where))  # repr, because to Python 1 == True and so x = 1 equals x = true
        if self._passing is None or self._passing[0] != asked:
            check_fields(where, sorted(name for name, _ in self._connection.execute(KNOWN_FIELDS)))
            condition, parameters = to_sql(where)
            sql = f"SELECT number FROM chunks WHERE document IN (SELECT number FROM documents WHERE {condition})"
            found = [number for (number,) in self._connection.execute(f"{sql} ORDER BY number", parameters)]
            self._passing = (asked, np.array(found, dtype=np.int64))
        return self._passing[1]


KNOWN_FIELDS = """
SELECT name, number FROM fields WHERE EXISTS (SELECT 1 FROM metadata_values WHERE field = fields.number)
"""


def read_bm25(connection: sqlite3.Connection) -> tuple[float, float]:
    """BM25's k1 and b: the settings "bm25_k1" and "bm25_b", or the usual 1.2 and 0.75."""
    saved = dict(connection.execute("SELECT name, value FROM settings WHERE name IN ('bm25_k1', 'bm25_b')"))
    return float(saved.get("bm25_k1", 1.2)), float(saved.get("bm25_b", 0.75))


def check_recall(recall: float) -> None:
    """Refuse what no share of the best can be."""
    if not 0 < recall <= 1:
        raise SettingError(f"recall is the share of the best that must be found: above 0, at most 1; got {recall!r}")


def check_k(k: int) -> None:
    if k < 1:
        raise SettingError(f"k is how many hits are wanted: at least 1, got {k}")
