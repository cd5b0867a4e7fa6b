"""Search by weighted terms over the rows in SQLite: the words of chunks, and their learned sparse vectors."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from likewise.errors import SettingError
from likewise.storing.database import damaged
from likewise.storing.postings import Inverted, Postings, SparseRows, turned
from likewise.storing.protocol import Ranking, Term, Terms, WordRow
from likewise.storing.rows import has_sparse, numbers_json, state_row, stem_checksum, words_checksum
from likewise.storing.term_scores import Scorer, Weigh, as_given, bm25
from likewise.storing.vocabulary import Vocabulary, Word
from likewise.types import Ids, Vectors

K1, B = 1.2, 0.75  # BM25's usual ones
_WORDS = "SELECT chunk, terms, counts, tokens, checksum FROM words WHERE chunk > ? ORDER BY chunk"
_WORDS_OF = (
    "SELECT chunk, terms, counts, tokens, checksum FROM words "
    "WHERE chunk IN (SELECT value FROM json_each(?)) ORDER BY chunk"
)
_SPARSE = "SELECT chunk, terms, weights, 0, checksum FROM sparse WHERE chunk > ? ORDER BY chunk"
_NO_SPARSE = "SELECT chunk, terms, counts, tokens, checksum FROM words WHERE chunk > ? AND 0"

Load = Callable[[sqlite3.Connection, Path, int], SparseRows]


def load_words(connection: sqlite3.Connection, path: Path, after: int) -> SparseRows:
    """Counted words of the chunks after a number.

    Raises:
        ArtifactError: A row whose checksum does not match.
    """
    return _load(connection, path, _WORDS, after)


def load_sparse(connection: sqlite3.Connection, path: Path, after: int) -> SparseRows:
    """Learned sparse vectors of the chunks after a number; raises as ``load_words`` does."""
    return _load(connection, path, _SPARSE if has_sparse(connection) else _NO_SPARSE, after)


def _load(connection: sqlite3.Connection, path: Path, sql: str, which: int | str) -> SparseRows:
    found = connection.execute(sql, (which,)).fetchall()
    counted = sql in (_WORDS, _WORDS_OF)
    for number, terms, values, tokens, checksum in found:
        if words_checksum(number, terms, values, tokens) != checksum:
            what = "word list" if counted else "sparse vector"
            raise damaged(path, f"the {what} of chunk {number}")
    return SparseRows(
        ids=np.array([row[0] for row in found], dtype=np.int64),
        lengths=np.array([row[3] for row in found], dtype=np.int64),
        starts=np.fromiter(chain([0], (len(row[1]) // 4 for row in found)), np.int64, len(found) + 1).cumsum(),
        terms=np.frombuffer(b"".join(row[1] for row in found), dtype="<u4"),
        values=np.frombuffer(b"".join(row[2] for row in found), dtype="<u2" if counted else "<f4"),
    )


@dataclass(frozen=True, slots=True)
class Corpus:
    """The whole store as of one transaction, as far as scores depend on it."""

    sequence: int
    chunks: int
    tokens: int
    k1: float
    b: float


class TermSearch:
    """Rankings by weighted terms; what it keeps in memory is brought up to date by what changed."""

    def __init__(self, load: Load, weigh: Callable[[Inverted, Corpus], Weigh], *, every_chunk: bool) -> None:
        self._load, self._weigh = load, weigh
        self._every_chunk = every_chunk  # has a row: then equal numbers of both are the same chunks
        self._inverted: Inverted | None = None
        self._scorer: Scorer | None = None
        self._corpus: Corpus | None = None
        self._seen = 0  # the greatest number of a chunk that was loaded

    def scorer(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        sequence: int,
        parameters: tuple[float, float] | None = None,
        copy: tuple[int, Postings] | None = None,
    ) -> Scorer:
        """What ranks the store as it is now; within the caller's transaction.

        Args:
            connection: The store's.
            path: The database's, for messages.
            sequence: Of the last commit.
            parameters: BM25's k1 and b; None for the store's own.
            copy: Postings of all that there was up to a chunk, to begin with in place of reading every row.
        """
        now = self._corpus
        if self._scorer is not None and now and (now.sequence, now.k1, now.b) == (sequence, *(parameters or ())):
            return self._scorer
        corpus = read_corpus(connection)
        if parameters is not None:
            corpus = replace(corpus, k1=parameters[0], b=parameters[1])
        if self._scorer is None or corpus != self._corpus:
            inverted = self._current(connection, path, corpus, copy)
            asked = self._scorer.asked if self._scorer else 0
            self._scorer, self._inverted = Scorer(inverted, self._weigh(inverted, corpus), asked=asked), inverted
            self._corpus = corpus
        return self._scorer

    def inverted(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        sequence: int,
        copy: tuple[int, Postings] | None = None,
    ) -> Inverted:
        """Which chunks have which terms now; arguments are those of ``scorer``, whose last parameters are kept."""
        last = (self._corpus.k1, self._corpus.b) if self._corpus else None
        return self.scorer(connection, path, sequence=sequence, parameters=last, copy=copy).inverted

    def _current(
        self, connection: sqlite3.Connection, path: Path, corpus: Corpus, copy: tuple[int, Postings] | None
    ) -> Inverted:
        """Rows never change in place, so news are the numbers not seen yet and those that are gone."""
        before = self._inverted
        if before is not None and self._corpus is not None and self._corpus.sequence == corpus.sequence:
            return before
        if before is None and copy is not None:
            self._seen, before = copy[0], Inverted([copy[1]])
        (last,) = state_row(connection, "next_chunk - 1")
        more = turned(self._load(connection, path, self._seen))
        now = Inverted([more]) if before is None else before.joined(more) if len(more.ids) else before
        self._seen = last
        if before is None or (self._every_chunk and len(now.ids) == corpus.chunks):
            return now
        present = np.array([n for (n,) in connection.execute("SELECT number FROM chunks")], np.int64)
        alive = np.isin(now.ids, present, assume_unique=True)
        return now if alive.all() else now.without(alive)


def load_word_rows(connection: sqlite3.Connection, path: Path, chunks: Sequence[int] | Ids) -> dict[int, WordRow]:
    """The counted words of those chunks that are there; raises as ``load_words`` does."""
    rows = _load(connection, path, _WORDS_OF, numbers_json(chunks))
    return {
        chunk: WordRow(rows.terms[start:end], rows.values[start:end].astype(np.uint16), tokens)
        for chunk, tokens, start, end in zip(
            rows.ids.tolist(), rows.lengths.tolist(), rows.starts[:-1].tolist(), rows.starts[1:].tolist(), strict=True
        )
    }


def load_vocabulary(connection: sqlite3.Connection, path: Path) -> Vocabulary:
    """All words of a store.

    Raises:
        ArtifactError: A stem that is not its term's.
    """
    words = [Word(*row) for row in connection.execute("SELECT stem, term, chunks FROM terms ORDER BY stem")]
    for word in words:
        _check_stem(word.term, word.stem, path)
    return Vocabulary(words)


def load_stems(connection: sqlite3.Connection, path: Path, terms: Sequence[int]) -> dict[int, str]:
    """The stems of those terms that some chunk has; raises as ``load_vocabulary`` does."""
    sql = "SELECT term, stem FROM terms WHERE term IN (SELECT value FROM json_each(?))"
    stems: dict[int, str] = dict(connection.execute(sql, (numbers_json(terms),)))
    for term, stem in stems.items():
        _check_stem(term, stem, path)
    return stems


def _check_stem(term: int, stem: str, path: Path) -> None:
    if stem_checksum(stem) != term:
        raise damaged(path, f"the stem of term {term}")


def word_search() -> TermSearch:
    """BM25 over counted words."""

    def weigh(inverted: Inverted, corpus: Corpus) -> Weigh:
        return bm25(inverted, chunks=corpus.chunks, tokens=corpus.tokens, k1=corpus.k1, b=corpus.b)

    return TermSearch(load_words, weigh, every_chunk=True)


def sparse_search() -> TermSearch:
    """Dot products with learned sparse vectors."""
    return TermSearch(load_sparse, lambda _inverted, _corpus: as_given, every_chunk=False)


def read_corpus(connection: sqlite3.Connection) -> Corpus:
    row = connection.execute(
        "SELECT sequence, chunks, tokens, (SELECT value FROM settings WHERE name = 'bm25_k1'), "
        "(SELECT value FROM settings WHERE name = 'bm25_b') FROM state"
    ).fetchone()
    if row is None:
        raise sqlite3.DatabaseError("no such row in state")
    sequence, chunks, tokens, k1, b = row
    return Corpus(sequence, chunks, tokens, K1 if k1 is None else float(k1), B if b is None else float(b))


def summed(terms: Terms | Sequence[Term], weights: Vectors) -> tuple[Sequence[Term], Sequence[float]]:
    """Each term once, with the sum of its weights; those of weight 0 are left out.

    Raises:
        SettingError: A weight below 0, or one that is not finite.
    """
    if not (weights.min(initial=0) >= 0 and np.isfinite(weights.max(initial=0))):
        raise SettingError("a query's weights must be finite and not below 0; check what made them")
    sums: dict[Term, float] = {}
    for term, weight in zip(terms.tolist() if isinstance(terms, np.ndarray) else terms, weights.tolist(), strict=True):
        sums[term] = sums.get(term, 0.0) + weight
    known = {term: weight for term, weight in sums.items() if weight > 0}
    return list(known), list(known.values())


def ranked(
    scorer: Scorer, terms: Terms | Sequence[Term], weights: Vectors, k: int, *, passing: Ids | None = None
) -> Ranking:
    """The k best chunks, of those in ``passing`` if it is given."""
    allowed = None if passing is None else np.isin(scorer.inverted.ids, passing, assume_unique=True)
    known, sums = summed(terms, weights)
    return scorer.best(known, sums, k, allowed=allowed)
