"""What kernels do before they compute: words left out by chance, windows, negative samples, ways in a tree."""

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids
from likewise.words._compiling import inlined

KEPT, OTHERS, SOURCES, TARGETS = range(4)  # rows of ``lists``, see ``_Room`` in ``_kernels.py``
ROW, LABEL = range(2)  # columns of ``foretold``
THRESHOLD, ALIAS = range(2)  # columns of ``Tables.noise``
_A, _B, _C = np.uint64(13), np.uint64(7), np.uint64(17)  # shifts of xorshift64 (Marsaglia 2003)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@inlined
def thin(
    ids: NDArray[np.int32], begin: int, end: int, keep: NDArray[np.uint32], lists: NDArray[np.int32], state: np.uint64
) -> tuple[int, np.uint64]:
    """Copy a sentence, frequent words left out by chance; gives how many there are."""
    count = 0
    for place in range(begin, end):
        state = next_state(state)
        lists[KEPT, count] = ids[place]
        count += np.uint32(state >> _HALF) <= keep[ids[place]]  # no branch, for none could be foreseen
    return count, state


@inlined
def look_around(at: int, count: int, widest: int, lists: NDArray[np.int32], state: np.uint64) -> tuple[int, np.uint64]:
    """Fill in the words around one, in a window of chance size; gives how many."""
    state = next_state(state)
    reach = 1 + int(((state >> _HALF) * np.uint64(widest)) >> _HALF)
    number = 0
    for place in range(max(0, at - reach), min(count, at + reach + 1)):
        lists[OTHERS, number] = lists[KEPT, place]
        number += place != at
    return number, state


@inlined
def follow_way(
    word: int, target: int, ways: NDArray[np.int32], paths: Ids, foretold: NDArray[np.int32], sizes: Ids
) -> None:
    """Fill in a word's way in the tree as what is to be foretold."""
    begin = paths[word]
    sizes[target] = paths[word + 1] - begin
    for k in range(sizes[target]):
        foretold[target, k, ROW], foretold[target, k, LABEL] = ways[begin + k, ROW], ways[begin + k, LABEL]


@inlined
def draw_words(
    word: int,
    target: int,
    negatives: int,
    noise: NDArray[np.uint32],
    foretold: NDArray[np.int32],
    sizes: Ids,
    state: np.uint64,
) -> np.uint64:
    """Fill in a word and negative samples as what is to be foretold."""
    foretold[target, 0, ROW], foretold[target, 0, LABEL] = word, 1
    size = 1
    for _ in range(negatives):
        state = next_state(state)
        place = np.int64(((state >> _HALF) * np.uint64(len(noise))) >> _HALF)
        other = np.int64(noise[place, ALIAS])
        drawn = other if np.uint32(state & _LOW) > noise[place, THRESHOLD] else place
        foretold[target, size, ROW], foretold[target, size, LABEL] = drawn, 0
        size += drawn != word
    sizes[target] = size
    return state


@inlined
def next_state(state: np.uint64) -> np.uint64:
    state ^= state << _A
    state ^= state >> _B
    state ^= state << _C
    return state
