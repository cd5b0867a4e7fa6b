"""Correlations: as scipy has them, and as their definitions say."""

import math
from statistics import correlation

import metric_cases as cases
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from likewise.errors import DataError, ShapeError
from likewise.evaluating.agreement import pearson, spearman

PAIRS = [cases.scored(seed, few=few) for few in (False, True) for seed in range(cases.CASES)]
NUMBERS = st.integers(-5, 5).map(float)


@pytest.mark.parametrize("metric", [pearson, spearman])
def test_correlations_are_scipys(metric):
    for (left, right), expected in zip(PAIRS, cases.golden("agreement"), strict=True):
        assert metric(left, right) == pytest.approx(expected[metric.__name__], abs=1e-9)
        assert metric(right, left) == pytest.approx(expected[metric.__name__], abs=1e-9)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2))
def test_correlations_are_their_definitions(pairs):
    left, right = map(list, zip(*pairs, strict=True))
    assume(len(set(left)) > 1 < len(set(right)))
    assert pearson(left, right) == pytest.approx(correlation(left, right), abs=1e-9)
    ranks = [
        [sum(other < one for other in row) + sum(other == one for other in row) / 2 for one in row]
        for row in (left, right)
    ]
    assert spearman(left, right) == pytest.approx(correlation(*ranks), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e-5, 1e200])
def test_great_and_small_numbers_correlate_as_others(scale):
    left, right = cases.scored(1)
    assert pearson([scale * one for one in left], right) == pytest.approx(pearson(left, right), abs=1e-9)
    assert pearson([one + 1e6 for one in left], right) == pytest.approx(pearson(left, right), abs=1e-6)


def test_ends_are_reached_and_not_passed():
    for seed in range(50):
        left = cases.scored(seed)[0]
        for metric in (pearson, spearman):
            assert metric(left, np.float32(left)) == pytest.approx(1, abs=1e-9)
            assert -1 <= metric(left, [-3 * one for one in left]) <= -1 + 1e-9


@pytest.mark.parametrize("metric", [pearson, spearman])
@pytest.mark.parametrize(
    ("left", "right", "error", "message"),
    [
        ([0.1, 0.1, 0.1], [1, 2, 3], DataError, "left: all 3 are 0.1, so that they tell nothing apart"),
        ([1, 2, 3], [7, 7, 7], DataError, "right: all 3 are 7.0"),
        ([1, math.nan], [1, 2], DataError, "left: number 1 is nan"),
        ([1, 2], [-math.inf, 2], DataError, "right: number 0 is -inf"),
        ([1], [1], DataError, "expected two at the least"),
        ([1, 2], [1, 2, 3], ShapeError, "got 2 numbers left and 3 right"),
        ([], [], ShapeError, "left: got .* expected a row of numbers"),
        ([[1, 2]], [1, 2], ShapeError, "left: got .* expected a row of numbers"),
        (["a", "b"], [1, 2], ShapeError, "left: got .* expected a row of numbers"),
    ],
)
def test_what_has_no_correlation_is_refused(metric, left, right, error, message):
    with pytest.raises(error, match=message):
        metric(left, right)
