"""What a change of shape costs the engine, and what batching does about it.

    python benchmarks/shapes.py

Four short tables, one core, the default model: a batch of a shape that the engine knows against one that it has never
seen; one fixed network against the one for any shape; budgets of tokens for a batch; and steps that lengths are
rounded up to. The last two encode the same texts, the second time that they come by, so all their shapes are known;
"first_s" is the first time, when none is. likewise/encoding/batching.py has what was chosen.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from invented_files import SENTENCES
from numpy.typing import NDArray
from reporting import Row, parser, print_settings, print_table

from likewise.encoding.batching import BUDGET_TOKENS, pad, round_up
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.encoding.engines.openvino import compile_network, int8_form
from likewise.encoding.quantisation import ranges_of
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.network import to_onnx
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.onnx_weights import FloatWeights, Int8Weights
from likewise.tokenizing import Tokenizer, open_tokenizer

Ids = NDArray[np.int64]
BUDGETS = (256, 512, 1024, 2048, 4096)
STEPS = (1, 4, 8, 16, 32)
_ROWS, _TOKENS = 32, 32  # the fixed shape
_LIMIT = 256


def main() -> None:
    arguments = _arguments()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    folder = KNOWN_MODELS[DEFAULT_MODEL].folder()
    assert folder is not None, f"{DEFAULT_MODEL} is not installed"
    tokenizer = open_tokenizer(folder)
    model = _recorded(folder, arguments.precision, tokenizer)
    texts = _texts(arguments.texts)
    framed = [tokenizer.frame(ids[: _LIMIT - tokenizer.special_tokens]) for ids in tokenizer.encode(texts)]
    mean = round(float(np.mean([len(one) for one in framed])), 1)
    settings = {"precision": arguments.precision, "texts": len(texts), "mean_tokens": mean, "limit": _LIMIT}
    print_settings(settings, as_json=arguments.json)
    for title, rows in (
        ("A new shape against a known one", _new_shapes(model, arguments.repeats)),
        (f"Any shape against one fixed, {_ROWS} x {_TOKENS}", _fixed_shape(model, arguments.repeats)),
        ("Budget of tokens, lengths rounded as chosen", _budgets(model, arguments.precision, framed)),
        (f"Rounding up, budget {BUDGET_TOKENS}", _steps(model, arguments.precision, framed)),
    ):
        print_table(title, rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--precision", default="int8", choices=("float32", "int8"))
    options.add_argument("--texts", type=int, default=1500)
    options.add_argument("--repeats", type=int, default=30)
    return options.parse_args()


def _recorded(folder: Path, precision: str, tokenizer: Tokenizer) -> bytes:
    checkpoint = read_checkpoint(folder)
    weights = checkpoint.weights()
    if precision == "float32":
        return to_onnx(checkpoint, weights, form=FloatWeights())
    ranges = ranges_of(checkpoint, weights, tokenizer, weights_hash=KNOWN_MODELS[DEFAULT_MODEL].sha256)
    return to_onnx(checkpoint, weights, form=Int8Weights(ranges, int8_form()))


def _texts(count: int) -> list[str]:
    """Of one to eight sentences, so that lengths differ as those of chunks do."""
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    chance = random.Random(0)
    return [" ".join(chance.sample(sentences, chance.randint(1, 8))) for _ in range(count)]


def _request(model: bytes, *, fixed: bool) -> Any:
    """A network on one core, of the engine's own settings for float32 and int8 alike."""
    core = openvino.Core()
    network = core.read_model(model)
    if fixed:
        network.reshape({port: [_ROWS, _TOKENS] for port in network.inputs})
    half = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    hint = "bf16" if half else "f32"
    return core.compile_model(
        network, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": hint}
    ).create_infer_request()


def _infer_ms(request: Any, rows: int, tokens: int) -> float:
    ids = np.full((rows, tokens), 2000, np.int64)
    started = time.perf_counter()
    request.infer({0: ids, 1: np.ones_like(ids)})
    return 1000 * (time.perf_counter() - started)


def _new_shapes(model: bytes, repeats: int) -> list[Row]:
    request = _request(model, fixed=False)
    _infer_ms(request, 4, 16)
    found: list[Row] = []
    for rows in (1, 8, 32):
        lengths = [20 + 3 * number for number in range(repeats)]
        new = [_infer_ms(request, rows, tokens) for tokens in lengths]
        known = [min(_infer_ms(request, rows, tokens) for _ in range(2)) for tokens in lengths]
        extra = statistics.median(first - second for first, second in zip(new, known, strict=True))
        row: Row = {"rows": rows, "new_ms": statistics.median(new), "known_ms": statistics.median(known)}
        found.append({**row, "extra_ms": extra})
    return found


def _fixed_shape(model: bytes, repeats: int) -> list[Row]:
    found: list[Row] = []
    for name, fixed in (("any shape", False), ("fixed", True)):
        request = _request(model, fixed=fixed)
        _infer_ms(request, _ROWS, _TOKENS)
        ms = statistics.median(_infer_ms(request, _ROWS, _TOKENS) for _ in range(repeats))
        found.append({"network": name, "batch_ms": ms, "texts_per_s": 1000 * _ROWS / ms})
    return found


def _budgets(model: bytes, precision: str, framed: Sequence[Ids]) -> list[Row]:
    return [{"budget": budget, **_measure(model, precision, framed, budget=budget, step=0)} for budget in BUDGETS]


def _steps(model: bytes, precision: str, framed: Sequence[Ids]) -> list[Row]:
    return [
        {"step": step or "as chosen", **_measure(model, precision, framed, budget=BUDGET_TOKENS, step=step)}
        for step in (0, *STEPS)
    ]


def _measure(model: bytes, precision: str, framed: Sequence[Ids], *, budget: int, step: int) -> Row:
    """All texts through a fresh engine twice; ``step`` 0 rounds as the library does."""
    engine = compile_network(model, precision=precision)
    batches = list(_batches(framed, budget=budget, step=step))
    times = [time.perf_counter()]
    for _ in range(2):
        engine.run(((rows, Inputs(ids, mask)) for rows, ids, mask in batches), lambda _rows, _vectors: None)
        times.append(time.perf_counter())
    first, second = (after - before for before, after in pairwise(times))
    padded, real = sum(ids.size for _, ids, _ in batches), sum(map(len, framed))
    return {
        "shapes": len({ids.shape for _, ids, _ in batches}),
        "padding_percent": 100 * (padded / real - 1),
        "first_s": first,
        "known_s": second,
        "texts_per_s": len(framed) / second,
    }


def _batches(framed: Sequence[Ids], *, budget: int, step: int) -> Iterator[tuple[Ids, Ids, Ids]]:
    """As likewise.encoding.batching.plan, with the rounding left open."""
    lengths = np.array([len(one) for one in framed])
    order, start = np.argsort(-lengths, kind="stable"), 0
    while start < len(order):
        longest = int(lengths[order[start]])
        tokens = -(-longest // step) * step if step else min(round_up(longest), _LIMIT)
        rows = order[start : start + max(1, budget // tokens)]
        yield rows, *pad([framed[row] for row in rows], tokens=tokens)
        start += len(rows)


if __name__ == "__main__":
    main()
