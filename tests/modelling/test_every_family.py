"""Every family against its reference on seeded random weights, by each interpreter; see ``seeded.py``."""

import numpy as np
import openvino
import pytest
from seeded import batches, cases, write_case

from likewise.modelling.checkpoints import read_checkpoint, write_checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.ops.onnx_ops import INPUTS, OnnxOps

LIMIT = 1e-4
CASES = cases()


def test_every_family_has_a_case():
    assert {case.family for case in CASES} == set(FAMILIES.names())


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture
def checkpoint(case, tmp_path):
    return read_checkpoint(write_case(case, tmp_path / "model"))


def by_numpy(checkpoint, weights, ids, mask):
    return checkpoint.family.forward(NumpyOps(), weights, checkpoint.settings, Inputs(ids, mask))


def engine_of(checkpoint, weights):
    """The states that OpenVINO gives for the recorded graph."""
    ops = OnnxOps()
    inputs = Inputs(INPUTS.ids, INPUTS.mask)
    states = checkpoint.family.forward(ops, weights, checkpoint.settings, inputs)
    width = checkpoint.family.width(checkpoint.settings)
    model = ops.finish({"states": (states, ["B", "T", width])}, inputs=inputs, characters=checkpoint.family.characters)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda ids, mask: compiled({"input_ids": ids, "attention_mask": mask})[0]


def worst(found, mask, expected):
    """The greatest difference at real tokens."""
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    return np.abs((found - expected) * mask[:, :, None]).max()


def test_states_are_those_of_the_reference(case, checkpoint):
    weights = checkpoint.weights()
    engine = engine_of(checkpoint, weights)
    for kind, (ids, mask) in batches(case.config).items():
        assert np.abs(case.expected[kind]).max() > 0.1
        assert worst(by_numpy(checkpoint, weights, ids, mask), mask, case.expected[kind]) <= LIMIT, kind
        assert worst(engine(ids, mask), mask, case.expected[kind]) <= LIMIT, kind


def test_neither_neighbours_nor_padding_matter(case, checkpoint):
    weights = checkpoint.weights()
    ids, mask = batches(case.config)["right"]
    for i, length in enumerate(mask.sum(axis=1)):
        alone = by_numpy(checkpoint, weights, ids[i : i + 1, :length], mask[i : i + 1, :length])
        for kind, (padded, its_mask) in list(batches(case.config).items())[:2]:
            states = by_numpy(checkpoint, weights, padded, its_mask)[i]
            assert np.abs(states[its_mask[i] > 0] - alone[0]).max() <= LIMIT / 10, kind


def test_a_checkpoint_is_written_back_as_it_was_read(checkpoint, tmp_path):
    weights = checkpoint.weights()
    write_checkpoint(checkpoint, weights, tmp_path / "copy")
    again = read_checkpoint(tmp_path / "copy").weights()
    assert set(again) == set(weights)
    assert all(np.array_equal(again[name], weights[name]) for name in weights)


@pytest.mark.oracle
def test_torch_gives_the_same(case, checkpoint):
    torch = pytest.importorskip("torch")
    from likewise.modelling.ops.torch_ops import TorchOps

    weights = {name: torch.tensor(value) for name, value in checkpoint.weights().items()}
    for kind, (ids, mask) in batches(case.config).items():
        inputs = Inputs(torch.tensor(ids), torch.tensor(mask))
        states = checkpoint.family.forward(TorchOps(), weights, checkpoint.settings, inputs).numpy()
        assert worst(states, mask, case.expected[kind]) <= LIMIT, kind
