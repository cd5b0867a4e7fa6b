"""likewise eval, as a person and a program use it."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_model import write_model

from likewise.cli import main

MADE = Path(__file__).parent.parent / "evaluating" / "made"
STS, RETRIEVAL = MADE / "sts.toml", MADE / "retrieval.toml"
KEYS = ["model", "task", "metric", "score", "interval"]


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """The command, in this process: what it imports takes longer than most of what it does here."""

    def run(*arguments):
        given = ["eval", "--kept", str(tmp_path / "kept"), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["likewise", *given])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def words(tmp_path):
    """A task for the tiny model, whose vocabulary is letters: which text is the other with a letter changed."""
    folder = tmp_path / "own"
    folder.mkdir()
    letters = "abcdefgh"
    rows = []
    for i in range(40):
        left = " ".join(letters[(i + j) % 8] * (1 + (i * j) % 3) for j in range(4))
        right = left if i % 4 == 0 else left.replace(letters[i % 8], letters[(i + 3) % 8])
        rows.append({"left": left, "right": right})
    (folder / "bitext.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "own.toml").write_text((MADE / "bitext_mining.toml").read_text(encoding="utf-8"))
    return folder / "own.toml"


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_is_a_line_for_each_score_and_nothing_else(evaluate, model, words):
    done = evaluate(model, "--tasks", words, RETRIEVAL, "--json")
    assert done.returncode == 0, done.stderr
    first, second = lines(done)
    assert list(first) == KEYS
    assert (first["model"], first["task"], first["metric"]) == ("tiny", "own", "f1")
    assert first["interval"][0] <= first["score"] <= first["interval"][1]
    assert (second["task"], second["metric"]) == ("retrieval", "ndcg@10")
    assert "where each may lie at 95 %" in done.stderr


def test_another_process_finds_what_was_kept(evaluate, model, words, tmp_path):
    done = evaluate(model, "--tasks", words, "--tasks", RETRIEVAL, "--json")
    command = [sys.executable, "-c", "from likewise.cli import main; main()", "eval", str(model), "--json"]
    command += ["--kept", str(tmp_path / "kept"), "--tasks", str(words), str(RETRIEVAL)]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout == done.stdout


def test_a_table_for_people_markdown_and_a_page(evaluate, model, words, tmp_path):
    page = tmp_path / "page.html"
    done = evaluate("--precision", "float32", "--tasks", words, "--html", page, "--", model)
    assert done.returncode == 0, done.stderr
    assert re.match(r"task +metric +tiny\n-", done.stdout)
    assert "mean score against texts a second, here" in page.read_text(encoding="utf-8")
    assert evaluate(model, "--tasks", words, "--markdown").stdout.startswith("| task | metric | tiny |\n")


def test_a_model_is_no_worse_than_itself_and_another_is_found_out(evaluate, model, words, tmp_path):
    saved = tmp_path / "saved.jsonl"
    assert evaluate(model, "--tasks", words, "--save", saved).returncode == 0
    same = evaluate(model, "--tasks", words, "--baseline", saved, "--json")
    assert same.returncode == 0, same.stderr
    (line,) = lines(same)
    assert list(line) == [*KEYS, "compared"]
    assert (line["compared"]["verdict"], line["compared"]["p_value"]) == ("same", 1.0)
    values = json.loads(saved.read_text(encoding="utf-8"))
    better = {**values, "items": [1.0] * len(values["items"]), "score": 1.0}
    saved.write_text(json.dumps(better) + "\n")
    fallen = evaluate(model, "--tasks", words, "--baseline", saved)
    assert fallen.returncode == 1
    assert re.search(r"own of tiny fell by 0\.\d+ from 1\.0000\n", fallen.stderr)
    assert "▼" in fallen.stdout


def test_a_baseline_may_be_a_model_or_what_json_printed(evaluate, model, words, tmp_path):
    twice = evaluate(model, "--tasks", words, "--baseline", model, "--json")
    assert twice.returncode == 0
    assert [line["model"] for line in lines(twice)] == ["tiny (baseline)", "tiny"]
    other = write_model(tmp_path / "other", pooling="cls")
    done = evaluate(model, "--tasks", words, "--baseline", other, "--json")
    assert [line["model"] for line in lines(done)] == ["other", "tiny"]
    assert "compared" in lines(done)[1]
    printed = tmp_path / "printed.jsonl"
    printed.write_text(evaluate(model, "--tasks", words, "--json").stdout)
    assert evaluate(model, "--tasks", words, "--baseline", printed).returncode == 0
    figures = json.loads(printed.read_text())
    printed.write_text(json.dumps({**figures, "score": 0.99, "interval": [0.98, 0.995]}) + "\n")
    assert evaluate(model, "--tasks", words, "--baseline", printed).returncode == 1


def test_several_models_are_compared_with_the_first(evaluate, model, words, tmp_path):
    other = write_model(tmp_path / "other", pooling="cls")
    done = evaluate(model, other, "--tasks", words)
    assert re.match(r"task +metric +tiny +other\n", done.stdout)
    assert "better or worse than tiny by more than chance" in done.stdout
    both = evaluate(model, "--precision", "float32", "--precision", "int8", "--tasks", words, "--json")
    assert [line["model"] for line in lines(both)] == ["tiny (float32)", "tiny (int8)"]


def test_what_fails_is_named_and_the_rest_is_scored(evaluate, model, words, tmp_path):
    (tmp_path / "bad").mkdir()
    bad = tmp_path / "bad" / "bad.toml"
    bad.write_text(STS.read_text(encoding="utf-8"))
    (tmp_path / "bad" / "pairs.jsonl").write_text('{"left": "a", "right": "b", "score": "x"}\n')
    done = evaluate(model, "--tasks", bad, words, "--json")
    assert done.returncode == 2
    failed, scored = lines(done)
    assert (failed["score"], failed["interval"]) == (None, None)
    assert failed["error"] == "pairs.jsonl, line 1: score must be a finite number, got 'x'"
    assert scored["task"] == "own"
    assert "1 of 2 gave no score; the first, bad of tiny: pairs.jsonl, line 1" in done.stderr
    gate = evaluate(model, "--tasks", words, "--baseline", tmp_path / "bad" / "pairs.jsonl")
    assert gate.returncode == 2
    assert "line 1 is no score of likewise eval" in gate.stderr


def test_a_gate_that_compares_nothing_does_not_pass(evaluate, model, words, tmp_path):
    saved = tmp_path / "saved.jsonl"
    evaluate(model, "--tasks", words, "--save", saved)
    done = evaluate(model, "--tasks", RETRIEVAL, "--baseline", saved)
    assert done.returncode == 2
    assert "the gate could not compare anything: no task is in both" in done.stderr


def test_all_tasks_that_suit_a_model_are_done_if_none_is_named(evaluate, model, tmp_path):
    data = tmp_path / "data"
    (data / "stsb").mkdir(parents=True)
    rows = "".join(f"{i % 3}\t{'abc' * (i % 4)}\t{'de' * (i % 5)}\n" for i in range(1, 20))
    for language in ("en", "fr"):
        (data / "stsb" / f"{language}_test.tsv").write_text("score\tsentence1\tsentence2\n" + rows)
    done = evaluate(model, "--data", data, "--json")
    assert [line["task"] for line in lines(done)] == ["stsb-en", "stsb-fr"], done.stderr
    (model / "README.md").write_text("---\nlanguage: en\n---\n")
    done = evaluate(model, "--data", data, "--json")
    assert [line["task"] for line in lines(done)] == ["stsb-en"]
    assert "1 tasks are in languages that the card of tiny does not list (fr): name them with --tasks" in done.stderr
    assert [line["task"] for line in lines(evaluate(model, "--data", data, "--tasks", "stsb-fr", "--json"))] == [
        "stsb-fr"
    ]
    (model / "README.md").write_text("---\nlanguage:\n- multilingual\n- en\n---\n")
    assert len(lines(evaluate(model, "--data", data, "--json"))) == 2


def test_the_tasks_that_come_along_are_listed(evaluate):
    assert "stsb-en: sts. STS Benchmark, test, English\n" in evaluate("--list").stdout
    first = lines(evaluate("--list", "--json"))[0]
    assert list(first) == ["task", "kind", "summary", "languages"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tasks", STS), "name a model: likewise eval MODEL --tasks stsb-en --data DIR"),
        (("MODEL",), "say where the data sets lie: --data DIR"),
        (("MODEL", "--data", MADE), "has the data of none of the"),
        (("MODEL", "--tasks", STS, STS.parent / ".." / "made" / "sts.toml"), "two of the tasks have one name"),
        (("MODEL", "--tasks", "stsb-eng"), "no task named 'stsb-eng'. Did you mean 'stsb-en'?"),
        (("MODEL", "--tasks", "stsb-en"), "the data of stsb-en does not come along"),
        (("MODEL", "--tasks", "stsb-en", "--data", MADE), "check --data, the folder that the sets lie in"),
        (("no-such-model", "--tasks", STS), "no model or folder named 'no-such-model'"),
        (("MODEL", "--tasks", STS, "--precision", "int3"), "precision is 'int3'"),
        (("MODEL", "--tasks", STS, "--html", "no/such/page.html"), "can't write no/such/page.html: there is no folder"),
        (("MODEL", "--tasks", STS, "--colour"), "No such option"),
    ],
)
def test_bad_input_is_one_line(evaluate, model, arguments, message):
    done = evaluate(*(model if one == "MODEL" else one for one in arguments))
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
