"""Nearest words, analogies and the odd word, each against its definition written out."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.errors import DataError, SettingError, ShapeError, UnknownWordError
from likewise.words import asking
from likewise.words.asking import Neighbour, analogy, answer_questions, cosine, nearest, odd_one_out, similar
from likewise.words.vectors import WordVectors

METHODS = ("add", "mul")


def some(count=60, width=6, *, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, width)).astype("f4") * random.uniform(0.1, 9, (count, 1)).astype("f4")
    return WordVectors(words=[f"w{i}" for i in range(count)], vectors=vectors)


def plain_cosine(left, right):
    return float(np.dot(left, right) / np.linalg.norm(left) / np.linalg.norm(right))


def plain_worth(vectors, method, a, b, c, d):
    """What a word is worth as an answer, as the papers write it."""
    cosines = [plain_cosine(vectors.vectors[d].astype(float), vectors.vectors[one].astype(float)) for one in (a, b, c)]
    if method == "add":
        return cosines[1] - cosines[0] + cosines[2]
    moved = [(one + 1) / 2 for one in cosines]
    return moved[1] * moved[2] / (moved[0] + 0.001)


@pytest.fixture(params=[1 << 22, 7 * 60])
def blocks(request, monkeypatch):
    """All at once, and in many blocks."""
    monkeypatch.setattr(asking, "_SCORES", request.param)


@pytest.mark.usefixtures("blocks")
def test_the_nearest_have_the_greatest_cosine():
    vectors = some()
    found = similar(vectors, "w3", k=8)
    plain = {word: plain_cosine(vectors.vectors[3], vectors.vectors[row]) for row, word in enumerate(vectors.words)}
    del plain["w3"]
    assert [one.word for one in found] == sorted(plain, key=lambda word: -plain[word])[:8]
    np.testing.assert_allclose([one.score for one in found], [plain[one.word] for one in found], rtol=1e-5)
    assert cosine(vectors, "w3", found[0].word) == pytest.approx(found[0].score, rel=1e-5)


@pytest.mark.usefixtures("blocks")
def test_equal_words_come_in_order_and_no_more_than_there_are():
    vectors = WordVectors(words=[*"abcdef"], vectors=np.array([[1, 0]] * 3 + [[0, 2]] * 3, np.float32))
    assert [one.word for one in nearest(vectors, np.array([[3, 0]], np.float32), k=4)[0]] == ["a", "b", "c", "d"]
    assert [one.word for one in similar(vectors, "b", k=99)] == ["a", "c", "d", "e", "f"]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("method", METHODS)
def test_an_analogy_is_its_formula(method):
    vectors = some(seed=4)
    found = analogy(vectors, "w1", "w2", "w3", k=5, method=method)
    plain = {f"w{d}": plain_worth(vectors, method, 1, 2, 3, d) for d in range(60)}
    every = sorted(plain, key=lambda word: -plain[word])
    assert [one.word for one in found.with_question] == every[:5]
    assert [one.word for one in found.answers] == [word for word in every if word not in ("w1", "w2", "w3")][:5]
    np.testing.assert_allclose(
        [one.score for one in found.answers], [plain[one.word] for one in found.answers], rtol=1e-4
    )


@pytest.mark.usefixtures("blocks")
def test_many_questions_have_the_answers_of_one():
    vectors = some(seed=5)
    questions = np.random.default_rng(6).integers(0, 60, (40, 3))
    questions[0] = 7, 7, 9  # a word may be there twice
    answers = answer_questions(vectors, questions)
    for row, question in enumerate(questions):
        for method in METHODS:
            alone = analogy(vectors, *(vectors.words[one] for one in question), k=1, method=method)
            assert vectors.words[answers[method][row]] == alone.answers[0].word
            assert vectors.words[answers[f"{method}, all words"][row]] == alone.with_question[0].word


@given(st.integers(3, 9), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_odd_one_fits_the_others_least(count, seed):
    vectors = some(count, seed=seed)
    found = odd_one_out(vectors, vectors.words)
    units = [row / np.linalg.norm(row) for row in vectors.vectors.astype(float)]
    fit = {w: np.mean([units[i] @ units[j] for j in range(count) if j != i]) for i, w in enumerate(vectors.words)}
    assert [one.word for one in found] == sorted(fit, key=lambda word: fit[word])
    assert found[0].score == pytest.approx(min(fit.values()), rel=1e-5)


def test_what_can_not_be_asked_is_said():
    vectors = some()
    with pytest.raises(UnknownWordError, match="Did you mean 'w1'"):
        analogy(vectors, "w1", "w2", "w1x")
    with pytest.raises(SettingError, match="k is 0"):
        similar(vectors, "w1", k=0)
    with pytest.raises(SettingError, match="expected 'add' or 'mul'"):
        analogy(vectors, "w1", "w2", "w3", method="sub")
    with pytest.raises(ShapeError, match=r"expected \(Q, 6\)"):
        nearest(vectors, np.zeros((1, 5), np.float32))
    with pytest.raises(SettingError, match="at least three different words"):
        odd_one_out(vectors, ["w1", "w2", "w1"])
    broken = WordVectors(words=["a", "b"], vectors=np.array([[1, 2], [np.nan, 1]], np.float32))
    with pytest.raises(DataError, match="the vector of 'b' holds NaN"):
        similar(broken, "a")


def test_zeros_are_alike_to_nothing():
    vectors = WordVectors(words=["a", "b", "c"], vectors=np.array([[1, 2], [0, 0], [-1, -2]], np.float32))
    assert similar(vectors, "a") == [Neighbour("b", 0.0), Neighbour("c", pytest.approx(-1.0))]


def test_reading_asking_and_encoding_need_no_compiler():
    parts = "baselines", "files", "asking", "mapping"
    code = f"import sys; sys.modules['numba'] = None\nimport {', '.join(f'likewise.words.{part}' for part in parts)}"
    subprocess.run([sys.executable, "-c", f"{code}, likewise.cli.words"], check=True)
