"""Mining of translations, as mteb counts it."""

import metric_cases as cases
import numpy as np
import pytest

from likewise.errors import SettingError, ShapeError
from likewise.evaluating.bitext import mining_f1, nearest
from likewise.evaluating.labels import accuracy, precision, recall


def test_neighbours_and_scores_are_mtebs():
    for seed, golden in enumerate(cases.golden("bitext")):
        sources, targets, gold = cases.bilingual(seed)
        found = nearest(sources, targets)
        assert found.tolist() == golden["rows"]
        assert mining_f1(gold, found) == pytest.approx(golden["f1"], abs=1e-9)
        assert accuracy(gold, found) == pytest.approx(golden["accuracy"], abs=1e-9)
        for metric in (precision, recall):
            assert metric(gold, found, average="weighted") == pytest.approx(golden[metric.__name__], abs=1e-9)


def test_neighbours_are_those_of_the_greatest_cosine_whatever_the_lengths():
    sources, targets, _ = cases.bilingual(0)
    cosines = (sources.astype(float) / np.linalg.norm(sources, axis=1, keepdims=True)) @ (
        targets.astype(float) / np.linalg.norm(targets, axis=1, keepdims=True)
    ).T
    lengths = 1 + np.arange(len(targets), dtype=np.float32)[:, None]
    assert nearest(7 * sources, targets * lengths).tolist() == cosines.argmax(axis=1).tolist()


def test_equal_translations_go_to_the_lower_row():
    targets = cases.vectors(1, 300, 16)
    targets[[40, 170, 299]] = targets[11]
    assert nearest(targets[[11, 40, 170, 299]], targets).tolist() == [11] * 4
    assert nearest(np.zeros((1, 16), np.float32), targets).tolist() == [0]


@pytest.mark.parametrize(
    ("sources", "targets", "error", "message"),
    [
        (np.ones((2, 3), np.float32), np.ones((2, 4), np.float32), ShapeError, "sources: got 3 dimensions"),
        (np.ones((0, 3), np.float32), np.ones((2, 3), np.float32), ShapeError, "got 0 sources and 2 targets"),
        (np.ones((2, 3), np.float32), np.ones((0, 3), np.float32), ShapeError, "got 2 sources and 0 targets"),
        (np.ones((2, 3)), np.ones((2, 3), np.float32), ShapeError, "sources: got .* float64, expected"),
        (np.ones((2, 3), np.float32), np.full((2, 3), np.nan, np.float32), SettingError, "targets: row 0 holds NaN"),
    ],
)
def test_wrong_vectors_are_refused(sources, targets, error, message):
    with pytest.raises(error, match=message):
        nearest(sources, targets)
