"""Each module after the network: against its definition, by each interpreter, and against sentence-transformers."""

import json
import math

import numpy as np
import pytest
from interpreting import by_numpy, by_openvino, by_torch
from safetensors.numpy import save_file
from seeded_poolings import WIDTH, states_and_mask, without_prompt

from likewise.errors import LikewiseError, ModelError
from likewise.modelling.ops import Inputs
from likewise.modelling.parts import Scope
from likewise.modelling.steps import STEPS, Pooling

LIMIT = 2e-6
RANDOM = np.random.default_rng(23)
VECTORS = RANDOM.normal(size=(4, WIDTH)).astype(np.float32)
ACTIVATIONS = {
    "Identity": lambda v: v,
    "Tanh": math.tanh,
    "ReLU": lambda v: max(v, 0.0),
    "GELU": lambda v: v * 0.5 * (1 + math.erf(v / math.sqrt(2))),
    "SiLU": lambda v: v / (1 + math.exp(-v)),
    "Sigmoid": lambda v: 1 / (1 + math.exp(-v)),
}


def floats(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def dense(activation, *, out=3, bias=True, residual=False):
    """A Dense module's published config, and its tensors."""
    config = {
        "in_features": WIDTH,
        "out_features": out,
        "bias": bias,
        "activation_function": f"torch.nn.modules.activation.{activation}",
        "use_residual": residual,
    }
    tensors = {"linear.weight": floats(out, WIDTH)} | ({"linear.bias": floats(out)} if bias else {})
    return config, tensors | ({"residual.weight": floats(out, WIDTH)} if residual and out != WIDTH else {})


DENSE = {
    **{f"Dense-{name}": dense(name) for name in ACTIVATIONS},
    "Dense-unbiased": dense("Tanh", bias=False),
    "Dense-residual": dense("GELU", out=WIDTH, residual=True),
    "Dense-mapped-residual": dense("Tanh", out=7, residual=True),
}
NORM = {"dimension": WIDTH}, {"norm.weight": floats(WIDTH), "norm.bias": floats(WIDTH)}
ATTENTION = (
    {"dimension": WIDTH},
    {
        "map.weight": floats(WIDTH, WIDTH),
        "map.bias": floats(WIDTH),
        "query.weight": floats(1, WIDTH),
    },
)
CONFIGS = {
    "Pooling": ({"pooling_mode": "mean", "word_embedding_dimension": WIDTH}, {}),
    "Pooling-several": ({"pooling_mode": ["lasttoken", "mean"], "include_prompt": False}, {}),
    **DENSE,
    "LayerNorm": NORM,
    "Normalize": ({}, {}),
    "AttentionPooling": ATTENTION,
    "MultiVectorMask": ({"skiplist_words": [",", "."], "skiplist_tasks": ["document"]}, {}),
    "SpladePooling": ({"pooling_strategy": "max"}, {}),
    "SpladePooling-sum": ({"pooling_strategy": "sum", "activation_function": "log1p_relu"}, {}),
}


def step_of(case):
    return STEPS.find(case.split("-")[0])(CONFIGS[case][0])


def running(case, *, pooled=False):
    """A step as a function, and its weights under our names."""
    step, tensors = step_of(case), CONFIGS[case][1]
    weights = {ours: tensors[theirs] for ours, theirs in step.keys().items()}
    assert set(step.keys().values()) == set(tensors)

    def run(ops, weights, x, mask=None):
        return step.apply(Scope(ops, weights), x, Inputs(mask, mask, None, mask if pooled else None))

    return run, weights


def given_to(case, side="right"):
    """Vectors, or states and a mask."""
    states, mask = states_and_mask(side)
    if case.split("-")[0] in ("Pooling", "AttentionPooling", "SpladePooling"):
        return {"x": np.minimum(states, 1000), "mask": mask}
    return {"x": VECTORS}


def test_every_step_has_a_case():
    assert {case.split("-")[0] for case in CONFIGS} == set(STEPS)


@pytest.fixture(params=sorted(CONFIGS))
def case(request):
    return request.param


def test_openvino_gives_what_numpy_gives(case):
    run, weights = running(case)
    given = given_to(case)
    found, expected = by_openvino(run, given, weights), by_numpy(run, given, weights)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= LIMIT * max(1, np.abs(expected).max())


@pytest.mark.oracle
def test_torch_gives_what_numpy_gives(case):
    pytest.importorskip("torch")
    run, weights = running(case)
    given = given_to(case)
    expected = by_numpy(run, given, weights)
    assert np.abs(by_torch(run, given, weights) - expected).max() <= LIMIT * max(1, np.abs(expected).max())


def test_what_a_step_writes_is_read_as_the_same_step(case):
    step = step_of(case)
    again = STEPS.find(case.split("-")[0])(json.loads(json.dumps(step.config())))
    assert type(again) is type(step)
    assert again == step or not step.config()


def test_widths_are_those_of_the_results(case):
    run, weights = running(case)
    given = given_to(case)
    assert by_numpy(run, given, weights).shape[-1] == step_of(case).width(given["x"].shape[-1])


# What each is


@pytest.mark.parametrize("case", DENSE)
def test_dense_is_a_linear_map_and_an_activation(case):
    config, tensors = DENSE[case]
    run, weights = running(case)
    function = ACTIVATIONS[config["activation_function"].rsplit(".", 1)[1]]
    bias = tensors.get("linear.bias", np.zeros(config["out_features"]))
    for row, found in zip(VECTORS, by_numpy(run, given_to(case), weights), strict=True):
        expected = [function(float(w @ row + b)) for w, b in zip(tensors["linear.weight"], bias, strict=True)]
        if config["use_residual"]:
            expected += tensors["residual.weight"] @ row if "residual.weight" in tensors else row
        assert np.abs(found - expected).max() <= LIMIT


def test_layer_norm_and_normalize_are_what_they_are_called():
    run, weights = running("LayerNorm")
    wide = VECTORS.astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    expected = expected * NORM[1]["norm.weight"] + NORM[1]["norm.bias"]
    assert np.abs(by_numpy(run, given_to("LayerNorm"), weights) - expected).max() <= LIMIT
    run, _ = running("Normalize")
    given = given_to("Normalize") | {"x": np.stack([VECTORS[0], 0 * VECTORS[0]])}
    assert np.abs(by_numpy(run, given) - [VECTORS[0] / math.hypot(*VECTORS[0]), 0 * VECTORS[0]]).max() <= LIMIT


@pytest.mark.parametrize("side", ["right", "left"])
def test_attention_pooling_weighs_tokens_by_a_query(side):
    run, weights = running("AttentionPooling", pooled=True)
    given = given_to("AttentionPooling", side)
    given["mask"] = without_prompt(given["mask"])
    for states, mask, found in zip(given["x"], given["mask"], by_numpy(run, given, weights), strict=True):
        scores = [
            float(np.tanh(ATTENTION[1]["map.weight"] @ state + ATTENTION[1]["map.bias"]) @ query)
            for state, there in zip(states.astype(np.float64), mask, strict=True)
            for query in ATTENTION[1]["query.weight"]
            if there
        ]
        powers = [math.exp(score) for score in scores]
        expected = sum(power * state for power, state in zip(powers, states[mask > 0], strict=True)) / sum(powers)
        assert np.abs(found - expected).max() <= LIMIT


@pytest.mark.parametrize("side", ["right", "left"])
def test_splade_pooling_is_the_greatest_or_the_sum_of_saturated_scores(side):
    given = given_to("SpladePooling", side)
    for case, pool, times in (("SpladePooling", max, 1), ("SpladePooling-sum", sum, 2)):
        found = by_numpy(running(case)[0], given)
        for states, mask, vector in zip(given["x"], given["mask"], found, strict=True):
            real = np.maximum(states[mask > 0], 0).astype(np.float64)
            for _ in range(times):
                real = np.log1p(real)
            assert np.abs(vector - [pool(feature) for feature in real.T]).max() <= LIMIT * len(states)


# What a model folder may declare


@pytest.mark.parametrize(
    ("config", "modes"),
    [
        ({"pooling_mode": "cls"}, ("cls",)),
        ({"pooling_mode": ["mean", "cls"]}, ("mean", "cls")),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ("cls", "mean")),
        ({"pooling_mode_lasttoken": True, "pooling_mode_max_tokens": True}, ("max", "lasttoken")),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_weightedmean_tokens": True}, ("weightedmean",)),
        ({"pooling_mode": "max", "pooling_mode_mean_tokens": True}, ("max",)),
    ],
)
def test_poolings_are_read_in_either_spelling(config, modes):
    assert STEPS.find("Pooling")(config).modes == modes


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("Pooling", {"pooling_mode_mean_tokens": False}, "declares no pooling"),
        ("Pooling", {"pooling_mode": "meen"}, "Did you mean 'mean'"),
        ("Dense", {"in_features": 2, "out_features": 2, "activation_function": "a.Softplus"}, "'Softplus'"),
        ("SpladePooling", {"pooling_strategy": "mean"}, "known are max, sum"),
        ("MultiVectorMask", {"keep_only_token_ids": [1]}, "keep_only_token_ids"),
    ],
)
def test_what_is_not_known_is_refused(kind, config, message):
    with pytest.raises(LikewiseError, match=message):
        STEPS.find(kind)(config)


def test_widths_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="takes 5 dimensions, what is before it gives 6"):
        step_of("Dense-Tanh").width(6)
    with pytest.raises(ModelError, match="declared for 5 dimensions, the network gives 6"):
        step_of("Pooling").width(6)


# Against sentence-transformers, by what it writes and reads


def theirs(case):
    """The module that sentence-transformers makes of the published config."""
    pytest.importorskip("sentence_transformers")
    from sentence_transformers.base.modules import Dense, Normalize
    from sentence_transformers.sentence_transformer.modules import LayerNorm

    return {"Dense": Dense, "LayerNorm": LayerNorm, "Normalize": Normalize}[case.split("-")[0]]


@pytest.mark.oracle
@pytest.mark.parametrize("case", [*DENSE, "LayerNorm", "Normalize"])
def test_sentence_transformers_gives_the_same(case, tmp_path):
    made = theirs(case)
    import torch

    step, tensors = step_of(case), CONFIGS[case][1]
    (tmp_path / "config.json").write_text(json.dumps(step.config()))
    if tensors:
        save_file(tensors, tmp_path / "model.safetensors")
    module = made.load(str(tmp_path))
    with torch.no_grad():
        expected = module({"sentence_embedding": torch.tensor(VECTORS)})["sentence_embedding"].numpy()
    run, weights = running(case)
    assert np.abs(by_numpy(run, given_to(case), weights) - expected).max() <= LIMIT
    (tmp_path / "again").mkdir()
    module.save(str(tmp_path / "again"))
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert STEPS.find(case.split("-")[0])(written) == step or not step.config()


@pytest.mark.oracle
@pytest.mark.parametrize("case", ["Pooling", "Pooling-several"])
def test_sentence_transformers_reads_the_poolings_that_are_written(case, tmp_path):
    pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import Pooling as Theirs

    step = step_of(case)
    assert isinstance(step, Pooling)
    (tmp_path / "config.json").write_text(json.dumps(step.config() | {"word_embedding_dimension": WIDTH}))
    module = Theirs.load(str(tmp_path))
    modes = (module.pooling_mode,) if isinstance(module.pooling_mode, str) else module.pooling_mode
    assert tuple(modes) == step.modes
    assert module.include_prompt == step.include_prompt
