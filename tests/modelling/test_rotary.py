"""Rotary positions against transformers, up to places where the last bit of a frequency shows."""

import json

import numpy as np
import pytest
from seeded import GOLDEN

from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.parts import rotate
from likewise.modelling.positions import rotary

LIMIT = 1e-5
CASES = json.loads((GOLDEN.parent / "rotary.json").read_text())


@pytest.fixture(params=CASES)
def name(request):
    return request.param


def tables(name):
    case = CASES[name]
    found = rotary(max(case["places"]) + 1, case["width"], base=case["rope"]["rope_theta"], scaling=case["rope"])
    return [table[case["places"], 0] for table in found]  # (P, width) each


def test_tables_are_those_of_transformers(name):
    cosines, sines = tables(name)
    signs = np.repeat([-1, 1], CASES[name]["width"] // 2)  # ours are as ``rotate`` needs them
    with np.load(GOLDEN.parent / "rotary.npz") as golden:
        assert np.abs(cosines - golden[f"{name}.cosines"]).max() <= LIMIT
        assert np.abs(sines * signs - golden[f"{name}.sines"]).max() <= LIMIT


def test_turning_by_places_leaves_products_to_depend_on_the_distance(name):
    width, ops = CASES[name]["width"], NumpyOps()
    random = np.random.default_rng(1)
    q, k = random.normal(size=(2, 1, 1, 1, width)).astype(np.float32)
    cosines, sines = rotary(64, width, base=CASES[name]["rope"]["rope_theta"], scaling=CASES[name]["rope"])
    turned = [
        rotate(ops, np.repeat(x, 64, axis=1), cosines, sines, width=width)[0, :, 0] for x in (q, k)
    ]  # (64, width)
    products = turned[0] @ turned[1].T  # (64, 64)
    for distance in (0, 3, 20):
        diagonal = np.diagonal(products, distance)
        assert np.abs(diagonal - diagonal[0]).max() <= 1e-3
    assert np.abs(np.diagonal(products, 20) - np.diagonal(products, -20)).max() > 0.1
