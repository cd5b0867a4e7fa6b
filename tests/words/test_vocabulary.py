"""Counting words and joining phrases: against plain counting, and in bounded memory."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import SettingError
from likewise.words.phrases import JoinedSentences, Phrases, find_phrases
from likewise.words.vocabulary import Words, count_words

SENTENCES = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=20)


@given(SENTENCES.filter(any), st.integers(1, 3))
def test_words_are_counted_and_sorted(sentences, min_count):
    plain = Counter(word for sentence in sentences for word in sentence)
    kept = sorted(((word, n) for word, n in plain.items() if n >= min_count), key=lambda item: (-item[1], item[0]))
    if not kept:
        with pytest.raises(SettingError, match="no word is left"):
            count_words(sentences, min_count=min_count)
        return
    found = count_words(sentences, min_count=min_count)
    assert list(zip(found.words, found.counts.tolist(), strict=True)) == kept
    assert (found.total, found.sentences) == (sum(plain.values()), len(sentences))
    assert [found.places[word] for word in found.words] == list(range(len(kept)))
    assert found.pruned == 0


def test_memory_is_bounded_by_forgetting_the_rarest():
    sentences = [["often", f"once{number}"] for number in range(1000)]
    found = count_words(sentences, min_count=5, max_types=50)
    assert found.words == ["often"] and found.counts.tolist() == [1000]
    assert found.pruned > 0


def test_frequent_words_are_kept_less_often():
    found = count_words([["a"] * 900 + ["b"] * 90 + ["c"] * 10], min_count=1)
    ratio = 0.01 * 1000 / np.array([900, 90, 10])
    assert found.keeping(0.01) == pytest.approx(np.minimum(1, np.sqrt(ratio) + ratio))
    assert found.keeping(0).tolist() == [1, 1, 1]


def test_lines_become_words_again_and_again():
    words = Words(["The\u00a0owl  flies", ""], lowercase=True)
    assert list(words) == list(words) == [["the", "owl", "flies"], []]
    seen = []
    count_words([["a"]] * 2500, progress=seen.append)
    assert seen == [1000, 2000]


def test_pairs_that_belong_together_are_joined():
    random = np.random.default_rng(0)
    sentences = [["barn", "owl", *random.choice(list("abcd"), 6).tolist()] for _ in range(200)]
    found = find_phrases(sentences)
    assert found.scores == {("barn", "owl"): pytest.approx(1.0)}
    joined = JoinedSentences([["a", "barn", "owl", "barn"], []], found)
    assert list(joined) == list(joined) == [["a", "barn_owl", "barn"], []]
    by_chance = find_phrases(sentences, threshold=-1, min_count=1).scores
    assert abs(by_chance["a", "b"]) < 0.1


@given(SENTENCES)
def test_information_is_what_its_definition_says(sentences):
    found = find_phrases(sentences, min_count=1, threshold=-1).scores
    words = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(pair for sentence in sentences for pair in pairwise(sentence))
    total = sum(words.values())
    assert found.keys() <= pairs.keys()
    for (first, second), score in found.items():
        p = pairs[first, second] / total
        assert score == pytest.approx(np.log(p * total**2 / (words[first] * words[second])) / -np.log(p))


def test_a_threshold_that_cannot_be_is_refused():
    with pytest.raises(SettingError, match="from -1 to 1"):
        find_phrases([["a"]], threshold=2)
    assert Phrases(scores={("a", "b"): 1.0}).join(["a", "b", "a", "b"]) == ["a_b", "a_b"]
