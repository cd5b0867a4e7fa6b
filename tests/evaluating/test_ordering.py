"""Ranks and the area under the curve are their definitions."""

from random import Random

import pytest

from likewise.errors import DataError
from likewise.evaluating.ordering import auroc, average_ranks


@pytest.mark.parametrize("seed", range(8))
def test_ranks_and_the_area_are_what_counting_pairs_gives(seed):
    random = Random(seed)
    marks = [0, 1, *(int(random.random() < 0.4) for _ in range(30))]
    scores = [round(4 * random.random()) / 4 for _ in marks]
    slow = [1 + sum(other < one for other in scores) + (scores.count(one) - 1) / 2 for one in scores]
    assert average_ranks(scores).tolist() == slow
    pairs = [
        (a, b)
        for a, mark in zip(scores, marks, strict=True)
        for b, other in zip(scores, marks, strict=True)
        if mark > other
    ]
    wins = [(a > b) + (a == b) / 2 for a, b in pairs]
    assert auroc(marks, scores) == pytest.approx(sum(wins) / len(wins), abs=1e-12)


def test_one_class_has_no_area():
    with pytest.raises(DataError, match="all 2 are 1"):
        auroc([1, 1], [0.1, 0.2])
