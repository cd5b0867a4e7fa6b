"""likewise models recommend, as a person and a program use it."""

import json

import numpy as np
import pytest
from click import UsageError
from tiny_model import write_model

from likewise.cli._recommend import recommend_model
from likewise.errors import DataError, ModelError, SettingError, UnknownNameError


@pytest.fixture
def run(tmp_path, capsys):
    """The command in this process: lines on stdout."""

    def command(*arguments):
        given = ["--kept", str(tmp_path / "kept"), *map(str, arguments)]
        recommend_model.main(given, prog_name="likewise models recommend", standalone_mode=False)
        return capsys.readouterr().out.splitlines()

    return command


@pytest.fixture
def labelled(tmp_path):
    """Documents in the letters that tiny models know, and queries."""
    random, folder = np.random.default_rng(0), tmp_path / "docs"
    folder.mkdir()
    rows = [" ".join("".join(random.choice(list("abcdefgh"), 4)) for _ in range(8)) for _ in range(12)]
    for number, row in enumerate(rows):
        (folder / f"{number}.txt").write_text(row)
    lines = [json.dumps({"query": row.split()[0], "relevant": [f"{i}.txt"]}) for i, row in enumerate(rows)]
    (tmp_path / "q.jsonl").write_text("\n".join(lines))
    return ["--task", "retrieval", "--sample", folder, "--queries", tmp_path / "q.jsonl"]


@pytest.fixture
def models(tmp_path):
    folders = [write_model(tmp_path / name, pooling=pooling) for name, pooling in (("one", "mean"), ("two", "cls"))]
    (folders[0] / "README.md").write_text("---\nlicense: mit\nlanguage: [de, en, fr, it, es]\n---\n")
    return folders


def test_a_table_shows_how_good_and_what_it_costs(run, labelled, models):
    out = run(*labelled, "--models", *models)
    assert out[0] == "12 labelled queries. Letters: 100% Latin; languages are not detected."
    assert out[2].split() == ["model", "ndcg@10", "behind", "the", "first", "by", "p"]
    assert out[3].startswith("1.  BM25   1.000 (1.000 to 1.000)")
    assert {line.split()[1] for line in out[4:6]} == {"one", "two"}
    rows = {line.split()[0]: line.split()[2:] for line in out[8:11]}
    assert rows["one"][1:] == ["mit", "24", "16", "100%", "100%", "5", "languages"]
    assert rows["two"][1:] == ["not", "declared", "24", "16", "100%", "100%", "not", "declared"]
    assert "No model is shown to be better than words alone (BM25) on this sample." in out
    assert out[-1] == "12 documents in 12 passages."


def test_json_has_a_line_for_each_contestant_and_one_for_the_advice(run, labelled, models):
    *rows, summary = map(json.loads, run(*labelled, "--json", "--models", *models))
    assert (rows[0]["place"], rows[0]["model"]) == (1, "BM25")
    one = next(row for row in rows if row["model"] == "one")
    assert one["interval"][0] <= one["score"] <= one["interval"][1] <= 1
    assert one["lead_of_first"]["estimate"] == pytest.approx(1 - one["score"])
    assert (one["licence"], one["languages"], one["max_tokens"]) == ("mit", ["de", "en", "fr", "it", "es"], 16)
    assert set(summary) == {"sample", "verdict", "scripts", "notes", "left_out"}
    assert "licence" not in rows[0]


def test_bad_input_is_an_error_that_says_what_to_do(run, labelled, models, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jsonl").write_text('{"query": "abc", "relevant": ["13.txt"]}\n')
    for arguments, error, message in (
        ([*labelled[:3], tmp_path / "empty"], DataError, "has no document"),
        ([*labelled[:4], "--queries", tmp_path / "bad.jsonl"], DataError, "no document named '13.txt'. Did you mean"),
        ([*labelled[:4]], DataError, "only 0 queries could be made of 12 documents"),
        (["--task", "retreival", *labelled[2:4]], UnknownNameError, "Did you mean 'retrieval'"),
        ([*labelled, "--models", "missing"], UnknownNameError, "no model or folder named 'missing'"),
        ([*labelled, "--precision", "int3", "--models", models[0]], SettingError, "precision is 'int3'"),
        ([*labelled, "--most-passages", "0"], SettingError, "most_passages is 0"),
        (labelled[2:], UsageError, "Missing parameter: kind"),
    ):
        with pytest.raises(error, match=message):
            run(*arguments)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    monkeypatch.setattr("likewise.encoding.catalogue.find_spec", lambda _: None)
    with pytest.raises(ModelError, match="there is no model on this machine"):
        run(*labelled)
