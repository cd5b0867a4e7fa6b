"""How much of the true best a shortlist holds, measured; and how long a search must be to keep a promise.

A shortlist is asked with vectors whose true neighbours are known from all rows. For each effort this gives the share
of the true best 10, 20, 50… on the list. Since the list is scored again by the vectors themselves, that share is the
recall of the search.

What is promised is not the mean but a lower bound of it, and that for the worse of two kinds of probes: vectors that
were held out of the graph while it was measured, as a query is in no graph either; and past queries, if there are
enough, as questions are not distributed as documents are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, sqrt
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from likewise.settings import from_dict
from likewise.storing.checked_json import read_checked, write_checked
from likewise.storing.exact import NO_IDS
from likewise.types import Ids, Vectors

EFFORTS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
DEPTHS = (10, 20, 50, 100, 200, 500)
LEAST_PROBES = 50  # of past queries: fewer say too little
_NORMAL_QUANTILE = 2.326  # one-sided, 99 %
_CHEAP_EFFORT, _FEWEST_PROBES = 256, 400  # longer lists take most of the time: fewer probes ask for them
_BLOCK_SCORES = 1 << 24  # true scores held at a time, 64 MB
_ENOUGH = 0.9995  # an effort at which all is found needs no greater one

Propose = Callable[[Vectors, int], Ids]  # a query (D,) and an effort -> rows, best first


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Recall for one kind of probes: a row for each of DEPTHS, a column for each effort."""

    probes: int
    efforts: Sequence[int]  # (E,) ascending
    mean: Sequence[Sequence[float]]  # (P, E)
    least: Sequence[Sequence[float]]  # (P, E) lower bound of the mean over all queries of this kind


@dataclass(frozen=True, slots=True)
class Choice:
    """A shortlist that keeps a promise."""

    effort: int
    depth: int  # for the best so many rows of all
    recall: float  # the share of these that it holds, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What a shard's shortlist was measured to do, and what its steps take here."""

    curves: Mapping[str, Curve]  # "held out" and, if there were enough, "past queries"
    list_us: Sequence[float]  # (E,) to find and score a shortlist of each effort
    row_us: float  # to score one row exactly, of all in a sweep
    picked_row_us: float  # and of some that are picked out

    def choose(self, depth: int, recall: float, *, within_us: float) -> Choice | None:
        """The least effort that holds ``recall`` of the best ``depth`` rows; None if there is none in that time."""
        row = next((row for row, deep in enumerate(DEPTHS) if deep >= depth), None)
        if row is None or not depth or not self.curves:
            return None
        efforts = next(iter(self.curves.values())).efforts
        for column, effort in enumerate(efforts):
            if self.list_us[column] >= within_us:
                return None
            least = min(curve.least[row][column] for curve in self.curves.values())
            if effort >= DEPTHS[row] and least >= recall:
                return Choice(effort, DEPTHS[row], least)
        return None

    def write(self, path: Path) -> None:
        write_checked(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "Promises":
        """What ``write`` wrote.

        Raises:
            OSError, ValueError: It is missing or damaged.
        """
        values = read_checked(path)
        values["curves"] = {name: from_dict(Curve, curve) for name, curve in values["curves"].items()}
        made = from_dict(cls, values)
        for curve in made.curves.values():
            shape = len(DEPTHS), len(curve.efforts)
            if np.shape(curve.mean) != shape or np.shape(curve.least) != shape or len(made.list_us) != shape[1]:
                raise ValueError(f"{path}: its tables are not of shape {shape}")
        return made


def depth_for(k: int, share: float) -> int:
    """How many of the nearest rows must be looked at, so that k of them pass a filter that ``share`` of all pass.

    The number that pass varies: three standard deviations of it are allowed for.
    """
    return k if share >= 1 else ceil((k + 3 * sqrt(k)) / share)


def true_best(probes: Vectors, vectors: Vectors, *, without: Ids = NO_IDS) -> Ids:
    """(M, B) rows of ``vectors`` (N, D) with the greatest dot products, best first; rows ``without`` do not count."""
    deepest = min(DEPTHS[-1], len(vectors) - len(without))
    best = np.empty((len(probes), deepest), np.int64)
    height = max(1, _BLOCK_SCORES // len(vectors))
    for start in range(0, len(probes), height):
        some = slice(start, start + height)
        scores = probes[some] @ vectors.T  # (m, N)
        scores[:, without] = -np.inf
        top = np.argpartition(-scores, deepest - 1, axis=1)[:, :deepest]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
        best[some] = np.take_along_axis(top, order, axis=1)
    return best


def measure(propose: Propose, probes: Vectors, best: Ids, *, limit: int) -> tuple[Curve, list[float]]:
    """The curve of one kind of probes, and the microseconds that a list of each effort took.

    Args:
        propose: Gives at most ``effort`` rows for a query.
        probes: (M, D) float32.
        best: (M, B) their true best rows; see ``true_best``.
        limit: Efforts beyond so many rows are not tried.
    """
    efforts, means, leasts, taken = [], [], [], []
    for effort in [effort for effort in EFFORTS if effort <= limit] or EFFORTS[:1]:
        asked = probes[: probes_for(effort, len(probes))]
        started = process_time()
        lists = [propose(probe, effort) for probe in asked]
        taken.append(1e6 * (process_time() - started) / len(asked))
        shares = np.array([_shares(found, true) for found, true in zip(lists, best, strict=False)])  # (m, P)
        efforts.append(effort)
        means.append(shares.mean(axis=0).tolist())
        leasts.append(_lower_bounds(shares).tolist())
        if min(means[-1]) >= _ENOUGH:
            break
    return Curve(probes=len(probes), efforts=efforts, mean=_turned(means), least=_turned(leasts)), taken


def probes_for(effort: int, count: int) -> int:
    """How many of ``count`` probes ask for lists of an effort."""
    return min(count, max(_FEWEST_PROBES, count * _CHEAP_EFFORT // effort))


def _shares(found: Ids, true: Ids) -> list[float]:
    """Of the best 10, 20, 50… true rows (B,), the share that is among those found."""
    held = np.cumsum(np.isin(true, found))  # (B,)
    return [held[min(depth, len(held)) - 1] / min(depth, len(held)) for depth in DEPTHS]


def _lower_bounds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the mean of each column of (M, P), with 99 % confidence.

    One probe that found nothing is added: where all found everything, the variance would promise too much.
    """
    with_failure = np.vstack([shares, np.zeros(shares.shape[1])])
    error = with_failure.std(axis=0, ddof=1) / np.sqrt(len(with_failure))
    return np.maximum(0.0, with_failure.mean(axis=0) - _NORMAL_QUANTILE * error)


def _turned(rows: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]
