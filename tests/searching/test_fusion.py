"""Fusion, against an obvious slow version."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from likewise.searching.fusion import reciprocal_rank
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
