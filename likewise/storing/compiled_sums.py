"""The sums behind a ranking by weighted terms as machine code, for processes that ask many questions."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.registry import require

numba: Any = require("numba", feature="searching by words in compiled loops", extra="speed")
_F = TypeVar("_F", bound=Callable[..., Any])

_EXACTLY = 1 - 1e-6  # far above the rounding of a score to float32, by which rows may tie
_LONG = 4  # times as many rows as were seen so far: a list that is worth a look at whether it can be passed over
_LOOKED_UP = 8  # times as many rows in a list as are asked about: they are looked up there


class Lists(NamedTuple):
    """What the terms of a question add to the scores of rows, the term first that may add most."""

    rows: NDArray[np.uint64]  # (M,) of many lists, ascending within each
    worths: NDArray[np.float64]  # (M,)
    spans: NDArray[np.int64]  # (T, 2) where the list of each term begins and ends
    weights: NDArray[np.float64]  # (T,) of the terms
    greatest: NDArray[np.float64]  # (T,) the most that each may add


class Room(NamedTuple):
    scores: NDArray[np.float64]  # (N,) all 0 to begin with
    seen: NDArray[np.uint64]  # (N + 1,) rows whose score is not 0
    best: NDArray[np.float64]  # (k,) the greatest scores, as a heap


def _compiled(function: _F) -> _F:
    made: _F = numba.njit(cache=True, nogil=True)(function)
    return made


@_compiled
def best_sums(lists: Lists, room: Room, allowed: NDArray[np.bool_]) -> int:
    """Sum up the rows that may be among the best k; to the bit as ``Scorer`` does with numpy.

    Args:
        lists: Of the question's terms.
        room: Its scores are 0 afterwards but for the rows in ``seen``.
        allowed: (N,) which rows may be found; empty for all.

    Returns:
        How many rows there are in ``seen``.
    """
    left, count, read = lists.greatest.sum(), 0, 0
    while read < len(lists.spans):
        if count >= len(room.best) and lists.spans[read, 1] - lists.spans[read, 0] > _LONG * count:
            count = _without_hopeless(room, count, left)
            if left < _EXACTLY * room.best[0]:
                break
        count = _read(lists, read, room, count, allowed)
        left -= lists.greatest[read]
        read += 1
    for later in range(read, len(lists.spans)):
        _look_up(lists, later, room, count)
        left -= lists.greatest[later]
        count = _without_hopeless(room, count, left)
    return _without_hopeless(room, count, 0.0)


@_compiled
def _read(lists: Lists, number: int, room: Room, count: int, allowed: NDArray[np.bool_]) -> int:
    """Add what one list is worth to the scores of its rows; gives how many rows were seen then."""
    # Taken apart, for numba counts references whenever an array is taken from a tuple.
    scores, seen, weight, rows, worths = room.scores, room.seen, lists.weights[number], lists.rows, lists.worths
    start, end, every = lists.spans[number, 0], lists.spans[number, 1], len(allowed) == 0
    for place in range(start, end):
        row = rows[place]
        if every or allowed[row]:
            before = scores[row]
            seen[count] = row  # the next overwrites it if it was seen before: faster than to ask
            count += before == 0
            scores[row] = before + worths[place] * weight
    return count


@_compiled
def _look_up(lists: Lists, number: int, room: Room, count: int) -> None:
    """Add what one list is worth to the scores of the rows seen."""
    scores, seen, weight = room.scores, room.seen, lists.weights[number]
    start, end = lists.spans[number]
    if count * _LOOKED_UP < end - start:
        for row in seen[:count]:
            place = start + np.searchsorted(lists.rows[start:end], row)
            if place < end and lists.rows[place] == row:
                scores[row] += lists.worths[place] * weight
        return
    for place in range(start, end):
        if scores[lists.rows[place]] != 0:
            scores[lists.rows[place]] += lists.worths[place] * weight


@_compiled
def _without_hopeless(room: Room, count: int, left: float) -> int:
    """Find the best scores, forget the rows that ``left`` can't lift among them; gives how many are kept."""
    best, seen, scores, kept = room.best, room.seen, room.scores, 0
    best[:] = 0.0
    for place in range(count):
        row = seen[place]
        score = scores[row]
        if score < _EXACTLY * best[0] - left:
            scores[row] = 0.0
            continue
        seen[kept] = row
        kept += 1
        if score > best[0]:
            _replace_least(best, score)
    return kept


@_compiled
def _replace_least(heap: NDArray[np.float64], score: float) -> None:
    place, child = 0, 1
    while child < len(heap):
        if child + 1 < len(heap) and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= score:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = score
