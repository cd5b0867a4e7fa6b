"""How fast an encoder is, and what share of the processor's peak it reaches.

Work is counted in multiply-adds of linear maps, attention, recurrent cells and convolutions, two operations each; all
else (normalising, activations, lookups) counts as no work but takes its time. The peak is measured, not looked up: the
fastest large product that the engine makes in the same arithmetic.
"""

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.batching import BUDGET_TOKENS, plan
from likewise.encoding.encoder import Encoder
from likewise.encoding.engines.openvino import ready_network
from likewise.encoding.feeding import rows_of
from likewise.encoding.models import Progress
from likewise.encoding.quantisation import calibration_texts
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.network import run
from likewise.modelling.ops import Array, Attention, Cell, Inputs, onnx_file
from likewise.modelling.ops.numpy_ops import NumpyOps, Values
from likewise.modelling.ops.onnx_graph import OPSET, Graph
from likewise.modelling.ops.onnx_weights import UNSATURATED, FloatWeights, Int8Form, Int8Weights, Range, WeightForm
from likewise.types import Vectors

_KINDS = {"title": 45, "line": 40, "passage": 15}  # parts of the mixture, in percent
_PROBED = (8, 16, 24)  # lengths whose work is counted; that of others follows, as it is quadratic in the length
_PEAK_SHAPES = ((512, 384, 1536), (512, 1536, 384), (512, 1024, 1024), (1024, 2048, 2048))  # rows, inputs, outputs
_PEAK_FORMS: dict[str, tuple[Callable[[], WeightForm], ...]] = {  # a form remembers the graph that it is used in
    "float32": (FloatWeights,),
    "int8": (lambda: _peak_int8(convolve=False), lambda: _peak_int8(convolve=True)),
}
_PEAK_RUNS = 10  # the best counts: other programs disturb some


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One precision's medians over the timed passes."""

    precision: str
    cpu_s: float  # of the process; what the figures below are made of
    wall_s: float
    texts_per_s: float
    tokens_per_s: float  # real ones, special tokens counted
    gops: float  # thousand million operations a second, on real tokens
    gops_padded: float  # the same with the padding that batches are filled up with
    peak_gops: float  # of the arithmetic that its products run in
    share: float  # gops of peak_gops
    share_padded: float
    cosine_mean: float  # to float32
    cosine_least: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The median time of a pass."""

    cpu_s: float  # of the process, all threads together
    wall_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds of a text of T tokens: ``constant + each · T + pairs · T²``."""

    constant: float
    each: float
    pairs: float

    def of(self, lengths: NDArray[np.int64]) -> float:
        """Of all texts of these lengths (N,) together."""
        return float((self.constant + self.each * lengths + self.pairs * np.square(lengths.astype(np.float64))).sum())


def mixed_texts(count: int = 2000, *, seed: int = 0) -> list[str]:
    """Texts like titles, sentences and passages, made from the lines of the calibration texts.

    45 in 100 are 3 to 9 words in a row of one line, 40 a whole line, 15 two or three lines joined.
    """
    lines, chance = calibration_texts(), random.Random(seed)
    texts = []
    for kind in chance.choices(list(_KINDS), list(_KINDS.values()), k=count):
        picked = chance.sample(lines, chance.randint(2, 3) if kind == "passage" else 1)
        words = " ".join(picked).split()
        if kind == "title":
            length = chance.randint(3, 9)
            start = chance.randrange(max(1, len(words) - length + 1))
            words = words[start : start + length]
        texts.append(" ".join(words))
    return texts


def count_work(checkpoint: Checkpoint) -> Work:
    """What a text costs, counted by running the network on a few lengths."""
    weights, found = checkpoint.folded_weights(), []
    characters = [checkpoint.family.characters] if checkpoint.family.characters else []
    for tokens in _PROBED:
        counter = _Counter()
        ids = np.full((1, tokens, *characters), 5, np.int64)
        run(counter, checkpoint, weights, Inputs(ids, np.ones((1, tokens), np.int64)))
        found.append(counter.products)
    lengths = np.array(_PROBED, np.float64)
    solved = np.linalg.solve(np.vander(lengths, increasing=True), np.array(found, np.float64))
    return Work(*(max(float(part), 0.0) for part in solved))


class _Counter(NumpyOps):
    """The reference interpreter, counting multiply-adds."""

    def __init__(self) -> None:
        super().__init__()
        self.products = 0

    def linear(self, x: Values, weight: Array, bias: Array | None, *, site: str) -> Values:
        self.products += x.size * weight.shape[0]
        return super().linear(x, weight, bias, site=site)

    def matmul(self, left: Values, right: Values) -> Values:
        found = super().matmul(left, right)
        self.products += found.size * left.shape[-1]
        return found

    def attention(
        self,
        query: Values,
        key: Values,
        value: Values,
        mask: Values,
        how: Attention,
        *,
        site: str,
        bias: Values | None = None,
    ) -> Values:
        self.products += query.size * key.shape[1] + query.shape[1] * key.shape[1] * how.heads * value.shape[-1]
        return super().attention(query, key, value, mask, how, site=site, bias=bias)

    def lstm(self, x: Values, mask: Values, cell: Cell, *, reverse: bool) -> Values:
        maps = (cell.input_weight, cell.state_weight, cell.project)
        self.products += x.shape[1] * sum(one.size for one in maps if one is not None)
        return super().lstm(x, mask, cell, reverse=reverse)

    def convolve(self, x: Values, weight: Array, bias: Array | None, *, stride: int = 1, padding: int = 0) -> Values:
        found = super().convolve(x, weight, bias, stride=stride, padding=padding)
        self.products += found.size * weight[0].size
        return found


def measure_peak(arithmetic: str) -> float:
    """The most operations a second, in thousand millions, that a large product reaches.

    Args:
        arithmetic: "float32" or "int8": then its inputs are quantised on the way, as in a network. Products and
            convolutions are tried, on fixed shapes.
    """
    return max(_product(form(), shape) for form in _PEAK_FORMS[arithmetic] for shape in _PEAK_SHAPES)


def _peak_int8(*, convolve: bool) -> Int8Weights:
    return Int8Weights({"peak": Range(-1.0, 1.0, None)}, Int8Form(convolve=convolve, largest=UNSATURATED))


def _product(form: WeightForm, shape: tuple[int, int, int]) -> float:
    rows, inputs, outputs = shape
    chance, graph = np.random.default_rng(0), Graph()
    weight = chance.normal(size=(outputs, inputs)).astype(np.float32)
    product = form.linear(graph, "x", weight, None, site="peak")
    given = [onnx_file.value_info("x", onnx_file.FLOAT, [1, rows, inputs])]
    network = ready_network(onnx_file.model(graph.finish(given, {"y": (product, [1, rows, outputs])}), opset=OPSET))
    x = chance.uniform(-1, 1, size=(1, rows, inputs)).astype(np.float32)
    network(x)
    return 2e-9 * rows * inputs * outputs / min(_cpu_s(lambda: network(x)) for _ in range(_PEAK_RUNS))


def measure(
    encoders: Mapping[str, Encoder],
    texts: Sequence[str],
    work: Work,
    *,
    repeats: int = 3,
    progress: Progress = lambda _: None,
) -> list[Speed]:
    """Encode ``texts`` with each encoder in turns, ``repeats`` times after one pass to warm up.

    Args:
        encoders: For each precision; "float32" is what the others are compared with, and must be among them.
        texts: What does not fit the model is cut.
        work: What a text costs.
        repeats: Timed passes of each.
        progress: Told, in a sentence, before each pass.
    """
    vectors = {}
    for name, encoder in encoders.items():
        progress(f"warming up: {len(texts):,} texts in {name}")
        vectors[name] = encoder.encode(texts, role="document", overflow="truncate")
    progress("measuring this processor's peak")
    peaks = {arithmetic: measure_peak(arithmetic) for arithmetic in {_arithmetic(name) for name in encoders}}
    passes = {name: partial(one.encode, texts, role="document", overflow="truncate") for name, one in encoders.items()}
    taken = take_turns(passes, repeats=repeats, progress=progress)
    return [
        _speed(
            name,
            taken[name],
            _sizes(encoder, texts, work),
            peaks[_arithmetic(name)],
            cosines(vectors["float32"], vectors[name]),
        )
        for name, encoder in encoders.items()
    ]


def take_turns(
    passes: Mapping[str, Callable[[], object]], *, repeats: int, progress: Progress = lambda _: None
) -> dict[str, Taken]:
    """Run each of several passes ``repeats`` times, in turns, so that what slows the machine down hits all alike."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in passes}
    for number in range(1, repeats + 1):
        progress(f"timing pass {number} of {repeats}: {', '.join(passes)}")
        for name, one in passes.items():
            cpu, wall = time.process_time(), time.perf_counter()
            one()
            taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {name: Taken(*map(statistics.median, zip(*times, strict=True))) for name, times in taken.items()}


def cosines(exact: Vectors, found: Vectors) -> Vectors:
    """Of each row of two arrays (N, D) with that of the other: (N,). Two rows of zeros are alike."""
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(found, axis=1)
    alike = (exact * found).sum(axis=1) / np.maximum(lengths, np.finfo(np.float32).tiny)
    both_zero = ~exact.any(axis=1) & ~found.any(axis=1)
    return np.where(both_zero, np.float32(1), alike)


def token_lengths(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.int64]:
    """Tokens of each text as the network sees them: with its prompt and special tokens, cut to the maximum (N,)."""
    rows = rows_of(encoder.tokenizer, encoder.contract, texts, role="document", overflow="truncate")
    return rows.tokens - rows.dropped


@dataclass(frozen=True, slots=True)
class _Sizes:
    texts: int
    tokens: int
    products: float  # multiply-adds on real tokens
    products_padded: float


def _sizes(encoder: Encoder, texts: Sequence[str], work: Work) -> _Sizes:
    lengths = token_lengths(encoder, texts)
    batches = plan(lengths, budget_tokens=BUDGET_TOKENS, limit=encoder.contract.max_tokens)
    padded = sum(work.of(np.full(batch.height, batch.tokens)) for batch in batches)
    return _Sizes(len(texts), int(lengths.sum()), work.of(lengths), padded)


def _speed(name: str, taken: Taken, sizes: _Sizes, peak: float, alike: Vectors) -> Speed:
    real, padded = (2e-9 * products / taken.cpu_s for products in (sizes.products, sizes.products_padded))
    return Speed(
        precision=name,
        cpu_s=taken.cpu_s,
        wall_s=taken.wall_s,
        texts_per_s=sizes.texts / taken.cpu_s,
        tokens_per_s=sizes.tokens / taken.cpu_s,
        gops=real,
        gops_padded=padded,
        peak_gops=peak,
        share=real / peak,
        share_padded=padded / peak,
        cosine_mean=float(alike.mean()),
        cosine_least=float(alike.min()),
    )


def _arithmetic(precision: str) -> str:
    """What products of a precision are computed in: only int8 does not spread its weights to floats first."""
    return "int8" if precision == "int8" else "float32"


def _cpu_s(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started
