"""The best rows for weighted terms: two ways of summing, held to a plain one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.storing import term_scores
from likewise.storing.postings import Inverted, SparseRows, turned
from likewise.storing.term_scores import Scorer, as_given


def made(weights: np.ndarray) -> Inverted:
    """Rows (N, V) of which the zeros are left out."""
    places = [np.flatnonzero(row) for row in weights]
    return Inverted(
        [
            turned(
                SparseRows(
                    ids=np.arange(1, len(weights) + 1),
                    lengths=np.zeros(len(weights), np.int64),
                    starts=np.cumsum([0, *map(len, places)]),
                    terms=np.concatenate(places).astype(np.uint32),
                    values=weights[weights > 0].astype(np.float32),
                )
            )
        ]
    )


def asked(
    scorer: Scorer, terms: list[int], weights: list[float], k: int, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    found = scorer.best(terms, weights, k, allowed=allowed)
    return found.ids, found.scores


@pytest.fixture(params=["numpy", "compiled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "compiled":
        pytest.importorskip("numba")
        monkeypatch.setattr(term_scores, "_WORTH_COMPILING", 0)
    return str(request.param)


@pytest.mark.parametrize("rows", [1, 40, 3_000])
@pytest.mark.parametrize("k", [1, 10, 10_000])
def test_the_best_are_those_of_plain_sums(way: str, rows: int, k: int):
    chance = np.random.default_rng(rows)
    # Lists from nearly all rows to nearly none, the heavy ones rare, as words are.
    density = np.geomspace(0.9, 0.002, 30)
    weights = np.where(chance.random((rows, 30)) < density, chance.random((rows, 30)) / density**0.5, 0)
    weights = weights.astype(np.float32)
    scorer = Scorer(made(weights), as_given)
    for _ in range(20):
        terms = chance.choice(30, 12, replace=False)
        factors = chance.choice([0.5, 1, 2], 12)
        allowed = chance.random(rows) < chance.choice([0.02, 0.5]) if chance.random() < 0.5 else None
        sums = (weights[:, terms].astype(np.float64) * factors).sum(axis=1)
        sums = sums if allowed is None else np.where(allowed, sums, 0)
        ids, scores = asked(scorer, terms.tolist(), factors.tolist(), k, allowed)
        expected = np.lexsort((np.arange(rows), -sums))[:k]
        expected = expected[sums[expected] > 0]
        np.testing.assert_allclose(scores, sums[expected], rtol=1e-6)
        np.testing.assert_allclose(sums[ids - 1], scores, rtol=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_compiled_sums_are_the_same_to_the_bit(data: st.DataObject):
    pytest.importorskip("numba")
    rows, terms = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 8))
    chance = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    weights = np.where(chance.random((rows, terms)) < 0.4, chance.integers(1, 4, (rows, terms)) / 3, 0)
    if not weights.any():
        weights[0, 0] = 1
    factors = chance.integers(1, 3, terms).astype(float).tolist()
    allowed = chance.random(rows) < 0.5 if data.draw(st.booleans()) else None
    k = data.draw(st.integers(1, 70))
    inverted = made(weights)
    plain = asked(Scorer(inverted, as_given), [*range(terms)], factors, k, allowed)
    compiled = asked(
        Scorer(inverted, as_given, asked=term_scores._WORTH_COMPILING), [*range(terms)], factors, k, allowed
    )
    np.testing.assert_array_equal(compiled[0], plain[0])
    np.testing.assert_array_equal(compiled[1], plain[1])


def test_what_was_forgotten_for_lack_of_room_is_weighed_again(way: str, monkeypatch: pytest.MonkeyPatch):
    chance = np.random.default_rng(0)
    weights = np.where(chance.random((50, 20)) < 0.5, chance.random((50, 20)), 0).astype(np.float32)
    roomy = Scorer(made(weights), as_given)
    monkeypatch.setattr(term_scores, "_MOST_REMEMBERED", 60)  # about two lists, and a question has three
    narrow = Scorer(made(weights), as_given)
    for start in range(0, 18, 3):
        terms = [start, start + 1, start + 2]
        for one, other in zip(
            asked(narrow, terms, [1.0] * 3, 5, None), asked(roomy, terms, [1.0] * 3, 5, None), strict=True
        ):
            np.testing.assert_array_equal(one, other)
