"""``likewise bias``: associations of words, a model without what parts some of them, and what it refuses."""

import json
from pathlib import Path

import pytest

TASK = Path(__file__).parent.parent / "evaluating" / "made" / "retrieval.toml"
TESTS = [  # in letters, which are the tiny model's vocabulary
    ("letters", ("a", "a b", "b a", "b"), ("g", "g h", "h g", "h"), ("c", "c d"), ("e", "e f")),
    ("others", ("a c", "b c", "d a"), ("e g", "f h", "h e"), ("b", "b b"), ("g g", "h")),
]
PAIRS = "first,second\na,g\nb,h\na b,g h\nb a,h g\n"


KEYS = ("targ1", "targ2", "attr1", "attr2")


def line(name, *lists):
    return json.dumps({"test": name, **dict(zip(KEYS, ({"examples": one} for one in lists), strict=True))}) + "\n"


@pytest.fixture
def bias(run, model, tmp_path):
    """The command with the tiny model and two tests."""
    (tmp_path / "tests.jsonl").write_text("".join(line(*one) for one in TESTS))
    (tmp_path / "pairs.csv").write_text(PAIRS)

    def command(*arguments, tests="tests.jsonl"):
        return run("bias", model, "--tests", tmp_path / tests, "--kept", tmp_path / "kept", *arguments)

    return command


@pytest.fixture
def cure(tmp_path):
    """The options that write a debiased model."""
    return "--debias", "hard", "--pairs", tmp_path / "pairs.csv", "--to", tmp_path / "fair"


def test_each_test_is_measured_as_words_and_in_sentences(bias, model):
    code, out, _ = bias()
    assert code == 0
    assert [out[0].split(), out[4].split()] == [[name, "effect", "p"] for name in ("words", "sentences")]
    assert [out[i].split()[0] for i in (1, 2, 5, 6)] == ["letters", "others"] * 2
    assert out[-1].startswith(f"{model}: beyond chance, over all 4 together (Holm, p ≤ 0.05): ")


def test_a_debiased_model_is_shown_beside_the_other(bias, cure, model, tmp_path):
    code, out, err = bias(*cure, "--tasks", TASK, "--json")
    assert code == 0, err
    rows = [json.loads(one) for one in out]
    effects = {(row["model"], row["test"], row["read_in"]): row["effect"] for row in rows[:8]}
    before, after = str(model), str(tmp_path / "fair")
    assert abs(effects[before, "letters", "sentences"] - effects[after, "letters", "sentences"]) > 0.01
    first, second = rows[8:]
    assert (first["model"], first["task"], second["model"]) == (before, "retrieval", after)
    assert second["compared"]["score"] == first["score"]
    assert second["compared"]["verdict"] in ("better", "worse", "same")


def test_both_are_in_one_table(bias, cure, tmp_path):
    code, out, _ = bias(*cure, "--tasks", TASK)
    assert code == 0
    assert out[0].split() == ["words", "before", "p", "after", "p", "after"]
    assert [line.split(":")[0] for line in out if "beyond chance" in line][1] == str(tmp_path / "fair")
    assert any(line.startswith("retrieval ") for line in out)
    assert (tmp_path / "fair" / "modules.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "fair"), "--pairs, --to and --tasks are of a model that is debiased"),
        (("--debias", "hard"), "--pairs FILE --to FOLDER"),
        (("--debias", "soft"), "Invalid value for '--debias'"),
        (("--debias", "hard", "--pairs", "pairs.csv", "--to", "."), "exists; name a folder that does not"),
        (("--debias", "hard", "--pairs", "same.csv", "--to", "fair"), "same.csv, line 3: expected two different words"),
        (("--debias", "hard", "--pairs", "none.csv", "--to", "fair"), "none.csv has no pair"),
        (("--debias", "hard", "--pairs", "pairs.csv", "--to", "fair", "--tasks", "stsb-en"), "does not come along"),
    ],
)
def test_what_does_not_go_together_is_one_line_and_exit_code_2(bias, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "same.csv").write_text("first,second\na,b\nc,c\n")
    (tmp_path / "none.csv").write_text("first,second\n")
    monkeypatch.chdir(tmp_path)
    code, out, err = bias(*arguments)
    assert (code, out) == (2, [])
    assert message in err[-1]
    assert not (tmp_path / "fair").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no test; expected JSON lines with test, targ1"),
        (line(*TESTS[0]) * 2, "line 2: a test called 'letters' was there before"),
        ('{"test": "half", "targ1": {"examples": ["a"]}}\n', "line 1: no column named 'targ2.examples'"),
        (line("text", "ab", ["a"], ["b"], ["c"]), "targ1.examples must be a list of texts, got 'ab'"),
        (line("short", ["a"], ["b", "c"], ["b"], ["c"]), "expected at least 2"),
    ],
)
def test_bad_tests_are_told(bias, tmp_path, content, message):
    (tmp_path / "bad.jsonl").write_text(content)
    code, out, err = bias(tests="bad.jsonl")
    assert (code, out) == (2, [])
    assert message in err[-1]
