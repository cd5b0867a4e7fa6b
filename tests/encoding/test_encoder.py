"""Texts to vectors: shape, order, batches, length, and any Unicode; golden vectors of another library."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.encoding import encoder as encoding
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.errors import SettingError, TooLongError

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "sentences_minilm.npy")  # made by make_minilm.py beside it
STRANGE = [
    "",
    " ",
    "\n\t",
    "\x00",
    "a\x00b",
    "\ud800",
    "x \udfff y",
    "🦉🦉🦉",
    "👩‍👩‍👧‍👦",
    "é",
    "e\u0301",
    "我们",
    "\u200b",
]
STRANGE += ["\ufeff", "ﷺ" * 20, "[CLS] [PAD] [MASK]", "a" * 5000]


def cosines(left, right):
    return (left * right).sum(axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


def test_vectors_are_those_of_sentence_transformers(encoder, exact_encoder, sentences):
    lines = sentences[: len(GOLDEN)]
    assert cosines(exact_encoder.encode(lines, role="document"), GOLDEN).min() >= 0.99999
    assert cosines(encoder.encode(lines, role="document"), GOLDEN).mean() >= 0.995


@pytest.mark.oracle
def test_sentence_transformers_gives_the_same_today(encoder, exact_encoder, sentences):
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(KNOWN_MODELS[DEFAULT_MODEL].folder()), device="cpu").encode(sentences)
    assert cosines(theirs[: len(GOLDEN)], GOLDEN).min() >= 0.99999
    assert cosines(exact_encoder.encode(sentences, role="document"), theirs).min() >= 0.99999
    assert cosines(encoder.encode(sentences, role="document"), theirs).mean() >= 0.995


def test_a_text_has_the_same_vector_alone_and_in_any_batch(encoder, exact_encoder, sentences):
    texts = [*sentences[::12], "long " * 150, *STRANGE[:12]]

    for each, least in ((encoder, 0.9999), (exact_encoder, 0.999999)):
        together = each.encode(texts, role="document", overflow="truncate")
        alone = np.concatenate([each.encode([text], role="document", overflow="truncate") for text in texts])
        shuffled = np.random.default_rng(5).permutation(len(texts))
        mixed = each.encode([texts[i] for i in shuffled], role="document", overflow="truncate")
        assert together.shape == (len(texts), 384)
        assert together.dtype == np.float32
        assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-3
        assert cosines(together, alone).min() >= least
        assert cosines(together[shuffled], mixed).min() >= least


def test_no_texts_give_no_vectors(encoder):
    found = encoder.encode([], role="query")
    assert (found.shape, found.dtype) == ((0, 384), np.float32)
    for overflow in ("error", "truncate", "chunk"):
        counted = encoder.encode_counted([], role="document", overflow=overflow)
        assert (len(counted.vectors), len(counted.tokens), len(counted.dropped)) == (0, 0, 0)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(STRANGE), max_size=6))
@settings(deadline=None, max_examples=30)
def test_any_text_gets_a_vector_of_unit_length(encoder, texts):
    for overflow in ("truncate", "chunk"):
        vectors = encoder.encode(texts, role="query", overflow=overflow)
        assert vectors.shape == (len(texts), 384)
        assert np.isfinite(vectors).all()
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a single text", "query", "error"), r"use encode\(\['a single text'\]"),
        ((["a"], "passage", "error"), "role is 'passage'; it must be one of 'query', 'document'"),
        ((["a"], "query", "cut"), "overflow is 'cut'; it must be one of 'error', 'truncate', 'chunk'"),
    ],
)
def test_a_wrong_argument_says_what_is_right(encoder, arguments, message):
    texts, role, overflow = arguments
    with pytest.raises(SettingError, match=message):
        encoder.encode(texts, role=role, overflow=overflow)


def test_overflow_is_refused_or_counted_never_silent(exact_encoder):
    long, fits = "alpha " * 200 + "omega " * 200, "word " * 254
    texts = ["short", long, fits]
    with pytest.raises(TooLongError, match=r"1 of 3 texts are over the model's 256 tokens; text 1 has 402.*truncate"):
        exact_encoder.encode(texts, role="document")
    assert exact_encoder.encode([fits], role="document").shape == (1, 384)  # 254 and the two special ones
    cut = exact_encoder.encode_counted(texts, role="document", overflow="truncate")
    assert (cut.tokens.tolist(), cut.dropped.tolist()) == ([3, 402, 256], [0, 146, 0])
    begins = exact_encoder.encode(["alpha " * 200 + "omega " * 54], role="document")
    assert cosines(cut.vectors[1:2], begins)[0] >= 0.9999
    whole = exact_encoder.encode_counted(texts, role="document", overflow="chunk")
    assert (whole.tokens.tolist(), whole.dropped.tolist()) == ([3, 402, 256], [0, 0, 0])
    pieces = exact_encoder.encode(["alpha " * 200 + "omega " * 54, "omega " * 146], role="document")
    assert cosines(whole.vectors[1:2], (254 * pieces[:1] + 146 * pieces[1:]) / 400)[0] >= 0.9999
    assert cosines(whole.vectors[[0, 2]], cut.vectors[[0, 2]]).min() >= 0.9999


def test_streaming_gives_the_same_and_reads_no_further_than_it_must(encoder, sentences, monkeypatch):
    monkeypatch.setattr(encoding, "_WINDOW", 16)
    taken = itertools.count()
    seen = []

    def texts():
        for text in sentences[:40]:
            seen.append(next(taken))
            yield text

    parts = encoder.stream(texts(), role="document")
    assert seen == []
    first = next(parts)
    assert len(seen) == 16
    rest = list(parts)
    assert [len(part.vectors) for part in [first, *rest]] == [16, 16, 8]
    streamed = np.concatenate([part.vectors for part in [first, *rest]])
    assert cosines(streamed, encoder.encode(sentences[:40], role="document")).min() >= 0.9999


def test_an_encoder_says_what_it_is(encoder):
    assert repr(encoder) == "Encoder('all-MiniLM-L6-v2', dimension=384, precision='int8')"
