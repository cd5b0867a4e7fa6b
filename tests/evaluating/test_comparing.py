"""The gate stops a candidate that is worse by more than chance, and no other."""

import json

import numpy as np
import pytest

from likewise.errors import ArtifactError, StorageError
from likewise.evaluating.comparing import Figure, compare_all, read_baseline, save_scores
from likewise.evaluating.kinds import Outcome
from likewise.evaluating.scores import scored
from likewise.evaluating.subjects import Cut


def score(values, *, model="candidate", task="t", data="d", metric="x"):
    outcome = Outcome(metric=metric, metrics={metric: float(np.mean(values))}, items=list(map(float, values)))
    return scored(outcome, model=model, task=task, cut=Cut(1, 0, 0), data=data)


def figure(of):
    return Figure(model=of.model, task=of.task, metric=of.metric, score=of.score, interval=of.interval)


def queries(random, count=200):
    """nDCG of queries as it lies on Cranfield."""
    values = random.beta(1.3, 1.5, count)
    values[random.random(count) < 0.14] = 0
    return values


def test_a_planted_fall_is_found_and_named_and_a_rise_is_none():
    random = np.random.default_rng(0)
    values = queries(random)
    noise = 0.05 * random.normal(size=len(values))
    baseline = [score(values, model="old", task=task) for task in ("falls", "stays", "rises")]
    candidates = [
        score(np.clip(values - 0.03 + noise, 0, 1), task="falls"),
        score(values, task="stays"),
        score(np.clip(values + 0.05 + noise, 0, 1), task="rises"),
    ]
    compared = compare_all(candidates, baseline)
    assert compared.fallen == [("candidate", "falls")]
    verdicts = {task: one.verdict for (_, task), one in compared.by_place.items()}
    assert verdicts == {"falls": "worse", "stays": "same", "rises": "better"}
    assert compared.by_place["candidate", "stays"].p_value == 1
    assert all(one.baseline == "old" for one in compared.by_place.values())


def test_p_values_are_corrected_for_all_comparisons_together():
    random = np.random.default_rng(1)
    values = queries(random)
    slightly = np.clip(values - 0.02 + 0.1 * random.normal(size=len(values)), 0, 1)
    alone = compare_all([score(slightly)], [score(values, model="old")])
    tasks = [f"t{i}" for i in range(60)]
    many = compare_all(
        [score(slightly if task == "t0" else values, task=task) for task in tasks],
        [score(values, model="old", task=task) for task in tasks],
    )
    assert alone.by_place["candidate", "t"].p_value < 0.05
    assert many.by_place["candidate", "t0"].p_value > alone.by_place["candidate", "t"].p_value
    assert many.fallen == []


def test_what_can_not_be_compared_is_said():
    values = queries(np.random.default_rng(2))
    baseline = [score(values, model="old"), score(values, model="old", task="u", data="other")]
    compared = compare_all([score(values), score(values, task="u"), score(values, task="v")], baseline)
    assert set(compared.by_place) == {("candidate", "t")}
    assert compared.new == ["v of candidate"]
    assert "u of candidate: " in compared.left_out[0]
    assert "not scores on the same data" in compared.left_out[0]


def test_a_baseline_of_several_models_gives_each_its_own():
    random = np.random.default_rng(3)
    first, second = queries(random), queries(random)
    baseline = [score(first, model="a"), score(second, model="b")]
    compared = compare_all([score(first, model="a"), score(second, model="b"), score(second, model="c")], baseline)
    assert {place: one.test.difference for place, one in compared.by_place.items()} == {("a", "t"): 0, ("b", "t"): 0}
    assert compared.new == ["t of c"]


def test_figures_alone_tell_large_differences():
    values = queries(np.random.default_rng(4))
    baseline = [figure(score(values, model="old"))]
    assert compare_all([score(values)], baseline).fallen == []
    assert compare_all([score(np.clip(values - 0.03, 0, 1))], baseline).fallen == []  # items would show it
    assert compare_all([score(values / 2)], baseline).fallen == [("candidate", "t")]
    assert "the baseline's metric is x" in compare_all([score(values, metric="y")], baseline).left_out[0]
    certain = Figure(model="old", task="t", metric="x", score=0.5, interval=(0.5, 0.5))
    assert compare_all([score([0.5, 0.5])], [certain]).fallen == []
    assert compare_all([score([0.25, 0.25])], [certain]).fallen == [("candidate", "t")]


def test_a_baseline_is_read_as_it_was_saved_or_printed(tmp_path):
    made = [score(queries(np.random.default_rng(5)), task=task) for task in ("t", "u")]
    save_scores(tmp_path / "saved.jsonl", made)
    assert read_baseline(tmp_path / "saved.jsonl") == made
    names = ("model", "task", "metric", "score", "interval")
    printed = "".join(json.dumps({name: getattr(one, name) for name in names}) + "\n" for one in made)
    (tmp_path / "printed.jsonl").write_text(printed + "\n")
    assert read_baseline(tmp_path / "printed.jsonl") == [figure(one) for one in made]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no score to compare with"),
        ("hello\n", "line 1 is no score of likewise eval"),
        ('{"model": "m", "task": "t"}\n', "line 1 is no score"),
        ('{"model": "m", "task": "t", "metric": "x", "score": null, "interval": null}\n', "line 1 is no score"),
        ('{"items": []}\n', "line 1 is no score"),
    ],
)
def test_another_file_is_no_baseline(tmp_path, content, message):
    path = tmp_path / "baseline.jsonl"
    path.write_text(content)
    with pytest.raises(ArtifactError, match=message):
        read_baseline(path)


def test_a_place_that_can_not_be_written_is_said(tmp_path):
    with pytest.raises(StorageError, match="can't write"):
        save_scores(tmp_path / "no" / "such" / "folder", [])
