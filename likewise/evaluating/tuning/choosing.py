"""Choosing by nested cross-validation: inner folds choose, outer folds measure what was chosen without them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.evaluating.tuning.axes import Axis, Setup

Rows: TypeAlias = NDArray[np.intp]  # (n,) some of the Q queries
ValuesOf: TypeAlias = Callable[[Setup], NDArray[np.float64]]  # how good it is for each query (Q,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """How queries are parted."""

    count: int
    seed: int

    def of(self, rows: Rows) -> Iterator[tuple[Rows, Rows]]:
        """For each fold, the rows outside and inside; no more folds than rows."""
        shuffled = np.random.default_rng(self.seed).permutation(len(rows))
        for held in np.array_split(shuffled, min(self.count, len(rows))):
            yield rows[np.setdiff1d(np.arange(len(rows)), held)], rows[np.sort(held)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What choosing gives on queries that had no part in it."""

    values: NDArray[np.float64]  # (Q,)
    setups: Sequence[Setup]  # chosen without each of the folds


def choose(axes: Sequence[Axis], start: Setup, values_of: ValuesOf, rows: Rows, folds: Folds) -> Setup:
    """The setup that these queries speak for, axis after axis.

    Of many alternatives the best one looks better than it is. So an axis is left as it is unless choosing on it pays
    on inner folds that had no part in the choice, by more than one standard error.
    """
    current = start
    for axis in axes:
        options = axis.options(current)
        table = np.stack([values_of(one)[rows] for one in options])  # (A, n), the current one first
        places = np.arange(len(rows))
        gains = np.zeros(len(rows))
        for kept, held in folds.of(places):
            best = int(table[:, kept].mean(axis=1).argmax())
            gains[held] = table[best, held] - table[0, held]
        if gains.mean() > gains.std(ddof=1) / np.sqrt(len(rows)):
            current = options[int(table.mean(axis=1).argmax())]
    return current


def held_out(axes: Sequence[Axis], start: Setup, values_of: ValuesOf, count: int, folds: Folds) -> HeldOut:
    """Choose without each outer fold in turn, and measure the choice on it."""
    values, setups = np.empty(count), []
    for kept, held in folds.of(np.arange(count)):
        setup = choose(axes, start, values_of, kept, folds)
        values[held] = values_of(setup)[held]
        setups.append(setup)
    return HeldOut(values=values, setups=setups)
