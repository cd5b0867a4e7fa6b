"""Metrics of clusters: as mteb has them, and as their definitions say."""

import math
from itertools import combinations, permutations

import metric_cases as cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import DataError, ShapeError
from likewise.evaluating.clusters import (
    adjusted_rand_index,
    matched_accuracy,
    normalised_mutual_information,
    purity,
    v_measure,
)

NAMES = {
    "v_measure": v_measure,
    "nmi": normalised_mutual_information,
    "ari": adjusted_rand_index,
    "cluster_accuracy": matched_accuracy,
}
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=25).filter(
    lambda pairs: len({one for one, _ in pairs}) > 1
)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_mtebs(name):
    for seed, golden in enumerate(cases.golden("clusters")):
        expected, predicted = cases.numbered(seed)
        assert NAMES[name](expected, predicted) == pytest.approx(golden[name], abs=1e-9, rel=0)
        named = ["abcdef"[one] for one in expected], [f"cluster {9 - one}" for one in predicted]
        assert NAMES[name](*named) == pytest.approx(golden[name], abs=1e-9, rel=0)


def entropy_given(of, given):
    """In nats, of one row of labels where another is known."""
    pairs = list(zip(of, given, strict=True))
    return -sum(math.log(pairs.count(pair) / given.count(pair[1])) for pair in pairs) / len(pairs)


@given(PAIRS)
def test_v_measure_is_its_definition(pairs):
    expected, predicted = map(list, zip(*pairs, strict=True))
    nothing = [0] * len(pairs)
    shares = []
    for one, other in ((expected, predicted), (predicted, expected)):
        whole = entropy_given(one, nothing)
        shares.append(1 - entropy_given(one, other) / whole if whole else 1.0)
    slow = 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0
    assert v_measure(expected, predicted) == pytest.approx(slow, abs=1e-9)


@given(PAIRS)
def test_the_adjusted_rand_index_counts_pairs(pairs):
    expected, predicted = zip(*pairs, strict=True)
    both = [(a[0] == b[0], a[1] == b[1]) for a, b in combinations(pairs, 2)]
    same, classes, clusters = both.count((True, True)), sum(a for a, _ in both), sum(b for _, b in both)
    chance = classes * clusters / len(both)
    most = (classes + clusters) / 2
    assert adjusted_rand_index(expected, predicted) == pytest.approx(
        (same - chance) / (most - chance) if most != chance else 1
    )


@given(PAIRS)
def test_purity_and_the_best_matching_are_their_definitions(pairs):
    expected, predicted = zip(*pairs, strict=True)
    of_cluster = {cluster: [one for one, other in pairs if other == cluster] for cluster in predicted}
    most = sum(max(map(ones.count, ones)) for ones in of_cluster.values())
    assert purity(expected, predicted) == pytest.approx(most / len(pairs))
    names = max(permutations(range(5)), key=lambda order: sum(order[other] == one for one, other in pairs))
    right = sum(names[other] == one for one, other in pairs)
    assert matched_accuracy(expected, predicted) == pytest.approx(right / len(pairs))


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 200))
def test_any_table_is_matched_at_its_best(rows, more, seed):
    counts = np.random.default_rng(seed).integers(0, 6, (rows, rows + more))
    counts[:, 0] += 1  # so that no class is empty
    pairs = [(row, column) for (row, column), count in np.ndenumerate(counts) for _ in range(count)]
    if rows == 1:
        return
    best = max(
        sum(counts[row, column] for row, column in enumerate(order)) for order in permutations(range(rows + more), rows)
    )
    assert matched_accuracy(*zip(*pairs, strict=True)) == pytest.approx(best / len(pairs))
    swapped = [(column, row) for row, column in pairs]
    if len({one for one, _ in swapped}) > 1:
        assert matched_accuracy(*zip(*swapped, strict=True)) == pytest.approx(best / len(pairs))


def test_ends_are_reached():
    expected = ["a", "a", "b", "b", "c"]
    for metric in (*NAMES.values(), purity):
        assert metric(expected, [3, 3, 1, 1, 2]) == 1
    for metric in (v_measure, normalised_mutual_information, adjusted_rand_index):
        assert metric(expected, [0] * 5) == 0
    assert purity(expected, [0] * 5) == matched_accuracy(expected, [0] * 5) == 0.4
    assert adjusted_rand_index([0, 1, 2], [0, 1, 2]) == 1  # no pair is together in either


def test_many_items_neither_overflow_nor_fill_the_memory():
    random = np.random.default_rng(0)
    expected = random.integers(0, 3, 200_000)
    assert adjusted_rand_index(expected, expected) == 1
    assert v_measure(expected, np.arange(200_000)) == pytest.approx(
        2 * math.log(3) / (math.log(3) + math.log(2e5)), rel=1e-3
    )


@pytest.mark.parametrize("metric", [*NAMES.values(), purity])
@pytest.mark.parametrize(
    ("expected", "predicted", "error", "message"),
    [
        (["a", "a"], [0, 1], DataError, "classes: all 2 are a, so that they tell nothing apart"),
        ([0], [0], DataError, "classes: all 1 are 0"),
        ([0, 1], [0], ShapeError, "got 2 classes and 1 clusters"),
        ([], [], ShapeError, "classes: got"),
        ([0, 1], [0.0, math.nan], ShapeError, "clusters: got .* text or whole numbers"),
    ],
)
def test_what_cannot_be_scored_is_refused(metric, expected, predicted, error, message):
    with pytest.raises(error, match=message):
        metric(expected, predicted)
