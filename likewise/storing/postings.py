"""Sparse rows turned on their side: for each term the rows that have it, and the best rows for weighted terms.

Words and learned sparse vectors are both searched here. They differ in one thing: who says what a value is worth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.storing.protocol import Ranking, Term, Terms
from likewise.types import Ids, Vectors

Places: TypeAlias = NDArray[np.int64]  # (n,) rows, ascending
Values: TypeAlias = NDArray[np.uint16 | np.float32]  # counts of words, or weights
Worths: TypeAlias = NDArray[np.float64]
Weigh: TypeAlias = Callable[[Places, Values], Worths]  # what each value adds to the score of its row, above 0

_FILE = "words-{}.npy"
_LONG_LIST = 1_000  # rows of a list that are worth a look at whether it can be passed over
_TELLING = 4  # times k rows in a list, for its k-th best to tell something of the whole
_ENOUGH = 0.3  # lists are read in full until those left add at most this share of the k-th best score so far
_EXACTLY = 1 - 1e-9  # far above the rounding of a sum in float64
_MOST_MERGED = 0.25  # a segment that is smaller than this share of the one before is kept beside it
_MOST_SEGMENTS = 8
_MOST_REMEMBERED = 8_000_000  # postings of weighed lists, 16 bytes each


@dataclass(frozen=True, slots=True)
class SparseRows:
    """The terms of N chunks, end to end; those of row i are ``terms[starts[i]:starts[i + 1]]``."""

    ids: Ids  # (N,) ascending
    lengths: NDArray[np.int64]  # (N,) in words; 0 where no words were counted
    starts: NDArray[np.int64]  # (N + 1,)
    terms: Terms  # (M,)
    values: Values  # (M,)


@dataclass(frozen=True, slots=True)
class Postings:
    """The same by term; the rows of term i are ``rows[starts[i]:starts[i + 1]]``."""

    ids: Ids  # (N,) ascending
    lengths: NDArray[np.int64]  # (N,)
    terms: Terms  # (V,) ascending
    starts: NDArray[np.int64]  # (V + 1,)
    rows: NDArray[np.int32]  # (M,) ascending within a term
    values: Values  # (M,)

    def of(self, term: int) -> tuple[NDArray[np.int32], Values]:
        """Rows with a term, and its value in each."""
        place = int(self.terms.searchsorted(np.uint32(term)))
        if place == len(self.terms) or self.terms[place] != term:
            return self.rows[:0], self.values[:0]
        own = slice(self.starts[place], self.starts[place + 1])
        return self.rows[own], self.values[own]

    def write(self, folder: Path) -> None:
        """Each array as a file of its own."""
        for field in fields(Postings):
            np.save(folder / _FILE.format(field.name), getattr(self, field.name))


def read_postings(folder: Path) -> Postings:
    """What ``Postings.write`` wrote, in memory maps.

    Raises:
        OSError, ValueError: A file is missing, or no array.
    """
    files = (folder / _FILE.format(field.name) for field in fields(Postings))
    return Postings(*(np.asarray(np.load(file, mmap_mode="r")) for file in files))


def turned(rows: SparseRows) -> Postings:
    """Rows by chunk as rows by term."""
    where = np.repeat(np.arange(len(rows.ids), dtype=np.int32), np.diff(rows.starts))
    return _grouped(rows.ids, rows.lengths, rows.terms, where, rows.values)


def _grouped(ids: Ids, lengths: NDArray[np.int64], terms: Terms, rows: NDArray[np.int32], values: Values) -> Postings:
    order = np.argsort(terms, kind="stable")  # so rows stay ascending within a term
    terms = terms[order]
    firsts = np.flatnonzero(np.diff(terms, prepend=terms[:1] + np.uint32(1)))
    return Postings(ids, lengths, terms[firsts], np.append(firsts, len(terms)), rows[order], values[order])


def merged(parts: Sequence[Postings]) -> Postings:
    """Several as one; their ids ascend from one to the next."""
    offsets = np.cumsum([0, *(len(part.ids) for part in parts[:-1])])
    return _grouped(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([np.repeat(part.terms, np.diff(part.starts)) for part in parts]),
        np.concatenate([part.rows + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.values for part in parts]),
    )


def kept(postings: Postings, alive: NDArray[np.bool_]) -> Postings:
    """Without the rows (N,) that are not ``alive``."""
    places = (np.cumsum(alive) - 1).astype(np.int32)
    here = alive[postings.rows]
    terms = np.repeat(postings.terms, np.diff(postings.starts))[here]
    ids, lengths = postings.ids[alive], postings.lengths[alive]
    return _grouped(ids, lengths, terms, places[postings.rows[here]], postings.values[here])


class Inverted:
    """Postings as of one commit, in segments: the large one of earlier, and small ones of what came since."""

    def __init__(self, segments: Sequence[Postings], alive: NDArray[np.bool_] | None = None) -> None:
        self.segments = list(segments)
        self.ids = np.concatenate([segment.ids for segment in self.segments])
        self.lengths = np.concatenate([segment.lengths for segment in self.segments])
        self.alive = alive  # (N,), None if all are

    def joined(self, more: Postings) -> "Inverted":
        """With later rows added."""
        segments = [*self.segments, more]
        while len(segments) > 1 and (
            len(segments[-1].ids) > _MOST_MERGED * len(segments[-2].ids) or len(segments) > _MOST_SEGMENTS
        ):
            segments[-2:] = [merged(segments[-2:])]
        alive = self.alive
        if alive is not None:
            alive = np.concatenate([alive, np.ones(len(more.ids), np.bool_)])
        return Inverted(segments, alive)

    def without(self, alive: NDArray[np.bool_]) -> "Inverted":
        """Without the rows (N,) that are not ``alive``."""
        if alive.mean() >= 1 - _MOST_MERGED:
            return Inverted(self.segments, alive)
        return Inverted([kept(merged(self.segments), alive)])

    def of(self, term: Term) -> tuple[Places, Values]:
        """Living rows with a term, ascending, and its value in each; of several as one, the sum of their values."""
        if isinstance(term, tuple):
            return _united([self.of(one) for one in term])
        rows, values, offset = [], [], 0
        for segment in self.segments:
            found, theirs = segment.of(term)
            rows.append(found + np.int64(offset))
            values.append(theirs)
            offset += len(segment.ids)
        places, joined = np.concatenate(rows), np.concatenate(values)
        if self.alive is None:
            return places, joined
        here = self.alive[places]
        return places[here], joined[here]


def _united(lists: Sequence[tuple[Places, Values]]) -> tuple[Places, Values]:
    """Several lists as one."""
    every_row = np.concatenate([rows for rows, _ in lists])
    rows, places = np.unique(every_row, return_inverse=True)
    sums = np.bincount(places, weights=np.concatenate([values for _, values in lists]), minlength=len(rows))
    return rows, sums.astype(np.float32)


@dataclass(frozen=True, slots=True)
class WeighedList:
    """What one term adds to the scores of the rows that have it."""

    rows: Places
    worths: Worths  # (n,)
    greatest: float

    def times(self, weight: float) -> "WeighedList":
        return self if weight == 1 else WeighedList(self.rows, self.worths * weight, self.greatest * weight)

    def among(self, allowed: NDArray[np.bool_]) -> "WeighedList":
        here = allowed[self.rows]
        return WeighedList(self.rows[here], self.worths[here], self.greatest)


class Scorer:
    """Ranks the rows of one ``Inverted``. Lists are weighed when they are first asked for, and remembered."""

    def __init__(self, inverted: Inverted, weigh: Weigh) -> None:
        self.inverted, self._weigh = inverted, weigh
        self._lists: dict[Term, WeighedList] = {}
        self._remembered = 0
        self._scores = np.zeros(len(inverted.ids))  # (N,) all 0 between two calls

    def list_of(self, term: Term) -> WeighedList:
        found = self._lists.get(term)
        if found is None:
            rows, values = self.inverted.of(term)
            worths = self._weigh(rows, values)
            found = WeighedList(rows, worths, float(worths.max(initial=0)))
            if self._remembered > _MOST_REMEMBERED:
                self._lists, self._remembered = {}, 0
            self._lists[term] = found
            self._remembered += len(rows)
        return found

    def best(
        self, terms: Sequence[Term], weights: Sequence[float], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> Ranking:
        """The k rows with the greatest sum of ``weights`` times what the terms are worth there.

        Lists are read from the one that may add most. Once those left can't lift a row that was not seen yet among the
        best k, they are only asked about rows that still may be (MaxScore: Turtle and Flood 1995).

        Args:
            terms: Each once.
            weights: Of the terms, above 0.
            k: How many at most.
            allowed: (N,) the rows that may be found; None for all.

        Returns:
            Best first, ties to the lower id; only rows with at least one of the terms.
        """
        lists = [self.list_of(term).times(weight) for term, weight in zip(terms, weights, strict=True)]
        if allowed is not None:
            lists = [one.among(allowed) for one in lists]
        lists = sorted((one for one in lists if len(one.rows)), key=lambda one: -one.greatest)
        if not lists:
            return Ranking(np.empty(0, np.int64), np.empty(0, np.float32))
        rows, scores = self._sums(lists, k)
        return _ranking(self.inverted.ids, rows, scores, k)

    def parts(self, terms: Sequence[Term], weights: Sequence[float], ids: Ids) -> dict[int, dict[Term, float]]:
        """By chunk of ``ids`` that is there, what each term adds to its score; terms that add nothing are left out."""
        rows = np.flatnonzero(np.isin(self.inverted.ids, ids))
        if self.inverted.alive is not None:
            rows = rows[self.inverted.alive[rows]]
        found: dict[int, dict[Term, float]] = {id: {} for id in self.inverted.ids[rows].tolist()}
        for term, weight in zip(terms, weights, strict=True):
            one = self.list_of(term)
            _, places, theirs = np.intersect1d(rows, one.rows, assume_unique=True, return_indices=True)
            for id, worth in zip(self.inverted.ids[rows[places]].tolist(), one.worths[theirs].tolist(), strict=True):
                found[id][term] = weight * worth
        return found

    def _sums(self, lists: Sequence[WeighedList], k: int) -> tuple[Places, Worths]:
        """Rows that may be among the best k, and their scores."""
        scores, left, kth, read = self._scores, sum(one.greatest for one in lists), 0.0, 0
        # The k-th best of the rows in one list is no better than that of all; the heaviest list has most of the best.
        telling = next((one for one in lists if len(one.rows) >= _TELLING * k), lists[-1])
        for one in lists:
            if telling is not one and left < lists[0].greatest and read and len(one.rows) > _LONG_LIST:
                kth = max(kth, _kth_best(scores[telling.rows], k))
                if left < _ENOUGH * kth:
                    break
            np.add.at(scores, one.rows, one.worths)
            left, read = left - one.greatest, read + 1
        kth = max(kth, _kth_best(scores[telling.rows], k))
        seen = lists[0].rows if read == 1 else np.concatenate([one.rows for one in lists[:read]])
        sums = scores[seen]
        scores[seen] = 0
        close = np.flatnonzero(sums >= _EXACTLY * kth - (left if read < len(lists) else 0))
        rows, firsts = np.unique(seen[close], return_index=True)
        sums = sums[close[firsts]]
        for one in lists[read:]:
            places = np.minimum(one.rows.searchsorted(rows), len(one.rows) - 1)
            sums += one.worths[places] * (one.rows[places] == rows)
        return rows, sums


def _kth_best(scores: Worths, k: int) -> float:
    """The k-th greatest; 0 if there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else 0.0


def _ranking(ids: Ids, rows: Places, sums: Worths, k: int) -> Ranking:
    scores: Vectors = sums.astype(np.float32)
    if k < len(scores):
        kth = np.partition(scores, len(scores) - k)[len(scores) - k]
        close = scores >= kth  # all that tie with the last, so that the lower id can win
        rows, scores = rows[close], scores[close]
    order = np.argsort(-scores, kind="stable")[:k]  # rows ascend with ids, and stable keeps that among ties
    return Ranking(ids[rows[order]], scores[order])


def bm25(inverted: Inverted, *, chunks: int, tokens: int, k1: float, b: float) -> Weigh:
    """BM25's weights as Lucene has them: ln(1 + (N - df + 0.5) / (df + 0.5)) · tf / (tf + norm of the length).

    Args:
        inverted: Counted words.
        chunks: N, how many there are.
        tokens: Words in all of them.
        k1: How slowly a count saturates, at least 0.
        b: How much the length of a chunk counts, from 0 to 1.
    """
    average = tokens / chunks if chunks and tokens else 1.0
    norms = k1 * (1 - b + b * inverted.lengths / average)  # (N,)

    def weigh(rows: Places, counts: Values) -> Worths:
        idf = np.log1p((chunks - len(rows) + 0.5) / (len(rows) + 0.5))
        often = counts.astype(np.float64)
        return idf * often / (often + norms[rows])

    return weigh


def as_given(_: Places, weights: Values) -> Worths:
    """The weights that a network gave: scores are dot products."""
    return weights.astype(np.float64)
