"""How sure a score is, and whether two scores differ: intervals and tests by resampling.

Nothing is assumed of how scores are distributed. A mean of values, one for each query or text, has functions of its
own; any other statistic, such as a rank correlation, is given as a function of the rows that it is of.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError, ShapeError
from likewise.evaluating._arguments import Numbers, require_numbers, require_same_length

Values = NDArray[np.float64]  # (N,)
Rows = NDArray[np.int64]  # (N,) indices, which may repeat
Statistic = Callable[[Rows], float]

ALPHA = 0.025  # of the gate, which looks one way: as a two-sided test at 0.05
_DRAWS = 2_000  # for an interval, and for statistics that are computed one resample at a time
_SWAPS = 10_000  # for a mean
_GROUPS = 200  # left out in turn to see how skewed a statistic is
_BLOCK = 1 << 21  # numbers drawn at a time: some 16 MB
_ROUNDING = 1e-12  # relative: sums that differ by less are ties
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A score, and where it may lie."""

    estimate: float
    low: float
    high: float
    level: float  # the share of such intervals that hold the true score


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """How often chance alone gives a difference like the one seen."""

    difference: float  # candidate minus baseline
    p_value: float  # two-sided: a difference so large in either direction
    p_fall: float  # one so low; small if the candidate is worse
    p_rise: float  # one so high; small if the candidate is better
    exact: bool  # whether all rearrangements were counted; else a sample of them


def interval(values: Numbers, *, level: float = 0.95, resamples: int = _DRAWS, seed: int = 0) -> Interval:
    """The interval of a mean, by the bootstrap with its bias and skewness corrected (BCa).

    Efron 1987, "Better Bootstrap Confidence Intervals", JASA 82, section 4. Of a difference between two models it is
    the interval of the differences, value by value.

    Args:
        values: (N,), one for each query or text; at least two.
        level: Between 0 and 1.
        resamples: How many.
        seed: Of the draws.

    Raises:
        ShapeError: ``values`` is not one row.
        DataError: Fewer than two values, or one that is not finite.
        SettingError: A level or count out of range.
    """
    kept = _kept("values", values)
    means = np.concatenate([kept[rows].mean(axis=1) for rows in _draws(len(kept), resamples, seed)])
    return _bca(float(kept.mean()), means, (kept.sum() - kept) / (len(kept) - 1), level)


def statistic_interval(
    statistic: Statistic, count: int, *, level: float = 0.95, resamples: int = _DRAWS, seed: int = 0
) -> Interval:
    """As ``interval``, of any statistic.

    Args:
        statistic: Gives the score of some rows (N,), which may repeat.
        count: How many rows there are.
        level: Between 0 and 1.
        resamples: How many; each calls ``statistic`` once, and 200 more calls see how skewed it is.
        seed: Of the draws.

    Raises:
        DataError: Fewer than two rows, or a score that is not finite.
        SettingError: A level or count out of range.

    Example:
        >>> right = np.array([1, 1, 0, 1, 1, 1, 0, 1])
        >>> found = statistic_interval(lambda rows: right[rows].mean(), len(right))
        >>> found.estimate, found.low < 0.75 < found.high
        (0.75, True)
    """
    _require_rows(count)
    rows = np.arange(count)
    draws = np.array([_score(statistic, one) for block in _draws(count, resamples, seed) for one in block])
    shuffled = np.random.default_rng(seed).permutation(
        count
    )  # rows may come sorted, and a group should be like another
    groups = np.array_split(shuffled, min(count, _GROUPS))
    left_out = np.array([_score(statistic, np.delete(rows, group)) for group in groups])
    return _bca(_score(statistic, rows), draws, left_out, level)


def paired_test(baseline: Numbers, candidate: Numbers, *, resamples: int = _SWAPS, seed: int = 0) -> PairedTest:
    """Whether two models' means over the same queries or texts differ, by flipping the signs of differences.

    If the models were alike, each difference could as well be the other way round (Fisher 1935, "The Design of
    Experiments", section 21). A sampled p-value counts the seen arrangement too, so it is never 0 (Phipson and Smyth
    2010, arXiv:1603.05766). Where few queries differ, all arrangements are counted instead.

    Args:
        baseline: (N,).
        candidate: (N,), in the same order.
        resamples: How many arrangements; all, if there are no more.
        seed: Of the draws.

    Raises:
        ShapeError: The two are not rows of one length.
        DataError: Fewer than two values, or one that is not finite.
        SettingError: A count out of range.
    """
    left, right = _kept("baseline", baseline), _kept("candidate", candidate)
    require_same_length("values of the baseline", "of the candidate", left, right)
    differences = right - left
    moved = differences[differences != 0]
    blocks, exact = _choices(len(moved), resamples, seed)
    total = float(moved.sum())
    sums = np.concatenate([total - 2 * (flipped @ moved) for flipped in blocks])
    return _tested(float(differences.mean()), sums, total, exact=exact)


def swap_test(
    baseline: NDArray[Any],
    candidate: NDArray[Any],
    statistic: Callable[[NDArray[Any]], float],
    *,
    resamples: int = _DRAWS,
    seed: int = 0,
) -> PairedTest:
    """Whether any statistic of two models' outputs differs, by swapping which model an output is of.

    Outputs must mean the same whichever model they are of: labels do; cosines of two models have their own scales, so
    take ranks of them for a rank correlation.

    Args:
        baseline: (N, ...) outputs, one for each text or pair.
        candidate: The same of the other model.
        statistic: Gives the score of one model's outputs.
        resamples: How many arrangements; all, if there are no more.
        seed: Of the draws.

    Raises:
        ShapeError: The outputs differ in shape.
        DataError: Fewer than two outputs, or a score that is not finite.
        SettingError: A count out of range.
    """
    if baseline.shape != candidate.shape or not baseline.ndim:
        raise ShapeError(f"outputs are {baseline.shape} and {candidate.shape}; expected one for each text of both")
    _require_rows(len(baseline))
    differing = np.flatnonzero((baseline != candidate).reshape(len(baseline), -1).any(axis=1))
    blocks, exact = _choices(len(differing), resamples, seed)
    observed = _score(statistic, candidate) - _score(statistic, baseline)
    found = []
    for swapped in (differing[one] for block in blocks for one in block):
        ours, theirs = baseline.copy(), candidate.copy()
        ours[swapped], theirs[swapped] = candidate[swapped], baseline[swapped]
        found.append(_score(statistic, theirs) - _score(statistic, ours))
    return _tested(observed, np.array(found), observed, exact=exact)


def bootstrap_test(
    baseline: Statistic, candidate: Statistic, count: int, *, resamples: int = _DRAWS, seed: int = 0
) -> PairedTest:
    """Whether any statistic of two models differs over the same rows, by drawing rows again.

    For outputs that can't be swapped, such as clusters, whose numbers mean nothing to another model. Differences are
    shifted so that there is none on average, which is what chance alone would give (Efron and Tibshirani 1993, "An
    Introduction to the Bootstrap", section 16.4). Less exact than ``swap_test``: it needs some 50 rows.

    Args:
        baseline: Gives the score of some rows (N,), which may repeat.
        candidate: The same of the other model.
        count: How many rows there are.
        resamples: How many.
        seed: Of the draws.

    Raises:
        DataError: Fewer than two rows, or a score that is not finite.
        SettingError: A count out of range.
    """
    _require_rows(count)
    rows = np.arange(count)
    observed = _score(candidate, rows) - _score(baseline, rows)
    drawn = (one for block in _draws(count, resamples, seed) for one in block)
    found = np.array([_score(candidate, one) - _score(baseline, one) for one in drawn])
    return _tested(observed, found - found.mean(), observed, exact=False)


def holm(p_values: Numbers) -> Values:
    """P-values (N,) of many tests, raised so that alpha is the chance of any false alarm among them.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure". Never less than what was given.

    Raises:
        ShapeError: Not one row, or an empty one.
        DataError: One is not in 0 to 1.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
        [0.03, 0.06, 0.06]
    """
    kept, order = _ordered(p_values)
    raised = np.maximum.accumulate(kept[order] * np.arange(len(kept), 0, -1))
    return _put_back(raised, order)


def benjamini_hochberg(p_values: Numbers) -> Values:
    """P-values (N,) of many tests, raised so that alpha is the share of false alarms among all alarms, on average.

    Benjamini and Hochberg 1995, "Controlling the False Discovery Rate". Milder than ``holm``.

    Raises:
        ShapeError: Not one row, or an empty one.
        DataError: One is not in 0 to 1.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(6).tolist()
        [0.03, 0.04, 0.04]
    """
    kept, order = _ordered(p_values)
    raised = kept[order] * len(kept) / np.arange(1, len(kept) + 1)
    return _put_back(np.minimum.accumulate(raised[::-1])[::-1], order)


def falls(tests: Mapping[str, PairedTest], *, alpha: float = ALPHA) -> list[str]:
    """The gate: which tasks got worse by more than chance gives, over all of them together.

    Args:
        tests: By task.
        alpha: The chance that a candidate which is as good as the baseline is stopped, however many tasks there are.

    Returns:
        The names, in the order given; none, and the candidate passes.

    Raises:
        SettingError: ``alpha`` is not between 0 and 1.
    """
    _require_share("alpha", alpha)
    raised = holm([test.p_fall for test in tests.values()])
    return [name for name, p_value in zip(tests, raised, strict=True) if p_value <= alpha]


def tail_shares(found: Values, observed: float, *, exact: bool) -> tuple[float, float]:
    """How often chance gives a statistic as low as the observed one, and how often one as high.

    Args:
        found: (R,) what rearrangements gave.
        observed: What the data gave.
        exact: Whether ``found`` are all rearrangements; else the observed one is counted beside the sampled ones.
    """
    rounding = _ROUNDING * float(np.abs(found).max())
    extra = 0 if exact else 1
    hits = (found <= observed + rounding).sum(), (found >= observed - rounding).sum()
    low, high = ((int(count) + extra) / (len(found) + extra) for count in hits)
    return low, high


def _bca(estimate: float, draws: Values, left_out: Values, level: float) -> Interval:
    """The interval of a statistic from its resamples and from what it is with a part left out."""
    _require_share("level", level)
    if (draws == draws[0]).all():
        return Interval(estimate=estimate, low=estimate, high=estimate, level=level)
    below = ((draws < estimate).mean() + (draws <= estimate).mean()) / 2
    least = 0.5 / len(draws)
    bias = _NORMAL.inv_cdf(float(np.clip(below, least, 1 - least)))
    pulls = left_out.mean() - left_out
    spread = float((pulls**2).sum()) ** 1.5
    skew = float((pulls**3).sum()) / (6 * spread) if spread else 0.0

    def quantile(probability: float) -> float:
        shifted = bias + _NORMAL.inv_cdf(probability)
        corrected = _NORMAL.cdf(bias + shifted / max(1 - skew * shifted, 1e-9))
        return float(np.quantile(draws, corrected))

    return Interval(estimate=estimate, low=quantile((1 - level) / 2), high=quantile((1 + level) / 2), level=level)


def _tested(difference: float, found: Values, observed: float, *, exact: bool) -> PairedTest:
    fall, rise = tail_shares(found, observed, exact=exact)
    p_value = min(1.0, 2 * min(fall, rise))
    return PairedTest(difference=difference, p_value=p_value, p_fall=fall, p_rise=rise, exact=exact)


def _draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Rows drawn with replacement, some resamples (R, N) at a time."""
    random = np.random.default_rng(seed)
    for size in _sizes(count, resamples):
        yield random.integers(0, count, (size, count))


def _choices(count: int, resamples: int, seed: int) -> tuple[Iterator[NDArray[np.bool_]], bool]:
    """Which of some items are exchanged, arrangements (R, N) some at a time; and whether these are all."""
    require_count("resamples", resamples)
    if 2**count <= resamples:
        return iter([(np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)]), True
    random = np.random.default_rng(seed)
    return (random.integers(0, 2, (size, count), np.uint8).astype(bool) for size in _sizes(count, resamples)), False


def _sizes(count: int, resamples: int) -> Iterator[int]:
    """How many resamples to make at a time."""
    require_count("resamples", resamples)
    height = max(1, _BLOCK // count)
    return (min(height, resamples - start) for start in range(0, resamples, height))


def _score(statistic: Callable[[NDArray[Any]], float], of: NDArray[Any]) -> float:
    found = float(statistic(of))
    if not np.isfinite(found):
        raise DataError(f"the statistic is {found} for {len(of)} rows; it must be a finite number for any rows")
    return found


def _kept(name: str, values: Numbers) -> Values:
    kept = require_numbers(name, values)
    _require_rows(len(kept))
    return kept


def _ordered(p_values: Numbers) -> tuple[Values, NDArray[np.int64]]:
    kept = require_numbers("p-values", p_values)
    if not ((kept >= 0) & (kept <= 1)).all():
        raise DataError(f"p-values must be in 0 to 1; got {kept.min()} to {kept.max()}")
    return kept, np.argsort(kept, kind="stable")


def _put_back(raised: Values, order: NDArray[np.int64]) -> Values:
    found = np.empty_like(raised)
    found[order] = np.minimum(raised, 1)
    return found


def _require_rows(count: int) -> None:
    if count < 2:
        raise DataError(f"chance can't be told from {count} value{'s' * (count != 1)}; give two at the least")


def _require_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise SettingError(f"{name} is {value!r}; expected a number between 0 and 1, such as 0.95 or 0.05")
