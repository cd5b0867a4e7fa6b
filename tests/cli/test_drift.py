"""``likewise drift``: what it says of two periods, the exit code that stops a pipeline, and what it refuses."""

import gzip
import json
from random import Random

import pytest


def texts(letters, count, *, seed):
    """Texts for the tiny model, whose vocabulary is letters."""
    chance = Random(seed)
    return [" ".join(chance.choice(letters) for _ in range(chance.randint(2, 6))) for _ in range(count)]


@pytest.fixture
def drift(run, model, tmp_path):
    """The command on two files, with the tiny model: one period, one like it, and one of other texts."""
    (tmp_path / "old.txt").write_text("\n".join(texts("abcd", 60, seed=0)) + "\n\n")
    rows = [json.dumps({"text": text, "document": i // 2}) + "\n" for i, text in enumerate(texts("abcd", 60, seed=1))]
    (tmp_path / "same.jsonl.gz").write_bytes(gzip.compress("".join(rows).encode()))
    (tmp_path / "other.tsv").write_text("text\n" + "\n".join(texts("efgh", 50, seed=2)) + "\n")

    def command(before, after, *arguments):
        options = "--model", model, "--precision", "float32", "--kept", tmp_path / "kept"
        return run("drift", tmp_path / before, tmp_path / after, *options, *arguments)

    return command


def test_a_period_of_the_same_kind_passes(drift):
    code, out, _ = drift("old.txt", "same.jsonl.gz")
    assert code == 0
    assert [line.partition(",")[0] for line in out[:2]] == ["before: 60 texts", "after: 60 texts"]
    assert float(out[5].split()[-1]) > 0.025
    assert out[-1] == "No difference beyond what chance gives was found: p is over 0.025."


def test_another_kind_of_texts_is_an_alarm(drift):
    code, out, _ = drift("old.txt", "other.tsv", "--alpha", "0.01")
    assert code == 1
    assert out[-1] == "They differ by more than chance gives: p is at most 0.01."


def test_json_is_one_object(drift):
    code, out, _ = drift("old.txt", "other.tsv", "--json", "--most", "40")
    (line,) = map(json.loads, out)
    assert (code, line["drifted"], line["alpha"]) == (1, True, 0.025)
    assert (line["before"]["texts"], line["before"]["of"], line["after"]["of"]) == (40, 60, 50)
    assert line["before"]["cut"]["cut"] == 0
    assert line["classifier"]["value"] > 0.7
    assert line["p_value"] == 2 * min(line[name]["p_value"] for name in ("classifier", "discrepancy"))


def test_of_a_group_one_text_counts(drift):
    _, out, _ = drift("same.jsonl.gz", "same.jsonl.gz", "--group", "document")
    assert out[0].startswith("before: 30 texts, ")


def test_what_is_cut_is_counted(drift, tmp_path):
    (tmp_path / "long.txt").write_text("\n".join([*texts("abcd", 30, seed=3), " ".join("abcdefgh" * 8)]))
    _, out, _ = drift("old.txt", "long.txt")
    assert out[1].endswith("; 1 cut, 51 tokens dropped")


@pytest.mark.parametrize(
    ("after", "content", "arguments", "message"),
    [
        ("none.txt", None, (), "none.txt can't be read"),
        ("empty.txt", "\n \n", (), "empty.txt holds no text; expected one a line"),
        ("few.txt", "a b\n" * 19, (), "the sample after has 19 vectors"),
        ("bad.jsonl", '{"query": "a"}\n', (), "line 1: no column named 'text'. Known: query"),
        ("old.txt", None, ("--group", "document"), "line 1: no column named 'document'"),
        ("old.txt", None, ("--alpha", "1"), "Invalid value for '--alpha'"),
        ("old.txt", None, ("--alpha", "0.001"), "choose a greater alpha below 1"),
    ],
)
def test_what_it_cannot_do_is_one_line_and_exit_code_2(drift, tmp_path, after, content, arguments, message):
    if content is not None:
        (tmp_path / after).write_text(content)
    code, out, err = drift("old.txt", after, *arguments)
    assert (code, out) == (2, [])
    assert message in err[-1]
