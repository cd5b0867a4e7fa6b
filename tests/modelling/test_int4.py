"""Weights of four bits: the numbers, how they are kept in a file, and what the engine makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.encoding.engines.openvino import _run_once
from likewise.modelling.ops import onnx_file
from likewise.modelling.ops.onnx_graph import OPSET, Graph
from likewise.modelling.ops.onnx_int4 import Int4Weights, quantise_int4

RANDOM = np.random.default_rng(2)


@given(st.integers(1, 5), st.integers(1, 70), st.integers(1, 40), st.floats(1e-3, 1e3))
def test_groups_divide_the_inputs_and_the_error_is_not_over_that_of_plain_rounding(outputs, width, group, size):
    weight = np.random.default_rng(outputs * width).normal(scale=size, size=(outputs, width)).astype(np.float32)
    packed, scales = quantise_int4(weight, group)
    assert (packed.min() >= -8) & (packed.max() <= 7)
    step = width // scales.shape[1]
    assert step <= group
    assert step * scales.shape[1] == width
    spread = np.repeat(scales, step, axis=1)
    plain = np.abs(weight).reshape(outputs, -1, step).max(axis=2) / 7
    widest = np.repeat(plain, step, axis=1)
    nearest = np.clip(np.rint(weight / np.maximum(widest, 1e-8)), -8, 7) * widest
    ours, theirs = (np.square(one - weight).sum() for one in (packed * spread, nearest))
    assert ours <= theirs * 1.001 + 1e-12


@pytest.mark.parametrize("values", [[[1, -8, 7]], [[-1, 0], [5, -3]]])
def test_two_numbers_share_a_byte_the_first_in_its_lower_half(values):
    onnx = pytest.importorskip("onnx")
    kept = onnx.TensorProto.FromString(onnx_file.tensor("w", np.array(values, np.int8), four_bits=True))
    assert onnx.numpy_helper.to_array(kept).astype(int).tolist() == values


@pytest.mark.parametrize("width", [64, 24])
def test_the_engine_computes_with_the_numbers_that_were_kept(width):
    weight, bias = RANDOM.normal(size=(40, width)).astype(np.float32), RANDOM.normal(size=40).astype(np.float32)
    graph = Graph()
    product = Int4Weights().linear(graph, "x", weight, bias, site="s")
    inputs = [onnx_file.value_info("x", onnx_file.FLOAT, [16, width])]
    model = onnx_file.model(graph.finish(inputs, {"y": (product, [16, 40])}), opset=OPSET)
    x = RANDOM.normal(size=(16, width)).astype(np.float32)
    packed, scales = quantise_int4(weight)
    expected = x @ (packed * np.repeat(scales, width // scales.shape[1], axis=1)).T + bias
    assert np.abs(_run_once(model, x) - expected).max() <= 2e-3
    assert np.abs(expected - (x @ weight.T + bias)).max() > 1e-2
