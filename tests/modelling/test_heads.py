"""The heads on top of families, against transformers on seeded random weights; see ``seeded_heads.py``."""

from dataclasses import replace

import numpy as np
import openvino
import pytest
from seeded import batches
from seeded_heads import head_cases, pairs, write_head_case

from likewise.errors import ModelError
from likewise.modelling.checkpoints import read_checkpoint, write_checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.network import run, to_onnx
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps

LIMIT = 1e-4
CASES = head_cases()


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
    """What a network is given for each of the expected results, padded on the right or left."""
    ids, mask = batches(case.config)[side]
    return {kind: Inputs(ids, mask, pairs(mask) if kind == "pairs" else None) for kind in case.expected}


def real(case, found, mask):
    """The scores of real tokens (N, V), in the order of texts, or those of texts (B, labels) as they are."""
    return found[mask > 0] if case.head == "masked_language" else found


def test_every_head_of_these_families_has_a_case():
    families = {str(case).split("-")[0] for case in CASES}
    has = {(str(case).split("-")[0], case.head) for case in CASES}
    assert has == {(name, head) for name in families for head in FAMILIES.get(name).heads}
    assert {"bert", "roberta", "xlm_roberta", "distilbert", "mpnet", "electra", "albert", "deberta_v2"} <= families


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
    if "pairs" in case.expected and case.config["type_vocab_size"]:
        assert np.abs(case.expected["pairs"] - case.expected["texts"]).max() > 100 * LIMIT
    elif "pairs" in case.expected:
        assert np.array_equal(case.expected["pairs"], case.expected["texts"])


@pytest.mark.parametrize("case", [case for case in CASES if str(case).count("-") == 1], ids=str)
def test_a_head_is_recorded_with_its_network(case, checkpoint):
    """As OpenVINO runs it: scores of labels, or what SPLADE makes of those of the vocabulary."""
    weights = checkpoint.weights()
    core = openvino.Core()
    recorded = core.read_model(to_onnx(checkpoint, weights))
    compiled = core.compile_model(recorded, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = {name for port in compiled.inputs for name in port.names}
    for kind, inputs in given(case, "left").items():
        segments = inputs.segments if inputs.segments is not None else np.zeros_like(inputs.ids)
        every = {"input_ids": inputs.ids, "attention_mask": inputs.mask, "token_type_ids": segments}
        if "token_type_ids" not in names and kind == "pairs":
            continue  # a sparse model reads one text at a time
        found = compiled({name: every[name] for name in names})[0]
        plain = run(NumpyOps(), checkpoint, weights, inputs)
        assert found.shape == plain.shape == (len(inputs.ids), checkpoint.dimension)
        assert np.abs(found - plain).max() <= LIMIT, kind


def test_a_head_is_written_back_as_it_was_read(checkpoint, tmp_path):
    weights = checkpoint.weights()
    assert any(name.startswith("head.") for name in weights)
    write_checkpoint(checkpoint, weights, tmp_path / "copy")
    again = read_checkpoint(tmp_path / "copy").weights()
    assert set(again) == set(weights)
    assert all(np.array_equal(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize("case", [case for case in CASES if case.head == "masked_language"], ids=str)
def test_a_vocabulary_with_weights_of_its_own_is_refused(case, tmp_path):
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
