"""Axes, weights and the fit, against slow definitions."""

import numpy as np
import pytest

from likewise.errors import DataError, SettingError
from likewise.words.distilled import Incidence, fit_rows, principal_axes, zipf_weights

RANDOM = np.random.default_rng(5)
TEXTS = [RANDOM.integers(0, 12, length) for length in RANDOM.integers(0, 9, 60)]  # token 12 is in none
MATRIX = np.array([[(text == token).sum() / max(len(text), 1) for token in range(13)] for text in TEXTS])


def test_axes_are_those_of_the_greatest_variance():
    vectors = (RANDOM.normal(size=(400, 6)) @ RANDOM.normal(size=(6, 6)) + 3).astype(np.float32)
    found = principal_axes(vectors, 4)
    turned = found.apply(vectors)
    _, lengths, expected = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    assert np.abs(np.abs(found.axes.T @ expected[:4].T) - np.eye(4)).max() <= 1e-3
    assert np.allclose(found.variances, lengths[:4] ** 2 / 400, rtol=1e-3)
    assert np.abs(turned.mean(axis=0)).max() <= 1e-4
    assert np.array_equal(found.axes, principal_axes(vectors.copy(), 4).axes)
    for wrong in (0, 7):
        with pytest.raises(SettingError, match=f"dimension is {wrong}; vectors of 6 have 1 to 6"):
            principal_axes(vectors, wrong)


def test_frequent_tokens_weigh_less():
    found = zipf_weights(1000, smoothing=1e-3)
    shares = (1 / np.arange(2, 1002)) / (1 / np.arange(2, 1002)).sum()
    assert np.allclose(found, 1e-3 / (1e-3 + shares), rtol=1e-6)
    assert (np.diff(found) > 0).all()
    with pytest.raises(SettingError, match="smoothing is 0; expected a number above 0"):
        zipf_weights(10, smoothing=0)


def test_sums_are_those_of_the_matrix():
    incidence = Incidence(TEXTS, 13)
    rows, vectors = (RANDOM.normal(size=(size, 5)).astype(np.float32) for size in (13, 60))
    assert np.abs(incidence.means(rows) - MATRIX @ rows).max() <= 1e-5
    assert np.abs(incidence.spread(vectors) - MATRIX.T @ vectors).max() <= 1e-5
    expected = [sum((text == token).sum() / len(text) ** 2 for text in TEXTS if len(text)) for token in range(13)]
    assert np.allclose(incidence.squares, expected, atol=1e-5)


@pytest.mark.parametrize("ridge", [0.05, 1.0])
def test_the_fit_is_the_closed_form(ridge):
    targets, prior = (RANDOM.normal(size=(size, 5)).astype(np.float32) for size in (60, 13))
    found = fit_rows(Incidence(TEXTS, 13), targets, prior, ridge=ridge, rounds=30)
    moved = np.linalg.solve(MATRIX.T @ MATRIX + ridge * np.eye(13), MATRIX.T @ (targets - MATRIX @ prior))
    assert np.abs(found - (prior + moved)).max() <= 1e-4
    assert np.array_equal(found[12], prior[12])


def test_a_fit_tells_its_rounds_and_refuses_what_is_no_number():
    rounds = []
    targets, prior = np.ones((60, 2), np.float32), np.zeros((13, 2), np.float32)
    fit_rows(Incidence(TEXTS, 13), targets, prior, ridge=1, rounds=2, progress=lambda *done: rounds.append(done))
    assert rounds == [(0, 2), (1, 2), (2, 2)]
    targets[3] = np.nan
    with pytest.raises(DataError, match="no finite numbers"):
        fit_rows(Incidence(TEXTS, 13), targets, prior, ridge=1, rounds=2)
