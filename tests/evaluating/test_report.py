"""Tables and the page show every score, every failure and every verdict, and fetch nothing."""

import re
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from likewise.errors import ModelError
from likewise.evaluating.comparing import compare_all
from likewise.evaluating.costs import Costs, measure_costs
from likewise.evaluating.kinds import Outcome
from likewise.evaluating.report import Report, as_markdown, as_text, remarks
from likewise.evaluating.report_page import page
from likewise.evaluating.scores import Failure, scored
from likewise.evaluating.subjects import Cut

VALUES = np.random.default_rng(0).random(100)


def score(model, task, shift=0.0, *, cut=Cut(10, 0, 0), notes=()):
    values = (VALUES + shift).tolist()
    outcome = Outcome(metric="ndcg@10", metrics={"ndcg@10": float(np.mean(values))}, items=values, notes=notes)
    return scored(outcome, model=model, task=task, cut=cut, data=task)


@pytest.fixture
def report():
    results = [
        score("small", "a", cut=Cut(1624, 350, 30772)),
        score("small", "b", notes=["12 queries without judgements left out"]),
        Failure(model="small", task="c", reason="there is no <file>"),
        score("large|<b>", "a", 0.2),
        score("large|<b>", "b", -0.2, cut=Cut(10, 0, 0, counted=False)),
    ]
    report = Report(models=["small", "large|<b>"], results=results)
    return replace(report, compared=compare_all(report.scores[2:], report.scores[:2]))


def test_a_table_has_a_row_for_each_task_and_a_column_for_each_model(report):
    lines = as_text(report).splitlines()
    assert lines[0].split() == ["task", "metric", "small", "large|<b>"]
    mean = VALUES.mean()
    assert re.match(rf"a +ndcg@10 +{mean:.4f} \(0\.\d+ to 0\.\d+\) +{mean + 0.2:.4f} \(.*\) ▲$", lines[2])
    assert lines[3].endswith("▼")
    assert lines[4].split() == ["c", "-", "failed", "-"]
    assert lines[5].split() == ["mean", "of", "2", f"{mean:.4f}", f"{mean:.4f}"]


def test_what_a_reader_should_know_is_beneath(report):
    found = remarks(report)
    assert "small read only the beginning of some texts: a 350 of 1,624 (30,772 tokens)." in found
    assert "large|<b> may have cut texts, and does not count them: 1 tasks." in found
    assert "b: 12 queries without judgements left out" in found
    assert "Failed: c of small: there is no <file>" in found
    assert any(
        "better or worse than small by more than chance" in line and "for 2 comparisons" in line for line in found
    )
    assert as_text(report).endswith("\n".join(found))


def test_markdown_is_a_table_whose_cells_can_not_break_it(report):
    lines = as_markdown(report).splitlines()
    assert lines[0] == "| task | metric | small | large\\|<b> |"
    assert lines[1] == "| --- | --- | --- | --- |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines[:6]} == {5}
    assert all(line.startswith("- ") for line in lines[7:])


def test_nothing_to_show_is_shown_too():
    empty = Report(models=["m"], results=[Failure(model="m", task="t", reason="why")])
    assert "failed" in as_text(empty)
    assert "There is no score." in page(empty)
    assert empty.mean("m") is None


def test_the_page_is_whole_and_fetches_nothing(report):
    costs = {
        "small": Costs(texts_per_s=400.0, memory_bytes=90_000_000, dimension=384),
        "large|<b>": Costs(texts_per_s=50.0, memory_bytes=0, dimension=1024),
    }
    text = page(replace(report, costs=costs))
    assert not re.search(r"https?:|//|src=|href=|@import|url\(|<script", text.replace("<!doctype html>", ""))
    assert "<b>" not in text
    assert "there is no &lt;file&gt;" in text
    figures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    labels = [ElementTree.fromstring(figure).attrib["aria-label"] for figure in figures]
    assert labels == [
        "mean score against texts a second, here",
        "mean score against memory here, MB",
        "mean score against dimensions",
        "every score with its interval",
    ]
    assert figures[3].count("<line x1") == 4
    assert [figure.count('r="5"') for figure in figures[:3]] == [2, 2, 2]


def test_points_lie_as_their_values_do(report):
    costs = {
        name: Costs(texts_per_s=x, memory_bytes=1, dimension=8) for name, x in (("small", 100.0), ("large|<b>", 50.0))
    }
    better = replace(report, results=[score("small", "a"), score("large|<b>", "a", 0.2)])
    circles = re.findall(r'<circle class="m(\d)" cx="([\d.]+)" cy="([\d.]+)" r="5"', page(replace(better, costs=costs)))
    (_, left, low), (_, right, high) = circles[:2][::-1][1], circles[:2][::-1][0]
    assert float(left) > float(right)  # small is faster
    assert float(low) > float(high)  # and worse: y grows downwards


def test_costs_are_measured_in_a_process_of_its_own(model):
    found = measure_costs(str(model), precision="float32")
    assert found.texts_per_s > 0
    if sys.platform == "linux":
        assert 0 < found.memory_bytes < 2e9  # what this process has had is not counted
    assert found.dimension == 24
    with pytest.raises(ModelError, match=r"measuring .* failed: "):
        measure_costs(str(model / "gone"))
