"""``likewise probe``: what it prints, what it leaves out, and what it refuses."""

import json
import sys

import pytest

from likewise.cli._app import main
from likewise.evaluating.robustness import PROBES


@pytest.fixture
def run(capsys, monkeypatch):
    """Run ``likewise probe`` in this process: (exit code, lines on stdout, lines on stderr)."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["likewise", "probe", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        out, err = capsys.readouterr()
        return ended.value.code or 0, out.splitlines(), err.splitlines()

    return command


def test_a_table_and_how_to_read_it(run, model):
    code, out, _ = run(model, "--probes", "roles", "language_mixing", "--precision", "float32")
    assert code == 0
    assert out[0] == str(model)
    assert out[1].split() == [
        "probe",
        "figure",
        "may",
        "lie",
        "from,",
        "to",
        "indifferent",
        "perfect",
        "share",
        "items",
    ]
    rows = [line.split() for line in out[2:7]]
    assert [row[0] for row in rows] == ["roles", "language_mixing", "de", "es", "fr"]
    assert [row[-1] for row in rows] == ["240", "288", "96", "96", "96"]
    assert all(0 <= float(row[2]) <= float(row[1]) <= float(row[4]) <= 1 for row in rows)
    assert out[7].startswith("roles: cosine to what agrees ")
    assert out[-2].startswith("roles: sentences nearer to the passive with the same roles than to that with swapped ")
    assert out[-1].startswith("language_mixing: English sentences nearer to themselves")


def test_json_is_one_object_a_probe(run, model):
    code, out, err = run(model, "--probes", "roles", "--probes", "shuffled_words", "--json", "--seed", 3)
    first, second = map(json.loads, out)
    assert (code, first["model"], first["probe"], second["probe"]) == (0, str(model), "roles", "shuffled_words")
    assert first["interval"][0] <= first["figure"] <= first["interval"][1]
    assert first["share"] == pytest.approx((first["figure"] - first["indifferent"]) / (1 - first["indifferent"]))
    assert set(first["cut"]) == {"texts", "cut", "tokens", "counted"}
    assert (first["items"], first["groups"], first["parts"]) == (240, 30, [])
    assert not [line for line in err if line.startswith("left out")]


def test_what_a_model_has_no_room_for_is_said(run, model):
    code, out, _ = run(model, "--probes", "length")
    assert code == 0
    cuts = [line for line in out if "tokens dropped" in line and line.startswith("length, ")]
    assert [line.split(":")[0] for line in cuts][-1] == "length, 540 words"


def test_probes_whose_data_is_not_there_are_left_out_unless_named(run, model, monkeypatch, tmp_path):
    for name in set(PROBES) - {"roles", "linear_order"}:
        monkeypatch.delitem(PROBES, name)
    code, out, err = run(model, "--json")
    assert (code, [json.loads(line)["probe"] for line in out]) == (0, ["roles"])
    assert "left out without --data: linear_order" in err
    assert f"left out as {tmp_path} lacks what they need: linear_order" in run(model, "--json", "--data", tmp_path)[2]
    code, out, err = run(model, "--probes", "linear_order", "roles", "--json")
    failed, found = map(json.loads, out)
    assert (code, failed["probe"], failed["figure"], found["probe"]) == (2, "linear_order", None, "roles")
    assert "--data" in failed["error"]
    assert err[-1].startswith(f"likewise: 1 of 2 found nothing; the first, linear_order of {model}: this probe")
    code, out, _ = run(model, "--probes", "linear_order", "roles")
    assert code == 2
    assert [line for line in out if line.startswith("Failed: linear_order: ")]
    assert [line for line in out if line.startswith("roles ")]


def test_probes_are_listed(run):
    code, out, _ = run("--list")
    assert code == 0
    assert [line.split(":")[0] for line in out] == list(PROBES)
    rows = [json.loads(line) for line in run("--list", "--json")[1]]
    assert {row["probe"]: row["files"] for row in rows}["mixed_index"] == ["xquad/paragraphs.jsonl.gz"]
    assert all(row["summary"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--probes", "roles"), "name a model"),
        (("no-such-model", "--probes", "role"), "no probe named 'role'. Did you mean 'roles'?"),
        (("no-such-model", "--probes", "roles"), "no model"),
        (("no-such-model", "--seed", "x"), "'x' is not a valid integer"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, [])
    assert err[-1].startswith("likewise: ")
    assert message in err[-1]
