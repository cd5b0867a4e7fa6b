"""Fusion and smoothing, against obvious slow versions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import UnknownNameError
from likewise.searching.fusion import FUSIONS, fuse, reciprocal_rank
from likewise.searching.smoothing import smooth
from likewise.storing import Ranking

IDS = st.lists(st.integers(1, 30), max_size=20, unique=True)


def ranking(ids):
    return Ranking(np.array(ids, np.int64), np.linspace(1, 0, len(ids), dtype=np.float32))


@given(st.dictionaries(st.sampled_from(["dense", "lexical", "third"]), IDS), st.integers(1, 40), st.integers(0, 60))
def test_fusion_is_the_sum_of_weighted_reciprocal_ranks(lists, k, constant):
    weights = {"dense": 1.0, "lexical": 0.5}  # the third counts 1
    slow = dict.fromkeys({chunk for ids in lists.values() for chunk in ids}, Fraction(0))
    for name, ids in lists.items():
        for chunk in ids:
            slow[chunk] += Fraction(weights.get(name, 1.0)) / (constant + ids.index(chunk) + 1)
    given = {name: ranking(ids) for name, ids in lists.items()}
    found = reciprocal_rank(given, k=k, weights=weights, constant=constant)
    assert len(found.ids) == len(set(found.ids.tolist())) == min(k, len(slow))
    assert np.allclose(found.scores, [float(slow[chunk]) for chunk in found.ids.tolist()])
    assert (np.diff(found.scores) <= 0).all()
    left_out = [score for chunk, score in slow.items() if chunk not in found.ids]
    assert not left_out or float(max(left_out)) <= found.scores[-1] + 1e-6
    turned = reciprocal_rank(dict(reversed(given.items())), k=k, weights=weights, constant=constant)
    assert turned.ids.tolist() == found.ids.tolist()


def test_ties_go_to_the_lower_id():
    found = reciprocal_rank({"dense": ranking([9, 2]), "lexical": ranking([2, 9])}, k=5)
    assert found.ids.tolist() == [2, 9]
    assert found.scores[0] == found.scores[1]


def scored(scores):
    """A ranking of chunks by their scores, best first."""
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    return Ranking(np.array(best, np.int64), np.array([scores[chunk] for chunk in best], np.float32))


def as_dict(found):
    return dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))


DENSE, WORDS = {1: 0.8, 2: 0.5, 3: 0.2}, {2: 12.0, 4: 8.0, 5: 4.0}
SLOW = {
    # The scores themselves; a chunk that a ranking lacks counts as its last.
    "scores": {1: 0.8 + 0.1, 2: 0.5 + 0.3, 3: 0.2 + 0.1, 4: 0.2 + 0.2, 5: 0.2 + 0.1},
    "convex": {1: 0.6, 2: 0.6 * 0.5 + 0.4, 3: 0.0, 4: 0.4 * 0.5, 5: 0.0},
}


@pytest.mark.parametrize("way", SLOW)
def test_a_way_of_fusion_is_its_definition(way):
    found = as_dict(fuse({"dense": scored(DENSE), "lexical": scored(WORDS)}, k=9, way=way))
    assert found == pytest.approx(SLOW[way], abs=1e-6)


def test_distribution_based_fusion_is_its_definition():
    found = as_dict(fuse({"dense": scored(DENSE), "lexical": scored(WORDS)}, k=9, way="distribution"))
    expected = dict.fromkeys(range(1, 6), 0.0)
    for scores, weight in ((DENSE, 0.6), (WORDS, 0.4)):
        values = list(scores.values())
        mean = sum(values) / 3
        deviation = (sum((value - mean) ** 2 for value in values) / 3) ** 0.5
        for chunk, score in scores.items():
            expected[chunk] += weight * (score - (mean - 3 * deviation)) / (6 * deviation)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("way", sorted(FUSIONS))
def test_every_way_of_fusion_ranks_all_once_with_ties_to_the_lower_id(way):
    same = {"dense": scored(dict.fromkeys([9, 4, 7], 0.5)), "lexical": scored({})}
    found = fuse(same, k=9, way=way)
    assert sorted(found.ids.tolist()) == [4, 7, 9]
    if way != "reciprocal_rank":  # which gives equal scores unequal ranks
        assert (found.ids.tolist(), len(set(found.scores.tolist()))) == ([4, 7, 9], 1)
    assert fuse({}, k=9, way=way).ids.tolist() == []
    assert fuse(same, k=2, way=way).ids.tolist() == found.ids.tolist()[:2]


def test_a_page_long_question_does_not_drown_meaning():
    words = scored({chunk: 1000.0 * score for chunk, score in WORDS.items()})
    found = as_dict(fuse({"dense": scored(DENSE), "lexical": words}, k=9))
    assert found[2] == pytest.approx(0.5 + 1.0)


def test_an_unknown_way_of_fusion_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'scores'"):
        fuse({}, k=1, way="score")


@given(st.integers(0, 12), st.integers(1, 4), st.integers(1, 12), st.floats(0, 1), st.integers(0, 99))
def test_smoothing_is_its_definition(count, neighbours, pool, share, seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ranking = Ranking(np.arange(count), np.sort(random.normal(size=count).astype(np.float32))[::-1])
    found = as_dict(smooth(ranking, vectors, share=share, neighbours=neighbours, pool=pool))
    for own in range(count):
        others = [place for place in range(min(pool, count)) if place != own]
        others.sort(key=lambda place: -float(vectors[place] @ vectors[own]))
        chosen = [(max(float(vectors[place] @ vectors[own]), 0) ** 2, place) for place in others[:neighbours]]
        total = sum(weight for weight, _ in chosen)
        score = theirs = float(ranking.scores[own])
        if total > 0:
            theirs = sum(weight * float(ranking.scores[place]) for weight, place in chosen) / total
        assert found[own] == pytest.approx((1 - share) * score + share * theirs, abs=1e-4)
    assert len(found) == count
