"""Maps of words: places by each library, and what a map refuses; how it is drawn is tested with its command."""

import numpy as np
import pytest

from likewise.errors import SettingError, ShapeError
from likewise.words.mapping import draw, place

UMAP = (pytest.mark.oracle, pytest.mark.filterwarnings("ignore::ImportWarning"))  # it would like tensorflow


def two_groups(count=30):
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(2, 8), count // 2, axis=0)
    return (9 * (centres + 0.1 * random.normal(size=centres.shape))).astype("f4")


def test_pca_gives_the_directions_of_greatest_variance():
    vectors = two_groups()
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    axes = np.linalg.svd(units - units.mean(axis=0))[2]
    expected = (units - units.mean(axis=0)) @ axes[:2].T
    np.testing.assert_allclose(np.abs(place(vectors)), np.abs(expected), atol=1e-5)


@pytest.mark.parametrize("method", ["pca", "tsne", pytest.param("umap", marks=UMAP)])
@pytest.mark.parametrize("count", [4, 30])
def test_neighbours_stay_neighbours(method, count):
    vectors = two_groups(count)
    places = place(vectors, method=method, seed=3)
    assert places.shape == (count, 2)
    np.testing.assert_array_equal(places, place(vectors, method=method, seed=3))
    if count == 30:
        distances = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(count, np.inf))
        assert ((distances.argmin(axis=1) < 15) == (np.arange(count) < 15)).all()


def test_what_makes_no_map_is_said(tmp_path):
    with pytest.raises(SettingError, match="expected one of pca, tsne, umap"):
        place(two_groups(), method="mds")
    with pytest.raises(ShapeError, match="2 vectors make no map"):
        place(two_groups(2))
    with pytest.raises(SettingError, match=r"ends in .png or .html"):
        draw(["a"], np.zeros((1, 2)), tmp_path / "a.svg")
    with pytest.raises(ShapeError, match=r"expected \(1, 2\)"):
        draw(["a"], np.zeros((2, 2)), tmp_path / "a.png")
