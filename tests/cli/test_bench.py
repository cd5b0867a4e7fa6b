"""``likewise bench encode``: what it prints for a program and for a person, and what it refuses."""

import json
from dataclasses import fields

import pytest
import tiny_model
import tiny_outputs

from likewise.encoding.measuring import Speed

TEXTS = "abc de\n\nf g h a b\na\nhgf edc ba hgf edc ba hgf edc ba\n"


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "texts").write_text(TEXTS)
    return tmp_path / "texts"


def test_json_has_the_settings_and_a_line_for_each_precision(run_apart, model, texts):
    options = ("--texts", texts, "--precision", "int4", "--repeats", 2, "--json")
    code, out, err = run_apart("bench", "encode", "--model", model, *options)
    first, *speeds = map(json.loads, out)
    assert code == 0, err
    settings = first["settings"]
    assert (settings["model"], settings["source"], settings["texts"]) == (str(model), str(texts), 4)
    assert settings["tokens"] == 7 + 7 + 3 + 16  # with two special tokens each; the last is cut
    assert settings["token_percentiles"] == {"0": 3, "25": 6, "50": 7, "75": 9, "95": 15, "100": 16}
    assert (settings["repeats"], settings["cores"]) == (2, "1")
    assert [speed["precision"] for speed in speeds] == ["float32", "int4"]
    for speed in speeds:
        assert speed.keys() == {field.name for field in fields(Speed)}
        assert 0 < speed["share"] <= speed["share_padded"]
        assert speed["texts_per_s"] > 0


def test_a_person_gets_a_table(run_apart, model, texts):
    options = ("--texts", texts, "--precision", "float32", "--repeats", 1)
    code, out, err = run_apart("bench", "encode", "--model", model, *options)
    assert code == 0, err
    assert out[0].startswith(f"{model} on one core of ")
    assert out[2] == "4 texts of your own, 33 tokens: 3 to 16 each, half have at most 7, one in twenty over 15"
    assert out[3].split()[:3] == ["texts/s", "tokens/s", "GOP/s"]
    assert out[4].split()[0] == "float32"
    assert len(out[3]) == len(out[4])  # columns stand below each other
    assert out[4].split()[-2:] == ["1.0000", "1.0000"]
    assert err[-1] == "timing pass 1 of 1: float32"


BAD = {
    "unknown": (("--model", "minilm"), "no model or folder named 'minilm'"),
    "pickle": (("--model", "{pickle}"), "pickle"),
    "revision": (("--model", "{model}", "--revision", "v2"), "a folder has no revision 'v2'"),
    "scorer": (("--model", "{scorer}"), "gives scores output, not dense"),
    "missing": (("--texts", "{none}"), "no file at"),
    "empty": (("--texts", "{empty}"), "holds no text; it must hold one a line"),
    "latin": (("--texts", "{latin}"), "is no text in UTF-8"),
    "precision": (("--precision", "int3"), "'int3' is not one of"),
    "repeats": (("--repeats", "0"), "0 is not in the range"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(run, model, tmp_path, monkeypatch, name):
    monkeypatch.setattr("likewise.cli.bench.stay_on_one_core", lambda: None)  # this process has more tests to run
    pickled = tiny_model.write_model(tmp_path / "pickle")
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04")
    scorer = tiny_outputs.write_cross_encoder(tmp_path / "scorer")
    (tmp_path / "empty").write_text("\n \n")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    places = {"model": model, "pickle": pickled, "scorer": scorer}
    places |= {name: tmp_path / name for name in ("empty", "latin", "none")}
    arguments, message = BAD[name]
    code, out, err = run("bench", "encode", *(part.format(**places) for part in arguments))
    assert (code, out, len(err)) == (2, [], 1), err
    assert err[0].startswith("likewise: ")
    assert message.lower() in err[0].lower()
