"""Words as bytes, as ELMo was trained to read them; and vocabularies that pass over unknown words."""

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from likewise.errors import ArtifactError, SettingError
from likewise.tokenizing.characters import character_tokenizer, open_characters
from likewise.tokenizing.known_words import KnownWords
from likewise.tokenizing.vocabulary import LibraryVocabulary

TOKENIZER = character_tokenizer()


def words(text: str) -> list[str]:
    (spans,) = TOKENIZER.offsets([text])
    return [text[start:end] for start, end in spans]


def test_a_word_is_its_bytes_between_a_begin_and_an_end():
    (ids,) = TOKENIZER.encode(["dé"])
    assert ids.tolist() == [[259, ord("d") + 1, 0xC3 + 1, 0xA9 + 1, 260] + [261] * 45]
    assert TOKENIZER.vocabulary_size == 262
    assert TOKENIZER.special_tokens == 0
    np.testing.assert_array_equal(TOKENIZER.frame(ids), ids)


def test_of_a_long_word_the_first_48_bytes_are_seen():
    (ids,) = TOKENIZER.encode(["x" * 60])
    assert ids.tolist() == [[259, *[ord("x") + 1] * 48, 260]]


def test_texts_are_cut_where_the_treebank_cuts_them():
    assert words("Don't say that, it's the dog’s (32%).") == [
        *("Do", "n't", "say", "that", ",", "it", "'s", "the", "dog", "’s", "(", "32", "%", ")", ".")
    ]
    assert words("नमस्ते Å can't") == ["नमस्ते", "Å", "ca", "n't"]  # a mark stays with its letter
    assert words("\ud800 \t\n") == ["\ud800"]


@given(st.lists(st.text(), max_size=4))
def test_every_text_is_its_words_and_blanks(texts):
    for text, ids, spans in zip(texts, TOKENIZER.encode(texts), TOKENIZER.offsets(texts), strict=True):
        assert ids.shape == (len(spans), 50)
        assert ((ids > 0) & (ids < 262)).all()
        kept = "".join(text[start:end] for start, end in spans)
        assert kept == "".join(text.split())
        assert TOKENIZER.count([text])[0] == len(spans)


def test_the_beginning_of_a_text_that_fits_a_budget():
    assert TOKENIZER.fit("one two, three", 3) == ("one two,", 1)


def test_the_file_that_declares_it_is_read_strictly(tmp_path):
    path = tmp_path / "characters.json"
    path.write_text('{"characters_per_word": 50}')
    assert open_characters(path).encode(["a b"])[0].shape == (2, 50)
    for wrong in ('{"characters_per_word": 40}', '{"characters_per_word": 50, "lowercase": true}', "{", "[]"):
        path.write_text(wrong)
        with pytest.raises(ArtifactError, match=r"characters\.json"):
            open_characters(path)


def test_ids_are_named_and_words_are_not_decoded():
    assert TOKENIZER.token_of(TOKENIZER.id_of("c3")) == "c3"
    assert TOKENIZER.id_of("the") is None
    with pytest.raises(SettingError, match="offsets"):
        TOKENIZER.decode([259, 260])


def test_unknown_words_are_passed_over():
    library = tokenizers.Tokenizer(models.WordLevel({"?": 0, "a": 1, "b": 2}, unk_token="?"))
    library.pre_tokenizer = pre_tokenizers.Whitespace()
    vocabulary = KnownWords(LibraryVocabulary(library), unknown_id=0)
    texts = ["a what b", "no word", ""]
    assert [ids.tolist() for ids in vocabulary.encode(texts)] == [[1, 2], [], []]
    assert [spans.tolist() for spans in vocabulary.offsets(texts)] == [[[0, 1], [7, 8]], [], []]
    assert vocabulary.offsets(texts)[1].shape == (0, 2)
    assert (vocabulary.size, vocabulary.id_of("b"), vocabulary.token_of(1)) == (3, 2, "a")
    assert vocabulary.decode([1, 2]) == "a b"
