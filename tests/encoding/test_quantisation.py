"""The ranges that come with the package are those that calibration gives."""

import numpy as np
import pytest

from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.encoding.quantisation import calibrate, calibration_texts, ranges_of, read_ranges, write_ranges
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.ops.onnx_weights import Range
from likewise.tokenizing import open_tokenizer


def test_ranges_survive_being_saved(tmp_path):
    ranges = {"a.b": Range(-1.5, 2.25, None), "c|d": Range(0.0, 1.0, np.array([0.5, 2], np.float32))}
    write_ranges(ranges, tmp_path / "ranges.safetensors")
    found = read_ranges(tmp_path / "ranges.safetensors")
    assert set(found) == set(ranges)
    assert (found["a.b"].low, found["a.b"].high, found["a.b"].smooth) == (-1.5, 2.25, None)
    assert found["c|d"].smooth is not None
    assert found["c|d"].smooth.tolist() == [0.5, 2]


@pytest.mark.slow
def test_the_kept_ranges_are_what_calibration_gives():
    known = KNOWN_MODELS[DEFAULT_MODEL]
    folder = known.folder()
    assert folder is not None
    checkpoint, tokenizer = read_checkpoint(folder), open_tokenizer(folder)
    weights = checkpoint.weights()
    kept = ranges_of(checkpoint, weights, tokenizer, weights_hash=known.sha256)
    fresh = calibrate(checkpoint, weights, tokenizer, calibration_texts())
    assert set(kept) == set(fresh)
    for site, one in fresh.items():
        assert kept[site].low == pytest.approx(one.low, rel=1e-3, abs=1e-4), site
        assert kept[site].high == pytest.approx(one.high, rel=1e-3, abs=1e-4), site
        assert (kept[site].smooth is None) == (one.smooth is None)
        assert one.smooth is None or np.allclose(kept[site].smooth, one.smooth, rtol=1e-3)
