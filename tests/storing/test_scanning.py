"""Scans against slow definitions, and past queries that are kept and lost."""

import numpy as np
import pytest

from likewise.storing.past_queries import FILE, PastQueries
from likewise.storing.scanning import fit_product, fit_signs, read_product, read_signs

VECTORS = np.random.default_rng(0).standard_normal((700, 70)).astype(np.float32)  # 70: no multiple of 8 or 64
QUERY = np.random.default_rng(1).standard_normal(70).astype(np.float32)


def test_signs_are_ranked_by_how_many_differ(tmp_path):
    differing = ((VECTORS > 0) != (QUERY > 0)).sum(axis=1)
    expected = np.argsort(differing, kind="stable")
    signs = fit_signs(VECTORS)
    for count in (1, 50, 699, 700):
        assert signs.propose(QUERY, count).tolist() == expected[:count].tolist()
    assert signs.propose(QUERY, 10**6).tolist() == expected.tolist()
    signs.write(tmp_path)
    assert read_signs(tmp_path).propose(QUERY, 50).tolist() == signs.propose(QUERY, 50).tolist()


def test_product_codes_score_as_the_points_that_they_name(tmp_path):
    product = fit_product(VECTORS)
    read = np.concatenate([points[codes] for points, codes in zip(product.points, product.codes, strict=True)], axis=1)
    scores = read[:, :70] @ QUERY
    assert (np.diff(scores[product.propose(QUERY, 100)]) <= 1e-5).all()
    assert set(product.propose(QUERY, 100).tolist()) == set(np.argsort(-scores)[:100].tolist())
    error = ((read[:, :70] - VECTORS) ** 2).sum() / (VECTORS**2).sum()
    assert error < 0.35  # random vectors are the worst case; naming the mean alone would give 1
    product.write(tmp_path)
    assert read_product(tmp_path).propose(QUERY, 50).tolist() == product.propose(QUERY, 50).tolist()


def test_each_part_names_its_nearest_point():
    product = fit_product(VECTORS)
    part = VECTORS[:, 8:16]
    distances = ((part[:, None] - product.points[1][None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(
        distances[np.arange(len(part)), product.codes[1]], distances.min(axis=1), rtol=1e-4, atol=1e-4
    )


def test_past_queries_are_the_last_ones_of_all_processes(tmp_path):
    one, other = PastQueries(tmp_path, kept=50), PastQueries(tmp_path, kept=50)
    for number, query in enumerate(VECTORS[:80]):
        (one if number % 2 else other).add(query)
    one.flush()
    other.flush()
    found = one.read(70)
    assert len(found) == 50
    assert {row.tobytes() for row in found} <= {row.tobytes() for row in VECTORS[:80]}
    for query in VECTORS[:200]:
        one.add(query)
    one.trim(70)
    np.testing.assert_array_equal(one.read(70), VECTORS[150:200])
    assert (tmp_path / FILE).stat().st_size < 110 * 4 * 71


def test_a_torn_or_damaged_record_is_passed_over(tmp_path):
    ring = PastQueries(tmp_path)
    for query in VECTORS[:3]:
        ring.add(query)
    ring.flush()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[4 * 71 + 9] ^= 1
    (tmp_path / FILE).write_bytes(content[:-1])
    np.testing.assert_array_equal(ring.read(70), VECTORS[:1])


def test_where_none_shall_be_kept_what_was_goes(tmp_path):
    ring = PastQueries(tmp_path)
    ring.add(QUERY)
    ring.flush()
    off = PastQueries(tmp_path, kept=0)
    off.add(QUERY)
    assert off.read(70).shape == (0, 70)
    off.trim(70)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("width", [8, 64, 70])
def test_a_store_emptied_and_filled_with_other_vectors_starts_anew(tmp_path, width):
    ring = PastQueries(tmp_path)
    ring.add(np.ones(70, np.float32))
    ring.flush()
    assert len(ring.read(width)) == (1 if width == 70 else 0)
