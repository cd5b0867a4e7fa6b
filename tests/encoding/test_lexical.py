"""Text to counted words."""

from collections import Counter
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.encoding.languages import STOP_WORDS, language_of
from likewise.encoding.lexical import Analyzer, analyzer_names, chosen_analyzer
from likewise.errors import UnknownNameError

ANALYZER = Analyzer()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The batteries, charging: CHARGED!", ["batteri", "charg", "charg"]),
        ("How do I get back in?", ["get", "back"]),
        ("E-4172 v2.10", ["e", "4172", "v2", "10"]),
        ("snake_case", ["snakecas", "snake", "case"]),
        ("getUserName HTMLParser", ["getusernam", "get", "user", "name", "htmlparser", "html", "parser"]),
        ("東京都に cat 中", ["東京", "京都", "都に", "cat", "中"]),
        ("ภาษาไทย", ["ภาษ", "าษา", "ษาไ", "าไท", "ไทย"]),
        ("Привет, мира", ["привет", "мир"]),
        ("नहीं हिन्दी", ["हिन्द"]),
        ("cafe\u0301 CAFÉ", ["café", "café"]),
        ("don’t don't", ["don't", "don't"]),
        ("Straße 我们 naïve", ["strass", "我们", "naïv"]),
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


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("german", "Die Häuser der großen Straßen", ["haus", "gross", "strass"]),
        ("french", "L'homme qu’il aimait", ["homm", "aim"]),
        ("turkish", "İstanbul'da IŞIKLAR", ["istanbul", "ışık"]),
        ("plain", "The Houses are", ["the", "houses", "are"]),
        ("greek", "Οι δρόμοι and roads", ["δρομ", "and", "roads"]),
        ("nepali", "running किताबहरू", ["running", "किताब"]),
    ],
)
def test_each_language_has_its_own_stems(name, text, words):
    assert Analyzer(name).words(text) == words


@pytest.mark.parametrize("name", analyzer_names())
def test_every_analyzer_reads_any_script_and_forgets_only_stop_words(name):
    analyzer = Analyzer(name)
    for word in ("owl", "совы", "βιβλία", "كتاب", "किताब", "東京", "หนังสือ"):
        assert analyzer.words(word) == analyzer.words(f" {word.upper()}, ") != []
    assert not any(analyzer.words(word) for word in STOP_WORDS.get(name, ()))


SENTENCES = {
    "english": "The house that they built is on the hill, and you can see it from here.",
    "german": "Das Haus, das sie gebaut haben, ist auf dem Hügel und man kann es von hier sehen.",
    "spanish": "La casa que construyeron está en la colina y se puede ver desde aquí.",
    "russian": "Дом, который они построили, стоит на холме.",
    "greek": "Το σπίτι που έχτισαν είναι στον λόφο.",
    None: "Ngôi nhà mà họ xây nằm trên ngọn đồi.",
}


def test_auto_finds_the_language_and_else_stems_nothing():
    assert {language_of([text]) for text in SENTENCES.values()} == set(SENTENCES)
    for language, text in SENTENCES.items():
        assert language_of([text]) == language
        assert chosen_analyzer("auto", [text]).name == (language or "plain")
    assert language_of([SENTENCES["english"], SENTENCES["german"]] * 9) is None
    assert chosen_analyzer("auto", ["owl", "v2.10"]).name == "english"
    assert chosen_analyzer("auto", []).name == "english"


def test_an_unknown_analyzer_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'german'"):
        chosen_analyzer("germn", [])
