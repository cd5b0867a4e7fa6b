"""The best rows for weighted terms.

Words and learned sparse vectors are both searched here. They differ in one thing: who says what a value is worth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.storing.exact import best_of, places_of
from likewise.storing.postings import Inverted, Places, Values
from likewise.storing.protocol import Ranking, Term
from likewise.types import Ids

Worths: TypeAlias = NDArray[np.float64]
Weigh: TypeAlias = Callable[[Places, Values], Worths]  # what each value adds to the score of its row, above 0

_AT_ONCE = 10_000  # rows that are worth a look at whether the rest can be passed over
_TELLING = 4  # times k rows in a list, for its k-th best to tell something of the whole
_ENOUGH = 0.3  # lists are read in full until those left add at most this share of the k-th best score so far
_EXACTLY = 1 - 1e-6  # far above the rounding of a score to float32, by which rows may tie
_MOST_REMEMBERED = 8_000_000  # postings of weighed lists, 16 bytes each
_WORTH_COMPILING = 3_000  # questions: to load compiled loops takes as long as these take without them
_ALL = np.empty(0, np.bool_)


@dataclass(frozen=True, slots=True)
class WeighedList:
    """What one term adds to the scores of the rows that have it."""

    rows: Places
    worths: Worths  # (n,)
    greatest: float
    span: tuple[int, int]  # where it stands among those that are remembered

    def times(self, weight: float) -> "WeighedList":
        return self if weight == 1 else WeighedList(self.rows, self.worths * weight, self.greatest * weight, self.span)

    def among(self, allowed: NDArray[np.bool_]) -> "WeighedList":
        here = allowed[self.rows]
        return WeighedList(self.rows[here], self.worths[here], self.greatest, self.span)


class Scorer:
    """Ranks the rows of one ``Inverted``. Lists are weighed when they are first asked for, and remembered.

    Args:
        inverted: The rows.
        weigh: What a value is worth.
        asked: How many questions this process asked before.
    """

    def __init__(self, inverted: Inverted, weigh: Weigh, *, asked: int = 0) -> None:
        self.inverted, self._weigh, self.asked = inverted, weigh, asked
        self._scores = np.zeros(len(inverted.ids))  # (N,) all 0 between two calls
        self._seen: Places = np.empty(len(inverted.ids) + 1, np.int64)  # room for the compiled loops
        self._forget()

    def _forget(self) -> None:
        room = min(_MOST_REMEMBERED, sum(len(segment.rows) for segment in self.inverted.segments))
        self._lists: dict[Term, WeighedList] = {}
        self._rows, self._worths, self._filled = np.empty(room, np.int64), np.empty(room), 0

    def list_of(self, term: Term) -> WeighedList:
        found = self._lists.get(term)
        if found is None:
            rows, values = self.inverted.of(term)
            worths = self._weigh(rows, values)
            if self._filled + len(rows) > len(self._rows):
                self._forget()
            span = self._filled, self._filled + len(rows)
            if span[1] <= len(self._rows):
                self._rows[slice(*span)], self._worths[slice(*span)] = rows, worths
                rows, worths, self._filled = self._rows[slice(*span)], self._worths[slice(*span)], span[1]
            found = self._lists[term] = WeighedList(rows, worths, float(worths.max(initial=0)), span)
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
        self.asked += 1
        remembered = self._lists
        lists = [self.list_of(term) for term in terms]
        together = remembered is self._lists and max((one.span[1] for one in lists), default=0) <= len(self._rows)
        loops = _compiled() if self.asked > _WORTH_COMPILING and together else None
        if loops and lists:
            rows, sums = self._compiled_sums(loops, lists, weights, k, allowed)
        else:
            rows, sums = self._sums(lists, weights, k, allowed)
        return best_of(self.inverted.ids[rows], sums.astype(np.float32), k)

    def parts(self, terms: Sequence[Term], weights: Sequence[float], ids: Ids) -> dict[int, dict[Term, float]]:
        """By chunk of ``ids`` that is there, what each term adds to its score; terms that add nothing are left out."""
        rows = places_of(np.unique(ids), self.inverted.ids)
        if self.inverted.alive is not None:
            rows = rows[self.inverted.alive[rows]]
        found: dict[int, dict[Term, float]] = {id: {} for id in self.inverted.ids[rows].tolist()}
        for term, weight in zip(terms, weights, strict=True):
            one = self.list_of(term)
            places = places_of(rows, one.rows)
            having = self.inverted.ids[one.rows[places]].tolist()
            for id, worth in zip(having, one.worths[places].tolist(), strict=True):
                found[id][term] = weight * worth
        return found

    def _compiled_sums(
        self,
        loops: Any,
        lists: Sequence[WeighedList],
        weights: Sequence[float],
        k: int,
        allowed: NDArray[np.bool_] | None,
    ) -> tuple[Places, Worths]:
        """As ``_sums``, to the bit."""
        factors = np.array(weights, np.float64)
        greatest = factors * [one.greatest for one in lists]
        order = (-greatest).argsort(kind="stable")
        spans = np.array([one.span for one in lists])[order]
        seen = self._seen.view(np.uint64)  # which numba need not look at for numbers that count from the end
        asked = loops.Lists(self._rows.view(np.uint64), self._worths, spans, factors[order], greatest[order])
        room = loops.Room(self._scores, seen, np.empty(min(k, len(self._scores))))
        count = loops.best_sums(asked, room, _ALL if allowed is None else allowed)
        rows = np.sort(self._seen[:count])
        sums = self._scores[rows]
        self._scores[rows] = 0
        return rows, sums

    def _sums(
        self, lists: Sequence[WeighedList], weights: Sequence[float], k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Places, Worths]:
        """Rows, ascending, that may be among the best k, and their scores."""
        lists = [one.times(weight) for one, weight in zip(lists, weights, strict=True)]
        if allowed is not None:
            lists = [one.among(allowed) for one in lists]
        lists = sorted((one for one in lists if len(one.rows)), key=lambda one: -one.greatest)
        if not lists:
            return np.empty(0, np.int64), np.empty(0)
        scores, left, kth, read = self._scores, sum(one.greatest for one in lists), 0.0, 0
        # The k-th best of the rows in one list is no better than that of all; the heaviest list has most of the best.
        telling = next((one for one in lists if len(one.rows) >= _TELLING * k), lists[-1])
        parts: list[Places] = []
        while read < len(lists) and (not read or left >= _ENOUGH * kth):
            some = _next_lists(lists, read)
            rows = some[0].rows if len(some) == 1 else np.concatenate([one.rows for one in some])
            worths = some[0].worths if len(some) == 1 else np.concatenate([one.worths for one in some])
            np.add.at(scores, rows, worths)
            parts.append(rows)
            left, read = left - sum(one.greatest for one in some), read + len(some)
            kth = max(kth, _kth_best(scores[telling.rows], k))
        seen = parts[0] if len(parts) == 1 else np.concatenate(parts)
        sums = scores[seen]
        scores[seen] = 0
        close = np.flatnonzero(sums >= _EXACTLY * kth - (left if read < len(lists) else 0))
        rows, firsts = np.unique(seen[close], return_index=True)
        sums = sums[close[firsts]]
        for one in lists[read:]:
            places = np.minimum(one.rows.searchsorted(rows), len(one.rows) - 1)
            sums += one.worths[places] * (one.rows[places] == rows)
        return rows, sums


@lru_cache(1)
def _compiled() -> Any:
    """The same as machine code, if what makes it is installed."""
    return import_module("likewise.storing.compiled_sums") if find_spec("numba") else None


def _next_lists(lists: Sequence[WeighedList], start: int) -> Sequence[WeighedList]:
    """Some lists to be read at once: few calls for many short ones, and a look at what is left after each long one."""
    end, rows = start, 0
    while end < len(lists) and (end == start or rows + len(lists[end].rows) <= _AT_ONCE):
        rows += len(lists[end].rows)
        end += 1
    return lists[start:end]


def _kth_best(scores: Worths, k: int) -> float:
    """The k-th greatest; 0 if there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else 0.0


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
