"""int8 by either form of product gives the same values; small weights never saturate; the engine's choice is exact."""

import numpy as np
import pytest

from likewise.encoding.batching import pad
from likewise.encoding.engines import openvino
from likewise.encoding.engines._saturation import saturates
from likewise.encoding.quantisation import calibrate
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.network import to_onnx
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.onnx_weights import UNSATURATED, Int8Form, Int8Weights
from likewise.tokenizing import open_tokenizer

ROWS = [np.random.default_rng(5).integers(4, 20, length) for length in (3, 16, 1, 7)]
FORMS = [
    Int8Form(early=early, convolve=convolve, largest=UNSATURATED) for early in (True, False) for convolve in (0, 1)
]


@pytest.fixture
def checkpoint(model):
    return read_checkpoint(model)


def vectors(checkpoint, form):
    engine = openvino.compile_network(to_onnx(checkpoint, checkpoint.weights(), form=form), precision="float32")
    found = []
    engine.run([(np.arange(len(ROWS)), Inputs(*pad(ROWS)))], lambda _, some: found.append(some.copy()))
    return found[0]


def test_all_forms_mean_the_same_and_stay_near_float32(checkpoint):
    texts = ["abc de", "fgh", "a b c d", "gfedc hhh ab"]
    ranges = calibrate(checkpoint, checkpoint.weights(), open_tokenizer(checkpoint.folder), texts)
    assert {one.axes for one in ranges.values()} == {3}
    found = [vectors(checkpoint, Int8Weights(ranges, form)) for form in FORMS]
    for other in found[1:]:
        assert (found[0] * other).sum(axis=1).min() > 0.9995  # a value at the middle of two steps may go either way
    exact = vectors(checkpoint, None)
    assert (found[0] * exact).sum(axis=1).min() > 0.97
    assert np.abs(found[0] - exact).max() > 1e-4, "nothing was quantised"


def test_a_product_that_saturates_is_noticed_and_an_exact_one_is_not():
    def exactly(_model, x):
        return np.full_like(x, x[0].sum())

    assert not saturates(exactly)
    assert saturates(lambda model, x: np.minimum(exactly(model, x), 32767 / 127 * 64 / 2))


def test_the_form_that_the_engine_chooses_does_not_saturate():
    form = openvino.int8_form()
    assert form.convolve == (form.largest == UNSATURATED) == saturates(openvino._run_once)
