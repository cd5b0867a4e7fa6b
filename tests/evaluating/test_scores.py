"""Scores keep what they are made of, and say whether two of them differ."""

from dataclasses import replace

import numpy as np
import pytest

from likewise.errors import ArtifactError, DataError
from likewise.evaluating import scores
from likewise.evaluating.kinds import Outcome
from likewise.evaluating.labels import average_precision
from likewise.evaluating.ordering import auroc, average_ranks
from likewise.evaluating.scores import compare, from_json, scored, to_json
from likewise.evaluating.subjects import Cut

CUT = Cut(texts=10, cut=2, tokens=7)


def score(items, *, model="m", gold=(), statistic="mean", data="d", task="t", ids=()):
    value = float(np.mean(items)) if statistic == "mean" else STATISTICS[statistic](gold, items)
    outcome = Outcome(metric="x", metrics={"x": value}, items=items, gold=gold, statistic=statistic, ids=ids)
    return scored(outcome, model=model, task=task, cut=CUT, data=data)


def rank_correlation(gold, items):
    return float(np.corrcoef(average_ranks(gold), average_ranks(items))[0, 1])


STATISTICS = {"spearman": rank_correlation, "average_precision": average_precision, "auroc": auroc}


def test_a_score_is_the_same_after_it_was_written_and_read():
    random = np.random.default_rng(0)
    for made in (
        score(random.random(20).tolist(), ids=[f"q{i}" for i in range(20)]),
        score(random.random(20).tolist(), gold=random.random(20).tolist(), statistic="spearman"),
        score(random.random(20).tolist(), gold=[0, 1] * 10, statistic="auroc"),
    ):
        assert from_json(to_json(made)) == made
        assert "\n" not in to_json(made)


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"cut": {}, "interval": [0, 1]}', to_json(score([0.5, 1.0]))[:-2]])
def test_what_is_no_score_is_refused(line):
    with pytest.raises(ArtifactError, match="not a saved score"):
        from_json(line)


def test_the_interval_holds_the_score_and_narrows_with_more_items():
    random = np.random.default_rng(1)
    few, many = (score(random.random(n).tolist()) for n in (50, 5000))
    for one in (few, many):
        assert one.interval[0] < one.score < one.interval[1]
    assert many.interval[1] - many.interval[0] < 0.2 * (few.interval[1] - few.interval[0])
    alone = score([0.25])
    assert alone.interval == (0.25, 0.25)


def test_few_items_of_a_class_have_an_interval_too():
    made = score([0.9, 0.8, 0.1], gold=[1, 0, 0], statistic="average_precision")
    assert made.interval[0] <= made.score == 1.0
    assert np.isfinite(made.interval).all()


@pytest.mark.parametrize("statistic", ["spearman", "average_precision", "auroc"])
def test_a_worse_order_is_found_whatever_the_scale_of_the_scores(statistic, monkeypatch):
    monkeypatch.setattr(scores, "_THOROUGH", 3_000)
    random = np.random.default_rng(2)
    gold = 3 * random.random(90) if statistic == "spearman" else random.integers(0, 2, 90)
    good = gold + 0.5 * random.normal(size=90)
    alike = np.exp(7 * good)  # the same order, on another scale
    bad = gold + 4 * random.normal(size=90)
    before = score(good.tolist(), gold=gold.tolist(), statistic=statistic)
    worse = compare(before, score(bad.tolist(), gold=gold.tolist(), statistic=statistic, model="other"))
    assert worse.difference < -0.1
    assert worse.p_fall < 1 / 2_500  # the quick look can't give so little
    same = compare(before, score(alike.tolist(), gold=gold.tolist(), statistic=statistic, model="other"))
    assert (same.difference, same.p_value) == (0, 1)


def test_a_mean_is_compared_item_by_item():
    random = np.random.default_rng(3)
    values = random.random(200)
    before, after = score(values.tolist()), score((values - 0.03).tolist(), model="other")
    assert before.interval[0] < after.score  # the two intervals overlap, and still it is clear
    assert compare(before, after).p_fall < 0.001


def test_only_scores_on_the_same_items_are_compared():
    one = score([0.1, 0.2, 0.3], ids=["a", "b", "c"])
    for other in (replace(one, data="e"), replace(one, task="u"), replace(one, metric="y")):
        with pytest.raises(DataError, match="are not scores on the same data"):
            compare(one, other)
    for other in (replace(one, items=[0.1]), replace(one, ids=["a", "b", "d"])):
        with pytest.raises(DataError, match="the items of m and m are not the same"):
            compare(one, other)
