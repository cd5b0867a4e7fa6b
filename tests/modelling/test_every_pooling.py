"""Each pooling against its definition, by each interpreter, whatever the padding; and sentence-transformers'."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interpreting import by_numpy, by_openvino, by_torch
from seeded_poolings import CHAINS, GOLDEN, LENGTHS, PROMPT, TOKENS, WIDTH, states_and_mask, without_prompt

from likewise.modelling.ops import Inputs
from likewise.modelling.parts import Scope
from likewise.modelling.pooling import POOLINGS
from likewise.modelling.steps import STEPS

LIMIT = 1e-6

# What each gives for one text's states (T, D), feature by feature.
DEFINITIONS = {
    "mean": lambda states: [sum(feature) / len(states) for feature in states.T],
    "cls": lambda states: states[0],
    "max": lambda states: [max(feature) for feature in states.T],
    "mean_sqrt_len_tokens": lambda states: [sum(feature) / math.sqrt(len(states)) for feature in states.T],
    "weightedmean": lambda states: [
        sum(place * value for place, value in enumerate(feature, 1)) / sum(range(1, len(states) + 1))
        for feature in states.T
    ],
    "lasttoken": lambda states: states[-1],
}


def pooled_by(name):
    return lambda ops, weights, states, mask: POOLINGS.find(name)(ops, states, mask)


def test_every_pooling_has_a_definition():
    assert set(DEFINITIONS) == set(POOLINGS)


@pytest.fixture(params=sorted(DEFINITIONS))
def name(request):
    return request.param


@pytest.fixture(params=["right", "left"])
def padded(request):
    states, mask = states_and_mask(request.param)
    return {"states": states, "mask": mask}


def test_numpy_gives_what_is_meant(name, padded):
    found = by_numpy(pooled_by(name), padded)
    for vector, states, mask in zip(found, padded["states"], padded["mask"], strict=True):
        assert np.abs(vector - DEFINITIONS[name](states[mask > 0].astype(np.float64))).max() <= LIMIT


def test_openvino_gives_what_numpy_gives(name, padded):
    assert np.abs(by_openvino(pooled_by(name), padded) - by_numpy(pooled_by(name), padded)).max() <= LIMIT


@pytest.mark.oracle
def test_torch_gives_what_numpy_gives(name, padded):
    pytest.importorskip("torch")
    assert np.abs(by_torch(pooled_by(name), padded) - by_numpy(pooled_by(name), padded)).max() <= LIMIT


@given(st.data())
def test_padding_on_either_side_changes_nothing(data):
    name = data.draw(st.sampled_from(sorted(DEFINITIONS)))
    length, before, after = data.draw(st.integers(1, 6)), data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    states = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(1, length, 3)).astype(np.float32)
    edges = [(0, 0), (before, after)]
    mask = np.ones((1, length), np.int64)
    alone = by_numpy(pooled_by(name), {"states": states, "mask": mask})
    more = {"states": np.pad(states, [*edges, (0, 0)], constant_values=-1e4), "mask": np.pad(mask, edges)}
    assert np.abs(by_numpy(pooled_by(name), more) - alone).max() <= LIMIT


# As a module of a model, against sentence-transformers


def module(chain, side, *, prompt):
    """What our Pooling step gives."""
    step = STEPS.find("Pooling")({"pooling_mode": chain.split("+"), "include_prompt": prompt})
    states, mask = states_and_mask(side)
    inputs = Inputs(mask, mask, None, None if prompt else without_prompt(mask))

    def run(ops, weights, states, mask, pooled=None):
        return step.apply(Scope(ops, weights), states, Inputs(mask, mask, None, pooled))

    arrays = {"states": states, "mask": mask} | ({} if prompt else {"pooled": inputs.pooled})
    assert step.width(WIDTH) == WIDTH * len(chain.split("+"))
    return run, arrays


@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_module_gives_what_sentence_transformers_gives(chain, side, prompt):
    run, arrays = module(chain, side, prompt=prompt)
    with np.load(GOLDEN) as golden:
        expected = golden[f"{chain}.{side}.{'prompt' if prompt else 'text'}"]
    found = by_numpy(run, arrays)
    assert found.shape == expected.shape == (len(LENGTHS), WIDTH * len(chain.split("+")))
    assert np.abs(found - expected).max() <= LIMIT


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_module_that_leaves_the_prompt_out_is_recorded(side):
    run, arrays = module(CHAINS[-2], side, prompt=False)
    assert np.abs(by_openvino(run, arrays) - by_numpy(run, arrays)).max() <= LIMIT


def test_leaving_the_prompt_out_matters():
    for chain in set(CHAINS) - {"lasttoken"}:
        with_it, without = (by_numpy(*module(chain, "right", prompt=prompt)) for prompt in (True, False))
        assert np.abs(with_it - without).max() > 0.1, chain
    assert min(LENGTHS) > PROMPT and max(LENGTHS) == TOKENS


@pytest.mark.oracle
@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("chain", CHAINS)
def test_sentence_transformers_still_gives_this(chain, side, prompt):
    pytest.importorskip("sentence_transformers")
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling

    run, arrays = module(chain, side, prompt=prompt)
    theirs = Pooling(WIDTH, pooling_mode=tuple(chain.split("+")), include_prompt=prompt)
    given = {"token_embeddings": torch.tensor(arrays["states"]), "attention_mask": torch.tensor(arrays["mask"])}
    expected = theirs(given | {"prompt_length": PROMPT})["sentence_embedding"].numpy()
    assert np.abs(by_numpy(run, arrays) - expected).max() <= LIMIT
    assert np.abs(by_torch(run, arrays) - expected).max() <= LIMIT
