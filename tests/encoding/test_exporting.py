"""What is exported gives others our vectors, whatever the model's kind; it is there whole or not at all."""

import errno
import json
import re
import shutil

import numpy as np
import onnx
import openvino
import pytest
import tiny_model
import tiny_outputs
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save_file

import likewise
from likewise.artifacts import read_manifest, sha256
from likewise.encoding import export_notes, exporting
from likewise.encoding.contract import Contract
from likewise.encoding.exporting import export_model
from likewise.encoding.licences import declared_licence
from likewise.encoding.multi_vector import load_multi_vector
from likewise.encoding.scoring import load_scorer
from likewise.encoding.sparse import load_sparse
from likewise.errors import ArtifactError, ModelError, SettingError, StorageError, UnknownNameError
from likewise.modelling.ops import onnx_file
from likewise.modelling.tensors import WEIGHTS, weights_digest
from likewise.settings import from_dict

TEXTS = ("abc de", "f g h a b", "a", "hgf edc ba hgf")
PAIRS = (("abc", "de f"), ("a", "b c d"), ("hgfedcba", "a"))
COMMIT = "c" * 40


def write_leaving_prompts_out(folder):
    tiny_model.write_model(folder)
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean", "include_prompt": false}')
    return folder


def write_with_a_map(folder):
    """With a Dense step, whose weights are in a folder of their own."""
    tiny_model.write_model(folder, normalise=False)
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"in_features": 24, "out_features": 5, "bias": false}')
    weight = np.random.default_rng(2).normal(size=(5, 24)).astype(np.float32)
    save_file({"linear.weight": weight}, folder / "2_Dense" / WEIGHTS, metadata={"format": "pt"})
    return folder


FOLDERS = {
    "mean": tiny_model.write_model,
    "cls": lambda folder: tiny_model.write_model(folder, pooling="cls", normalise=False, prefix="bert."),
    "map": write_with_a_map,
    "no prompts": write_leaving_prompts_out,
    "sparse": tiny_outputs.write_sparse,
    "routed": tiny_outputs.write_routed,
    "multi-vector": lambda folder: tiny_outputs.write_multi_vector(folder, expansion=None, skipped=()),
    "scores": lambda folder: tiny_outputs.write_cross_encoder(folder, activation=tiny_outputs.IDENTITY),
    "labels": lambda folder: tiny_outputs.write_cross_encoder(folder, labels=3),
}


EXACT = ("float32", "int4")  # computed the same way by whoever runs the exported network


def ours(folder, networks, precision="float32"):
    """What our own engine gives for TEXTS or PAIRS: (N, D), and (all tokens, D) for a vector a token."""
    kind = exporting.find_checkpoint(folder)[1].chain.kind
    options = {"precision": precision, "cache": networks}
    if kind == "dense":
        return likewise.load(folder, **options).encode(TEXTS, role="document")
    if kind == "multi_vector":
        return np.concatenate(load_multi_vector(folder, **options).encode(TEXTS, role="document"))
    if kind == "scores":
        return load_scorer(folder, **options).score(PAIRS)
    encoder = load_sparse(folder, **options)
    found = np.zeros((len(TEXTS), encoder.contract.dimension), np.float32)
    for row, vector in zip(found, encoder.encode(TEXTS, role="document"), strict=True):
        row[vector.terms] = vector.weights
    return found


@pytest.fixture
def run_notes(monkeypatch):
    """Run the program in a folder's README as it stands there: what is fed, and what is found."""

    def run(folder):
        (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
        monkeypatch.chdir(folder)
        values = {}
        exec(code, values)
        found, mask = values["found"], values["feed"]["attention_mask"]
        return values["feed"], found[mask.astype(bool)] if found.ndim == 3 else found

    return run


@pytest.fixture(autouse=True)
def own_examples(monkeypatch):
    """The notes speak of texts that the tiny models have words for."""
    monkeypatch.setattr(export_notes, "_TEXTS", TEXTS)
    monkeypatch.setattr(export_notes, "_PAIRS", PAIRS)


@pytest.fixture(params=FOLDERS)
def folder(request, tmp_path):
    return FOLDERS[request.param](tmp_path / "published")


@pytest.mark.parametrize("precision", EXACT)
def test_the_program_in_the_notes_gives_our_vectors_on_openvino(folder, tmp_path, networks, run_notes, precision):
    export_model(folder, tmp_path / "exported", to="openvino", precision=precision)
    _, found = run_notes(tmp_path / "exported")
    np.testing.assert_allclose(found, ours(folder, networks, precision), atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("precision", EXACT)
def test_the_program_in_the_notes_gives_our_vectors_on_onnx_runtime(folder, tmp_path, networks, run_notes, precision):
    pytest.importorskip("onnxruntime")
    export_model(folder, tmp_path / "exported", to="onnx", precision=precision)
    _, found = run_notes(tmp_path / "exported")
    np.testing.assert_allclose(found, ours(folder, networks, precision), atol=1e-5)


def run_reference(path, feed):
    """By the onnx package's own interpreter, which shares nothing with ours: name → value."""
    onnx.checker.check_model(str(path), full_check=True)
    evaluator = ReferenceEvaluator(str(path))
    return dict(zip(evaluator.output_names, evaluator.run(None, feed), strict=True))


@pytest.mark.parametrize("precision", EXACT)
def test_an_onnx_model_is_sound_and_means_the_same_to_the_reference(folder, tmp_path, networks, run_notes, precision):
    export_model(folder, tmp_path / "a", to="openvino")
    feed, _ = run_notes(tmp_path / "a")
    export_model(folder, tmp_path / "b", to="onnx", precision=precision)
    found = run_reference(tmp_path / "b" / "model.onnx", feed)
    first = next(iter(found.values()))
    real = feed["attention_mask"].astype(bool)
    expected = ours(folder, networks, precision)
    np.testing.assert_allclose(first[real] if first.ndim == 3 else first, expected, atol=1e-5)
    if "sentence_embedding" in found and first.shape[1] < len(tiny_outputs.WORDS):
        states = found["last_hidden_state"]
        assert states.shape == (len(TEXTS), feed["input_ids"].shape[1], 24)
        if "no prompts" not in str(folder) and json.loads((folder / "modules.json").read_text())[-1]["idx"] == 1:
            np.testing.assert_allclose(states[:, 0], first, atol=1e-6)  # the folder that pools by the first token


@pytest.mark.parametrize("precision", EXACT)
def test_large_weights_lie_beside_the_model(folder, tmp_path, run_notes, monkeypatch, precision):
    export_model(folder, tmp_path / "inline", to="openvino", precision=precision)
    feed, expected = run_notes(tmp_path / "inline")
    inline = export_model(folder, tmp_path / "whole", to="onnx", precision=precision)
    monkeypatch.setattr(exporting, "INLINE_BYTES", 1000)
    monkeypatch.setattr(onnx_file, "_LEAST_BYTES", 256)  # the tiny maps are 288 in four bits
    made = export_model(folder, tmp_path / "parted", to="onnx", precision=precision)
    moved = inline.files["model.onnx"] - made.files["model.onnx"]
    assert moved > 0.3 * inline.files["model.onnx"]
    assert made.files["model.onnx_data"] > moved
    whole, parted = (run_reference(tmp_path / name / "model.onnx", feed) for name in ("whole", "parted"))
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parted[name])
    export_model(folder, tmp_path / "beside", to="openvino", precision=precision)
    assert not list((tmp_path / "beside").glob("*.onnx*"))
    np.testing.assert_array_equal(run_notes(tmp_path / "beside")[1], expected)


def test_the_published_form_is_the_model_again(folder, tmp_path, networks):
    made = export_model(folder, tmp_path / "exported", to="sentence-transformers")
    np.testing.assert_array_equal(ours(tmp_path / "exported", networks), ours(folder, networks))
    again = {name: sha256(path) for name, path in files(folder) if name.endswith(".safetensors")}
    assert again.keys() == {name for name in made.files if name.endswith(".safetensors")}


def files(folder):
    return [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("to", exporting.FORMATS)
def test_a_manifest_says_what_was_exported_and_the_same_export_is_the_same_bytes(model, tmp_path, to):
    (model / "README.md").write_text("---\nlicense: other\nlicense_name: acme-terms\n---\n# Tiny\n")
    (model / "LICENSE").write_text("As you like.")
    (model / "pytorch_model.bin").write_bytes(b"a pickle")
    (model / "modeling.py").write_text("raise SystemExit")
    first, second = (export_model(model, tmp_path / name, to=to) for name in ("a", "b"))
    # OpenVINO numbers the nodes of its .xml anew in each network that a process reads, so that file may differ.
    varying = {"openvino_model.xml", "manifest.json"} if to == "openvino" else set()
    assert [(name, path.read_bytes()) for name, path in files(tmp_path / "a") if name not in varying] == [
        (name, path.read_bytes()) for name, path in files(tmp_path / "b") if name not in varying
    ]
    manifest = read_manifest(first.folder, kind=exporting.KIND, version=exporting.VERSION)
    assert (manifest["name"], manifest["format"], manifest["precision"]) == ("tiny", to, "float32")
    assert from_dict(Contract, manifest["contract"]) == first.contract == second.contract
    assert first.contract.weights == weights_digest(model)
    assert manifest["sha256"] == {name: sha256(path) for name, path in files(first.folder) if name != "manifest.json"}
    assert first.files == {name: path.stat().st_size for name, path in files(first.folder)}
    assert declared_licence(first.folder) == "other (acme-terms)"
    assert (first.folder / "LICENSE").read_text() == "As you like."
    assert {"config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"} <= first.files.keys()
    assert not [name for name in first.files if name.endswith((".bin", ".py")) and name != "openvino_model.bin"]
    assert not [name for name, path in files(first.folder) if str(tmp_path).encode() in path.read_bytes()]
    assert {path.name for path in tmp_path.iterdir()} == {"tiny", "a", "b"}


@pytest.mark.parametrize("to", exporting.FORMATS)
def test_what_comes_from_the_hub_keeps_its_commit_and_the_prompts_known_of_it(tmp_path, monkeypatch, networks, to):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    place = tmp_path / "hub" / "models--intfloat--e5-small-v2"
    snapshot = tiny_model.write_model(place / "snapshots" / COMMIT)
    (snapshot / "config_sentence_transformers.json").unlink()
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    made = export_model("e5-small-v2", tmp_path / "exported", to=to)
    assert (made.name, made.revision) == ("e5-small-v2", COMMIT)
    assert made.contract.prompts == {"query": "query: ", "document": "passage: "}
    settings = json.loads((made.folder / "config_sentence_transformers.json").read_text())
    assert settings["prompts"] == made.contract.prompts
    assert read_manifest(made.folder, kind=exporting.KIND, version=exporting.VERSION)["revision"] == COMMIT
    if to == "sentence-transformers":
        known = likewise.load("e5-small-v2", precision="float32", cache=networks)
        again = likewise.load(made.folder, precision="float32", cache=networks)
        for role in ("query", "document"):
            np.testing.assert_array_equal(again.encode(TEXTS, role=role), known.encode(TEXTS, role=role))


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_int8_is_smaller_and_stays_near(model, tmp_path, run_notes, to):
    float32, int8 = (export_model(model, tmp_path / name, to=to, precision=name) for name in ("float32", "int8"))
    weights = {"onnx": "model.onnx", "openvino": "openvino_model.bin"}[to]
    assert int8.contract.precision == "int8"
    if to == "openvino":
        assert int8.files[weights] < 0.6 * float32.files[weights]
        (_, exact), (_, found) = run_notes(float32.folder), run_notes(int8.folder)
    else:
        values = [onnx.numpy_helper.to_array(one) for one in onnx.load(int8.folder / weights).graph.initializer]
        packed = [one for one in values if one.dtype == np.int8 and one.ndim == 2]
        products = [one for one in packed if one.shape[0] != len(tiny_model.WORDS)]
        assert 60 < max(np.abs(one.astype(int)).max() for one in products) <= 64  # no processor saturates
        read = openvino.Core().compile_model(openvino.Core().read_model(int8.folder / weights), "CPU")
        export_model(model, tmp_path / "notes", to="openvino")
        feed, exact = run_notes(tmp_path / "notes")
        found = read(feed)["sentence_embedding"]
    assert (exact * found).sum(axis=1).min() > 0.97
    assert np.abs(exact - found).max() > 1e-4, "nothing was quantised"


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_int4_says_so_and_is_smaller(model, tmp_path, to):
    float32, int4 = (export_model(model, tmp_path / name, to=to, precision=name) for name in EXACT)
    assert int4.contract.precision == "int4"
    weights = {"onnx": "model.onnx", "openvino": "openvino_model.bin"}[to]
    assert int4.files[weights] < 0.5 * float32.files[weights]
    assert "weights in int4 with a scale for each group" in (int4.folder / "README.md").read_text()
    if to == "onnx":
        kinds = {one.data_type for one in onnx.load(int4.folder / weights).graph.initializer}
        assert {onnx.TensorProto.INT4, onnx.TensorProto.INT8} <= kinds


def test_notes_use_transformers_where_the_file_of_the_tokenizer_says_another_thing(model, tmp_path):
    """Llama's class obeys switches whatever its tokenizer.json says; the library alone would leave out the end."""
    (model / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": "[CLS]"})
    )
    export_model(model, tmp_path / "exported", to="onnx")
    notes = (tmp_path / "exported" / "README.md").read_text()
    assert "transformers.AutoTokenizer" in notes
    assert "tokenizers.Tokenizer" not in notes


BAD = {
    "format": ({"to": "onxx"}, UnknownNameError, "no format to export to named 'onxx'. Did you mean 'onnx'"),
    "precision": ({"to": "onnx", "precision": "int3"}, SettingError, "precision is 'int3'; .* float32, int8, int4"),
    "published": ({"to": "sentence-transformers", "precision": "int8"}, SettingError, "must be float32"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_asked_for_is_said(model, tmp_path, name):
    options, error, message = BAD[name]
    with pytest.raises(error, match=message):
        export_model(model, tmp_path / "exported", **options)
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize("to", exporting.FORMATS)
def test_what_fails_leaves_nothing_and_what_is_there_stays(model, tmp_path, monkeypatch, to):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ModelError, match="mine exists"):
        export_model(model, tmp_path / "mine", to=to)
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="No space left"):
        patch.setattr(shutil, "copyfile", lambda *_: (_ for _ in ()).throw(full))
        export_model(model, tmp_path / "exported", to=to)
    with pytest.raises(StorageError, match="can't write"):
        export_model(model, model / "config.json" / "exported", to=to)
    damaged = (model / WEIGHTS).read_bytes()[:-10]
    (model / WEIGHTS).write_bytes(damaged)
    with pytest.raises(ArtifactError, match=r"model\.safetensors"):
        export_model(model, tmp_path / "exported", to=to)
    with pytest.raises(UnknownNameError, match="Did you mean 'bert'"):
        (model / "config.json").write_text((model / "config.json").read_text().replace('"bert"', '"bort"'))
        export_model(model, tmp_path / "exported", to=to)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny", "mine"}


@pytest.mark.slow
@pytest.mark.parametrize("precision", exporting.PRECISIONS)
def test_the_default_model_keeps_its_vectors(tmp_path, exact_encoder, sentences, run_notes, monkeypatch, precision):
    monkeypatch.setattr(export_notes, "_TEXTS", tuple(sentences[:60]))
    export_model("all-MiniLM-L6-v2", tmp_path / "exported", to="openvino", precision=precision)
    _, found = run_notes(tmp_path / "exported")
    cosines = (found * exact_encoder.encode(sentences[:60], role="document", overflow="truncate")).sum(axis=1)
    assert cosines.mean() > {"float32": 0.999999, "int8": 0.992, "int4": 0.95}[precision]


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["mean", "cls", "map"])
def test_sentence_transformers_gives_our_vectors(tmp_path, networks, kind):
    library = pytest.importorskip("sentence_transformers")
    folder = FOLDERS[kind](tmp_path / "published")
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **names}))
    export_model(folder, tmp_path / "exported", to="sentence-transformers")
    theirs = library.SentenceTransformer(str(tmp_path / "exported"), device="cpu")
    encoder = likewise.load(tmp_path / "exported", precision="float32", cache=networks)
    for role, encode in (("query", theirs.encode_query), ("document", theirs.encode_document)):
        np.testing.assert_allclose(encode(list(TEXTS)), encoder.encode(TEXTS, role=role), atol=1e-5)


@pytest.mark.oracle
def test_sentence_transformers_opens_the_other_kinds_too(tmp_path, networks):
    library = pytest.importorskip("sentence_transformers")
    for kind in ("sparse", "multi-vector", "labels"):
        folder = FOLDERS[kind](tmp_path / kind)
        made = export_model(folder, tmp_path / f"{kind} exported", to="sentence-transformers").folder
        if kind == "sparse":
            encoder = library.SparseEncoder(str(made), device="cpu")
            theirs = encoder.encode_document(list(TEXTS), convert_to_sparse_tensor=False).numpy()
        elif kind == "labels":
            theirs = library.CrossEncoder(str(made), device="cpu").predict(list(PAIRS))
        else:
            theirs = np.concatenate(library.MultiVectorEncoder(str(made), device="cpu").encode_document(list(TEXTS)))
        np.testing.assert_allclose(theirs, ours(folder, networks), atol=1e-5)


@pytest.mark.oracle
def test_sentence_transformers_finds_the_network_where_its_backends_look(model, tmp_path):
    """optimum, which would run it, is not among what is compared with; that it would not export anew is checked."""
    backends = pytest.importorskip("sentence_transformers.backend.utils")
    for to, name in (("onnx", "model.onnx"), ("openvino", "openvino_model.xml")):
        made = export_model(model, tmp_path / to, to=to)
        glob = {"onnx": "*.onnx", "openvino": "openvino*.xml"}[to]
        anew, options = backends.backend_should_export(made.folder, True, {}, name, glob, to)
        assert (anew, options) == (False, {})
