"""Vectors cut to fewer dimensions or stored in fewer bytes: what is given, what the contract says, what is refused."""

import json

import numpy as np
import pytest

import likewise
from likewise.encoding.catalogue import KNOWN_MODELS
from likewise.encoding.finding import Found
from likewise.encoding.models import Source, VectorForm, find_checkpoint
from likewise.encoding.packing import unpack
from likewise.errors import ContractError, ModelError, SettingError

TEXTS = ["owls hunt at night", "a sleepy pet"]


@pytest.fixture
def opened(model, networks):
    """Loads the small model with a form of vectors."""

    def load(**form):
        return likewise.load(model, precision="float32", vectors=VectorForm(**form), cache=networks)

    return load


def declare(model, dimensions):
    place = model / "config_sentence_transformers.json"
    settings = json.loads(place.read_text()) if place.is_file() else {}
    place.write_text(json.dumps({**settings, "matryoshka_dimensions": dimensions}))


def test_cut_vectors_are_the_beginning_at_unit_length(model, opened):
    full = opened().encode(TEXTS, role="document")
    half = full.shape[1] // 2
    declare(model, [half, full.shape[1]])
    small = opened(dimension=half)
    cut = small.encode(TEXTS, role="document")
    wanted = full[:, :half] / np.linalg.norm(full[:, :half], axis=1, keepdims=True)
    np.testing.assert_allclose(cut, wanted, atol=1e-6)
    assert (small.contract.dimension, small.contract.truncated_from) == (half, full.shape[1])
    with pytest.raises(ContractError, match="dimension"):
        opened().contract.require(small.contract, where="the index")


def test_a_model_that_was_not_trained_for_it_is_cut_only_if_asked(model, opened):
    with pytest.raises(ModelError, match=r"declares no dimensions to cut to.*untrained=True"):
        opened(dimension=4)
    declare(model, [8])
    with pytest.raises(ModelError, match="it was trained for 8"):
        opened(dimension=4)
    assert opened(dimension=4, untrained=True).encode(TEXTS, role="query").shape == (2, 4)


@pytest.mark.parametrize("dimension", [0, -1, 100_000])
def test_dimensions_that_no_vector_has_are_refused(opened, dimension):
    with pytest.raises(SettingError, match=rf"dimension is {dimension}; .* has 1 to \d+"):
        opened(dimension=dimension, untrained=True)


def test_documented_dimensions_are_known_where_the_files_lack_them(model, monkeypatch):
    known = KNOWN_MODELS["nomic-embed-text-v1.5"]
    found = Found(
        name=known.published_as,
        folder=model,
        licence="apache-2.0",
        revision="1" * 40,
        source="cache",
        expected_sha256=None,
    )
    monkeypatch.setattr("likewise.encoding.models.find_model", lambda *_, **__: found)
    _, checkpoint = find_checkpoint(known.name, source=Source(offline=True))
    assert checkpoint.declared["matryoshka_dimensions"] == [64, 128, 256, 512]


@pytest.mark.parametrize(
    ("output", "bytes_each", "least"), [("float16", 2, 0.99999), ("int8", 1, 0.999), ("uint8", 1, 0.999)]
)
def test_stored_vectors_are_near_and_their_ranges_are_in_the_contract(encoder, networks, output, bytes_each, least):
    small = likewise.load("all-MiniLM-L6-v2", vectors=VectorForm(output=output), cache=networks)
    vectors = small.encode(TEXTS, role="document")
    np.testing.assert_array_equal(vectors, encoder.encode(TEXTS, role="document"))  # encode() always gives float32
    packed = small.pack(vectors)
    assert packed.rows.nbytes == vectors.size * bytes_each
    back = unpack(packed)
    cosines = (back * vectors).sum(axis=1) / np.linalg.norm(back, axis=1)
    assert cosines.min() > least
    assert small.contract.output == output
    assert (small.contract.ranges is not None) == (bytes_each == 1)
    again = likewise.load("all-MiniLM-L6-v2", vectors=VectorForm(output=output), cache=networks)
    assert again.contract == small.contract


def test_an_unknown_precision_of_vectors_names_the_known(opened):
    with pytest.raises(SettingError, match=r"no vector precision named .int9.*int8"):
        opened(output="int9")
