"""Where a token stands, as tables that networks look up: sinusoids, rotations, slopes and buckets."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.errors import ModelError
from likewise.modelling.ops import Array


def sinusoidal(tokens: int, width: int) -> Array:
    """Sines and cosines interleaved (Vaswani et al. 2017, arXiv:1706.03762, section 3.5): (tokens, width)."""
    angles = np.arange(tokens)[:, None] / 10000.0 ** (np.arange(0, width, 2) / width)
    table = np.empty((tokens, width))
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles[:, : width // 2])
    return table.astype(np.float32)


def rotary(tokens: int, width: int, *, base: float, scaling: Mapping[str, Any] | None = None) -> tuple[Array, Array]:
    """Cosines and sines (tokens, 1, width) for ``parts.rotate``.

    Args:
        tokens: Rows of the tables.
        width: d of a head.
        base: Theta.
        scaling: ``rope_scaling`` or ``rope_parameters`` of a config.json; None is none.

    Raises:
        ModelError: A kind of scaling that is not known, or one that lacks a number.
    """
    kind = _kind(scaling or {})
    if kind != "default" and kind not in _SCALINGS:
        raise ModelError(f"config.json scales rotary positions by {kind!r}; known are {', '.join(sorted(_SCALINGS))}")
    said = {name: value for name, value in (scaling or {}).items() if not isinstance(value, (list, Mapping))}
    try:
        return _rotary(tokens, width, base, tuple(sorted(said.items(), key=str)))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"config.json scales rotary positions by {kind!r} without its numbers: {error!r}") from error


def declared_rotary(config: Mapping[str, Any], *, base: float) -> tuple[float, Mapping[str, Any] | None]:
    """Theta and scaling as a ``config.json`` has them, in the new spelling, ``rope_parameters``, or the old one.

    ``base`` is theta where none is said.
    """
    scaling = config.get("rope_parameters") or config.get("rope_scaling")
    return float((scaling or {}).get("rope_theta") or config.get("rope_theta") or base), scaling


@lru_cache(maxsize=8)
def _rotary(tokens: int, width: int, base: float, scaling: tuple[tuple[str, Any], ...]) -> tuple[Array, Array]:
    frequencies, magnitude = _frequencies(width, base, dict(scaling))
    # In float32, as everywhere: what networks were trained with.
    angles = np.arange(tokens, dtype=np.float32)[:, None] * frequencies  # (tokens, width/2)
    cosines, sines = (f(angles.astype(np.float64)) * magnitude for f in (np.cos, np.sin))
    both = np.concatenate([cosines, cosines], axis=1), np.concatenate([-sines, sines], axis=1)
    return both[0].astype(np.float32)[:, None], both[1].astype(np.float32)[:, None]


def _frequencies(width: int, base: float, scaling: Mapping[str, Any]) -> "_Scaled":
    """Radians that each pair turns by from token to token (width/2,), and what the results are multiplied with."""
    kind, plain = _kind(scaling), _plain(width, base)
    return (plain, 1.0) if kind == "default" else _SCALINGS[kind](plain, width, base, scaling)


def _plain(width: int, base: float) -> Array:
    """Frequencies without scaling, rounded to float32 at each step.

    So networks were trained, and the last bit shows where it is multiplied with thousands of tokens.
    """
    exponents = np.arange(0, width, 2, dtype=np.float32) / np.float32(width)
    powers = (base ** exponents.astype(np.float64)).astype(np.float32)
    return np.float32(1) / powers


def _kind(scaling: Mapping[str, Any]) -> str:
    return str(scaling.get("rope_type", scaling.get("type", "default")))


_Scaled = tuple[Array, float]


def _linear(plain: Array, width: int, base: float, scaling: Mapping[str, Any]) -> _Scaled:
    """Position interpolation (Chen et al. 2023, arXiv:2306.15595)."""
    del width, base
    return plain / float(scaling["factor"]), 1.0


def _ntk(plain: Array, width: int, base: float, scaling: Mapping[str, Any]) -> _Scaled:
    """A greater base, fixed, as the GTE models have it: b·f, and all divided by f^(2/d)."""
    del plain
    factor = float(scaling["factor"])
    return _plain(width, base * factor) / factor ** (2 / width), 1.0


def _llama3(plain: Array, width: int, base: float, scaling: Mapping[str, Any]) -> _Scaled:
    """Slow turns are divided, fast ones kept, those between mixed (Llama 3.1's published configuration)."""
    del width, base
    factor, low, high = (float(scaling[key]) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    lengths = 2 * math.pi / plain  # of a whole turn, in tokens
    mix = np.clip((float(scaling["original_max_position_embeddings"]) / lengths - low) / (high - low), 0, 1)
    return (1 - mix) * plain / factor + mix * plain, 1.0


def _yarn(plain: Array, width: int, base: float, scaling: Mapping[str, Any]) -> _Scaled:
    """YaRN (Peng et al. 2023, arXiv:2309.00071, sections 3.2 and 3.4)."""
    factor, trained = float(scaling["factor"]), float(scaling["original_max_position_embeddings"])

    def place(rotations: float) -> float:
        return width * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = place(float(scaling.get("beta_fast") or 32)), place(float(scaling.get("beta_slow") or 1))
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, width - 1)
    ramp = np.clip((np.arange(width // 2, dtype=np.float32) - low) / max(high - low, 0.001), 0, 1)
    kept = 1 - ramp
    magnitude = scaling.get("attention_factor") or _yarn_magnitude(factor, scaling)
    return plain / factor * (1 - kept) + plain * kept, float(magnitude)


def _yarn_magnitude(factor: float, scaling: Mapping[str, Any]) -> float:
    """What makes up for flatter attention over longer texts; some configurations divide one such by another."""

    def of(strength: float) -> float:
        return 0.1 * strength * math.log(factor) + 1 if factor > 1 else 1.0

    above, below = scaling.get("mscale"), scaling.get("mscale_all_dim")
    return of(above) / of(below) if above and below else of(1)


_SCALINGS = {"linear": _linear, "ntk": _ntk, "llama3": _llama3, "yarn": _yarn}


def alibi_slopes(heads: int) -> Array:
    """How fast each head forgets what is far (Press et al. 2021, arXiv:2108.12409): (heads, 1, 1), positive."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2.0 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2.0 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    return np.array(slopes, np.float32)[:, None, None]


def t5_buckets(limit: int, *, buckets: int, furthest: int) -> NDArray[np.int64]:
    """The bucket of each distance from -limit to limit, for both directions (Raffel et al. 2020, arXiv:1910.10683).

    Distances are key minus query: half of the buckets are for keys behind the query; of each half, half are for single
    distances and the others grow logarithmically up to ``furthest``.
    """
    distances = np.arange(-limit, limit + 1)
    half = buckets // 2
    exact = half // 2
    far = np.abs(distances)
    with np.errstate(divide="ignore"):
        log = np.log(far.astype(np.float32) / np.float32(exact)) / np.float32(math.log(furthest / exact))
    large = np.minimum(exact + np.where(far < exact, 0, log * (half - exact)).astype(np.int64), half - 1)
    return (distances > 0) * half + np.where(far < exact, far, large)


def log_buckets(limit: int, *, buckets: int, furthest: int) -> NDArray[np.int64]:
    """The signed bucket of each distance from -limit to limit, as DeBERTa-v2 has it (He et al. 2021, arXiv:2111.09543).

    Up to half of ``buckets`` a distance is its own bucket; beyond that they grow logarithmically.
    """
    distances = np.arange(-limit, limit + 1)
    middle = buckets // 2
    far = np.where(np.abs(distances) < middle, middle - 1, np.abs(distances)).astype(np.float64)
    log = np.ceil(np.log(far / middle) / math.log((furthest - 1) / middle) * (middle - 1)) + middle
    return np.where(far <= middle, distances, log * np.sign(distances)).astype(np.int64)
