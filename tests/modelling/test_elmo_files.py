"""ELMo's published files, made here in their layout, to a model folder. Needs h5py."""

import json

import numpy as np
import pytest
from seeded import batches, cases_of, seeded_tensors

from likewise.errors import ArtifactError, MissingExtraError, ModelError
from likewise.modelling.elmo_files import convert_elmo
from likewise.modelling.families import elmo, rename
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.tensors import read_tensors

CASE = cases_of("elmo")[0]


@pytest.fixture
def options(tmp_path):
    path = tmp_path / "options.json"
    path.write_text(json.dumps({key: value for key, value in CASE.config.items() if key != "model_type"}))
    return path


@pytest.fixture
def weights(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "weights.hdf5"
    with h5py.File(path, "w") as file:
        for name, value in seeded_tensors(CASE.shapes).items():
            file.create_dataset(name, data=value)
    return path


@pytest.mark.oracle
def test_a_converted_folder_gives_the_states_of_the_reference(options, weights, tmp_path):
    convert_elmo(options, weights, tmp_path / "model")
    tensors, expected = read_tensors(tmp_path / "model").values, seeded_tensors(CASE.shapes)
    assert set(tensors) == set(expected)
    assert all(np.array_equal(tensors[name], expected[name]) for name in expected)
    settings = elmo.settings(json.loads((tmp_path / "model" / "config.json").read_text()))
    ids, mask = batches(CASE.config)["right"]
    states = elmo.forward(NumpyOps(), rename(tensors, elmo.keys(settings)), settings, Inputs(ids, mask))
    assert np.abs((states - CASE.expected["right"]) * mask[:, :, None]).max() <= 1e-5


@pytest.mark.oracle
def test_files_that_do_not_belong_together_are_refused(options, weights, tmp_path):
    config = json.loads(options.read_text())
    for part, key, value, said in (
        ("lstm", "dim", 16, "W_0"),
        ("char_cnn", "filters", [[1, 4], [2, 5], [3, 6]], "CNN_proj|W_cnn"),
        ("char_cnn", "n_highway", 3, "lacks 4 of"),
    ):
        options.write_text(json.dumps({**config, part: {**config[part], key: value}}))
        with pytest.raises(ArtifactError, match=said):
            convert_elmo(options, weights, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.oracle
def test_a_damaged_file_is_refused(options, weights, tmp_path):
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ArtifactError, match=r"weights\.hdf5"):
        convert_elmo(options, weights, tmp_path / "model")


def test_without_h5py_the_extra_is_named(options, tmp_path, monkeypatch):
    monkeypatch.setattr("likewise.registry.import_module", lambda name: __import__(f"absent_{name}"))
    with pytest.raises(MissingExtraError, match=r"likewise\[elmo\]"):
        convert_elmo(options, tmp_path / "weights.hdf5", tmp_path / "model")


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("lstm", "use_skip_connections", False),
        ("char_cnn", "max_characters_per_token", 40),
        ("char_cnn", "activation", "x"),
    ],
)
def test_options_that_are_not_known_are_refused(part, key, value):
    with pytest.raises(ModelError, match=f"{key}|activation"):
        elmo.settings({**CASE.config, part: {**CASE.config[part], key: value}})


def test_a_folder_that_exists_and_options_without_parts_are_refused(options, tmp_path):
    with pytest.raises(ModelError, match="exists"):
        convert_elmo(options, tmp_path / "weights.hdf5", tmp_path)
    options.write_text("{}")
    with pytest.raises(ModelError, match="lstm"):
        convert_elmo(options, tmp_path / "weights.hdf5", tmp_path / "model")
