"""Search over packed vectors, against the same with everything unpacked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from likewise.encoding import packed_search as module
from likewise.encoding import packing as packing_module
from likewise.encoding.packed_search import (
    rescore,
    search,
    search_and_rescore,
    search_signs,
    sign_similarities,
    similarities,
)
from likewise.encoding.packing import PRECISIONS, RANGED, Packed, Packing, fit_ranges, pack, unpack
from likewise.errors import SettingError, ShapeError

# Few values, so that rows are often equal and scores often tie; exact in every sum.
SMALL = st.integers(-2, 2).map(float)


@st.composite
def cases(draw):
    """Queries, vectors and a packing."""
    dimension = draw(st.integers(1, 19))
    queries = draw(arrays(np.float32, (draw(st.integers(0, 4)), dimension), elements=SMALL))
    vectors = draw(arrays(np.float32, (draw(st.integers(0, 15)), dimension), elements=SMALL))
    return queries, vectors, packing_of(draw(st.sampled_from(PRECISIONS)), dimension)


def packing_of(precision, dimension):
    sample = np.array([[-2.0] * dimension, [2.0] * dimension], np.float32)
    return Packing(precision=precision, dimension=dimension, ranges=fit_ranges(sample) if precision in RANGED else None)


def slowly(queries, vectors, k, among=None):
    """Each query's best rows, by a sort of (score, id)."""
    found = []
    for number, query in enumerate(queries):
        ids = range(len(vectors)) if among is None else sorted({int(one) for one in among[number] if one >= 0})
        scores = {row: np.float32(float(query.astype(float) @ vectors[row].astype(float))) for row in ids}
        best = sorted(scores, key=lambda row: (-scores[row], row))[:k]
        found.append([(row, scores[row]) for row in best] + [(-1, -np.inf)] * (k - len(best)))
    return found


def assert_ranked(found, slow, tolerance):
    """The same ids, but where scores are as good as equal; and the same scores."""
    assert found.ids.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert found.ids.shape == found.scores.shape
    for ids, scores, expected in zip(found.ids, found.scores, slow, strict=True):
        pad = [row for row, _ in expected].count(-1)
        kept = len(ids) - pad
        assert ids[kept:].tolist() == [-1] * pad
        assert (scores[kept:] == -np.inf).all()
        assert np.allclose(scores[:kept], [score for _, score in expected[:kept]], atol=tolerance)
        assert len(set(ids[:kept].tolist())) == kept
        for (row, score), (other, other_score) in zip(
            zip(ids[:kept], scores[:kept], strict=True), expected[:kept], strict=True
        ):
            assert row == other or abs(score - other_score) <= tolerance
        assert (np.diff(scores[:kept]) <= 0).all()
        level = np.diff(scores[:kept]) == 0
        assert (np.diff(ids[:kept])[level] > 0).all()  # ties in the order of ids


@settings(deadline=None, max_examples=60)
@given(cases())
def test_similarities_are_dot_products_with_unpacked_rows(case):
    queries, vectors, packing = case
    packed = pack(vectors, packing)
    found = similarities(queries, packed)
    assert found.shape == (len(queries), len(vectors))
    assert found.dtype == np.float32
    assert np.allclose(found, queries.astype(float) @ unpack(packed).astype(float).T, atol=1e-4)


@settings(deadline=None, max_examples=60)
@given(cases(), st.integers(1, 20))
def test_search_is_a_sort_of_all(case, k):
    queries, vectors, packing = case
    packed = pack(vectors, packing)
    found = search(queries, packed, k=k)
    assert found.ids.shape == (len(queries), k)
    exactly = packing.precision in ("float32", "float16")  # small whole numbers, in these
    assert_ranked(found, slowly(queries, unpack(packed), k), 0.0 if exactly else 1e-4)


@settings(deadline=None, max_examples=60)
@given(cases(), st.integers(1, 20))
def test_equal_rows_have_equal_scores_and_rank_by_id(case, k):
    queries, vectors, packing = case
    packed = pack(np.concatenate([vectors] * 3), packing)
    found = search(queries, packed, k=3 * k)
    for ids, scores in zip(found.ids, found.scores, strict=True):
        best: dict[int, float] = {}
        for row, score in zip(ids.tolist(), scores.tolist(), strict=True):
            if row >= 0:
                twin = row % len(vectors)
                assert best.setdefault(twin, score) == score
                assert row < len(vectors) or row - len(vectors) in ids  # the lower twin came first


@pytest.mark.parametrize("precision", PRECISIONS)
def test_ties_at_the_last_place_go_to_the_lower_id_in_any_block(precision, monkeypatch):
    # Long rows in many blocks: a matrix product gives equal rows scores whose last bits differ by where they stand.
    chance = np.random.default_rng(3)
    vectors = np.repeat(chance.standard_normal((1, 384)).astype(np.float32), 101, axis=0)
    queries = chance.standard_normal((3, 384)).astype(np.float32)
    packed = pack(vectors, Packing(precision=precision, dimension=384, ranges=_spread(precision)))
    monkeypatch.setattr(packing_module, "_BLOCK", 384 * 7)
    assert search(queries, packed, k=10).ids.tolist() == [list(range(10))] * 3


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_rounding_of_sums_does_not_choose(precision):
    # Each row has the same components in another order, so that only rounding makes their sums differ.
    chance = np.random.default_rng(5)
    # So many magnitudes that float32 can't hold the sums, and float64 can.
    row = (chance.standard_normal(384) * 2.0 ** chance.integers(-9, 9, 384)).astype(np.float16)
    vectors = np.stack([chance.permutation(row) for _ in range(500)]).astype(np.float32)
    ones = np.ones((1, 384), np.float32)
    packed = pack(vectors, packing_of(precision, 384))
    rough = similarities(ones, packed)[0]
    assert len(np.unique(rough)) > 1  # or this shows nothing
    found = search(ones, packed, k=10)
    assert found.ids.tolist() == [list(range(10))]
    assert len(np.unique(found.scores)) == 1


def _spread(precision):
    return (
        fit_ranges(np.random.default_rng(1).standard_normal((50, 384)).astype(np.float32))
        if precision in RANGED
        else None
    )


@pytest.mark.parametrize("precision", PRECISIONS)
def test_blocks_change_nothing(precision, monkeypatch):
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((60, 384)).astype(np.float32)
    packed = pack(vectors, Packing(precision=precision, dimension=384, ranges=_spread(precision)))
    whole = search(vectors[:9], packed, k=5)
    monkeypatch.setattr(packing_module, "_BLOCK", 384 * 7)
    monkeypatch.setattr(module, "_SCORES", 60 * 2)
    again = search(vectors[:9], packed, k=5)
    assert np.array_equal(again.ids, whole.ids)
    assert np.array_equal(again.scores, whole.scores)
    assert np.allclose(similarities(vectors[:9], packed), vectors[:9] @ unpack(packed).T, atol=1e-3)


@settings(deadline=None, max_examples=60)
@given(cases(), st.integers(1, 20), st.booleans())
def test_signs_are_compared_bit_by_bit(case, k, old_numpy):
    queries, vectors, packing = case
    packing = Packing(precision="binary", dimension=packing.dimension)
    packed, asked = pack(vectors, packing), pack(queries, packing)
    with pytest.MonkeyPatch.context() as patch:
        if old_numpy:  # before 2.0 there is no such function
            patch.delattr(np, "bitwise_count", raising=False)
        found, ranked = sign_similarities(asked, packed), search_signs(asked, packed, k=k)
    slow = np.array(
        [[np.mean(np.where((query > 0) == (vector > 0), 1, -1)) for vector in vectors] for query in queries]
    )
    assert found.dtype == np.float32
    assert found.shape == (len(queries), len(vectors))
    assert np.allclose(found, slow.reshape(found.shape), atol=1e-6)
    for row, (ids, scores) in enumerate(zip(ranked.ids, ranked.scores, strict=True)):
        order = sorted(range(len(vectors)), key=lambda one, row=row: (-found[row, one], one))[:k]
        assert ids.tolist() == order + [-1] * (k - len(order))
        assert scores[: len(order)].tolist() == found[row, order].tolist()
        assert (scores[len(order) :] == -np.inf).all()


@pytest.mark.parametrize("dimension", [8, 16, 24, 32, 64, 384, 385])
def test_signs_are_counted_at_every_width(dimension):
    chance = np.random.default_rng(dimension)
    vectors = chance.standard_normal((40, dimension)).astype(np.float32)
    packed = pack(vectors, Packing(precision="binary", dimension=dimension))
    signs = np.where(vectors > 0, 1, -1)
    assert np.allclose(sign_similarities(packed, packed), signs @ signs.T / dimension, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(cases(), st.integers(1, 6), st.data())
def test_rescoring_is_a_sort_of_the_shortlist(case, k, data):
    queries, vectors, packing = case
    ids = st.integers(-1, len(vectors) - 1)
    shortlist = data.draw(arrays(np.int64, (len(queries), data.draw(st.integers(0, 10))), elements=ids))
    fine = pack(vectors, packing)
    found = rescore(queries, shortlist, fine, k=k)
    assert found.ids.shape == (len(queries), k)
    exactly = packing.precision in ("float32", "float16")
    assert_ranked(found, slowly(queries, unpack(fine), k, among=shortlist), 0.0 if exactly else 1e-4)


@settings(deadline=None, max_examples=60)
@given(cases(), st.integers(1, 5), st.integers(1, 4), st.sampled_from(PRECISIONS))
def test_searching_and_rescoring_is_one_after_the_other(case, k, oversample, finer):
    queries, vectors, packing = case
    coarse, fine = pack(vectors, packing), pack(vectors, packing_of(finer, packing.dimension))
    found = search_and_rescore(queries, coarse, fine, k=k, oversample=oversample)
    expected = rescore(queries, search(queries, coarse, k=k * oversample).ids, fine, k=k)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.scores, expected.scores)
    if k * oversample >= len(vectors):  # everything is on the shortlist
        assert np.array_equal(found.ids, search(queries, fine, k=k).ids)


def test_originals_on_disk_are_read_where_they_are_needed(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = Packed(np.load(tmp_path / "vectors.npy", mmap_mode="r"), packing_of("float32", 16))
    coarse = pack(vectors, packing_of("binary", 16))
    found = search_and_rescore(vectors[:20], coarse, mapped, k=1, oversample=20)
    longest = search(vectors[:20], mapped, k=1)
    assert (found.ids == longest.ids).mean() >= 0.9
    assert np.allclose(found.scores[found.ids == longest.ids], longest.scores[found.ids == longest.ids])


SOUND = np.array([[0.5, -0.25, 0.0], [-1.0, 2.0, 0.125]], np.float32)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_bad_queries_are_refused(precision):
    packed = pack(SOUND, packing_of(precision, 3))
    shortlist = np.zeros((2, 1), np.int64)
    for queries in (SOUND.astype(np.float64), SOUND[0], SOUND[:, :2], SOUND[:0, :2]):
        for call in (similarities, lambda *some: search(*some, k=1), lambda q, p: rescore(q, shortlist, p, k=1)):
            with pytest.raises(ShapeError, match="queries: got"):
                call(queries, packed)
    for bad in (np.nan, np.inf):
        with pytest.raises(SettingError, match="row 0 holds NaN"):
            similarities(np.full((1, 3), bad, np.float32), packed)
    for k in (0, -1, 1.5):
        with pytest.raises(SettingError, match="k is"):
            search(SOUND, packed, k=k)
    with pytest.raises(SettingError, match="oversample is 0"):
        search_and_rescore(SOUND, packed, packed, k=1, oversample=0)
    with pytest.raises(ShapeError, match="2 coarse and 1 fine"):
        search_and_rescore(SOUND, packed, packed.take(np.array([0])), k=1)


def test_bad_shortlists_are_refused():
    packed = pack(SOUND, packing_of("float32", 3))
    for shortlist in (np.zeros((1, 1), np.int64), np.zeros(2, np.int64), np.zeros((2, 1), np.int32)):
        with pytest.raises(ShapeError, match="shortlist"):
            rescore(SOUND, shortlist, packed, k=1)
    for row in (2, -2):
        with pytest.raises(SettingError, match="there are 2"):
            rescore(SOUND, np.full((2, 1), row, np.int64), packed, k=1)


def test_signs_are_compared_with_signs_alone():
    binary, other = pack(SOUND, packing_of("binary", 3)), pack(SOUND[:, :2].copy(), packing_of("binary", 2))
    for queries, packed in ((binary, pack(SOUND, packing_of("int8", 3))), (binary, other)):
        for call in (sign_similarities, lambda *some: search_signs(*some, k=1)):
            with pytest.raises(SettingError, match="two binary packings"):
                call(queries, packed)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_damaged_rows_are_no_scores(dtype, bad):
    rows = SOUND.astype(dtype)
    rows[1, 1] = bad
    packed = Packed(rows, Packing(precision=np.dtype(dtype).name, dimension=3))
    for call in (similarities, lambda *some: search(*some, k=1)):
        with pytest.raises(SettingError, match="not finite"):
            call(SOUND, packed)
    with pytest.raises(SettingError, match="not finite"):
        rescore(SOUND, np.ones((2, 1), np.int64), packed, k=1)


def test_products_beyond_float32_are_refused():
    huge = np.full((1, 3), 1e30, np.float32)
    packed = pack(huge, packing_of("float32", 3))
    for call in (
        similarities,
        lambda *some: search(*some, k=1),
        lambda q, p: rescore(q, np.zeros((1, 1), np.int64), p, k=1),
    ):
        with pytest.raises(SettingError, match="too great for float32"):
            call(huge, packed)
