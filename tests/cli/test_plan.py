"""``likewise plan`` and ``likewise search --recall``: what they print, and what they refuse."""

import json
from dataclasses import fields

import pytest
import tiny_model

from likewise.storing.planning import Plan


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.write_model(tmp_path_factory.mktemp("model") / "tiny")


def test_json_has_a_line_for_each_way(run_apart, model):
    code, out, err = run_apart("plan", "--chunks", 500, "--model", model, "--precision", "binary", "--json")
    assert code == 0, err
    rows = [json.loads(line) for line in out]
    assert [row["way"] for row in rows] == ["exact", "binary"]
    for row in rows:
        assert row.keys() == {field.name for field in fields(Plan)} | {"encoding_s"}
        assert row["chunks"] == 500


def test_a_person_is_told_what_was_measured(run_apart, model):
    code, out, _ = run_apart("plan", "--chunks", 2_000_000, "--model", model, "--precision", "binary")
    assert code == 0
    assert [line.split()[0] for line in out[:3]] == ["search", "exact", "binary"]
    assert "measured on" in " ".join(out)
    assert "extrapolated" in " ".join(out)


@pytest.mark.parametrize(
    "options", [("--chunks", 0), ("--chunks", 5, "--characters", 0), ("--chunks", 5, "--precision", "int3"), ()]
)
def test_what_can_not_be_planned_is_refused(run, options):
    code, out, err = run("plan", *options)
    assert (code, out) == (2, [])
    assert err


def test_a_recall_is_answered_with_what_is_expected(run, tmp_path):
    (tmp_path / "owls.md").write_text("Barn owls hunt voles at night.")
    code, out, err = run("search", tmp_path, "owls", "--recall", 0.9, "--json")
    assert (code, len(out)) == (0, 1)
    assert err[-1] == "of the nearest by meaning, at least 100.0% are expected to be found"  # every row was scored


@pytest.mark.parametrize("recall", [0, 1.5, "nan"])
def test_a_recall_that_is_no_share_is_refused_before_a_folder_is_indexed(run, tmp_path, recall):
    (tmp_path / "owls.md").write_text("Barn owls hunt voles at night.")
    code, _, err = run("search", tmp_path, "owls", "--recall", recall)
    assert code == 2
    assert "above 0, at most 1" in err[-1]
    assert not (tmp_path / ".likewise").exists()
