"""What a way of chunking says about a document: its regions, and where they may be cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Count: TypeAlias = Callable[[int, int], int]  # tokens of text[start:end], counted within the document


class Break(IntEnum):
    """How good a place to cut is; a way may use any number above, only the order counts."""

    CLAUSE = 1
    LINE = 2
    SENTENCE = 3
    ITEM = 4
    PARAGRAPH = 5


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch that shares no chunk with what is around it."""

    start: int
    end: int
    heading: tuple[str, ...] = ()  # titles from the outermost to the innermost


def no_pairs() -> NDArray[np.int64]:
    return np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Regions in order that do not intersect and leave out blanks only."""

    regions: Sequence[Region]
    cuts: NDArray[np.int64] = field(default_factory=no_pairs)  # (N, 2): position and strength, see `merge_cuts`
    wholes: NDArray[np.int64] = field(default_factory=no_pairs)  # (N, 2): spans, disjoint, not cut where they fit
    budgeted: bool = True  # False: each region is one chunk, however long


def pairs(values: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Pairs as an array that is (0, 2) where there is none."""
    return np.array(values, dtype=np.int64).reshape(-1, 2)


def merge_cuts(*cuts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cuts of several kinds in order of position; of several at one position, the strongest."""
    together = np.concatenate(cuts)  # (N, 2)
    together = together[np.lexsort((together[:, 1], together[:, 0]))]
    last = np.append(together[1:, 0] != together[:-1, 0], True)[: len(together)]
    return together[last]
