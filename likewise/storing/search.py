"""Find chunks: candidates from the shard where there is one, the answer always from the rows in SQLite."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError, ShapeError
from likewise.storing.database import DATABASE, damaged, transaction, translated
from likewise.storing.exact import NO_IDS, DenseRows, Rows, load_dense, rank_dense
from likewise.storing.filter_to_sql import to_sql
from likewise.storing.filters import Filter, check_fields, matches
from likewise.storing.protocol import Ranking, Terms
from likewise.storing.rows import document_checksum, numbers_json, state_row
from likewise.storing.shards import ShardHolder
from likewise.storing.words import TermSearch, ranked, sparse_search, summed, word_search
from likewise.types import Ids, Vectors

if TYPE_CHECKING:
    from likewise.storing.shard import Shard

_FEW_ROWS = 2_000  # up to so many rows are filtered one by one; beyond, one SQL query over all documents is faster
_MIN_CANDIDATES = 100
_CANDIDATES_PER_HIT = 5  # quantised scores and outdated word weights order the hits only roughly
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
    """One way of searching: which rows it needs, who proposes candidates, and how they are ranked."""

    def load(self, wanted: Rows) -> R: ...
    def rank(self, rows: R, k: int) -> Ranking: ...
    def propose(
        self, shard: "Shard", limit: int, where: Filter | None, fields: Mapping[str, int]
    ) -> list[int] | None: ...
    def proposes_all(self, shard: "Shard", /) -> bool:
        """Whether fewer proposals than asked for mean that there are no more."""
        ...


@dataclass(frozen=True, slots=True)
class DenseWay:
    connection: sqlite3.Connection
    path: Path
    query: Vectors

    def load(self, wanted: Rows) -> DenseRows:
        return load_dense(self.connection, self.path, wanted)

    def rank(self, rows: DenseRows, k: int) -> Ranking:
        return rank_dense(rows, self.query, k)

    def propose(self, shard: "Shard", limit: int, where: Filter | None, fields: Mapping[str, int]) -> list[int] | None:
        return shard.nearest(self.query, limit=limit, where=where, fields=fields)

    def proposes_all(self, shard: "Shard") -> bool:
        return not shard.manifest.has_graph


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


@dataclass(frozen=True, slots=True)
class Question(Generic[R]):
    way: Way[R]
    k: int
    where: Filter | None
    fields: Mapping[str, int]
    state: State


class Searcher:
    """Searches one store; safe to call from several threads."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, lock: RLock) -> None:
        self._connection, self._lock, self._path = connection, lock, folder / DATABASE
        self.shards = ShardHolder(folder)
        self._dense: tuple[RowCache[DenseRows], RowCache[DenseRows]] = (RowCache(), RowCache())
        self.words, self.vocabulary = word_search(), sparse_search()
        self._passing: tuple[tuple[int, str], Ids] | None = (
            None  # the last filter's chunks, as hybrid search asks twice
        )

    def dense(self, query: Vectors, k: int, where: Filter | None) -> Ranking:
        _check_k(k)
        with self._reading() as state:
            if not state.chunks:
                return _NOTHING
            if query.shape != (state.width,):
                raise ShapeError(f"the query must have shape ({state.width},) like the vectors, got {query.shape}")
            if not np.isfinite(query).all():
                raise SettingError("the query vector has NaN or infinity in it; check the encoder that made it")
            way = DenseWay(self._connection, self._path, np.ascontiguousarray(query, dtype=np.float32))
            return self._search(way, self._dense, state, k, where)

    def lexical(
        self,
        terms: Terms,
        weights: Vectors,
        k: int,
        where: Filter | None,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        return self._by_terms(self.words, terms, weights, k, where, bm25=bm25)

    def lexical_parts(
        self, terms: Terms, weights: Vectors, ids: Ids, *, bm25: tuple[float, float] | None = None
    ) -> dict[int, dict[int, float]]:
        """By chunk, what each term adds to its BM25 score; the terms that it lacks are left out."""
        with self._reading() as state:
            if not state.chunks or not len(ids):
                return {}
            scorer = self.words.scorer(self._connection, self._path, parameters=bm25)
            return scorer.parts(*summed(terms, weights), ids)

    def sparse(self, terms: Terms, weights: Vectors, k: int, where: Filter | None) -> Ranking:
        return self._by_terms(self.vocabulary, terms, weights, k, where)

    def _by_terms(
        self,
        search: TermSearch,
        terms: Terms,
        weights: Vectors,
        k: int,
        where: Filter | None,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        _check_k(k)
        if terms.ndim != 1 or terms.shape != weights.shape:
            raise ShapeError(f"terms {terms.shape} and weights {weights.shape} must both be (t,)")
        with self._reading() as state:
            if not state.chunks:
                return _NOTHING
            passing = None
            if where is not None:
                check_fields(where, [name for name, _ in self._connection.execute(KNOWN_FIELDS)])
                passing = self._all_passing(where, state)
            scorer = search.scorer(self._connection, self._path, parameters=bm25)
            return ranked(scorer, terms, weights, k, passing=passing)

    def close(self) -> None:
        self.shards.close()

    @contextmanager
    def _reading(self) -> Iterator[State]:
        with self._lock, translated(self._path), transaction(self._connection):
            yield State(*state_row(self._connection, "sequence, next_chunk, chunks, width, shard"))

    def _search(
        self, way: Way[R], caches: tuple[RowCache[R], RowCache[R]], state: State, k: int, where: Filter | None
    ) -> Ranking:
        fields: dict[str, int] = {}
        if where is not None:
            fields = dict(self._connection.execute(KNOWN_FIELDS).fetchall())
            check_fields(where, sorted(fields))
        shard = self.shards.current(state.shard)
        if shard is not None:
            ranking = self._beside(shard, caches[1], Question(way, k, where, fields, state))
            if ranking is not None:
                return ranking
        return way.rank(self._exact_rows(way, caches[0], state, where), k)

    def _beside(self, shard: "Shard", cache: RowCache[R], asked: Question[R]) -> Ranking | None:
        """The shard's candidates and all newer rows, ranked; None if there may be more to find."""
        way, last = asked.way, shard.manifest.last_chunk
        limit = max(_MIN_CANDIDATES, _CANDIDATES_PER_HIT * asked.k)
        try:
            proposed = way.propose(shard, limit, asked.where, asked.fields)
        except shard.failure as error:
            self.shards.give_up(error)
            return None
        if proposed is None:
            return None
        newer = cache.current(self._connection, way, asked.state, after=last)
        rows = way.load(Rows(only=[number for number in proposed if number <= last])).join(newer)
        if asked.where is not None:
            rows = rows.take(self._pass(rows.ids, asked.where, asked.state))
        ranking = way.rank(rows, asked.k)
        complete = len(proposed) < limit and way.proposes_all(shard)
        return ranking if complete or len(ranking.ids) == asked.k else None

    def _exact_rows(self, way: Way[R], cache: RowCache[R], state: State, where: Filter | None) -> R:
        if where is None:
            return cache.current(self._connection, way, state)
        passing = self._all_passing(where, state)
        if cache.rows is None and len(passing) < state.chunks // 2:
            return way.load(Rows(only=passing.tolist()))
        rows = cache.current(self._connection, way, state)
        return rows.take(np.isin(rows.ids, passing, assume_unique=True))

    def _pass(self, ids: Ids, where: Filter, state: State) -> NDArray[np.bool_]:
        """(N,) which of these chunks pass the filter."""
        if len(ids) > _FEW_ROWS:
            return np.isin(ids, self._all_passing(where, state))
        passing = []
        for number, document, checksum, id, source, metadata in self._connection.execute(
            "SELECT c.number, d.number, d.checksum, d.id, d.source, d.metadata FROM chunks c "
            "JOIN documents d ON d.number = c.document WHERE c.number IN (SELECT value FROM json_each(?))",
            (numbers_json(ids),),
        ):
            if checksum != document_checksum(document, id, source, metadata):
                raise damaged(self._path, f"document {id!r}")
            if matches(where, json.loads(metadata)):
                passing.append(number)
        return np.isin(ids, passing)

    def _all_passing(self, where: Filter, state: State) -> Ids:
        """Chunks of the documents that pass the filter, ascending."""
        asked = (state.sequence, repr(where))  # repr, because to Python 1 == True and so x = 1 equals x = true
        if self._passing is None or self._passing[0] != asked:
            condition, parameters = to_sql(where)
            sql = f"SELECT number FROM chunks WHERE document IN (SELECT number FROM documents WHERE {condition})"
            found = [number for (number,) in self._connection.execute(f"{sql} ORDER BY number", parameters)]
            self._passing = (asked, np.array(found, dtype=np.int64))
        return self._passing[1]


KNOWN_FIELDS = """
SELECT name, number FROM fields WHERE EXISTS (SELECT 1 FROM metadata_values WHERE field = fields.number)
"""


def _check_k(k: int) -> None:
    if k < 1:
        raise SettingError(f"k is how many hits are wanted: at least 1, got {k}")
