"""Packing, against obvious slow versions."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from likewise.encoding import packing as module
from likewise.encoding.packing import PRECISIONS, RANGED, Packed, Packing, Ranges, fit_ranges, pack, truncate, unpack
from likewise.errors import SettingError, ShapeError

COMPONENTS = st.floats(-100, 100, width=32)
SHAPES = st.tuples(st.integers(2, 12), st.integers(1, 20))
VECTORS = arrays(np.float32, SHAPES, elements=COMPONENTS)
SOUND = np.array([[0.5, -0.25, 0.0], [-1.0, 2.0, 0.125]], np.float32)


def packing_for(vectors, precision, ranges=None):
    ranges = ranges or (fit_ranges(vectors) if precision in RANGED else None)
    return Packing(precision=precision, dimension=vectors.shape[1], ranges=ranges)


def ordinary(rows=300, dimension=384, seed=0):
    """Unit vectors with a mean, as models give them."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((rows, dimension)) + chance.standard_normal(dimension)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(VECTORS, st.sampled_from(RANGED))
def test_a_component_is_off_by_half_a_step_at_most(vectors, precision):
    ranges = fit_ranges(vectors)
    back = unpack(pack(vectors, packing_for(vectors, precision, ranges)))
    half = (ranges.high.astype(float) - ranges.low) / 255 / 2
    rounding = 4e-5 * (1 + np.abs(ranges.low) + np.abs(ranges.high))
    assert back.dtype == np.float32
    assert (np.abs(back - vectors.astype(float)) <= half + rounding).all()


@settings(deadline=None, max_examples=60)
@given(VECTORS, VECTORS)
def test_codes_are_the_steps_of_the_range_counted_one_by_one(sample, vectors):
    width = min(sample.shape[1], vectors.shape[1])
    sample, vectors = sample[:, :width], vectors[:, :width]
    ranges = fit_ranges(sample)
    slow = np.zeros(vectors.shape, int)
    for row, vector in enumerate(vectors):
        for column, value in enumerate(vector):
            step = (ranges.high[column] - ranges.low[column]) / np.float32(255) or np.float32(1)
            with np.errstate(over="ignore"):  # of a range near 0
                steps = np.floor((value - ranges.low[column]) / step)
            slow[row, column] = min(max(steps, 0), 255)
    for precision, lowest in (("uint8", 0), ("int8", -128)):
        packed = pack(vectors, packing_for(vectors, precision, ranges))
        assert packed.rows.dtype == np.dtype(precision)
        assert (packed.rows == slow + lowest).all()
    both = [unpack(pack(vectors, packing_for(vectors, precision, ranges))) for precision in RANGED]
    assert np.allclose(*both, rtol=1e-4, atol=1e-3)


@settings(deadline=None, max_examples=60)
@given(VECTORS)
def test_signs_come_back_as_unit_vectors_whatever_the_dimension(vectors):
    packed = pack(vectors, packing_for(vectors, "binary"))
    dimension = vectors.shape[1]
    assert packed.rows.shape == (len(vectors), -(-dimension // 8))
    for row, vector in zip(packed.rows, vectors, strict=True):
        bits = "".join(f"{byte:08b}" for byte in row)
        assert bits == "".join("1" if value > 0 else "0" for value in vector).ljust(len(bits), "0")
    back = unpack(packed)
    assert np.allclose(back, np.where(vectors > 0, 1, -1) / np.sqrt(dimension), atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(VECTORS)
def test_float32_is_kept_and_float16_is_rounded(vectors):
    assert np.array_equal(unpack(pack(vectors, packing_for(vectors, "float32"))), vectors)
    assert np.array_equal(unpack(pack(vectors, packing_for(vectors, "float16"))), vectors.astype(np.float16))


def test_every_finite_half_is_widened_as_numpy_does():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(-1, 1)
    halves = halves[np.isfinite(halves[:, 0])]
    back = unpack(Packed(halves, Packing(precision="float16", dimension=1)))
    assert np.array_equal(back, halves.astype(np.float32))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_packing_keeps_length_and_direction(precision):
    vectors = ordinary()
    packed = pack(vectors, packing_for(vectors, precision))
    assert packed.rows.nbytes == len(packed) * packed.packing.row_bytes
    back = unpack(packed)
    lengths = np.linalg.norm(back, axis=1)
    cosines = (vectors * back).sum(axis=1) / lengths
    assert np.allclose(lengths, 1, atol=0.01)
    assert cosines.min() > {"binary": 0.7, "int8": 0.9995, "uint8": 0.9995}.get(precision, 0.999999)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_zero_vectors_and_no_vectors(precision):
    zeros = np.zeros((3, 5), np.float32)
    back = unpack(pack(zeros, packing_for(zeros, precision)))
    assert np.isfinite(back).all()
    if precision != "binary":  # the sign of zero is that of what is negative
        assert (back == 0).all()
    none = pack(zeros[:0], packing_for(zeros, precision))
    assert len(none) == 0
    assert unpack(none).shape == (0, 5)


def test_what_is_outside_its_range_is_clipped_at_its_edge():
    ranges = Ranges(np.array([-1, 0], np.float32), np.array([1, 0], np.float32))  # the second dimension is constant
    far = np.array([[3e38, 7], [-3e38, -7]], np.float32)
    back = unpack(pack(far, Packing(precision="int8", dimension=2, ranges=ranges)))
    assert np.allclose(back, [[1, 0], [-1, 0]], atol=1 / 255 + 1e-6)


@settings(deadline=None, max_examples=60)
@given(VECTORS)
def test_ranges_hold_the_sample_and_their_spread(vectors):
    ranges = fit_ranges(vectors)
    assert (ranges.low <= vectors.min(axis=0)).all()
    assert (ranges.high >= vectors.max(axis=0)).all()
    exact = vectors.astype(float)
    reach = 4.5 * exact.std(axis=0)
    assert (ranges.low <= exact.mean(axis=0) - reach + 1e-3).all()
    assert (ranges.high >= exact.mean(axis=0) + reach - 1e-3).all()


@settings(deadline=None, max_examples=60)
@given(VECTORS)
def test_ranges_survive_json_to_the_bit(vectors):
    ranges = fit_ranges(vectors)
    again = Ranges.from_lists(json.loads(json.dumps(ranges.to_lists())))
    assert again == ranges
    assert hash(again) == hash(ranges)
    assert Ranges(ranges.low - 1, ranges.high) != ranges
    packings = [Packing(precision="int8", dimension=vectors.shape[1], ranges=one) for one in (ranges, again)]
    assert packings[0] == packings[1]


def test_blocks_change_nothing(monkeypatch):
    vectors = ordinary(rows=50, dimension=12)
    whole = {one: pack(vectors, packing_for(vectors, one)) for one in PRECISIONS}
    monkeypatch.setattr(module, "_BLOCK", 12 * 7)
    for precision, packed in whole.items():
        again = pack(vectors, packed.packing)
        assert np.array_equal(again.rows, packed.rows), precision
        assert np.array_equal(unpack(again), unpack(packed)), precision


@settings(deadline=None, max_examples=60)
@given(VECTORS, st.data())
def test_truncated_vectors_are_their_first_dimensions_at_unit_length(vectors, data):
    dimension = data.draw(st.integers(1, vectors.shape[1]))
    found = truncate(vectors, dimension)
    assert found.shape == (len(vectors), dimension)
    assert found.dtype == np.float32
    for row, vector in zip(found, vectors, strict=True):
        kept = vector[:dimension].astype(float)
        length = float(np.sqrt(np.sum(kept * kept)))
        assert np.allclose(row, kept / length if length else 0, atol=1e-6)


def test_truncating_neither_overflows_nor_vanishes():
    extreme = np.array([[3e38, 3e38, 1], [1e-30, 0, 5]], np.float32)
    assert np.allclose(truncate(extreme, 2), [[np.sqrt(0.5)] * 2, [1, 0]])


@pytest.mark.parametrize("dimension", [0, -1, 4, 2.0, True])
def test_truncating_to_what_is_not_there_is_refused(dimension):
    with pytest.raises(SettingError, match="dimension is"):
        truncate(SOUND, dimension)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_is_not_finite_is_refused(precision, bad):
    vectors = SOUND.copy()
    vectors[1, 2] = bad
    with pytest.raises(SettingError, match="row 1 holds NaN or infinity"):
        pack(vectors, packing_for(SOUND, precision))
    with pytest.raises(SettingError, match="row 1"):
        fit_ranges(vectors)
    with pytest.raises(SettingError, match="row 1"):
        truncate(vectors, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_is_not_finite_in_packed_rows_is_refused(dtype, bad):
    rows = SOUND.astype(dtype)
    rows[0, 1] = bad
    with pytest.raises(SettingError, match="not finite"):
        unpack(Packed(rows, Packing(precision=np.dtype(dtype).name, dimension=3)))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "vectors", [SOUND.astype(np.float64), SOUND[0], SOUND[:, :2], SOUND[:, :0], SOUND.astype(np.int8)]
)
def test_other_shapes_and_dtypes_are_refused(vectors, precision):
    with pytest.raises(ShapeError, match="expected"):
        pack(vectors, packing_for(SOUND, precision))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rows_of_another_packing_are_refused(precision):
    right = pack(SOUND, packing_for(SOUND, precision))
    for rows in (right.rows[0], right.rows[:, :0], np.hstack([right.rows] * 2), right.rows.astype(np.int64)):
        with pytest.raises(ShapeError, match="packed rows are"):
            Packed(rows, right.packing)


def test_bits_beyond_the_dimension_are_refused():
    with pytest.raises(ShapeError, match="beyond dimension 3"):
        Packed(np.array([[0b11100000], [0b00010000]], np.uint8), Packing(precision="binary", dimension=3))


def test_settings_at_odds_are_refused():
    ranges = fit_ranges(SOUND)
    with pytest.raises(SettingError, match=r"no vector precision named 'int4'\. Did you mean 'int8'"):
        Packing(precision="int4", dimension=3)
    for precision in RANGED:
        with pytest.raises(SettingError, match="need ranges"):
            Packing(precision=precision, dimension=3)
        with pytest.raises(SettingError, match="ranges for 3 dimensions, but the vectors have 4"):
            Packing(precision=precision, dimension=4, ranges=ranges)
    with pytest.raises(SettingError, match="have no ranges"):
        Packing(precision="binary", dimension=3, ranges=ranges)
    with pytest.raises(SettingError, match="dimension is 0"):
        Packing(precision="float32", dimension=0)


def test_ranges_that_say_nothing_are_refused():
    with pytest.raises(SettingError, match="got 1"):
        fit_ranges(SOUND[:1])
    one = np.ones(1, np.float32)
    for low, high in ((one, -one), (one * np.nan, one), (-one * 3e38, one * 3e38), (one, one * np.inf)):
        with pytest.raises(SettingError, match="finite limits"):
            Ranges(low, high)
    for low, high in ((one, np.ones(2, np.float32)), (one[:0], one[:0]), (one.astype(float), one)):
        with pytest.raises(ShapeError, match="one row"):
            Ranges(low, high)
    with pytest.raises(SettingError, match="finite limits"):
        fit_ranges(np.array([[3e38], [-3e38]], np.float32))


@pytest.mark.parametrize("lists", [{}, {"low": [0]}, {"low": [0], "high": ["a"]}, {"low": [0], "high": [1], "mid": []}])
def test_lists_that_are_no_ranges_are_refused(lists):
    with pytest.raises(SettingError, match="ranges"):
        Ranges.from_lists(lists)


def test_what_float16_cannot_hold_is_refused():
    with pytest.raises(SettingError, match="float16 reaches 65504"):
        pack(SOUND * 1e5, packing_for(SOUND, "float16"))


@pytest.mark.oracle
def test_codes_are_those_of_sentence_transformers():
    pytest.importorskip("sentence_transformers")
    from sentence_transformers.util.quantization import quantize_embeddings

    vectors = ordinary(rows=2000)
    ranges = fit_ranges(vectors[:100])  # so that some are clipped
    limits = np.stack([ranges.low, ranges.high])
    for precision in RANGED:
        theirs = quantize_embeddings(vectors, precision=precision, ranges=limits)
        assert np.array_equal(pack(vectors, packing_for(vectors, precision, ranges)).rows, theirs)
    ours = pack(vectors, packing_for(vectors, "binary")).rows
    assert np.array_equal(ours, quantize_embeddings(vectors, precision="ubinary"))
    # Their "binary" has the same bits, less 128: it is turned into ours by flipping the first bit of each byte.
    assert np.array_equal(ours ^ 128, quantize_embeddings(vectors, precision="binary").view(np.uint8))
