"""The same network by numpy, which is plain, and as the engine runs what ONNX records."""

import math

import numpy as np
import pytest
from tiny_model import WORDS, write_model

from likewise.encoding.batching import pad
from likewise.encoding.engine import compile_network
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.network import to_onnx, vectors
from likewise.modelling.ops.numpy_ops import NumpyOps, erf

LIMIT = 1e-5
RANDOM = np.random.default_rng(3)
ROWS = [RANDOM.integers(2, len(WORDS), length) for length in (3, 16, 1, 7, 32)]


def by_numpy(checkpoint, rows, *, tokens=0):
    return vectors(NumpyOps(), checkpoint, checkpoint.weights(), *pad(rows, tokens=tokens))


def engine_of(checkpoint):
    recorded = to_onnx(checkpoint, checkpoint.weights())
    return compile_network(recorded, precision="float32", dimension=checkpoint.dimension)


def by_engine(engine, rows, *, tokens=0):
    return engine.run([(np.arange(len(rows)), *pad(rows, tokens=tokens))], rows=len(rows))


@pytest.mark.parametrize(
    ("pooling", "normalise", "prefix"),
    [("mean", True, ""), ("mean", False, "bert."), ("cls", True, "bert."), ("cls", False, "")],
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


def test_poolings_differ_and_cls_is_the_first_token(tmp_path):
    """Against the definition: without a network in between, a pooling could be any."""
    states = RANDOM.normal(size=(2, 4, 3)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    assert np.array_equal(NumpyOps().first_token(states), states[:, 0])
    assert np.allclose(NumpyOps().mean_pool(states, mask)[1], states[1, :2].mean(axis=0))
    means, firsts = (by_numpy(read_checkpoint(write_model(tmp_path / p, pooling=p)), ROWS) for p in ("mean", "cls"))
    assert np.abs(means - firsts).max() > 0.01


def test_erf_is_the_error_function():
    points = np.linspace(-6, 6, 2001)
    assert np.abs(erf(points) - [math.erf(point) for point in points]).max() <= 1.5e-7


def test_gelu_and_layer_norm_are_what_the_papers_define():
    x = RANDOM.normal(scale=3, size=(2, 5)).astype(np.float32)
    exact = [[v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in row] for row in x.tolist()]
    assert np.abs(NumpyOps().gelu(x) - exact).max() <= 1e-6
    weight, bias = RANDOM.normal(size=(2, 5)).astype(np.float32)
    row = x[0].astype(np.float64)
    expected = (row - row.mean()) / math.sqrt(row.var() + 1e-12) * weight + bias
    assert np.abs(NumpyOps().layer_norm(x, weight, bias, epsilon=1e-12)[0] - expected).max() <= 1e-5
