"""Each engine gives the vectors of the reference, alone and in a batch; what it can't do is one clear error."""

from importlib.util import find_spec

import numpy as np
import pytest
from tiny_model import write_model
from tiny_outputs import MULTI_VECTOR, PAIRS, SCORERS, SPARSE, TEXTS

import likewise
from likewise.encoding.engines import ENGINES
from likewise.encoding.multi_vector import load_multi_vector
from likewise.encoding.scoring import load_scorer
from likewise.encoding.sparse import load_sparse
from likewise.errors import MissingExtraError, ModelError, SettingError, UnknownNameError

NEEDS = {"openvino": "openvino", "onnxruntime": "onnxruntime", "torch": "torch", "transformers": "transformers"}
OTHERS = [name for name in NEEDS if name != "openvino"]
ABC = ["abc", "a", "abc defgh abc", "h g"]


def test_every_engine_is_known_here():
    assert set(NEEDS) == set(ENGINES.names())


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.oracle) for name in OTHERS])
def engine(request):
    pytest.importorskip(NEEDS[request.param])
    return request.param


@pytest.mark.parametrize("engine", OTHERS)
def test_an_absent_engine_names_its_extra(engine, model, networks):
    if find_spec(NEEDS[engine]) is not None:
        pytest.skip("it is installed")
    with pytest.raises(MissingExtraError, match=r"pip install 'likewise\["):
        likewise.load(model, engine=engine, cache=networks)


def test_vectors_are_those_of_the_default_engine(engine, model, networks):
    expected = likewise.load(model, precision="float32", cache=networks).encode(ABC, role="query")
    encoder = likewise.load(model, precision="float32", engine=engine, cache=networks)
    again = likewise.load(model, precision="float32", engine=engine, cache=networks)  # from the cache
    assert encoder.contract == again.contract == likewise.load(model, precision="float32", cache=networks).contract
    for found in (
        encoder.encode(ABC, role="query"),
        again.encode(ABC, role="query"),
        np.concatenate([encoder.encode([text], role="query") for text in ABC]),
    ):
        assert np.abs(found - expected).max() <= 1e-4
    assert encoder.encode([], role="query").shape == (0, 24)


def test_the_other_outputs_too(engine, tmp_path, networks):
    for name, write in SPARSE.items():
        if engine == "transformers" and name == "routed":
            continue
        folder = write(tmp_path / name)
        ours, theirs = (
            load_sparse(folder, precision="float32", engine=one, cache=networks) for one in ("openvino", engine)
        )
        for a, b in zip(ours.encode(TEXTS, role="document"), theirs.encode(TEXTS, role="document"), strict=True):
            assert np.array_equal(a.terms, b.terms)
            assert np.abs(a.weights - b.weights).max() <= 1e-4
    folder = MULTI_VECTOR["plain"](tmp_path / "multi")
    ours, theirs = (
        load_multi_vector(folder, precision="float32", engine=one, cache=networks) for one in ("openvino", engine)
    )
    for a, b in zip(ours.encode(TEXTS, role="document"), theirs.encode(TEXTS, role="document"), strict=True):
        assert np.abs(a - b).max() <= 1e-4
    folder = SCORERS["three"](tmp_path / "scores")
    ours, theirs = (
        load_scorer(folder, precision="float32", engine=one, cache=networks) for one in ("openvino", engine)
    )
    assert np.abs(ours.score(PAIRS) - theirs.score(PAIRS)).max() <= 1e-4


@pytest.mark.oracle
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_is_near_and_a_contract_of_its_own(model, networks, precision):
    pytest.importorskip("torch")
    expected = likewise.load(model, precision="float32", cache=networks)
    half = likewise.load(model, precision=precision, engine="torch", cache=networks)
    assert half.contract.differences(expected.contract) == [f"precision: {precision} here, float32 there"]
    cosines = (half.encode(ABC, role="query") * expected.encode(ABC, role="query")).sum(axis=1)
    assert cosines.min() > 0.995


@pytest.mark.oracle
def test_a_network_without_a_family_runs_through_transformers(tmp_path, networks):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    folder = write_model(tmp_path / "m", pooling="mean")
    config = transformers.MegatronBertConfig(
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=40,
        vocab_size=20,
        max_position_embeddings=32,
    )
    torch.manual_seed(0)
    network = transformers.MegatronBertModel(config).eval()
    network.save_pretrained(folder)
    encoder = likewise.load(folder, cache=networks)
    assert (encoder.contract.architecture, encoder.contract.precision) == ("megatron_bert", "float32")
    ids = torch.tensor(encoder.tokenizer.frame(encoder.tokenizer.encode(["abc de"])[0]))[None]
    with torch.no_grad():
        states = network(ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
    mean = states.mean(0).numpy()
    assert np.abs(encoder.encode(["abc de"], role="document")[0] - mean / np.linalg.norm(mean)).max() <= 1e-5
    with pytest.raises(UnknownNameError, match="no model family named 'megatron_bert'"):
        likewise.load(folder, engine="openvino", cache=networks)


def test_what_an_engine_can_not_do_is_said(model, networks):
    with pytest.raises(SettingError, match="precision is 'float16'; with openvino it must be auto, float32, int8"):
        likewise.load(model, precision="float16", cache=networks)
    with pytest.raises(UnknownNameError, match="Did you mean 'openvino'"):
        likewise.load(model, engine="opnvino", cache=networks)
    with pytest.raises((ModelError, UnknownNameError), match="Did you mean 'bert'"):
        (model / "config.json").write_text((model / "config.json").read_text().replace('"bert"', '"bort"'))
        likewise.load(model, cache=networks)
