"""Metrics of labels: as mteb and scikit-learn have them, and as their definitions say."""

import math
from fractions import Fraction
from itertools import pairwise

import metric_cases as cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import DataError, SettingError, ShapeError, UnknownNameError
from likewise.evaluating import labels as module
from likewise.evaluating.labels import (
    accuracy,
    average_precision,
    best_accuracy,
    best_f1,
    f1,
    label_ranking_average_precision,
    multilabel_accuracy,
    multilabel_f1,
    multilabel_jaccard,
    precision,
    recall,
)

NEAR = {"abs": 1e-9, "rel": 0}
LABELLED = [cases.labelled(seed, binary=binary) for binary in (False, True) for seed in range(cases.CASES)]
MARKED = [cases.marked(seed, few=few) for few in (False, True) for seed in range(cases.CASES)]
MARKS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5).map(float)), min_size=2).filter(
    lambda rows: len({mark for mark, _ in rows}) == 2
)


def test_accuracy_precision_recall_and_f1_are_mtebs():
    seen = set()
    for (expected, predicted), golden in zip(LABELLED, cases.golden("labels"), strict=True):
        for name, value in golden.items():
            stem, _, average = name.partition("_")
            metric = getattr(module, stem)
            options = {} if name == "accuracy" else {"average": average or "macro"}
            options = {"positive": 1} if average == "positive" else options
            assert metric(expected, predicted, **options) == pytest.approx(value, **NEAR)
            assert metric(np.array(expected), np.array(predicted), **options) == pytest.approx(value, **NEAR)
            seen.add(name)
    assert len(seen) == 1 + 3 * 4


def test_average_precision_and_best_thresholds_are_mtebs_over_similarity_and_distance():
    golden = iter(cases.golden("thresholds"))
    for marks, scores in MARKED:
        close, far = next(golden), next(golden)  # of scores, and of distances, which are their negatives here
        best, good = best_accuracy(marks, scores), best_f1(marks, scores)
        for expected, sign in ((close, 1), (far, -1)):
            assert average_precision(marks, scores) == pytest.approx(expected["ap"], **NEAR)
            assert best.value == pytest.approx(expected["accuracy"], **NEAR)
            assert best.threshold == pytest.approx(sign * expected["accuracy_threshold"], **NEAR)
            assert good.value == pytest.approx(expected["f1"], **NEAR)
            assert good.threshold == pytest.approx(sign * expected["f1_threshold"], **NEAR)
            assert (good.precision, good.recall) == pytest.approx((expected["precision"], expected["recall"]), **NEAR)


def test_multilabel_metrics_are_mtebs():
    for seed, golden in enumerate(cases.golden("multilabel")):
        expected, predicted, scores = cases.multilabelled(seed)
        assert multilabel_accuracy(expected, predicted) == pytest.approx(golden["accuracy"], **NEAR)
        assert multilabel_jaccard(expected, predicted) == pytest.approx(golden["jaccard"], **NEAR)
        assert label_ranking_average_precision(expected, scores) == pytest.approx(golden["ranking"], **NEAR)
        for average in ("macro", "micro", "weighted"):
            found = multilabel_f1(expected, predicted, average=average)
            assert found == pytest.approx(golden[f"f1_{average}"], **NEAR)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("bcd")), min_size=1))
def test_f1_is_its_definition(pairs):
    expected, predicted = zip(*pairs, strict=True)
    values = {}
    for name in {*expected, *predicted}:
        both = sum(pair == (name, name) for pair in pairs)
        given, wanted = predicted.count(name), expected.count(name)
        exact = Fraction(both, given) if given else Fraction(0), Fraction(both, wanted) if wanted else Fraction(0)
        values[name] = 2 * exact[0] * exact[1] / sum(exact) if any(exact) else Fraction(0)
        assert f1(expected, predicted, positive=name) == pytest.approx(float(values[name]))
        assert precision(expected, predicted, positive=name) == pytest.approx(float(exact[0]))
        assert recall(expected, predicted, positive=name) == pytest.approx(float(exact[1]))
    assert f1(expected, predicted) == pytest.approx(float(sum(values.values()) / len(values)))
    weighted = sum(values[name] for name in expected) / len(expected)
    assert f1(expected, predicted, average="weighted") == pytest.approx(float(weighted))
    assert f1(expected, predicted, average="micro") == pytest.approx(accuracy(expected, predicted))


@given(MARKS)
def test_best_thresholds_are_the_best_of_all(rows):
    marks, scores = zip(*rows, strict=True)
    if len(set(scores)) == 1:
        for metric in (best_accuracy, best_f1):
            with pytest.raises(DataError, match="no threshold tells anything apart"):
                metric(marks, scores)
        return
    places = sorted(set(scores))
    middles = [(low + high) / 2 for low, high in pairwise(places)]
    told = {threshold: [int(score > threshold) for score in scores] for threshold in middles}
    for found, measure in ((best_accuracy(marks, scores), accuracy), (best_f1(marks, scores), f1)):
        options = {} if measure is accuracy else {"positive": 1}
        values = {threshold: measure(marks, one, **options) for threshold, one in told.items()}
        assert found.value == pytest.approx(max(values.values()))
        assert values[found.threshold] == pytest.approx(found.value)
        assert not any(value > found.value + 1e-12 for value in values.values())
        assert all(values[threshold] < found.value for threshold in middles if threshold > found.threshold)
        assert found.precision == pytest.approx(precision(marks, told[found.threshold], positive=1))
        assert found.recall == pytest.approx(recall(marks, told[found.threshold], positive=1))


@given(MARKS, st.randoms(use_true_random=False))
def test_average_precision_is_its_definition_in_any_order(rows, random):
    marks, scores = zip(*rows, strict=True)
    slow, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = [mark for mark, score in rows if score >= threshold]
        now = sum(taken) / sum(marks)
        slow, before = slow + (now - before) * sum(taken) / len(taken), now
    assert average_precision(marks, scores) == pytest.approx(slow)
    random.shuffle(rows)
    assert average_precision(*zip(*rows, strict=True)) == pytest.approx(slow)


@pytest.mark.parametrize("metric", [accuracy, precision, recall, f1])
@pytest.mark.parametrize(
    ("expected", "predicted", "message"),
    [
        ([], [], r"expected labels: got \(0,\)"),
        (["a"], ["a", "b"], "got 1 expected labels and 2 predicted ones"),
        (["a", "b"], [0, 1], "expected labels are <U1, predicted ones int64; make both text"),
        ([0.5, 1.0], [0, 1], "text or whole numbers"),
        ([None, "a"], ["a", "a"], "text or whole numbers"),
        ([[0], [1]], [0, 1], "text or whole numbers"),
    ],
)
def test_wrong_labels_are_refused(metric, expected, predicted, message):
    with pytest.raises(ShapeError, match=message):
        metric(expected, predicted)


def test_unknown_averages_and_classes_are_refused():
    with pytest.raises(UnknownNameError, match=r"no average named 'macros'\. Did you mean 'macro'\?"):
        f1([0, 1], [0, 1], average="macros")
    with pytest.raises(SettingError, match=r"positive is 2, which neither row has; they have \[0, 1\]"):
        f1([0, 1], [0, 1], positive=2)
    with pytest.raises(SettingError, match="positive is 'b', which neither row has"):
        f1([0, 1], [0, 1], positive="b")


@pytest.mark.parametrize("metric", [average_precision, best_accuracy, best_f1])
@pytest.mark.parametrize(
    ("marks", "scores", "error", "message"),
    [
        ([1, 1], [0.1, 0.2], DataError, "relevant: all 2 are 1, so that they tell nothing apart"),
        ([0, 0], [0.1, 0.2], DataError, "relevant: all 2 are 0"),
        ([0, 1, 2], [0.1, 0.2, 0.3], DataError, r"expected 0 and 1 alone, got \[0, 1, 2\]"),
        (["0", "1"], [0.1, 0.2], DataError, "expected 0 and 1 alone"),
        ([0, 1], [0.1, math.nan], DataError, "scores: number 1 is nan"),
        ([0, 1], [0.1], ShapeError, "got 2 marks and 1 scores"),
        ([], [], ShapeError, "relevant: got"),
    ],
)
def test_what_no_threshold_can_be_found_for_is_refused(metric, marks, scores, error, message):
    with pytest.raises(error, match=message):
        metric(marks, scores)


@pytest.mark.parametrize(
    "metric", [multilabel_accuracy, multilabel_f1, multilabel_jaccard, label_ranking_average_precision]
)
def test_wrong_tables_are_refused(metric):
    table = [[0, 1], [1, 1]]
    with pytest.raises(ShapeError, match=r"got \(2, 2\) expected labels and"):
        metric(table, [[0, 1]])
    with pytest.raises(ShapeError, match="expected labels: got"):
        metric([], [])
    with pytest.raises(ShapeError, match=r"for each text and label \(N, L\)"):
        metric([0, 1], [0, 1])
    with pytest.raises(DataError, match=r"expected 0 and 1 alone, got \[0, 1, 2\]"):
        metric([[0, 1], [2, 1]], table)


def test_scores_to_rank_labels_by_are_finite():
    with pytest.raises(DataError, match="scores: number 3 is nan"):
        label_ranking_average_precision([[0, 1], [1, 1]], [[0.1, 0.2], [0.3, math.nan]])
