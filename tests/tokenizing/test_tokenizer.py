"""Token ids and offsets of any text, and the published tokenizer's own as the oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.errors import ArtifactError
from likewise.tokenizing import Tokenizer

FOLDER = KNOWN_MODELS[DEFAULT_MODEL].folder()
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # surrogates included


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    assert FOLDER is not None, "the tests need the weights: make test installs them"
    return Tokenizer(FOLDER / "tokenizer.json")


def test_a_known_sentence_has_the_ids_that_bert_published(tokenizer):
    (ids,) = tokenizer.encode(["Hello, world"])
    assert ids.tolist() == [7592, 1010, 2088]
    assert tokenizer.frame(ids).tolist() == [101, 7592, 1010, 2088, 102]
    assert (tokenizer.special_tokens, tokenizer.encode([])) == (2, [])


def test_nothing_is_cut_or_padded(tokenizer):
    """The published file truncates at 128 tokens and pads."""
    assert [len(ids) for ids in tokenizer.encode(["word " * 1000, "word", ""])] == [1000, 1, 0]
    assert [len(spans) for spans in tokenizer.offsets(["word " * 1000, "word", ""])] == [1000, 1, 0]


@given(st.lists(ANY_TEXT, max_size=5))
@settings(deadline=None)
def test_offsets_are_those_of_the_ids_and_lie_in_the_text(tokenizer, texts):
    for text, ids, spans in zip(texts, tokenizer.encode(texts), tokenizer.offsets(texts), strict=True):
        assert spans.shape == (len(ids), 2)
        assert (spans[:, 0] <= spans[:, 1]).all()
        assert not len(spans) or (spans.min() >= 0 and spans.max() <= len(text))
        assert (np.diff(spans[:, 0]) >= 0).all()


def test_a_lone_surrogate_keeps_every_offset(tokenizer):
    for strange in ("\ud800", "\udfff"):
        text = f"owl {strange} café hawk"
        (spans,) = tokenizer.offsets([text])
        assert [text[start:end] for start, end in spans][-1] == "hawk"


@pytest.mark.parametrize("content", ["", "{}", "not json", None])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=r"tokenizer.json can't be read as a tokenizer"):
        Tokenizer(path)


@pytest.mark.oracle
def test_ids_are_those_of_transformers(tokenizer, sentences):
    transformers = pytest.importorskip("transformers")
    assert FOLDER is not None
    theirs = transformers.AutoTokenizer.from_pretrained(str(Path(FOLDER)))

    @given(st.text(st.characters(exclude_categories=("Cs",)), max_size=80))
    @settings(deadline=None, max_examples=500)
    def agree(text):
        ids = theirs(text, truncation=False, padding=False)["input_ids"]
        assert tokenizer.frame(tokenizer.encode([text])[0]).tolist() == ids

    agree()
    for sentence in sentences:
        assert tokenizer.frame(tokenizer.encode([sentence])[0]).tolist() == theirs(sentence)["input_ids"]
