"""Tests of word vectors: their files in each form that is about, and their scores against counting by hand."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from likewise.errors import DataError
from likewise.evaluating.word_tests import (
    Likeness,
    Question,
    analogy_scores,
    read_pairs,
    read_questions,
    similarity_score,
)
from likewise.words.vectors import WordVectors

GOLDEN = Path(__file__).parent / "golden"

# king - man + woman is queen's; a prince's son would be a princess by these numbers.
VECTORS = WordVectors(
    words=["man", "woman", "king", "queen", "prince", "apple"],
    vectors=np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0.1, 1], [0.3, 0.3, -1]], np.float32),
)


def test_analogies_are_counted_in_all_four_ways():
    questions = [
        Question("royal", ("MAN", "king", "woman", "queen")),
        Question("royal", ("man", "king", "woman", "apple")),
        Question("fruit", ("man", "king", "woman", "pear")),
    ]
    scores = {(one.test, one.metric): one for one in analogy_scores(VECTORS, questions, test="t", spelling=str.lower)}
    first = scores["t", "3CosAdd"]
    assert (first.score, first.asked, first.answered) == (0.5, 3, 2)
    assert scores["t", "3CosMul"].score == 0.5
    assert scores["t: royal", "3CosAdd"].score == 0.5
    assert not any("fruit" in test for test, _ in scores)
    assert len(scores) == 5
    with pytest.raises(DataError, match="none of its 1 questions has vectors"):
        analogy_scores(VECTORS, questions[2:], test="t")
    assert analogy_scores(VECTORS, questions, test="t")[0].answered == 1  # no vector for "MAN"


def test_scores_are_gensims():
    made = json.loads((GOLDEN / "word_tests.json").read_text())
    vectors = WordVectors(words=made["words"], vectors=np.array(made["vectors"], np.float32))
    pairs = [Likeness(*pair) for pair in made["pairs"]]
    questions = [Question("made", tuple(words)) for words in made["questions"]]
    alike = similarity_score(vectors, pairs, test="t")
    scores = [alike, *analogy_scores(vectors, questions, test="t", spelling=str.lower)]
    found = {one.metric: one.score for one in scores if one.test == "t"}
    assert alike.answered < len(pairs)
    assert {metric: found[metric] for metric in made["gensim"]} == pytest.approx(made["gensim"], abs=1e-9)


def test_likeness_is_the_correlation_of_ranks():
    pairs = [Likeness("man", "king", 9), Likeness("man", "woman", 1), Likeness("king", "prince", 10)]
    found = similarity_score(VECTORS, [*pairs, Likeness("man", "pear", 5)], test="t")
    assert (found.metric, found.score, found.asked, found.answered) == ("Spearman", 1.0, 4, 3)
    with pytest.raises(DataError, match="1 of 1 pairs"):
        similarity_score(VECTORS, pairs[:1], test="t")


FORMS = {
    "table": "section\ta\tb\tc\td\nfamily\tman\tking\twoman\tqueen\nfamily\tboy\tson\tgirl\tdaughter\n",
    "published": ": family\nman king woman queen\nboy son girl daughter\n",
    "bare table": "# ours\nfamily\tman\tking\twoman\tqueen\n\nfamily\tboy\tson\tgirl\tdaughter",
}


@pytest.mark.parametrize("form", FORMS)
def test_questions_are_read_in_each_form(tmp_path, form):
    (tmp_path / "q.gz").write_bytes(gzip.compress(FORMS[form].encode()))
    assert read_questions(tmp_path / "q.gz") == [
        Question("family", ("man", "king", "woman", "queen")),
        Question("family", ("boy", "son", "girl", "daughter")),
    ]


@pytest.mark.parametrize(
    "text", ["score\tword1\tword2\n7.5\ttiger\tcat\n", "# x\ntiger\tcat\t7.5", "word1,word2,mean\ntiger, cat ,7.5\n"]
)
def test_pairs_are_read_in_each_form(tmp_path, text):
    (tmp_path / "p").write_text(text)
    assert read_pairs(tmp_path / "p") == [Likeness("tiger", "cat", 7.5)]


def test_other_lines_are_errors_that_name_them(tmp_path):
    (tmp_path / "x").write_text("tiger\tcat\t7.5\ntiger\tcat\n")
    with pytest.raises(DataError, match="line 2 is 'tiger"):
        read_pairs(tmp_path / "x")
    (tmp_path / "x").write_text(": family\na b c\n")
    with pytest.raises(DataError, match="line 2 is 'a b c'"):
        read_questions(tmp_path / "x")
