"""Probes: what mteb's classifiers tell, from the rows that it draws."""

import sys

import metric_cases as cases
import numpy as np
import pytest

from likewise.errors import DataError, MissingExtraError, SettingError, ShapeError
from likewise.evaluating import probes as module
from likewise.evaluating.labels import (
    label_ranking_average_precision,
    multilabel_accuracy,
    multilabel_f1,
    multilabel_jaccard,
)
from likewise.evaluating.probes import (
    draw_examples,
    draw_multilabel_examples,
    neighbour_label_sets,
    neighbour_labels,
    regression_labels,
)

GOLDEN = list(enumerate(cases.golden("probes")))
TRAIN, LABELS, TEST, _ = cases.classified(0)


@pytest.mark.parametrize(("seed", "golden"), GOLDEN)
def test_draws_are_mtebs(seed, golden):
    _, known, _, _ = cases.classified(seed)
    _, sets, _, _ = cases.tagged(seed)
    assert [rows.tolist() for rows in draw_examples(known, per_label=5, draws=3)] == golden["drawn"]
    assert [rows.tolist() for rows in draw_multilabel_examples(sets, per_label=5, draws=3)] == golden["drawn_sets"]


@pytest.mark.parametrize(("seed", "golden"), GOLDEN)
def test_logistic_regression_tells_what_mtebs_does(seed, golden):
    train, known, test, _ = cases.classified(seed)
    few = draw_examples(known, per_label=5, draws=1)[0]
    assert regression_labels(train[few], [known[row] for row in few], test).tolist() == golden["regression_few"]
    assert regression_labels(train, known, test).tolist() == golden["regression"]


@pytest.mark.parametrize(("seed", "golden"), GOLDEN)
def test_neighbours_tell_what_mtebs_do(seed, golden):
    train, known, test, _ = cases.classified(seed)
    assert neighbour_labels(train, known, test).tolist() == golden["neighbours"]
    _, sets, _, asked = cases.tagged(seed)
    told, expected = neighbour_label_sets(train, cases.table(sets), test), cases.table(asked)
    assert told.tolist() == golden["neighbour_sets"]
    metrics = {
        "accuracy": multilabel_accuracy,
        "f1": multilabel_f1,
        "hamming": multilabel_jaccard,
        "lrap": label_ranking_average_precision,
    }
    assert {name: metric(expected, told) for name, metric in metrics.items()} == pytest.approx(
        golden["scores"], abs=1e-9
    )


@pytest.mark.parametrize("k", [1, 2, 5, 70])
def test_neighbours_vote_as_by_their_definition(k, monkeypatch):
    monkeypatch.setattr(module, "_DISTANCES", 200)  # so that it takes several blocks
    train = np.round(2 * TRAIN)  # few different distances: many neighbours are equally near
    test = np.round(2 * TEST)
    told = []
    for one in test:
        distances = ((train.astype(float) - one) ** 2).sum(axis=1)
        near = sorted(range(len(train)), key=lambda row: (distances[row], row))[:k]
        votes = [LABELS[row] for row in near]
        told.append(min(votes, key=lambda label: (-votes.count(label), label)))
    assert neighbour_labels(train, LABELS, test, k=k).tolist() == told
    sets = cases.table(cases.tagged(0)[1])
    one_by_one = [neighbour_labels(train, sets[:, label], test, k=k).tolist() for label in range(4)]
    assert neighbour_label_sets(train, sets, test, k=k).T.tolist() == one_by_one


@pytest.mark.parametrize("rows", [37, 61, 503])
@pytest.mark.parametrize("dimension", [33, 101, 383])
def test_equal_vectors_are_equally_near_wherever_they_are(rows, dimension):
    """Products of equal rows differ by where in the table they are, in some of these shapes."""
    random = np.random.default_rng(rows + dimension)
    train = random.normal(size=(rows, dimension)).astype(np.float32)
    train[[20, rows // 2, rows - 2, rows - 1]] = train[7]
    labels = np.zeros(rows, np.int64)
    labels[7] = 1
    test = train[7] + 0.1 * random.normal(size=(29, dimension)).astype(np.float32)
    for scale in (1e-6, 1, 1e6):
        assert neighbour_labels(np.float32(scale) * train, labels, np.float32(scale) * test, k=1).tolist() == [1] * 29


def test_labels_that_are_rare_are_all_drawn_and_another_seed_draws_others():
    labels = ["rare"] * 2 + ["often"] * 50
    first, second = draw_examples(labels, per_label=8, draws=2)
    for rows in (first, second):
        assert sorted(labels[row] for row in rows) == ["often"] * 8 + ["rare"] * 2
        assert len(set(rows.tolist())) == 10
    assert first.tolist() != second.tolist()
    assert first.tolist() == draw_examples(labels, per_label=8, draws=1)[0].tolist()
    assert first.tolist() != draw_examples(labels, per_label=8, draws=1, seed=7)[0].tolist()


def test_rows_without_labels_are_not_drawn():
    (rows,) = draw_multilabel_examples([[], ["a"], [], ["a", "b"]], draws=1)
    assert sorted(rows.tolist()) == [1, 3]


def test_regression_needs_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'likewise\[evaluating\]'"):
        regression_labels(TRAIN, LABELS, TEST)


def test_regression_that_has_not_converged_warns_of_nothing():
    """Warnings are errors here."""
    assert len(regression_labels(TRAIN, LABELS, TEST, most_steps=1)) == len(TEST)


PROBES = [neighbour_labels, regression_labels]


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    ("train", "labels", "test", "error", "message"),
    [
        (TRAIN, LABELS[:-1], TEST, ShapeError, "got 69 labels and 70 vectors to train on"),
        (TRAIN, ["red"] * 70, TEST, DataError, "labels: all 70 are red, so that they tell nothing apart"),
        (TRAIN[:0], LABELS[:0], TEST, ShapeError, "labels: got"),
        (TRAIN, LABELS, TEST[:, :3], ShapeError, "test: got 3 dimensions"),
        (TRAIN, LABELS, TEST[:0], ShapeError, "test: got no vector"),
        (TRAIN.astype(float), LABELS, TEST, ShapeError, "train: got .* float64"),
        (np.where(TRAIN > 0.9, np.nan, TRAIN), LABELS, TEST, SettingError, "train: row .* holds NaN"),
        (TRAIN, LABELS, np.full_like(TEST, np.inf), SettingError, "test: row 0 holds NaN or infinity"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(probe, train, labels, test, error, message):
    with pytest.raises(error, match=message):
        probe(train, labels, test)


def test_wrong_settings_are_refused():
    for k in (0, -1, 1.5):
        with pytest.raises(SettingError, match=f"k is {k}; expected a whole number"):
            neighbour_labels(TRAIN, LABELS, TEST, k=k)
    with pytest.raises(SettingError, match="k is 71, but there are 70 vectors"):
        neighbour_label_sets(TRAIN, np.ones((70, 2), int), TEST, k=71)
    with pytest.raises(ShapeError, match="got 2 labels and 70 vectors"):
        neighbour_label_sets(TRAIN, [[0, 1], [1, 1]], TEST)
    with pytest.raises(SettingError, match="most_steps is 0"):
        regression_labels(TRAIN, LABELS, TEST, most_steps=0)
    for draw in (draw_examples, draw_multilabel_examples):
        with pytest.raises(SettingError, match="per_label is 0"):
            draw(["a", "b"], per_label=0)
        with pytest.raises(SettingError, match="draws is 0"):
            draw(["a", "b"], draws=0)
    with pytest.raises(DataError, match="none of 2 rows has a label"):
        draw_multilabel_examples([[], []])
