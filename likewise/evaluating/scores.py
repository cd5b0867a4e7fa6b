"""Scores: a model's figure on a task with what it is made of, how sure it is, and whether another's differs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.errors import ArtifactError, DataError, LikewiseError
from likewise.evaluating.agreement import pearson, spearman
from likewise.evaluating.kinds import Outcome, Statistic
from likewise.evaluating.labels import average_precision
from likewise.evaluating.ordering import auroc, average_ranks
from likewise.evaluating.significance import (
    Interval,
    PairedTest,
    interval,
    paired_test,
    statistic_interval,
    swap_test,
)
from likewise.evaluating.subjects import Cut
from likewise.settings import from_dict, to_dict

_Array = NDArray[np.float64]  # (N,)
_QUICK, _THOROUGH = 2_000, 10_000  # arrangements, and those that a correction for many tasks needs a small p-value of
_CLEAR = 0.01
_RANKED: Mapping[Statistic, Callable[[NDArray[Any], _Array], float]] = {  # of gold and items, by the items' order alone
    "spearman": spearman,
    "average_precision": average_precision,
    "auroc": auroc,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a model did on a task."""

    model: str
    task: str
    metric: str
    score: float
    interval: tuple[float, float]  # where it may lie, at 95 %; other texts of the same kind being as likely
    metrics: Mapping[str, float]  # others too
    items: Sequence[float]  # (N,) for each query, text or pair
    statistic: Statistic  # makes the score of the items
    gold: Sequence[float]  # (N,) what it compares them with; none for a mean
    ids: Sequence[str]  # (N,) of the items, where they have any
    notes: Sequence[str]
    cut: Cut
    data: str  # digest of the task and its files: scores of one digest can be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task that gave no score, and why."""

    model: str
    task: str
    reason: str


def scored(outcome: Outcome, *, model: str, task: str, cut: Cut, data: str) -> Score:
    """An outcome with its interval."""
    found = _interval(outcome)
    return Score(
        model=model,
        task=task,
        metric=outcome.metric,
        score=outcome.value,
        interval=(found.low, found.high),
        metrics=dict(outcome.metrics),
        items=[float(one) for one in outcome.items],
        statistic=outcome.statistic,
        gold=[float(one) for one in outcome.gold],
        ids=list(outcome.ids),
        notes=list(outcome.notes),
        cut=cut,
        data=data,
    )


def compare(baseline: Score, candidate: Score) -> PairedTest:
    """Whether two models differ on a task by more than chance gives, item by item.

    Raises:
        DataError: The scores are of different tasks or data, or a score was saved without its items.
    """
    if baseline.task != candidate.task or baseline.data != candidate.data or baseline.metric != candidate.metric:
        raise DataError(
            f"{baseline.task} of {baseline.model} and {candidate.task} of {candidate.model} are not scores on the same "
            "data by the same metric: evaluate both again"
        )
    if len(baseline.items) != len(candidate.items) or list(baseline.ids) != list(candidate.ids):
        raise DataError(f"{baseline.task}: the items of {baseline.model} and {candidate.model} are not the same")
    before, after = (np.array(one.items, np.float64) for one in (baseline, candidate))
    if candidate.statistic == "mean":
        return paired_test(before, after)
    # Two models' scores have scales of their own; their ranks can be exchanged.
    return _swapped(candidate, average_ranks(before), average_ranks(after))


def difference_interval(baseline: Score, candidate: Score) -> Interval:
    """Where the difference of two models' scores on a task may lie, candidate minus baseline, at 95 %.

    Both must be of the same items; ``compare`` checks it.
    """
    before, after = (np.array(one.items, np.float64) for one in (baseline, candidate))
    if candidate.statistic == "mean":
        return interval(after - before)
    statistic, gold = _RANKED[candidate.statistic], _gold(candidate)
    return _resampled(lambda rows: statistic(gold[rows], after[rows]) - statistic(gold[rows], before[rows]), len(gold))


def _swapped(candidate: Score, before: _Array, after: _Array) -> PairedTest:
    statistic, gold = _RANKED[candidate.statistic], _gold(candidate)
    if candidate.statistic == "spearman":  # of ranks it is Pearson's, which needs no sorting
        gold, statistic = average_ranks(gold), pearson
    quick = swap_test(before, after, lambda items: statistic(gold, items), resamples=_QUICK)
    if quick.exact or quick.p_value > _CLEAR:
        return quick
    return swap_test(before, after, lambda items: statistic(gold, items), resamples=_THOROUGH)


def to_json(score: Score) -> str:
    """One line with everything; ``from_json`` takes it back."""
    return json.dumps(to_dict(score), sort_keys=True, allow_nan=False)


def from_json(line: str) -> Score:
    """What ``to_json`` gave.

    Raises:
        ArtifactError: It is something else.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        cut = from_dict(Cut, values["cut"])
        return from_dict(Score, {**values, "cut": cut, "interval": tuple(values["interval"])})
    except (ValueError, KeyError, TypeError, LikewiseError) as error:
        raise ArtifactError(f"not a saved score: {error}") from error


def _gold(of: Outcome | Score) -> NDArray[Any]:
    """What items are compared with: numbers, or marks 0 and 1."""
    return np.array(of.gold, np.float64 if of.statistic == "spearman" else np.int64)


def _interval(outcome: Outcome) -> Interval:
    """Of a single item nothing can be said: it is its own interval."""
    value, items = outcome.value, np.array(outcome.items, np.float64)
    if len(items) < 2:
        return Interval(estimate=value, low=value, high=value, level=0.95)
    if outcome.statistic == "mean":
        return interval(items)
    statistic, gold = _RANKED[outcome.statistic], _gold(outcome)
    return _resampled(lambda rows: statistic(gold[rows], items[rows]), len(items))


def _resampled(statistic: Callable[[NDArray[np.int64]], float], count: int) -> Interval:
    """The interval of a statistic of rows that some draws of few rows do not have: all of one class, or equal."""
    value = statistic(np.arange(count))

    def drawn(rows: NDArray[np.int64]) -> float:
        try:
            return statistic(rows)
        except DataError:  # such a draw says nothing
            return value

    return statistic_interval(drawn, count)
