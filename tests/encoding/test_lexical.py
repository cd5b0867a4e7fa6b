"""Text to counted words."""

from collections import Counter
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.encoding.lexical import Analyzer

ANALYZER = Analyzer()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The batteries, charging: CHARGED!", ["batteri", "charg", "charg"]),
        ("How do I get back in?", ["get", "back"]),
        ("E-4172 v2.10", ["e", "4172", "v2", "10"]),
        ("snake_case", ["snake", "case"]),
        ("don’t don't", ["don't", "don't"]),
        ("Straße 我们 naïve", ["straße", "我们", "naïv"]),
        ("", []),
        ("\x00 \ud800 🦉 --", []),
    ],
)
def test_words_are_lower_case_stems_without_stop_words(text, words):
    assert ANALYZER.words(text) == words


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=60), max_size=4))
def test_counts_are_those_of_the_words(texts):
    for text, found in zip(texts, ANALYZER.count(texts), strict=True):
        words = ANALYZER.words(text)
        expected = Counter(crc32(word.encode("utf-8", "replace")) for word in words)
        assert dict(zip(found.terms.tolist(), found.counts.tolist(), strict=True)) == expected
        assert (found.terms.tolist(), found.length) == (sorted(expected), len(words))


def test_a_word_that_is_everywhere_does_not_overflow_its_count():
    (found,) = ANALYZER.count(["owl " * 70_000])
    assert (found.counts.tolist(), found.length) == ([65535], 70_000)
