"""Static models: those of other programs give the vectors that they give there, in every published form."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tiny_model import WORDS
from tiny_static import FORMS, TEXTS, WIDTH, tensors, write_model2vec, write_static

import likewise
from likewise.encoding.explaining import trace
from likewise.encoding.measuring import mixed_texts
from likewise.encoding.static import tokenizer_of
from likewise.errors import ArtifactError, ModelError, SettingError, TooLongError
from likewise.modelling.checkpoints import read_checkpoint
from likewise.searching.index import Index
from likewise.types import Document

GOLDEN = np.load(Path(__file__).parent.parent / "golden" / "static.npz")  # by make_static.py


@pytest.mark.parametrize("form", FORMS)
def test_the_vectors_are_those_of_model2vec(form, tmp_path):
    encoder = likewise.load(write_model2vec(tmp_path / "model", form))
    expected = GOLDEN[form].astype(np.float32)
    near = 1e-6 if form != "half" else 3e-3 * np.abs(expected).max()  # model2vec averages in half precision
    assert np.abs(encoder.encode(TEXTS, role="document") - expected).max() <= near
    assert encoder.contract.normalise is FORMS[form][3]
    assert (encoder.contract.architecture, encoder.contract.pooling) == ("static", "mean")


@pytest.mark.parametrize("normalise", [True, False])
def test_the_vectors_are_those_of_sentence_transformers(normalise, tmp_path):
    encoder = likewise.load(write_static(tmp_path / "model", normalise=normalise))
    expected = GOLDEN[f"static-{normalise}"]
    assert encoder.contract.max_tokens == 8  # as its tokenizer has it
    assert np.abs(encoder.encode(TEXTS, role="document", overflow="truncate") - expected).max() <= 1e-6


def test_what_a_vector_is(tmp_path):
    """The slow definition: the rows of the known tokens, each times what it weighs, over how many there are."""
    encoder = likewise.load(write_model2vec(tmp_path / "model", "weighted"))
    known = tensors("weighted")
    ids = [WORDS.index(token) for token in ("a", "##b", "c")]  # "ab zzz c"
    expected = (known["embeddings"][ids] * known["weights"][ids, None]).mean(axis=0)
    assert np.abs(encoder.encode(["ab zzz c"], role="query")[0] - expected).max() <= 1e-6


def test_a_text_of_any_length_is_averaged_whole(tmp_path):
    encoder = likewise.load(write_model2vec(tmp_path / "model", normalize=False))
    rows = tensors("plain")["embeddings"].astype(np.float64)
    expected = (3000 * rows[WORDS.index("a")] + 7000 * rows[WORDS.index("h")]) / 10_000
    assert np.abs(encoder.encode(["a " * 3000 + "h " * 7000], role="document") - expected).max() <= 1e-5


@pytest.mark.parametrize("form", FORMS)
def test_a_text_has_the_same_vector_alone_and_in_any_batch(form, tmp_path):
    encoder = likewise.load(write_model2vec(tmp_path / "model", form))
    together = encoder.encode(TEXTS, role="document")
    assert np.array_equal(together, np.concatenate([encoder.encode([text], role="query") for text in TEXTS]))
    assert np.array_equal(together[::-1], encoder.encode(TEXTS[::-1], role="document"))
    assert encoder.encode([], role="query").shape == (0, WIDTH)
    assert not together[TEXTS.index("")].any()


@pytest.mark.parametrize("form", FORMS)
def test_smaller_tables_stay_near(form, tmp_path):
    folder = write_model2vec(tmp_path / "model", form)
    exact = likewise.load(folder).encode(TEXTS, role="document")
    for precision, near in {"float16": 1e-3, "int8": 2e-2}.items():
        encoder = likewise.load(folder, precision=precision)
        assert encoder.contract.precision == precision
        assert np.abs(encoder.encode(TEXTS, role="document") - exact).max() <= near * np.abs(exact).max()
    with pytest.raises(SettingError, match="precision is 'int4'; a static model has auto, float32, float16, int8"):
        likewise.load(folder, precision="int4")


def test_a_declared_maximum_holds(tmp_path):
    encoder = likewise.load(write_model2vec(tmp_path / "model", max_length=4))
    assert encoder.contract.max_tokens == 4
    with pytest.raises(TooLongError, match="over the model's 4 tokens; text 0 has 5"):
        encoder.encode(["a b c d e"], role="query")
    cut, whole = (
        encoder.encode(["a b c d"], role="query"),
        encoder.encode_counted(["a b c d e"], role="query", overflow="truncate"),
    )
    assert np.array_equal(whole.vectors, cut)
    assert whole.dropped.tolist() == [1]
    joined = encoder.encode(["a b c d e"], role="query", overflow="chunk")
    assert (
        np.abs(joined - likewise.load(write_model2vec(tmp_path / "other")).encode(["a b c d e"], role="query")).max()
        <= 0.2
    )
    assert not np.array_equal(joined, cut)


def test_another_engine_gives_the_same(tmp_path, networks):
    folder = write_model2vec(tmp_path / "model", "eight_bits")
    texts = [text for text in TEXTS[:-1] if text not in ("", "zzz")]
    expected = likewise.load(folder).encode(texts, role="document")
    found = likewise.load(folder, engine="openvino", precision="float32", cache=networks).encode(texts, role="document")
    assert np.abs(found - expected).max() <= 1e-5


@given(st.lists(st.text(max_size=40) | st.text("abg z[]SEPUNK\x0b\x85\t\u0301.", max_size=40), max_size=4))
@settings(max_examples=200, deadline=None)
def test_the_tokenizer_gives_what_the_library_gives(opened, texts):
    slow, fast = opened
    for text, found in zip(texts, fast.tokenizer.encode(texts), strict=True):
        expected = [
            one
            for one in slow.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=False).ids
            if one != 1
        ]
        assert found.tolist() == expected or "\ud800" <= max(text, default="") <= "\udfff"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    tokenizers = pytest.importorskip("tokenizers")
    folder = write_model2vec(tmp_path_factory.mktemp("static") / "model")
    slow = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    slow.no_truncation()
    slow.no_padding()
    return slow, likewise.load(folder)


def test_an_index_works_with_it(tmp_path):
    folder = write_model2vec(tmp_path / "model")
    texts = ["a b c", "d e f", "g h a"]
    with Index(tmp_path / "index", model=str(folder)) as index:
        index.add([Document(id=str(i), text=text) for i, text in enumerate(texts)])
        assert [hit.document_id for hit in index.search("e d f", k=1, mode="dense")] == ["1"]


def test_it_is_explained_with_its_own_numbers(tmp_path):
    folder = write_model2vec(tmp_path / "model", "eight_bits")
    checkpoint = read_checkpoint(folder)
    traced = trace(checkpoint, checkpoint.folded_weights(), tokenizer_of(checkpoint), "abc h zzz", role="query")
    assert traced.pieces == ("a", "##b", "##c", "h")
    assert np.abs(traced.vector - likewise.load(folder).encode(["abc h zzz"], role="query")[0]).max() <= 1e-6


def test_what_a_folder_lacks_is_said(tmp_path):
    folder = write_static(tmp_path / "model")
    (folder / "0_StaticEmbedding" / "model.safetensors").unlink()
    save_file({"something": np.ones((2, 2), np.float32)}, folder / "0_StaticEmbedding" / "model.safetensors")
    with pytest.raises(ModelError, match=r"its tensors are something; expected embedding\.weight or embeddings"):
        likewise.load(folder)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mapping", np.full(len(WORDS), 9), "maps tokens to rows up to 9, where there are 9 from 0"),
        ("mapping", np.zeros((2, 2), np.int64), "has a mapping of int64"),
        ("weights", np.ones(3, np.float32), r"weights of shape \(3,\), expected \(20,\)"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(name, value, message, tmp_path):
    folder = write_model2vec(tmp_path / "model", "eight_bits")
    save_file(tensors("eight_bits") | {name: value}, folder / "model.safetensors")
    with pytest.raises(ArtifactError, match=message):
        likewise.load(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    folder = write_model2vec(tmp_path / "model")
    save_file({"embeddings": np.ones((5, WIDTH), np.float32)}, folder / "model.safetensors")
    with pytest.raises(ModelError, match="20 tokens and the network knows 5"):
        likewise.load(folder)


def test_an_older_folder_does_not_say_what_it_is(tmp_path):
    folder = write_model2vec(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps({"normalize": True}))
    expected = GOLDEN["plain"]
    assert np.abs(likewise.load(folder).encode(TEXTS, role="document") - expected).max() <= 1e-6


def test_many_words_are_forgotten_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr("likewise.tokenizing.word_by_word._MOST_WORDS", 3)
    encoder = likewise.load(write_model2vec(tmp_path / "model"))
    texts = mixed_texts(50)
    first = encoder.encode(texts, role="document")
    assert np.array_equal(first, encoder.encode(texts, role="document"))
