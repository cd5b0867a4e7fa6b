"""The words of a question in an index: phrases, beginnings, spellings and the words of first hits, beside slow ones."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_outputs import SPARSE

import likewise as lw
from likewise.encoding.lexical import Analyzer, term_of
from likewise.errors import SettingError
from likewise.searching.pipeline import Question, with_expansion, wording_for
from likewise.searching.query_text import Phrase
from likewise.searching.wording import holding
from likewise.storing import Changes, ChunkRow, DocumentRow, open_store, parse_filter

MODES = ("lexical", "dense", "sparse", "hybrid")
ENGLISH = Analyzer()
TEXTS = {
    "art": "A survey of the state of the art in batteries.",
    "state": "The art of the state is to charge citizens, not batteries.",
    "batter": "Batter the fish, then fry it in oil.",
    "battery": "A battery loses charge when it is cold.",
    "code": "def getUserName(id): return users[id]  # see E-4172",
    "config": "max_retries limits how often getUserNames is asked.",
    "chinese": "我们研究自然语言处理和机器学习。",
    "other": "语言是自然的。",
    "owls": "Owls nest in hollow trees; the owls hunt voles.",
    "fox": "The red fox hunts voles and owls at night.",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory, encoder):
    folder = tmp_path_factory.mktemp("wording")
    with lw.Index(folder / "index", analyzer="english", sparse=SPARSE["max"](folder / "sparse")) as made:
        made.add(lw.Document(id=id, text=text, metadata={"size": len(text)}) for id, text in TEXTS.items())
        yield made


def names(hits):
    return [hit.document_id for hit in hits]


def with_words(index, query, **asked):
    return index.search(query, mode="lexical", settings=lw.SearchSettings(**asked), k=50)


# Phrases


@pytest.mark.parametrize("mode", MODES)
def test_every_hit_has_the_phrase_in_every_mode(index, mode):
    assert set(names(index.search('"state of the art"', mode=mode, k=50))) == {"art"}
    assert set(names(index.search("what is “State of the Art” anyway", mode=mode))) == {"art"}
    assert set(names(index.search('"getUserName" owls', mode=mode))) == {"code", "config"}  # by stems
    assert set(names(index.search('"自然语言"', mode=mode))) == {"chinese"}
    assert names(index.search('"hollow voles"', mode=mode)) == []
    assert names(index.search('"hollow trees" "red fox"', mode=mode)) == []
    assert set(names(index.search('"owls" "voles"', mode=mode))) == {"owls", "fox"}


@pytest.mark.parametrize("mode", MODES)
def test_phrases_and_filters_hold_together(index, mode):
    size = len(TEXTS["owls"])
    assert names(index.search('"voles"', mode=mode, where=f"size = {size}")) == ["owls"]
    assert names(index.search('"red fox"', mode=mode, where=f"size = {size}")) == []


def test_words_outside_quotes_rank_what_has_the_phrase(index):
    plain = [(hit.document_id, hit.score) for hit in with_words(index, "charge voles hollow owls")]
    quoted = [(hit.document_id, hit.score) for hit in with_words(index, 'charge "voles" hollow owls')]
    assert quoted == [one for one in plain if one[0] in ("owls", "fox")]


def test_the_encoder_and_the_reranker_read_no_marks(index):
    probe = index.probe('"state of the art" of batter*')
    assert probe.text == "state of the art of batter"
    np.testing.assert_array_equal(probe.vector(), index.probe(probe.text).vector())


def test_marks_are_text_where_they_are_said_to_be(index):
    plain = with_words(index, "hollow voles batter")
    assert with_words(index, '"hollow voles" batter*', marks=False) == plain
    assert len(plain) == 3


words = st.sampled_from(["owl", "fox", "the", "red", "x1", "自然语"])
texts = st.lists(words, max_size=12).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(texts, max_size=12),
    st.lists(st.lists(words, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=2),
)
def test_what_holds_phrases_is_what_a_look_at_every_text_finds(chunks, phrases):
    phrases = [Phrase(text, tuple(ENGLISH.words(text))) for text in phrases if ENGLISH.words(text)]
    expected = [number for number, text in enumerate(chunks, 1) if all(has(text, phrase) for phrase in phrases)]
    with TemporaryDirectory() as folder, filled(Path(folder) / "index", chunks) as store:
        found = holding(store, phrases, ENGLISH, where=None) if phrases else None
    assert found is None or found.tolist() == expected


def has(text: str, phrase: Phrase) -> bool:
    stems, wanted = ENGLISH.words(text), list(phrase.stems)
    return any(stems[start : start + len(wanted)] == wanted for start in range(len(stems)))


def filled(folder, texts):
    """A store of chunks that have no more than their words."""
    store = open_store(folder, mode="write")
    documents = [
        DocumentRow(id=str(n), source="", metadata={"even": n % 2 == 0}, content_hash=b"", file=None, chunks=[row])
        for n, row in enumerate(map(chunk_row, texts, ENGLISH.count(texts)))
    ]
    store.commit(Changes(documents=documents))
    return store


def chunk_row(text, counted):
    return ChunkRow(
        text=text,
        start=0,
        end=len(text),
        heading=(),
        embedded_hash=bytes(16),
        vector=np.ones(2, np.float32),
        terms=counted.terms,
        counts=counted.counts,
        stems=counted.stems,
        tokens=counted.length,
    )


# Words of which only the beginning is given


def test_a_begun_word_finds_all_that_begin_so(index):
    assert set(names(with_words(index, "batter*"))) == {"art", "state", "batter", "battery"}
    assert set(names(with_words(index, "BATT*"))) == {"art", "state", "batter", "battery"}
    assert set(names(with_words(index, "batteries*"))) == {"art", "state", "battery"}  # as its stem does
    assert set(names(with_words(index, "getUser*"))) == {"code", "config"}
    assert set(names(with_words(index, "E-41*"))) == {"code"}
    assert names(with_words(index, "xyz*")) == []
    assert names(with_words(index, 'batter* "red fox"')) == ["fox"]


def test_a_begun_word_weighs_as_one_word(index):
    chunks = {id: ENGLISH.words(text) for id, text in TEXTS.items()}
    average = sum(map(len, chunks.values())) / len(chunks)
    hits = with_words(index, "ho* hu*")
    for hit in hits:
        parts = 0.0
        for letters in ("ho", "hu"):
            often = {id: sum(word.startswith(letters) for word in words) for id, words in chunks.items()}
            df, tf = sum(map(bool, often.values())), often[hit.document_id]
            idf = np.log(1 + (len(chunks) - df + 0.5) / (df + 0.5))
            parts += idf * tf / (tf + 1.2 * (0.25 + 0.75 * len(chunks[hit.document_id]) / average))
        assert hit.score == pytest.approx(parts, rel=1e-5)
    assert set(names(hits)) == {"owls", "fox"}


def test_the_most_frequent_of_too_many_are_looked_for_and_it_is_said(index, monkeypatch):
    monkeypatch.setattr("likewise.searching.wording._MOST_BEGUN", 2)
    hits = with_words(index, "ba* h*o re*")
    assert hits.unfinished == ("re*: of 3 words that begin so, the 2 most frequent were looked for",)
    assert index.search("re*", mode="dense").unfinished == ()


# Words that no text has


@pytest.mark.parametrize(
    ("query", "taken_for", "first"),
    [
        ("getUserNmae", {"getUserNmae": ("getusernam", "name")}, "code"),
        ("E-4712", {"4712": ("4172",)}, "code"),
        ("max_retires", {"max_retires": ("maxretri", "retri")}, "config"),
        ("batery voles", {"batery": ("batteri", "batter")}, "battery"),
    ],
)
def test_a_misspelt_word_is_taken_for_the_likest_and_it_is_said(index, query, taken_for, first):
    assert with_words(index, query).taken_for == {}
    hits = with_words(index, query, fuzzy=True)
    assert set(hits.taken_for) == set(taken_for)
    for word, stems in taken_for.items():
        assert set(stems) <= set(hits.taken_for[word])
        assert hits.taken_for[word][0] == stems[0]
    assert first in names(hits)
    assert index.search(query, settings=lw.SearchSettings(fuzzy=True)).taken_for == hits.taken_for
    assert index.search(query, mode="dense", settings=lw.SearchSettings(fuzzy=True)).taken_for == {}


def test_words_that_are_there_are_left_alone(index):
    query = "owls hunt battery in 自然语言 trees"
    plain, fuzzy = with_words(index, query), with_words(index, query, fuzzy=True)
    assert (plain, fuzzy.taken_for) == (fuzzy, {})
    assert names(with_words(index, '"holow trees"', fuzzy=True)) == []  # in quotes nothing is guessed


def test_a_word_counts_as_much_as_it_is_alike(index):
    right, wrong = with_words(index, "hollow"), with_words(index, "holow", fuzzy=True)
    (alike,) = [share for word, share in index.tools().store.vocabulary().alike("holow", at_least=0.5)]
    assert 0.5 < alike < 1
    assert [(hit.document_id, hit.score) for hit in wrong] == [
        (hit.document_id, pytest.approx(alike * hit.score, rel=1e-5)) for hit in right
    ]


# The words of first hits


@pytest.mark.parametrize("first", [1, 3, 50])
def test_expansion_is_rm3(index, first):
    query = "owls owls fish"
    store, chosen = index.tools().store, lw.SearchSettings(expansion=first)
    question = Question(probe=index.probe(query), k=5, mode="lexical", where=None, settings=chosen)
    found = with_expansion(store, question, wording_for(store, question))
    ranked = store.search_lexical([term_of("owl"), term_of("fish")], np.array([2, 1], np.float32), k=first)
    relevance = Counter()
    for id, score in zip(ranked.ids.tolist(), ranked.scores.tolist(), strict=True):
        (chunk,) = store.fetch([id])
        words = ENGLISH.words("\n".join((*chunk.heading, chunk.text)))
        for word, often in Counter(words).items():
            relevance[word] += score / float(ranked.scores.sum()) * often / len(words)
    best = sorted(relevance.items(), key=lambda item: (-item[1], term_of(item[0])))[:10]
    total = sum(share for _, share in best)
    expected = Counter({word: 3 * 0.5 * share / total for word, share in best})
    expected.update({"owl": 3 * 0.5 * 2 / 3, "fish": 3 * 0.5 / 3})
    assert {word.word: word.weight for word in found.words} == pytest.approx(dict(expected))
    assert sum(found.weights) == pytest.approx(3)
    again = store.search_lexical(found.terms, found.weights, k=50)
    assert [(hit.chunk_id, hit.score) for hit in with_words(index, query, expansion=first)] == list(
        zip(again.ids.tolist(), again.scores.tolist(), strict=True)
    )


def test_expansion_learns_from_what_may_be_found_alone(index):
    where = f"size = {len(TEXTS['battery'])}"
    (hit,) = index.search("charge", mode="lexical", where=where, settings=lw.SearchSettings(expansion=5))
    (why,) = index.explain("charge", [hit], where=where, settings=lw.SearchSettings(expansion=5))
    assert {term.word for term in why.terms if term.how == "expansion"} <= set(ENGLISH.words(TEXTS["battery"]))
    assert index.search("xyz", mode="lexical", settings=lw.SearchSettings(expansion=5)) == []


# Why, and what is said of odd questions


@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
@pytest.mark.parametrize("query", ['batter* "art"', "getUserNmae voles", "owls hunt", "hu* owls owlz", "自然语言"])
@pytest.mark.parametrize("chosen", [lw.SearchSettings(fuzzy=True), lw.SearchSettings(fuzzy=True, expansion=3)])
def test_what_was_looked_for_sums_to_the_score(index, mode, query, chosen):
    hits = index.search(query, mode=mode, settings=chosen, k=50)
    assert len(hits) > 0
    for why in index.explain(query, hits, settings=chosen):
        assert why.lexical == pytest.approx(why.hit.ranks.get("lexical", (0, 0.0))[1], abs=1e-5)
        assert sum(term.score for term in why.terms) == pytest.approx(why.lexical, abs=1e-6)


def test_why_says_how_each_word_came_to_be_looked_for(index):
    query, chosen = 'batter* holow "trees" hunt', lw.SearchSettings(fuzzy=True, expansion=2)
    hits = index.search(query, mode="lexical", settings=chosen)
    (why,) = index.explain(query, hits, settings=chosen)
    told = {term.word: term.how for term in why.terms}
    assert why.phrases == ("trees",)
    assert {"holow~hollow": "spelling", "trees": "said", "hunt": "said"}.items() <= told.items()
    assert "expansion" in told.values()
    (why, *_) = index.explain("batter*", index.search("batter*", mode="lexical"))
    assert [(term.word, term.how) for term in why.terms] == [("batter*", "prefix")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("chosen", [lw.SearchSettings(), lw.SearchSettings(fuzzy=True, expansion=5)])
@pytest.mark.parametrize(
    ("query", "sharing"),
    [
        ("the of and", set()),
        ('"the of"', set()),
        ("?! -- …", set()),
        ('""', set()),
        ("*", set()),
        ("совы охотятся", set()),
        ("🦉", set()),
        ("机器学习", {"chinese"}),
        ("\x00", set()),
    ],
)
def test_odd_questions_give_no_hit_that_shares_nothing(index, mode, chosen, query, sharing):
    hits = index.search(query, mode=mode, settings=chosen, k=5)
    if mode == "lexical":
        assert set(names(hits)) == sharing if not chosen.expansion else set(names(hits)) >= sharing
    for hit in hits:
        assert set(hit.ranks) <= {"dense", "lexical", "sparse"}
        assert hit.ranks.get("lexical", (0, 1.0))[1] > 0
        assert sharing or "lexical" not in hit.ranks


@pytest.mark.parametrize("wrong", [{"fuzzy": 1}, {"marks": "no"}, {"expansion": -1}, {"expansion": 1.5}])
def test_settings_that_make_no_sense_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(SettingError, match=f"{name} is "):
        lw.SearchSettings(**wrong)


def test_words_of_what_is_deleted_are_looked_for_no_more(tmp_path, encoder):
    with lw.Index(tmp_path / "index", analyzer="english") as index:
        index.add([lw.Document(id=id, text=TEXTS[id]) for id in ("batter", "battery", "owls")])
        assert len(with_words(index, "batter*")) == 2
        index.delete(["battery"])
        assert names(with_words(index, "batter*")) == ["batter"]
        assert with_words(index, "batery", fuzzy=True).taken_for == {"batery": ("batter",)}
        assert index.verify() == []
        index.compact()
        assert b"batteri" not in (tmp_path / "index" / "store.sqlite3").read_bytes()


def test_a_phrase_may_stand_in_a_heading_and_not_across_its_end(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        headings = [("The red fox", "At night"), ("Red",), ("Red", "Fox"), ("Owls",)]
        rows = [
            replace(row, heading=heading, text=text)
            for heading, text in zip(headings, ["It sleeps.", "Fox and owl", "Red owl", "A red fox"], strict=True)
            for row in [chunk_row(" ", ENGLISH.count([" ".join((*heading, text))])[0])]
        ]
        store.commit(
            Changes(
                documents=[
                    DocumentRow(id="d", source="", metadata={}, content_hash=b"", file=None, chunks=rows),
                ]
            )
        )
        assert holding(store, [Phrase("red fox", ("red", "fox"))], ENGLISH, where=None).tolist() == [1, 4]


def test_a_filter_and_phrases_in_a_store(tmp_path):
    texts = ["red fox", "fox red", "a red fox sleeps", "red fox"]
    with filled(tmp_path / "index", texts) as store:
        phrases = [Phrase("red fox", ("red", "fox"))]
        assert holding(store, phrases, ENGLISH, where=None).tolist() == [1, 3, 4]
        assert holding(store, phrases, ENGLISH, where=parse_filter("even = true")).tolist() == [1, 3]
