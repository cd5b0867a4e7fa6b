"""Token ids and offsets of any text, and the published tokenizer's own as the oracle."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.errors import ArtifactError, SettingError
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


def test_names_and_ids_are_two_sides_of_one_table(tokenizer):
    (ids,) = tokenizer.encode(["embeddings are powerful"])
    assert tokenizer.pieces(["embeddings are powerful", ""]) == [
        ["em", "##bed", "##ding", "##s", "are", "powerful"],
        [],
    ]
    assert [tokenizer.id_of(piece) for piece in tokenizer.pieces(["embeddings are powerful"])[0]] == ids.tolist()
    assert tokenizer.decode(ids) == "embeddings are powerful"
    assert (tokenizer.vocabulary_size, tokenizer.token_of(30521), tokenizer.id_of("[MASK]")) == (30522, "##\uff5e", 103)
    assert (tokenizer.pad_id, tokenizer.special_ids) == (0, {0, 100, 101, 102, 103})
    assert tokenizer.id_of("no such token") is None
    for wrong in (-1, 30522):
        with pytest.raises(SettingError, match=f"no token has the id {wrong}; this vocabulary goes from 0 to 30521"):
            tokenizer.token_of(wrong)


def test_a_pair_has_special_tokens_between_and_two_segments(tokenizer):
    left, right = tokenizer.encode(["owl", "barn owl"])
    ids, segments = tokenizer.pair(left, right)
    assert ids.tolist() == [101, *left, 102, *right, 102]
    assert segments.tolist() == [0] * (len(left) + 2) + [1] * (len(right) + 1)
    assert (ids.dtype, segments.dtype, tokenizer.pair_special_tokens) == (np.int64, np.int64, 3)
    empty, _ = tokenizer.pair(left[:0], right[:0])
    assert empty.tolist() == [101, 102, 102]


def test_counts_include_special_tokens(tokenizer):
    counts = tokenizer.count(["", "owl", "embeddings are powerful"])
    assert (counts.tolist(), counts.dtype) == ([2, 3, 8], np.int64)
    assert tokenizer.count([]).shape == (0,)
    for lone in (tokenizer.count, tokenizer.encode, tokenizer.offsets, tokenizer.pieces):
        with pytest.raises(SettingError, match=r"write \[text\]"):
            lone("owl")


def test_a_budget_is_kept_and_what_it_costs_is_said(tokenizer):
    text = "Barn owls hunt voles at night."
    assert tokenizer.fit(text, 100) == (text, 0)
    total = int(tokenizer.count([text])[0])
    assert tokenizer.fit(text, total) == (text, 0)
    assert tokenizer.fit(text, total - 1) == ("Barn owls hunt voles at night", 1)
    assert tokenizer.fit(text, 4) == ("Barn owls", total - 4)
    assert tokenizer.fit(text, 2) == ("", total - 2)
    with pytest.raises(SettingError, match="budget is 1; the special tokens alone are 2"):
        tokenizer.fit(text, 1)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40), st.integers(2, 12))
@settings(deadline=None)
def test_what_fits_is_a_beginning_within_the_budget_and_ends_between_characters(tokenizer, text, budget):
    kept, dropped = tokenizer.fit(text, budget)
    assert text.startswith(kept)
    assert tokenizer.count([kept])[0] <= budget
    assert (dropped == 0) == (kept == text)
    rest = text[len(kept) :]
    assert not (kept and rest) or not unicodedata.category(rest[0]).startswith("M")


def test_the_padding_token_is_the_declared_one(tmp_path):
    content = json.loads((FOLDER / "tokenizer.json").read_text())
    content["padding"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert Tokenizer(tmp_path / "tokenizer.json").pad_id == 0
    for name, value in (("special_tokens_map.json", {"content": "[MASK]"}), ("tokenizer_config.json", "[SEP]")):
        (tmp_path / name).write_text(json.dumps({"pad_token": value}))
        assert Tokenizer(tmp_path / "tokenizer.json").pad_id == {"[SEP]": 102}.get(str(value), 103)
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "<none>"}')
    with pytest.raises(ArtifactError, match="declares the padding token '<none>', which its vocabulary lacks"):
        Tokenizer(tmp_path / "tokenizer.json")
    for damaged in ("{", "[]"):
        (tmp_path / "tokenizer_config.json").write_text(damaged)
        with pytest.raises(ArtifactError, match=r"tokenizer_config\.json"):
            Tokenizer(tmp_path / "tokenizer.json")


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
