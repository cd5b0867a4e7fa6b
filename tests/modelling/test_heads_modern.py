"""The heads of ModernBERT and of networks with rotary positions, against references; see ``seeded_heads.py``."""

from dataclasses import replace

import numpy as np
import openvino
import pytest
from seeded import batches
from seeded_heads import HEADS, head_cases, pairs, write_head_case

from likewise.errors import ModelError
from likewise.modelling.checkpoints import read_checkpoint, write_checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.network import run, to_onnx
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps

LIMIT = 1e-4
CASES = head_cases(HEADS.parent / "heads_modern")


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture
def checkpoint(case, tmp_path):
    return read_checkpoint(write_head_case(case, tmp_path / "model"))


def scores(ops, checkpoint, weights, inputs):
    """What the head gives, without the steps after it."""
    states = checkpoint.family.forward(ops, weights, checkpoint.settings, inputs)
    return checkpoint.family.heads[checkpoint.chain.head].forward(ops, weights, checkpoint.settings, states, inputs)


def given(case, side):
    ids, mask = batches(case.config)[side]
    return {kind: Inputs(ids, mask, pairs(mask) if kind == "pairs" else None) for kind in case.expected}


def real(case, found, mask):
    """The scores of real tokens (N, V), in the order of texts, or those of texts (B, labels) as they are."""
    return found[mask > 0] if case.head == "masked_language" else found


def test_every_head_has_a_case():
    families = {"modernbert", "nomic_bert", "gte_new", "jina_bert", "jina_v3", "eurobert"}
    has = {(str(case).split("-")[0], case.head) for case in CASES}
    assert has == {(name, head) for name in families for head in FAMILIES.get(name).heads}


@pytest.mark.parametrize("side", ["right", "left"])
def test_scores_are_those_of_the_reference_wherever_the_padding_is(case, checkpoint, side):
    weights = checkpoint.weights()
    for kind, inputs in given(case, side).items():
        expected = real(case, case.expected[kind], batches(case.config)["right"][1])
        assert np.abs(expected).max() > 0.1
        found = real(case, scores(NumpyOps(), checkpoint, weights, inputs), inputs.mask)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= LIMIT, kind


def test_segments_count_where_there_are_any(case):
    assert ("pairs" in case.expected) == (case.config.get("type_vocab_size", 1) > 1)
    if "pairs" in case.expected:
        assert np.abs(case.expected["pairs"] - case.expected["texts"]).max() > 100 * LIMIT


def test_a_head_is_recorded_with_its_network(case, checkpoint):
    """As OpenVINO runs it: scores of labels, or what SPLADE makes of those of the vocabulary."""
    weights, inputs = checkpoint.weights(), given(case, "left")["texts"]
    core = openvino.Core()
    recorded = core.read_model(to_onnx(checkpoint, weights))
    compiled = core.compile_model(recorded, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = {name for port in compiled.inputs for name in port.names}
    every = {"input_ids": inputs.ids, "attention_mask": inputs.mask, "token_type_ids": np.zeros_like(inputs.ids)}
    found = compiled({name: every[name] for name in names})[0]
    plain = run(NumpyOps(), checkpoint, weights, inputs)
    assert found.shape == plain.shape == (len(inputs.ids), checkpoint.dimension)
    assert np.abs(found - plain).max() <= LIMIT


def test_a_head_is_written_back_as_it_was_read(checkpoint, tmp_path):
    weights = checkpoint.weights()
    write_checkpoint(checkpoint, weights, tmp_path / "copy")
    again = read_checkpoint(tmp_path / "copy").weights()
    assert set(again) == set(weights)
    assert all(np.array_equal(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize("name", ["nomic_bert-tokens", "gte_new-tokens", "jina_bert-tokens", "jina_v3-tokens"])
def test_a_vocabulary_with_weights_of_its_own_is_refused(name, tmp_path):
    case = next(case for case in CASES if case.name == name)
    untied = replace(case, config=case.config | {"tie_word_embeddings": False})
    with pytest.raises(ModelError, match="tie_word_embeddings=False"):
        read_checkpoint(write_head_case(untied, tmp_path / "model")).weights()


@pytest.mark.oracle
def test_torch_gives_the_same_scores(case, checkpoint):
    torch = pytest.importorskip("torch")
    from likewise.modelling.ops.torch_ops import TorchOps

    weights = {name: torch.tensor(value) for name, value in checkpoint.weights().items()}
    for kind, inputs in given(case, "right").items():
        segments = None if inputs.segments is None else torch.tensor(inputs.segments)
        tensors = Inputs(torch.tensor(inputs.ids), torch.tensor(inputs.mask), segments)
        found = scores(TorchOps(), checkpoint, weights, tensors).numpy()
        assert np.abs(real(case, found - case.expected[kind], inputs.mask)).max() <= LIMIT, kind
