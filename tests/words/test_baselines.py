"""The baselines, each against its definition written out or scikit-learn's."""

from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from likewise.errors import DataError, SettingError, ShapeError
from likewise.words import baselines, information
from likewise.words.baselines import SmoothInverseFrequency, TfIdf, one_hot
from likewise.words.cooccurrences import count_cooccurrences
from likewise.words.information import factorise, positive_information
from likewise.words.training import TrainingSettings, train
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import count_words

TEXTS = [line.split() for line in ("the owl saw the vole", "a vole saw the owl fly", "", "fly owl fly", "a barn owl")]


def test_one_hot():
    rows = one_hot(["b", "x", "a"], {"a": 0, "b": 1})
    assert rows.dense().tolist() == [[0, 1], [0, 0], [1, 0]]


def test_tf_idf_is_that_of_scikit_learn():
    vocabulary = count_words(TEXTS, min_count=1)
    found = TfIdf.of(TEXTS, vocabulary).encode([*TEXTS, ["unknown", "owl"]])
    theirs = TfidfVectorizer(analyzer=lambda text: text, vocabulary=dict(vocabulary.places)).fit(TEXTS)
    expected = theirs.transform([*TEXTS, ["unknown", "owl"]]).toarray()
    np.testing.assert_allclose(found.dense(), expected, rtol=1e-6)
    assert not found.dense()[2].any()
    for row in range(len(found)):
        columns = found.columns[found.starts[row] : found.starts[row + 1]]
        assert (np.diff(columns) > 0).all()


def corpus():
    random = np.random.default_rng(1)
    shares = 1 / np.arange(1, 41)
    drawn = random.choice(40, size=(300, 6), p=shares / shares.sum())
    return [[f"w{one}" for word in row for one in (word, word // 2)] for row in drawn.tolist()]


@pytest.fixture
def counted(tmp_path):
    vocabulary = count_words(corpus(), min_count=1)
    return vocabulary, count_cooccurrences(
        corpus(), vocabulary, tmp_path, window=2, harmonic=False, memory_bytes=1 << 18
    )


@pytest.mark.parametrize("smoothing", [1.0, 0.75])
def test_information_is_its_definition(counted, smoothing):
    vocabulary, counts = counted
    pairs = Counter()
    for sentence in corpus():
        for i, word in enumerate(sentence):
            pairs.update((word, other) for j, other in enumerate(sentence) if j != i and abs(i - j) <= 2)
    total, of_word = sum(pairs.values()), Counter()
    for (word, _), number in pairs.items():
        of_word[word] += number
    smooth = {word: number**smoothing for word, number in of_word.items()}
    expected = np.zeros((len(vocabulary), len(vocabulary)))
    for (a, b), number in pairs.items():
        ratio = (number / total) / (of_word[a] / total) / (smooth[b] / sum(smooth.values()))
        expected[vocabulary.places[a], vocabulary.places[b]] = max(0, np.log(ratio))
    found = positive_information(counts, smoothing=smoothing).dense()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("block", [1 << 16, 7])
def test_vectors_are_the_truncated_decomposition(counted, monkeypatch, block):
    monkeypatch.setattr(baselines, "_BLOCK", block)
    vocabulary, counts = counted
    matrix = positive_information(counts)
    left, values, _ = np.linalg.svd(matrix.dense().astype(float))
    expected = left[:, :8] * np.sqrt(values[:8])
    found = factorise(matrix, vocabulary, dimension=8, seed=2).vectors
    assert found.tobytes() == factorise(matrix, vocabulary, dimension=8, seed=2).vectors.tobytes()
    axes = found / np.linalg.norm(found, axis=0)
    rest = np.linalg.norm(matrix.dense() - axes @ axes.T @ matrix.dense())
    assert rest < 1.001 * np.sqrt((values[8:] ** 2).sum())  # the least that 8 directions can leave
    monkeypatch.setattr(information, "_MORE", 40)  # then nothing is left to chance
    exact = factorise(matrix, vocabulary, dimension=8, seed=2).vectors
    np.testing.assert_allclose(exact @ exact.T, expected @ expected.T, atol=1e-5)
    with pytest.raises(SettingError, match="choose 1 to"):
        factorise(matrix, vocabulary, dimension=1000)
    with pytest.raises(ShapeError, match="the matrix is"):
        factorise(one_hot(["a"], {"a": 0}), vocabulary, dimension=2)


def test_mutual_information_is_trained_as_other_models_are(counted):
    vocabulary, counts = counted
    settings = TrainingSettings(dimension=8, window=2, min_count=1, seed=4)
    told = []
    found = train(corpus(), "pmi", settings=settings, progress=told.append)
    expected = factorise(positive_information(counts), vocabulary, dimension=8, seed=4)
    assert list(found.words) == list(vocabulary.words)
    assert found.vectors.tobytes() == expected.vectors.tobytes()
    assert told[-1].words == sum(map(len, corpus()))


def test_sentences_are_the_published_algorithm():
    words = ["the", "owl", "vole", "fly"]
    random = np.random.default_rng(3)
    vectors = WordVectors(
        words=words, vectors=random.normal(size=(4, 5)).astype("f4"), counts=np.array([500, 20, 10, 1])
    )
    sentences = [text for text in TEXTS if text]
    means = []
    for sentence in sentences:
        known = [word for word in sentence if word in words]
        share = {word: vectors.counts[words.index(word)] / 531 for word in known}
        means.append(np.mean([0.01 / (0.01 + share[word]) * vectors.vector(word) for word in known], axis=0))
    common = np.linalg.svd(np.array(means))[2][0]
    expected = np.array(means) - np.outer(np.array(means) @ common, common)
    found = SmoothInverseFrequency.of(vectors, sentences, a=0.01)
    np.testing.assert_allclose(found.encode(sentences), expected, atol=1e-5)
    assert not found.encode([["unknown"], []]).any()
    with pytest.raises(DataError, match="none of 1 sentences"):
        SmoothInverseFrequency.of(vectors, [["unknown"]])
    with pytest.raises(SettingError, match="must have the counts"):
        SmoothInverseFrequency.of(WordVectors(words=words, vectors=vectors.vectors), sentences)
