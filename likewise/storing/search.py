"""Search one store by vectors, by words and by learned sparse vectors; the rows in SQLite decide what counts."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b
from pathlib import Path
from threading import RLock

import numpy as np

from likewise.errors import SettingError, ShapeError
from likewise.storing.database import DATABASE, Snapshot
from likewise.storing.dense_search import Asked, DenseSearch
from likewise.storing.exact import NO_IDS, DenseRows, Rows, load_dense
from likewise.storing.filter_to_sql import to_sql
from likewise.storing.filters import Filter, Kind, check_fields, check_kinds, fields_of
from likewise.storing.past_queries import PastQueries
from likewise.storing.postings import Postings
from likewise.storing.protocol import Ranking, Term, Terms
from likewise.storing.rows import state_row
from likewise.storing.shards import ShardHolder
from likewise.storing.term_scores import Scorer
from likewise.storing.vocabulary import Vocabulary
from likewise.storing.words import TermSearch, load_vocabulary, ranked, sparse_search, summed, word_search
from likewise.types import Ids, Vectors

_NOTHING = Ranking(NO_IDS, np.empty(0, dtype=np.float32))
_NO_QUERY = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class State:
    """The row of that name, as of one transaction."""

    sequence: int
    next_chunk: int
    chunks: int
    width: int
    shard: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many chunks are wanted, and which may be found."""

    k: int
    where: Filter | None  # by their documents' metadata
    among: Ids | None  # by their numbers, ascending; None for all

    @property
    def name(self) -> str:
        """Differs where other chunks may be found; repr, because to Python 1 == True and so x = 1 equals x = true."""
        among = "" if self.among is None else blake2b(self.among.tobytes(), digest_size=16).hexdigest()
        return f"{self.where!r} {among}"


class Searcher:
    """Searches one store; safe to call from several threads."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, lock: RLock, past: PastQueries) -> None:
        self._connection, self._lock, self._path = connection, lock, folder / DATABASE
        self.shards, self._past = ShardHolder(folder), past
        self._by_vectors = DenseSearch(connection, self._path)
        self._words, self._sparse = word_search(), sparse_search()
        self._passing: tuple[tuple[int, str], Ids] | None = (
            None  # the last filter's chunks, as hybrid search asks twice
        )
        self._vocabulary: tuple[int, Vocabulary] | None = None  # of the commit of that number

    def dense(self, query: Vectors, bounds: Bounds, recall: float) -> Ranking:
        check_k(bounds.k)
        check_recall(recall)
        with self._reading() as state:
            if not state.chunks:
                return _NOTHING
            if query.shape != (state.width,):
                raise ShapeError(f"the query must have shape ({state.width},) like the vectors, got {query.shape}")
            if not np.isfinite(query).all():
                raise SettingError("the query vector has NaN or infinity in it; check the encoder that made it")
            query = np.ascontiguousarray(query, dtype=np.float32)
            asked = Asked(query, bounds.k, recall, self._within(bounds, state), bounds.name, state)
            shard = self.shards.current(state.shard)
            if shard is None:
                return self._by_vectors.exactly(asked)
            self._past.add(query)
            try:
                return self._by_vectors.beside(shard, asked)
            except shard.failure as error:
                self.shards.give_up(error)
                return self._by_vectors.exactly(asked)

    def vectors_of(self, ids: Ids) -> DenseRows:
        """The vectors of those chunks that are there."""
        with self._reading() as state:
            everything = Bounds(0, None, None)
            if shard := self.shards.current(state.shard):
                try:
                    asked = Asked(_NO_QUERY, 0, 1.0, None, everything.name, state)
                    return self._by_vectors.rows_of(shard, ids, asked)
                except shard.failure as error:
                    self.shards.give_up(error)
            return load_dense(self._connection, self._path, Rows(only=ids.tolist()))

    def lexical(
        self,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        bounds: Bounds,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        return self._by_terms(self._words, terms, weights, bounds, bm25=bm25)

    def lexical_parts(
        self,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        ids: Ids,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> dict[int, dict[Term, float]]:
        """By chunk, what each term adds to its BM25 score; the terms that it lacks are left out."""
        with self._reading() as state:
            if not state.chunks or not len(ids):
                return {}
            scorer = self._scorer(self._words, state, bm25)
            return scorer.parts(*summed(terms, weights), ids)

    def having(self, terms: Sequence[int], where: Filter | None) -> Ids:
        """The chunks that have all of some terms, ascending."""
        with self._reading() as state:
            if not state.chunks or not terms:
                return NO_IDS
            inverted = self._words.inverted(
                self._connection, self._path, sequence=state.sequence, copy=self._copy(state)
            )
            lists = sorted((inverted.of(term)[0] for term in terms), key=len)
            rows = reduce(lambda left, right: np.intersect1d(left, right, assume_unique=True), lists)
            found: Ids = inverted.ids[rows]
            return found if where is None else found[np.isin(found, self._all_passing(where, state))]

    def vocabulary(self) -> Vocabulary:
        """All words that some chunk has."""
        with self._reading() as state:
            if self._vocabulary is None or self._vocabulary[0] != state.sequence:
                self._vocabulary = (state.sequence, load_vocabulary(self._connection, self._path))
            return self._vocabulary[1]

    def sparse(self, terms: Terms, weights: Vectors, bounds: Bounds) -> Ranking:
        return self._by_terms(self._sparse, terms, weights, bounds)

    def close(self) -> None:
        self.shards.close()

    def _by_terms(
        self,
        search: TermSearch,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        bounds: Bounds,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        check_k(bounds.k)
        shape = terms.shape if isinstance(terms, np.ndarray) else (len(terms),)
        if len(shape) != 1 or shape != weights.shape:
            raise ShapeError(f"terms {shape} and weights {weights.shape} must both be (t,)")
        with self._reading() as state:
            if not state.chunks:
                return _NOTHING
            scorer = self._scorer(search, state, bm25)
            return ranked(scorer, terms, weights, bounds.k, passing=self._within(bounds, state))

    def _scorer(self, search: TermSearch, state: State, bm25: tuple[float, float] | None) -> Scorer:
        copy = self._copy(state) if search is self._words else None
        return search.scorer(self._connection, self._path, sequence=state.sequence, parameters=bm25, copy=copy)

    def _copy(self, state: State) -> tuple[int, Postings] | None:
        """The shard's words, and the last chunk that they are of."""
        shard = self.shards.current(state.shard)
        return (shard.manifest.last_chunk, shard.words) if shard else None

    @contextmanager
    def _reading(self) -> Iterator[State]:
        with self._lock, Snapshot(self._connection, self._path):
            yield State(*state_row(self._connection, "sequence, next_chunk, chunks, width, shard"))

    def _within(self, bounds: Bounds, state: State) -> Ids | None:
        """The chunks that may be found, ascending; None for all."""
        if bounds.where is None or bounds.among is None:
            return bounds.among if bounds.where is None else self._all_passing(bounds.where, state)
        return np.intersect1d(bounds.among, self._all_passing(bounds.where, state), assume_unique=True)

    def _all_passing(self, where: Filter, state: State) -> Ids:
        """Chunks of the documents that pass the filter, ascending."""
        asked = (state.sequence, repr(where))  # as in Bounds.name
        if self._passing is None or self._passing[0] != asked:
            check_fields(where, sorted(name for name, _ in self._connection.execute(KNOWN_FIELDS)))
            kinds = {
                field: {Kind(kind) for (kind,) in self._connection.execute(KINDS, (field,))}
                for field in fields_of(where)
            }
            check_kinds(where, kinds)
            condition, parameters = to_sql(where)
            sql = f"SELECT number FROM chunks WHERE document IN (SELECT number FROM documents WHERE {condition})"
            found = [number for (number,) in self._connection.execute(f"{sql} ORDER BY number", parameters)]
            self._passing = (asked, np.array(found, dtype=np.int64))
        return self._passing[1]


KNOWN_FIELDS = """
SELECT name, number FROM fields WHERE EXISTS (SELECT 1 FROM metadata_values WHERE field = fields.number)
"""

KINDS = """
SELECT DISTINCT kind FROM metadata_values WHERE field = (SELECT number FROM fields WHERE name = ?)
"""


def check_recall(recall: float) -> None:
    """Refuse what no share of the best can be."""
    if not 0 < recall <= 1:
        raise SettingError(f"recall is the share of the best that must be found: above 0, at most 1; got {recall!r}")


def check_k(k: int) -> None:
    if k < 1:
        raise SettingError(f"k is how many hits are wanted: at least 1, got {k}")
