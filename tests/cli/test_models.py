"""``likewise models``: what a model declares, what is exported of it, and what smaller weights do to it."""

import gzip
import json
from dataclasses import fields

import pytest
import tiny_model
import tiny_outputs
import tiny_static

import likewise
from likewise.encoding import exporting
from likewise.encoding.quality import Compared, Quality
from likewise.modelling.tensors import weights_digest

COMMIT = "c" * 40
LETTERS = "\n".join(f"{a}{b} {b}{a} {a}" for a in "abcd" for b in "efgh")
PAIRS = (("abc de", "abc df", 5), ("abc", "fgh", 1), ("a b c", "a b d", 4), ("hg", "c", 0.5))


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "texts").write_text(f"{LETTERS}\n\n{LETTERS}\n")
    return tmp_path / "texts"


@pytest.fixture
def pairs(tmp_path):
    table = "sentence1\tsentence2\tscore\n" + "".join(f"{a}\t{b}\t{s}\n" for a, b, s in PAIRS)
    (tmp_path / "pairs.tsv.gz").write_bytes(gzip.compress(table.encode()))
    return tmp_path / "pairs.tsv.gz"


def test_what_a_folder_declares_is_shown(run, model):
    code, out, err = run("models", "show", model, "--json")
    (facts,) = map(json.loads, out)
    assert (code, err) == (0, [])
    weights = sum(value.size for value in tiny_model.published_tensors().values())
    assert facts == {
        "name": str(model),
        "folder": str(model),
        "source": "folder",
        "revision": None,
        "licence": None,
        "family": "bert",
        "gives": "dense",
        "chain": "mean",
        "normalised": True,
        "dimension": 24,
        "may_be_cut_to": [],
        "max_tokens": 16,
        "similarity": "cosine",
        "prompts": {"query": "a "},
        "parameters": weights,
        "sha256": weights_digest(model),
    }
    code, out, _ = run("models", "show", model)
    assert code == 0
    assert {"family: bert", "max tokens: 16", "licence: none", f"parameters: {weights}"} <= set(out)


@pytest.mark.parametrize(
    ("gives", "dimension", "write"),
    [
        ("sparse", len(tiny_outputs.WORDS), tiny_outputs.write_sparse),
        ("multi_vector", 8, lambda folder: tiny_outputs.write_multi_vector(folder, expansion=None)),
        ("scores", 3, lambda folder: tiny_outputs.write_cross_encoder(folder, labels=3)),
    ],
)
def test_models_of_every_kind_are_shown(run, tmp_path, gives, dimension, write):
    code, out, _ = run("models", "show", write(tmp_path / "model"), "--json")
    facts = json.loads(out[0])
    assert (code, facts["gives"], facts["dimension"]) == (0, gives, dimension)


def test_a_model_that_reads_texts_of_any_length_has_no_limit(run, tmp_path):
    folder = tiny_static.write_model2vec(tmp_path / "static", "plain")
    assert "max tokens: no limit" in run("models", "show", folder)[1]
    assert json.loads(run("models", "show", folder, "--json")[1][0])["max_tokens"] is None


def in_the_hubs_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    place = tmp_path / "hub" / "models--intfloat--e5-small-v2"
    snapshot = tiny_model.write_model(place / "snapshots" / COMMIT)
    (snapshot / "config_sentence_transformers.json").unlink()
    (snapshot / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    (place / "refs" / "v2").write_text(COMMIT)


def test_a_model_of_the_hub_is_shown_with_its_commit_and_known_prompts_once_its_licence_is_accepted(
    run, tmp_path, monkeypatch
):
    in_the_hubs_cache(tmp_path, monkeypatch)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    command = ("models", "show", "e5-small-v2", "--revision", "v2", "--json")
    code, out, err = run(*command)
    assert (code, out, len(err)) == (2, [], 1)
    assert "cc-by-nc-4.0" in err[0]
    code, out, _ = run(*command, "--accept-licence")
    facts = json.loads(out[0])
    assert (code, facts["revision"], facts["source"], facts["licence"]) == (0, COMMIT, "hub cache", "cc-by-nc-4.0")
    assert facts["prompts"] == {"query": "query: ", "document": "passage: "}
    code, out, err = run("models", "show", "e5-small-v2", "--revision", "v3", "--offline")
    assert (code, out, len(err)) == (2, [], 1)
    assert "at 'v3' is not on this machine" in err[0]


@pytest.mark.parametrize("to", exporting.FORMATS)
def test_a_model_is_exported(run, model, tmp_path, to):
    code, out, _ = run("models", "export", model, "--to", to, "--out", tmp_path / "a", "--json")
    (made,) = map(json.loads, out)
    assert code == 0
    assert (made["to"], made["folder"], made["revision"]) == (to, str(tmp_path / "a"), None)
    assert made["contract"] == json.loads(likewise.load(model, precision="float32").contract.to_json())
    found = {path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert made["files"].keys() == found
    code, out, err = run("models", "export", model, "--to", to, "--out", tmp_path / "b")
    assert (code, out[0]) == (0, f"{model} as {to}, float32, in {tmp_path / 'b'}:")
    assert f"  config.json: {made['files']['config.json']:,} bytes" in out
    assert err == [f"exporting tiny to {to} (float32)"]


def test_precisions_are_compared_in_lines_of_json(run_apart, model, texts, pairs):
    command = ("models", "quantize", model, "--texts", texts, "--count", 14, "--pairs", pairs, "--repeats", 1, "--json")
    code, out, err = run_apart(*command)
    first, *rows = map(json.loads, out)
    assert code == 0, err
    expected = {"model": str(model), "texts": 14, "source": str(texts), "pairs": 4, "repeats": 1, "cores": "1"}
    assert expected.items() <= first["settings"].items()
    assert [row["precision"] for row in rows] == ["float32", "int8", "int4"]
    for row in rows:
        assert row.keys() == {field.name for field in fields(Compared)}
        assert row["quality"].keys() == {field.name for field in fields(Quality)}
        assert 0.9 < row["quality"]["cosine_least"] <= row["quality"]["cosine_mean"] <= 1.000001
        assert 0 < row["quality"]["neighbours_kept"] <= 1
        assert -1 <= row["quality"]["spearman"] <= 1
        assert row["quality"]["order_kept"] is None
    assert rows[0]["quality"]["spearman"] > 0.5  # texts with the same letters are alike, whatever the weights


def test_a_person_gets_a_table_and_the_network_in_a_folder(run_apart, model, texts, tmp_path):
    options = ("--precision", "int4", "--to", "openvino", "--out", tmp_path / "made", "--texts", texts, "--repeats", 1)
    code, out, err = run_apart("models", "quantize", model, *options)
    assert code == 0, err
    assert out[0].startswith(f"{model}: 16 texts of your own; one core of ")
    assert out[1].split() == ["size", "of", "float32", "texts/s", "speed", "cosine", "least", "kept"]
    assert [line.split()[0] for line in out[2:4]] == ["float32", "int4"]
    assert len({len(line) for line in out[1:4]}) == 1  # columns stand below each other
    assert "1.00×" in out[2]
    assert out[5] == f"{model} as openvino, int4, in {tmp_path / 'made'}:"
    assert {path.name for path in (tmp_path / "made").glob("openvino*")} == {"openvino_model.xml", "openvino_model.bin"}
    assert json.loads((tmp_path / "made" / "manifest.json").read_text())["precision"] == "int4"


def test_a_scorer_is_compared_on_pairs(run_apart, tmp_path, pairs):
    folder = tiny_outputs.write_cross_encoder(tmp_path / "model", activation=tiny_outputs.IDENTITY)
    options = ("--pairs", pairs, "--precision", "int4", "--repeats", 1)
    code, out, err = run_apart("models", "quantize", folder, *options)
    assert code == 0, err
    assert out[0].startswith(f"{folder}: 4 pairs that people scored; one core of ")
    assert out[1].split() == ["size", "of", "float32", "pairs/s", "speed", "same", "order", "Spearman"]
    assert [line.split()[0] for line in out[2:4]] == ["float32", "int4"]


BAD = {
    "show unknown": (("show", "minilm"), "no model or folder named 'minilm'. Known: "),
    "show pickle": (("show", "{pickle}"), "pickle"),
    "show revision": (("show", "{model}", "--revision", "v2"), "a folder has no revision 'v2'"),
    "export unknown": (("export", "minilm", "--to", "onnx", "--out", "{new}"), "no model or folder named 'minilm'"),
    "export pickle": (("export", "{pickle}", "--to", "onnx", "--out", "{new}"), "pickle"),
    "export there": (("export", "{model}", "--to", "onnx", "--out", "{model}"), "exists; name a folder that does not"),
    "export format": (("export", "{model}", "--to", "onxx", "--out", "{new}"), "'onxx' is not one of"),
    "export no folder": (("export", "{model}", "--to", "onnx"), "'--out'"),
    "export int4": (
        ("export", "{model}", "--to", "sentence-transformers", "--out", "{new}", "--precision", "int4"),
        "exporting to sentence-transformers it must be float32",
    ),
    "quantize unknown": (("quantize", "minilm"), "no model or folder named 'minilm'"),
    "quantize pickle": (("quantize", "{pickle}"), "pickle"),
    "quantize precision": (("quantize", "{model}", "--precision", "int3"), "'int3' is not one of"),
    "quantize no texts": (("quantize", "{model}", "--texts", "{none}"), "no file at"),
    "quantize empty": (("quantize", "{model}", "--texts", "{empty}"), "holds no text"),
    "quantize latin": (("quantize", "{model}", "--texts", "{latin}"), "no text in UTF-8: 1 of its bytes"),
    "quantize few": (("quantize", "{model}", "--texts", "{few}"), "there are 2 different texts"),
    "quantize count": (("quantize", "{model}", "--count", "5"), "there are 5 different texts"),
    "quantize no pairs": (("quantize", "{model}", "--pairs", "{few}"), "line 1 has no sentence1"),
    "quantize scorer": (("quantize", "{scorer}"), "scores pairs of texts, so it is compared on such pairs"),
    "quantize no form": (("quantize", "{model}", "--precision", "int4", "--out", "{new}"), "--out, --to, --precision"),
    "quantize no out": (("quantize", "{model}", "--precision", "int4", "--to", "onnx"), "--out, --to, --precision"),
    "quantize two": (("quantize", "{model}", "--to", "onnx", "--out", "{new}"), "one precision: --out"),
    "quantize form": (
        ("quantize", "{model}", "--precision", "int4", "--to", "sentence-transformers", "--out", "{new}"),
        "'sentence-transformers' is not one of",
    ),
    "quantize there": (
        ("quantize", "{model}", "--precision", "int4", "--to", "onnx", "--out", "{model}"),
        "exists; name a folder that does not",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(run, model, tmp_path, monkeypatch, name):
    monkeypatch.setattr("likewise.cli.models.stay_on_one_core", lambda: None)  # this process has more tests to run
    pickled = tiny_model.write_model(tmp_path / "pickle")
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04")
    scorer = tiny_outputs.write_cross_encoder(tmp_path / "scorer")
    (tmp_path / "empty").write_text("\n \n")
    (tmp_path / "few").write_text("abc\nabc\nde\n")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    places = {"model": model, "scorer": scorer, "pickle": pickled}
    places |= {name: tmp_path / name for name in ("empty", "few", "latin", "none", "new")}
    before = set(tmp_path.iterdir())
    arguments, message = BAD[name]
    code, out, err = run("models", *(part.format(**places) for part in arguments))
    assert (code, out, len(err)) == (2, [], 1), err
    assert err[0].startswith("likewise: ")
    assert message.lower() in err[0].lower()
    assert set(tmp_path.iterdir()) == before
