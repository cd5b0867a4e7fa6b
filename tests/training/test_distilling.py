"""A static model is made of a small network, opens everywhere, and is nearer to its teacher for having seen texts."""

import json
import random

import numpy as np
import pytest
from tiny_model import WORDS, write_model
from tiny_static import write_model2vec

import likewise
from likewise.errors import DataError, ModelError, SettingError
from likewise.modelling.tensors import read_tensors
from likewise.searching.index import Index
from likewise.training.distilling import DistilSettings, distil
from likewise.types import Document

SMALL = DistilSettings(dimension=8, precision="float32")
CHANCE = random.Random(2)
TEXTS = [" ".join("".join(CHANCE.choices("abcdefgh", k=CHANCE.randint(1, 3))) for _ in range(5)) for _ in range(300)]


def test_the_rows_are_the_teachers_vectors_of_tokens(model, tmp_path):
    made = distil(model, tmp_path / "static", settings=DistilSettings(dimension=24, precision="float32", smoothing=1e9))
    assert (made.tokens, made.dimension, made.cosine_after) == (len(WORDS) - 3, 24, None)
    rows = read_tensors(tmp_path / "static").values["embeddings"]
    teacher = likewise.load(write_model(tmp_path / "other", normalise=False), precision="float32")
    encoded = teacher.encode([*"abcdefgh"], role="document")
    known = json.loads((tmp_path / "static" / "tokenizer.json").read_text())["model"]["vocab"]
    ours = rows[[known[letter] for letter in "abcdefgh"]]
    # all 24 axes are kept, so that distances are as they were
    expected, found = (np.linalg.norm(one[:, None] - one[None], axis=2) for one in (encoded, ours))
    assert np.abs(found - expected).max() <= 1e-3
    assert not rows[known["[UNK]"]].any()
    assert "[CLS]" not in known


def test_texts_bring_it_nearer_to_its_teacher(model, tmp_path):
    told = []
    made = distil(model, tmp_path / "static", settings=SMALL, texts=TEXTS, progress=lambda *said: told.append(said))
    assert made.texts == len(set(TEXTS))
    assert made.cosine_after > made.cosine_before + 0.05
    assert {"encoding tokens", "fitting to texts"} <= {what for what, _, _ in told}
    again = distil(model, tmp_path / "again", settings=SMALL, texts=TEXTS)
    names = ("model.safetensors", "tokenizer.json", "config.json")
    assert all((tmp_path / "static" / one).read_bytes() == (tmp_path / "again" / one).read_bytes() for one in names)
    assert (again.cosine_before, again.cosine_after) == (made.cosine_before, made.cosine_after)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_it_is_a_model_like_any_other(precision, model, tmp_path):
    made = distil(model, tmp_path / "static", settings=DistilSettings(dimension=8, precision=precision))
    encoder = likewise.load(tmp_path / "static")
    vectors = encoder.encode(["abc", "h g", "", "日本"], role="query")
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0, 0], atol=1e-5)
    assert (encoder.contract.dimension, encoder.contract.normalise) == (8, True)
    distil(model, tmp_path / "exact", settings=SMALL)
    exact = likewise.load(tmp_path / "exact").encode(["abc", "h g", "", "日本"], role="query")
    assert np.abs(vectors - exact).max() <= {"float32": 0, "float16": 2e-3, "int8": 2e-2}[precision]
    assert made.size_bytes == sum(value.nbytes for value in read_tensors(tmp_path / "static").values.values())
    with Index(tmp_path / "index", model=str(tmp_path / "static")) as index:
        index.add([Document(id=text, text=text) for text in ("a b", "c d", "g h")])
        assert index.search("d c", k=1, mode="dense")[0].document_id == "c d"


def test_whole_words_become_tokens(model, tmp_path):
    settings = DistilSettings(dimension=24, precision="float32", smoothing=1e9)
    made = distil(model, tmp_path / "static", settings=settings, words=["ABC", "abc", "a", "dd"])
    encoder = likewise.load(tmp_path / "static")
    assert made.tokens == len(WORDS) - 3 + 2
    assert encoder.tokenizer.pieces(["abc dd ab"]) == [["abc", "dd", "a", "##b"]]


def test_bad_input_is_one_clear_error(model, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ModelError, match="exists; name a folder that does not"):
        distil(model, tmp_path / "there")
    with pytest.raises(SettingError, match=r"dimension is 256; .* has 24 and not more"):
        distil(model, tmp_path / "new")
    with pytest.raises(ModelError, match="is static itself: a static model is made from a network"):
        distil(write_model2vec(tmp_path / "static"), tmp_path / "new", settings=SMALL)
    with pytest.raises(SettingError, match="'a b' is 2 words to the tokenizer, expected one"):
        distil(model, tmp_path / "new", settings=SMALL, words=["a b"])
    with pytest.raises(DataError, match="2 different texts have a token, and a fit in 8 dimensions takes at least 16"):
        distil(model, tmp_path / "new", settings=SMALL, texts=["a b", "c", "日本", "a b"])
    (model / "tokenizer.json").unlink()
    (model / "vocab.txt").write_text("\n".join(WORDS))
    with pytest.raises(ModelError, match=r"has no tokenizer\.json, which a static model is made with"):
        distil(model, tmp_path / "new", settings=SMALL)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("wrong", [{"precision": "int4"}, {"dimension": 0}, {"ridge": 0.0}, {"smoothing": -1.0}])
def test_settings_are_checked(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        DistilSettings(**wrong)
