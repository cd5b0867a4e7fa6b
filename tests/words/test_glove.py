"""GloVe: counts against a dictionary, spilt or not; the fit against the published objective in slow numpy."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.errors import DataError, SettingError
from likewise.words import cooccurrences, training
from likewise.words.cooccurrences import count_cooccurrences, read_records, scatter
from likewise.words.trainers import glove
from likewise.words.training import TrainingSettings
from likewise.words.vocabulary import count_words

TINY = 1 << 18  # bytes: 4,096 slots


def text(words=40, sentences=150, *, seed=0):
    """Sentences of words drawn by Zipf's law, where every other word tends to follow its like."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, words + 1)
    found = []
    for _ in range(sentences):
        drawn = random.choice(words, size=random.integers(0, 14), p=shares / shares.sum())
        found.append([f"w{one}" for pair in drawn for one in (pair, pair // 2)])
    return found


def plain_counts(sentences, places, window, *, harmonic):
    counts = Counter()
    for sentence in sentences:
        ids = [places[word] for word in sentence if word in places]
        for i, word in enumerate(ids):
            for j in range(max(0, i - window), i):
                counts[min(word, ids[j]), max(word, ids[j])] += 1 / (i - j) if harmonic else 1
    return counts


def counted(sentences, folder, **options):
    vocabulary = count_words(sentences, min_count=1)
    return count_cooccurrences(sentences, vocabulary, folder, **options), vocabulary


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9), min_size=1, max_size=9),
    st.integers(1, 6),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_counts_are_those_of_a_dictionary(tmp_path_factory, sentences, window, harmonic):
    folder = tmp_path_factory.mktemp("counts")
    if not any(len(sentence) > 1 for sentence in sentences):
        return
    counts, vocabulary = counted(sentences, folder, window=window, harmonic=harmonic)
    found = {(a, b): n for block in counts.blocks() for a, b, n in zip(*(x.tolist() for x in block), strict=True)}
    expected = plain_counts(sentences, vocabulary.places, window, harmonic=harmonic)
    assert found == pytest.approx(dict(expected))


def test_what_is_spilt_and_merged_is_the_same(tmp_path, monkeypatch):
    sentences = text(600, 4000, seed=2)
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    whole, vocabulary = counted(sentences, tmp_path / "a", window=8)
    monkeypatch.setattr(cooccurrences, "_MERGED", 1000)
    spilt, _ = counted(sentences, tmp_path / "b", window=8, memory_bytes=TINY)
    assert len(whole.runs) == 1 < 5 < len(spilt.runs)
    one, other = (list(map(np.concatenate, zip(*counts.blocks(), strict=True))) for counts in (whole, spilt))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_allclose(one[2], other[2], rtol=1e-12)
    assert dict(zip(zip(*(x.tolist() for x in one[:2]), strict=True), one[2].tolist(), strict=True)) == pytest.approx(
        dict(plain_counts(sentences, vocabulary.places, 8, harmonic=True))
    )


def test_records_are_the_matrix_both_ways_round(tmp_path):
    counts, vocabulary = counted(text(), tmp_path)
    shards = scatter(counts, tmp_path, seed=3, shard_bytes=2000)
    assert len(shards) > 3
    matrix = np.zeros((len(vocabulary), len(vocabulary)))
    for shard in shards:
        records = read_records(shard)
        assert len(records.rows) > 10
        np.add.at(matrix, (records.rows, records.columns), records.values)
    expected = np.zeros_like(matrix)
    for (a, b), n in plain_counts(text(), vocabulary.places, 15, harmonic=True).items():
        expected[a, b] += n
        expected[b, a] += n
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)


def plain_epoch(state, records, rate, cutoff, power):
    """Equation 8 of the paper and AdaGrad, a record at a time in float64; gives the mean of the weighted squares."""
    (words, squares_of_words), (contexts, squares_of_contexts) = state
    total = 0.0
    for i, j, x in zip(records.rows, records.columns, records.values.astype(float), strict=True):
        w, b, c, d = words[i, :-1], words[i, -1], contexts[j, :-1], contexts[j, -1]
        weight = min(1.0, (x / cutoff) ** power)
        difference = w @ c + b + d - math.log(x)
        total += weight * difference**2
        slope = rate * weight * difference
        step_w, step_c = slope * np.append(c, 1), slope * np.append(w, 1)
        words[i] -= step_w / np.sqrt(squares_of_words[i])
        contexts[j] -= step_c / np.sqrt(squares_of_contexts[j])
        squares_of_words[i] += step_w**2
        squares_of_contexts[j] += step_c**2
    return total / len(records.rows)


def test_the_loss_is_that_of_the_published_objective(tmp_path):
    counts, vocabulary = counted(text(), tmp_path)
    shards = scatter(counts, tmp_path)
    chosen = TrainingSettings(dimension=12, seed=5)
    state = glove.State.random(len(vocabulary), 12, seed=5)
    plain = [[half.copy() for half in np.hsplit(part.astype(float), 2)] for part in (state.words, state.contexts)]
    options = glove.GloveSettings(cutoff=10)
    losses = []
    for epoch in range(8):
        loss = glove.run_epoch(state, shards, epoch, settings=chosen, glove=options)
        records = glove.shuffled(read_records(shards[0]), 5, epoch)
        losses.append(loss)
        assert loss == pytest.approx(plain_epoch(plain, records, 0.05, 10, 0.75), rel=1e-4)
    assert losses[-1] < losses[0] / 3
    np.testing.assert_allclose(state.words[:, :13], plain[0][0], atol=1e-4)


SETTINGS = TrainingSettings(dimension=8, epochs=4, min_count=1, window=5, seed=7)


def test_the_same_seed_gives_the_same_bits_and_more_threads_the_same_sense(monkeypatch):
    monkeypatch.setattr(glove, "_PIECE", 64)
    one, again = (training.train(text(), "glove", settings=SETTINGS) for _ in range(2))
    assert one.vectors.tobytes() == again.vectors.tobytes()
    told = []
    two = TrainingSettings(dimension=8, epochs=4, min_count=1, window=5, seed=7, threads=2)
    shared = training.train(text(), "glove", settings=two, progress=told.append)
    assert np.corrcoef(one.vectors.ravel(), shared.vectors.ravel())[0, 1] > 0.99
    assert told[-1].words == told[-1].total == 4 * sum(map(len, text()))
    assert 0 < told[-1].loss < next(one.loss for one in told if one.total)


def test_a_stopped_training_goes_on_to_the_same_vectors(tmp_path):
    whole = training.train(text(), "glove", settings=SETTINGS)

    class Stop(Exception): ...

    def stop(progress):
        if progress.total and progress.words > 2.5 * progress.total / 4:
            raise Stop

    with pytest.raises(Stop):
        training.train(text(), "glove", settings=SETTINGS, checkpoints=tmp_path, progress=stop)
    told = []
    resumed = training.train(text(), "glove", settings=SETTINGS, checkpoints=tmp_path, progress=told.append)
    assert resumed.vectors.tobytes() == whole.vectors.tobytes()
    assert min(one.words for one in told if one.total) > told[-1].total / 2


def test_what_can_not_be_trained_is_said(tmp_path):
    with pytest.raises(DataError, match="no two words"):
        training.train([["a"], ["b"]], "glove", settings=TrainingSettings(dimension=2, min_count=1))
    vocabulary = count_words(text(), min_count=1)
    for options in ({"window": 0}, {"memory_bytes": 1000}, {"window": 5000, "memory_bytes": TINY}):
        with pytest.raises(SettingError, match="do not go together"):
            count_cooccurrences(text(), vocabulary, tmp_path, **options)
    with pytest.raises(SettingError, match="can't be"):
        glove.GloveSettings(cutoff=0)
    counts = count_cooccurrences(text(), vocabulary, tmp_path)
    state = glove.State.random(len(vocabulary), 4, seed=0)
    state.words[:, :5] = 1e30
    with pytest.raises(SettingError, match="lower the learning rate"):
        glove.run_epoch(state, scatter(counts, tmp_path), 0, settings=SETTINGS)
