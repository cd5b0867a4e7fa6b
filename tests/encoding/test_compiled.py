"""The compile cache: nothing is compiled twice, and nothing damaged is used."""

import numpy as np
import pytest

import likewise
from likewise.encoding.engines import openvino

TEXTS = ["abc de", "fgh"]


@pytest.fixture
def compilations(monkeypatch):
    """The precision of every network that was compiled."""
    counted = []
    real = openvino.compile_network

    def compile_network(model, *, precision):
        counted.append(precision)
        return real(model, precision=precision)

    monkeypatch.setattr(openvino, "compile_network", compile_network)
    return counted


def load(model, cache, progress=lambda _: None):
    encoder = likewise.load(model, precision="float32", cache=cache, progress=progress)
    return encoder.encode(TEXTS, role="document")


def test_a_network_is_compiled_once_for_what_it_was_made_of(model, tmp_path, compilations):
    told, cache = [], tmp_path / "cache"
    first = load(model, cache, told.append)
    assert (compilations, told) == (["float32"], ["preparing the network (float32) for this machine, once"])
    assert [path.name[0] for path in cache.iterdir()] != ["."]  # nothing unfinished is left
    assert np.array_equal(load(model, cache, told.append), first)
    assert (len(compilations), len(told), len(list(cache.iterdir()))) == (1, 1, 1)
    likewise.load(model, precision="int8", cache=cache)
    assert compilations == ["float32", "int8"]
    pooling = model / "1_Pooling" / "config.json"
    pooling.write_text(pooling.read_text().replace("mean", "cls"))
    assert np.abs(load(model, cache) - first).max() > 0.01
    assert compilations == ["float32", "int8", "float32"]


def flip(path):
    """Alter one byte in the middle, where the weights are: the engine loads that without complaint."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


SPOIL = {
    "a weight altered": lambda entry: flip(entry / "network.blob"),
    "cut short": lambda entry: (entry / "network.blob").write_bytes(b"short"),
    "no network": lambda entry: (entry / "network.blob").unlink(),
    "no manifest": lambda entry: (entry / "manifest.json").unlink(),
    "half a manifest": lambda entry: (entry / "manifest.json").write_text("{"),
    "another version's": lambda entry: (entry / "manifest.json").write_text('{"kind": "x", "version": 9, "sizes": {}}'),
}


@pytest.mark.parametrize("name", SPOIL)
def test_a_damaged_network_is_compiled_again_with_a_warning(model, tmp_path, compilations, caplog, name):
    expected = load(model, tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    SPOIL[name](entry)
    for _ in range(2):  # what was compiled again was kept
        assert np.array_equal(load(model, tmp_path / "cache"), expected)
        assert len(compilations) == 2
    assert caplog.text.count("compiling again") == 1


def test_a_cache_that_can_not_be_written_to_costs_time_and_nothing_else(model, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    expected = load(model, tmp_path / "cache")
    assert np.array_equal(load(model, tmp_path / "file" / "cache"), expected)
    assert "the compiled network is not kept: can't write to" in caplog.text
