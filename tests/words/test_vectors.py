"""Vectors of words: looked up, kept and damaged; and the n-grams of fastText against their definition."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import ArtifactError, SettingError, ShapeError, UnknownWordError
from likewise.words.subwords import FastTextArguments, Subwords, compose, ngram_ids
from likewise.words.vectors import TENSORS, WordVectors, load, load_settings, save

WORDS = ["the", "owl", "owls", "vole", "Zürich"]


def some(words=tuple(WORDS), width=4, seed=0):
    random = np.random.default_rng(seed)
    return WordVectors(
        words=words, vectors=random.normal(size=(len(words), width)).astype("f4"), counts=np.arange(len(words))[::-1]
    )


def with_ngrams(words=tuple(WORDS), *, width=4, buckets=50, seed=1):
    random = np.random.default_rng(seed)
    own, rows, context = (random.normal(size=(n, width)).astype("f4") for n in (len(words), buckets, len(words)))
    arguments = FastTextArguments(buckets=buckets, min_n=2, max_n=4, tokens=99, sampling=1e-5)
    subwords = Subwords(own=own, buckets=rows, context=context, arguments=arguments)
    return WordVectors(
        words=words, vectors=compose(words, own, subwords), counts=np.full(len(words), 7), subwords=subwords
    )


def slow_ids(word, min_n, max_n, buckets):
    """The published definition, a character at a time."""
    if word == "</s>":
        return []
    wrapped = f"<{word}>"
    found = []
    for i in range(len(wrapped)):
        for n in range(1, max_n + 1):
            if i + n > len(wrapped) or n < min_n or (n == 1 and (i == 0 or i + n == len(wrapped))):
                continue
            state = 2166136261
            for byte in wrapped[i : i + n].encode():
                signed = byte - 256 if byte > 127 else byte
                state = ((state ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
            found.append(state % buckets)
    return found


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9) | st.just("</s>"), max_size=6),
    st.integers(0, 4),
    st.integers(0, 6),
    st.integers(1, 2_000_000),
)
def test_ngrams_are_those_of_the_definition(words, min_n, max_n, buckets):
    ids, starts = ngram_ids(words, min_n=min_n, max_n=max_n, buckets=buckets)
    found = [ids[a:b].tolist() for a, b in pairwise(starts)]
    assert found == [slow_ids(word, min_n, max_n, buckets) for word in words]


def test_a_word_is_the_mean_of_its_rows():
    vectors = with_ngrams()
    subwords = vectors.subwords
    for row, word in enumerate([*WORDS, "owlet"]):
        ids = slow_ids(word, 2, 4, 50)
        rows = [*([subwords.own[row]] if row < len(WORDS) else []), *subwords.buckets[ids]]
        np.testing.assert_allclose(vectors.vector(word), np.mean(rows, axis=0), rtol=1e-6, atol=1e-7)


def test_an_unknown_word_is_an_error_that_names_its_like():
    with pytest.raises(UnknownWordError, match=r"'owel' has no vector: it is none of the 5 words. Did you mean 'owl'"):
        some().vector("owel")
    with pytest.raises(UnknownWordError, match="Did you mean 'Zürich'"):
        some().vector("zürich")
    with pytest.raises(UnknownWordError, match="No known word is spelt alike"):
        some().vector("qqqqqqq")
    with pytest.raises(UnknownWordError):
        with_ngrams().vector("")  # "<>" has n-grams of two characters, and is no word


@pytest.mark.parametrize("make", [some, with_ngrams])
def test_a_folder_gives_back_what_was_saved(tmp_path, make):
    vectors = make()
    save(vectors, tmp_path / "v", settings={"model": "skipgram"})
    found = load(tmp_path / "v")
    assert list(found.words) == WORDS
    assert found.vectors.tobytes() == vectors.vectors.tobytes()
    assert not found.vectors.flags.owndata  # mapped
    assert found.counts.tolist() == vectors.counts.tolist()
    assert load_settings(tmp_path / "v") == {"model": "skipgram"}
    if vectors.subwords:
        assert found.subwords.arguments == vectors.subwords.arguments
        assert found.subwords.context.tobytes() == vectors.subwords.context.tobytes()
        assert found.vector("owlet").tobytes() == vectors.vector("owlet").tobytes()
    save(vectors, tmp_path / "again", settings={"model": "skipgram"})
    assert (tmp_path / "again" / TENSORS).read_bytes() == (tmp_path / "v" / TENSORS).read_bytes()
    with pytest.raises(SettingError, match="is there already"):
        save(vectors, tmp_path / "v")


def test_what_does_not_fit_is_refused():
    with pytest.raises(SettingError, match="'a' is there twice"):
        some(("a", "b", "a"))
    for word in ("", "a\nb"):
        with pytest.raises(SettingError, match="can't be a word"):
            some(("x", word))
    with pytest.raises(ShapeError, match=r"expected \(2, D\) float32"):
        WordVectors(words=["a", "b"], vectors=np.zeros((3, 4), np.float32))
    with pytest.raises(ShapeError, match="counts have shape"):
        WordVectors(words=["a"], vectors=np.zeros((1, 4), np.float32), counts=np.arange(2))
    with pytest.raises(SettingError, match="can't be"):
        FastTextArguments(buckets=0)


@pytest.mark.parametrize("damage", ["cut", "manifest", "kind", "gone"])
def test_a_damaged_folder_is_one_error(tmp_path, damage):
    save(some(), tmp_path / "v")
    tensors, manifest = tmp_path / "v" / TENSORS, tmp_path / "v" / "manifest.json"
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-3])
    if damage == "manifest":
        manifest.write_text("{")
    if damage == "kind":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"kind": "model"}))
    if damage == "gone":
        tensors.unlink()
    with pytest.raises(ArtifactError, match=str(tmp_path)):
        load(tmp_path / "v")
