"""likewise explain, as a person and a program use it."""

import json
import subprocess
import sys


def explain(*arguments):
    command = [sys.executable, "-c", "from likewise.cli import main; main()", "explain", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_text_is_shown_step_by_step_and_drawn(model, tmp_path):
    done = explain("abc de", "--model", model, "--html", tmp_path / "page.html")
    assert done.returncode == 0
    assert "2. Attention: what" in done.stdout
    assert "3. The vector: 24 numbers" in done.stdout
    assert done.stderr == f"drawn: {tmp_path / 'page.html'}\n"
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_json_has_every_step_with_all_its_numbers(model):
    done = explain("abc de", "abc fg", "--model", model, "--json")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["step"] for step in steps if step.get("text") == 1] == [
        "pieces", "ids", "spans", "lookup", "places", "attention", "states", "shares", "vector",
    ]  # fmt: skip
    assert len(next(step["value"] for step in steps if step["step"] == "vector")) == 24
    assert set(steps[-1]["value"]) == {"cosine", "words", "named", "without_named", "without_random", "holds"}


def test_bad_input_is_one_line(model):
    for arguments, message in (
        (("a b", "c d", "e f"), "explain takes one text or two, got 3"),
        (("abc", "--token", "zebra"), "no token is spelled 'zebra'"),
        (("  ",), "the text has no token"),
        (("abc", "--revision", "v2"), "a folder has no revision 'v2'"),
    ):
        done = explain(*arguments, "--model", model)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
