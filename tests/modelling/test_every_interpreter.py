"""The same model by numpy, which is plain, and as the engine runs what ONNX records; and numpy against definitions."""

import math

import numpy as np
import pytest
from tiny_model import WORDS, write_model

from likewise.encoding.batching import pad
from likewise.encoding.engines.openvino import compile_network
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.network import run, to_onnx
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps, erf

LIMIT = 1e-5
RANDOM = np.random.default_rng(3)
ROWS = [RANDOM.integers(2, len(WORDS), length) for length in (3, 16, 1, 7, 32)]


def by_numpy(checkpoint, rows, *, tokens=0):
    return run(NumpyOps(), checkpoint, checkpoint.weights(), Inputs(*pad(rows, tokens=tokens)))


def engine_of(checkpoint):
    return compile_network(to_onnx(checkpoint, checkpoint.weights()), precision="float32")


def by_engine(engine, rows, *, tokens=0):
    found = []
    engine.run(
        [(np.arange(len(rows)), Inputs(*pad(rows, tokens=tokens)))], lambda _, vectors: found.append(vectors.copy())
    )
    return found[0]


@pytest.mark.parametrize(
    ("pooling", "normalise", "prefix"),
    [("mean", True, ""), ("mean", False, "bert."), ("cls", True, "bert."), ("lasttoken", False, "")],
)
def test_interpreters_agree_and_neither_batch_nor_padding_matters(tmp_path, pooling, normalise, prefix):
    checkpoint = read_checkpoint(write_model(tmp_path / "tiny", pooling=pooling, normalise=normalise, prefix=prefix))
    alone = np.concatenate([by_numpy(checkpoint, [row]) for row in ROWS])  # (N, D): the reference
    assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5) == normalise
    engine = engine_of(checkpoint)
    for found in (
        by_numpy(checkpoint, ROWS),
        by_engine(engine, ROWS),
        np.concatenate([by_engine(engine, [row]) for row in ROWS]),
        np.concatenate([by_engine(engine, [row], tokens=32) for row in ROWS]),
        by_engine(engine, ROWS[::-1])[::-1],
    ):
        assert np.abs(found - alone).max() <= LIMIT


def test_erf_is_the_error_function():
    points = np.linspace(-6, 6, 2001)
    assert np.abs(erf(points) - [math.erf(point) for point in points]).max() <= 1.5e-7


def test_gelu_and_layer_norm_are_what_the_papers_define():
    x = RANDOM.normal(scale=3, size=(2, 5)).astype(np.float32)
    exact = [[v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in row] for row in x.tolist()]
    assert np.abs(NumpyOps().apply(x, "gelu") - exact).max() <= 1e-6
    weight, bias = RANDOM.normal(size=(2, 5)).astype(np.float32)
    row = x[0].astype(np.float64)
    expected = (row - row.mean()) / math.sqrt(row.var() + 1e-12) * weight + bias
    assert np.abs(NumpyOps().layer_norm(x, weight, bias, epsilon=1e-12)[0] - expected).max() <= 1e-5
