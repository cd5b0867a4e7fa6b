"""Calibration: which range each site of a network takes on ordinary text, for int8.

The ranges of the default model come with the package, so that it needs no calibration and is the same everywhere;
``python -m likewise.encoding.quantisation`` makes them anew.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from likewise.artifacts import sha256
from likewise.encoding.batching import pad
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.modelling.checkpoints import Checkpoint, read_checkpoint
from likewise.modelling.network import run
from likewise.modelling.ops import Array, Function, Inputs, Weights
from likewise.modelling.ops.numpy_ops import NumpyOps, Values
from likewise.modelling.ops.onnx_weights import Range
from likewise.modelling.tensors import WEIGHTS
from likewise.tokenizing import Tokenizer, open_tokenizer

_SMOOTHING = 0.5  # alpha of SmoothQuant: how much of the difficulty moves from activations into weights
_SMOOTHING_ACTIVATED = 0.8  # the same behind an activation, where few channels reach far beyond all others
_TAIL = 0.01  # share of texts whose extremes may be clipped
_BATCH = 16  # texts of like length together: large products, little padding


def calibration_texts() -> list[str]:
    """The texts that come with the package: questions, titles and passages of many subjects."""
    return (Path(__file__).parent / "calibration.txt").read_text(encoding="utf-8").splitlines()


def ranges_of(checkpoint: Checkpoint, weights: Weights, tokenizer: Tokenizer, *, weights_hash: str) -> dict[str, Range]:
    """The ranges that come with the package for these weights, or else fresh ones (some 10 seconds)."""
    kept = _kept(weights_hash)
    return read_ranges(kept) if kept.is_file() else calibrate(checkpoint, weights, tokenizer, calibration_texts())


def read_ranges(path: Path) -> dict[str, Range]:
    """What ``write_ranges`` wrote."""
    saved = load_file(path)
    sites = [name.removesuffix("|limits") for name in saved if name.endswith("|limits")]
    found = {}
    for site in sites:
        low, high, *axes = saved[f"{site}|limits"].tolist()
        found[site] = Range(low, high, saved.get(f"{site}|smooth"), *map(int, axes))
    return found


def write_ranges(ranges: Mapping[str, Range], path: Path) -> None:
    """Save ranges as a safetensors file: for each site its limits and, where there is one, its smoothing."""
    tensors: dict[str, NDArray[Any]] = {
        f"{site}|limits": np.array([one.low, one.high, one.axes]) for site, one in ranges.items()
    }
    tensors |= {f"{site}|smooth": one.smooth for site, one in ranges.items() if one.smooth is not None}
    save_file(tensors, path)


def _kept(weights_hash: str) -> Path:
    return Path(__file__).parent / "ranges" / f"{weights_hash[:16]}.safetensors"


def calibrate(checkpoint: Checkpoint, weights: Weights, tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Range]:
    """Run ``texts`` through the reference network and give a range for each site.

    The reference runs on numpy, so the ranges do not depend on the engine that uses them.
    """
    recorder = _Recorder()
    limit = checkpoint.max_tokens - tokenizer.special_tokens
    framed = sorted((tokenizer.frame(ids[:limit]) for ids in tokenizer.encode(texts)), key=len)
    for start in range(0, len(framed), _BATCH):
        ids, mask = pad(framed[start : start + _BATCH])
        recorder.mask = mask
        run(recorder, checkpoint, weights, Inputs(ids, mask))
    return {site: _range(recorder, site) for site in recorder.lows}


class _Recorder(NumpyOps):
    """The reference interpreter, keeping for each site what calibration needs to know."""

    def __init__(self) -> None:
        super().__init__()
        self.mask: NDArray[np.int64] = np.empty(0, np.int64)  # (B, T): which tokens are no padding
        self.lows: dict[str, list[Array]] = defaultdict(list)  # the least value of each channel in each text, (B, I)
        self.highs: dict[str, list[Array]] = defaultdict(list)
        self.maps: dict[str, dict[int, Array]] = defaultdict(dict)  # the weights (O, I) that read the site
        self.axes: dict[str, int] = {}
        self.free: dict[str, float] = {}  # sites whose channels can be rescaled for next to nothing -> their alpha
        self._normed: Values | None = None
        self._activated: Values | None = None

    def layer_norm(self, x: Values, weight: Array, bias: Array | None, *, epsilon: float) -> Values:
        self._normed = super().layer_norm(x, weight, bias, epsilon=epsilon)
        return self._normed

    def rms_norm(self, x: Values, weight: Array, *, epsilon: float) -> Values:
        self._normed = super().rms_norm(x, weight, epsilon=epsilon)
        return self._normed

    def apply(self, x: Values, function: Function) -> Values:
        self._activated = super().apply(x, function)
        return self._activated

    def multiply(self, left: Values, right: Values) -> Values:
        product = super().multiply(left, right)
        if left is self._activated or right is self._activated:  # a gate
            self._activated = product
        return product

    def linear(self, x: Values, weight: Array, bias: Array | None, *, site: str) -> Values:
        self.maps[site].setdefault(weight.__array_interface__["data"][0], weight)  # a view is new each time
        if x is self._normed or x is self._activated:
            self.free[site] = _SMOOTHING if x is self._normed else _SMOOTHING_ACTIVATED
        self.axes[site] = x.ndim
        low, high = (x, x) if x.ndim == 2 else self._limits(x)
        self.lows[site].append(low)
        self.highs[site].append(high)
        return super().linear(x, weight, bias, site=site)

    def _limits(self, x: Values) -> tuple[Values, Values]:
        """The least and the greatest of each channel over the real tokens of each text: (B, T, I) to (B, I) twice."""
        real = self.mask.astype(bool)[:, :, None]
        return np.where(real, x, np.inf).min(axis=1), np.where(real, x, -np.inf).max(axis=1)


def _range(recorder: _Recorder, site: str) -> Range:
    lows, highs = np.concatenate(recorder.lows[site]), np.concatenate(recorder.highs[site])  # (N, I)
    smooth = None
    if site in recorder.free:
        reach = np.maximum(np.abs(lows), np.abs(highs)).max(axis=0)  # (I,)
        smooth = _smoothing(reach, list(recorder.maps[site].values()), alpha=recorder.free[site])
        lows, highs = lows / smooth, highs / smooth
    low, high = np.quantile(lows.min(axis=1), _TAIL), np.quantile(highs.max(axis=1), 1 - _TAIL)
    return Range(float(low), float(high), smooth, recorder.axes[site])


def _smoothing(reach: Array, weights: Sequence[Array], *, alpha: float) -> Array:
    """What to divide the input by, (I,): SmoothQuant, equation 4. ``reach`` (I,) is its greatest magnitude."""
    weight = np.max([np.abs(w).max(axis=0) for w in weights], axis=0)
    scale = np.maximum(reach, 1e-5) ** alpha / np.maximum(weight, 1e-5) ** (1 - alpha)
    return scale.astype(np.float32)


def main() -> None:
    """Calibrate the default model and keep its ranges in the package."""
    folder = KNOWN_MODELS[DEFAULT_MODEL].folder()
    assert folder is not None, f"{DEFAULT_MODEL} is not installed"
    checkpoint = read_checkpoint(folder)
    ranges = calibrate(checkpoint, checkpoint.weights(), open_tokenizer(folder), calibration_texts())
    target = _kept(sha256(folder / WEIGHTS))
    target.parent.mkdir(exist_ok=True)
    write_ranges(ranges, target)


if __name__ == "__main__":
    main()
