"""Which marks of a question are understood, and which stay text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.encoding.lexical import Analyzer
from likewise.searching.query_text import parse_query

ENGLISH = Analyzer()


@pytest.mark.parametrize(
    ("query", "text", "phrases"),
    [
        ('the "state of the art" now', "the state of the art now", [("state", "art")]),
        ("“State of the Art”", "State of the Art", [("state", "art")]),
        ("„Stand der Technik“", "Stand der Technik", [("stand", "der", "technik")]),
        ('"red fox" "brown bear"', "red fox brown bear", [("red", "fox"), ("brown", "bear")]),
        ('find"red fox"there', "find red fox there", [("red", "fox")]),
        ('搜索"自然语言"处理', "搜索 自然语言 处理", [("自然", "然语", "语言")]),
        ('"getUserName()" fails', "getUserName() fails", [("getusernam", "get", "user", "name")]),
        ('"one*"', "one*", [("one",)]),
        ('an unclosed "quote here', 'an unclosed "quote here', []),
        ('pipes of 12" and 6" width', 'pipes of 12" and 6" width', []),
        ('"the of" owls', '"the of" owls', []),
        ('"" and "!?"', '"" and "!?"', []),
    ],
)
def test_phrases(query, text, phrases):
    found = parse_query(query, ENGLISH)
    assert (found.text, [phrase.stems for phrase in found.phrases], found.begun) == (text, phrases, ())


@pytest.mark.parametrize(
    ("query", "text", "words", "begun"),
    [
        ("charge batter* now", "charge batter now", "charge   now", [("batter", ("batter",))]),
        ("get_User*, E-47*", "get_User, E-47", " , E- ", [("getuser", ("getus",)), ("47", ("47",))]),
        ("Batteries*", "Batteries", " ", [("batteries", ("batteri",))]),
        ("When*", "When", " ", [("when", ())]),
        ("Крас*", "Крас", " ", [("крас", ("крас",))]),
        ("don't*", "don't", " ", [("don't", ("don't",))]),
        ("*", "*", "*", []),
        ("a*", "a*", "a*", []),
        ("SELECT * FROM t", "SELECT * FROM t", "SELECT * FROM t", []),
        ("2*3 and batter*s *ptr", "2*3 and batter*s *ptr", "2*3 and batter*s *ptr", []),
        ("**bold** text", "**bold** text", "**bold** text", []),
        ("東京* 東京都*", "東京* 東京都*", "東京* 東京都*", []),
        ("_*", "_*", "_*", []),
    ],
)
def test_words_that_are_only_begun(query, text, words, begun):
    found = parse_query(query, ENGLISH)
    assert (found.text, found.words, found.phrases) == (text, words, ())
    assert [(one.letters, one.stems) for one in found.begun] == begun


def test_a_long_question_takes_no_longer_for_each_letter():
    for piece in ("a", "a'", "a\u0301", '"a', "a*b"):
        query = piece * 200_000
        assert len(parse_query(query, ENGLISH).text) >= 200_000


@given(st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from('"“”*ab '), max_size=40))
def test_no_question_is_refused_and_one_without_marks_is_left_as_it_is(query):
    found = parse_query(query, ENGLISH)
    assert all(phrase.stems for phrase in found.phrases)
    assert all(len(one.letters) > 1 for one in found.begun)
    if not (found.phrases or found.begun):
        assert (found.text, found.words) == (query, query)
    else:
        assert found.text.strip()
    if not set(query) & set('"“”„*'):
        assert (found.text, found.phrases, found.begun) == (query, (), ())
