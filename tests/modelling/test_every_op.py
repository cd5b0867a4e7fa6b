"""Each operation by each interpreter: numpy against an obvious definition, the others against numpy."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import onnx
import openvino
import pytest

from likewise.modelling.ops import HIDDEN, Attention, Cell, Ops, onnx_file
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.ops.onnx_graph import OPSET
from likewise.modelling.ops.onnx_ops import OnnxOps

LIMIT = 2e-6
RANDOM = np.random.default_rng(5)
MASK = np.array([[1] * 6, [1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 0, 0]])  # padding on either side
IDS = RANDOM.integers(0, 9, MASK.shape)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


@dataclass(frozen=True)
class Case:
    name: str  # the operation, and what is special about it
    run: Callable  # ops, given, weights -> what the operation gives
    definition: Callable  # the same from arrays
    given: dict = field(default_factory=dict)
    weights: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


CASES: list[Case] = []


def case(name: str, run: Callable, definition: Callable, *, weights: dict | None = None, **given) -> None:
    CASES.append(Case(name, run, definition, given, weights or {}))


# Lookups and places

TABLE, CUBE = floats(9, 4), floats(9, 2, 3)
case(
    "constant",
    lambda ops, a, w: ops.add(a.x, ops.constant(np.float32(2.5))),
    lambda a, w: a.x + 2.5,
    x=floats(2, 3),
)
case("embed", lambda ops, a, w: ops.embed(w.t, a.ids), lambda a, w: w.t[a.ids], weights={"t": TABLE}, ids=IDS)
case(
    "embed characters",
    lambda ops, a, w: ops.embed(w.t, a.ids),
    lambda a, w: np.stack([[[w.t[i] for i in word] for word in row] for row in a.ids]),
    weights={"t": TABLE},
    ids=RANDOM.integers(0, 9, (2, 3, 5)),
)
case("lookup", lambda ops, a, w: ops.lookup(w.t, a.ids), lambda a, w: w.t[a.ids], weights={"t": CUBE}, ids=IDS)
case(
    "lookup of integers",
    lambda ops, a, w: ops.lookup(np.arange(9) * 7, a.ids),
    lambda a, w: a.ids * 7,
    ids=IDS,
)
case("first_rows", lambda ops, a, w: ops.first_rows(w.t, a.ids), lambda a, w: w.t[:6], weights={"t": CUBE}, ids=IDS)
case(
    "positions of real tokens",
    lambda ops, a, w: ops.multiply(ops.positions(a.mask), a.mask),
    lambda a, w: [[row[t] * sum(row[:t]) for t in range(6)] for row in a.mask.tolist()],
    mask=MASK,
)
for limit in (2, 100):
    case(
        f"distances {limit}",
        lambda ops, a, w, limit=limit: ops.distances(a.ids, limit=limit),
        lambda a, w, limit=limit: [[min(max(k - q, -limit), limit) for k in range(6)] for q in range(6)],
        ids=IDS,
    )

# Arithmetic

X, Y = floats(2, 3, 4), floats(3, 1)
case("add", lambda ops, a, w: ops.add(a.x, a.y), lambda a, w: a.x + a.y, x=X, y=Y)
case("multiply", lambda ops, a, w: ops.multiply(a.x, a.y), lambda a, w: a.x * a.y, x=X, y=Y)
case("multiply integers", lambda ops, a, w: ops.multiply(a.x, a.y), lambda a, w: a.x * a.y, x=IDS, y=MASK)
case("divide", lambda ops, a, w: ops.divide(a.x, a.y), lambda a, w: a.x / a.y, x=X, y=np.abs(Y) + 1)
case(
    "matmul",
    lambda ops, a, w: ops.matmul(a.x, a.y),
    lambda a, w: [[[[sum(r * c) for c in a.y[0].T] for r in m] for m in b] for b in a.x],
    x=floats(2, 3, 4, 5),
    y=floats(1, 5, 6),
)
for bias in (True, False):
    case(
        f"linear {bias=}",
        lambda ops, a, w: ops.linear(a.x, w.m, getattr(w, "b", None), site="s"),
        lambda a, w: np.array([[[sum(v * r) for r in w.m] for v in row] for row in a.x]) + getattr(w, "b", 0),
        weights={"m": floats(5, 4)} | ({"b": floats(5)} if bias else {}),
        x=X,
    )


def layer_norm(row: np.ndarray) -> np.ndarray:
    wide = row.astype(np.float64)
    return (wide - wide.mean()) / math.sqrt(wide.var() + 1e-3)


for bias in (True, False):
    case(
        f"layer_norm {bias=}",
        lambda ops, a, w: ops.layer_norm(a.x, w.m, getattr(w, "b", None), epsilon=1e-3),
        lambda a, w: np.apply_along_axis(layer_norm, -1, a.x) * w.m + getattr(w, "b", 0),
        weights={"m": floats(4)} | ({"b": floats(4)} if bias else {}),
        x=X * 3 + 1,
    )
case(
    "rms_norm",
    lambda ops, a, w: ops.rms_norm(a.x, w.m, epsilon=1e-3),
    lambda a, w: np.apply_along_axis(lambda row: row / math.sqrt((row**2).mean() + 1e-3), -1, a.x) * w.m,
    weights={"m": floats(4)},
    x=X * 3 + 1,
)


def sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v)) if v > -500 else 0.0


FUNCTIONS = {
    "gelu": lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2,
    "gelu_tanh": lambda v: v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) / 2,
    "quick_gelu": lambda v: v * sigmoid(1.702 * v),
    "relu": lambda v: max(v, 0),
    "silu": lambda v: v * sigmoid(v),
    "tanh": math.tanh,
    "sigmoid": sigmoid,
    "identity": lambda v: v,
    "absolute": abs,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
}
POINTS = np.concatenate([np.linspace(-9, 9, 73), [-200, 200]]).astype(np.float32)
for function, meant in FUNCTIONS.items():
    case(
        f"apply {function}",
        lambda ops, a, w, function=function: ops.apply(a.x, function),
        lambda a, w, meant=meant: [meant(v) for v in a.x.tolist()],
        x=np.abs(POINTS) if function in ("log1p", "sqrt") else POINTS,
    )


def softmax(row: np.ndarray) -> np.ndarray:
    powers = np.exp(row.astype(np.float64) - row.max())
    return powers / powers.sum()


HIDING = np.array([[0, HIDDEN, 1], [HIDDEN, HIDDEN, HIDDEN], [300, 0, -300]], np.float32)
case("softmax", lambda ops, a, w: ops.softmax(a.x), lambda a, w: [softmax(row) for row in a.x], x=HIDING)

# Attention


def attend(a: SimpleNamespace, how: Attention, visible: Callable[[int, int], bool]) -> np.ndarray:
    """One query, head and text after the other."""
    rows, tokens, heads, _ = a.q.shape
    mixed = np.zeros((rows, tokens, heads, a.v.shape[3]))
    for b, q, h in np.ndindex(rows, tokens, heads):
        group = h * how.groups // how.heads
        seen = [k for k in range(tokens) if a.mask[b, k] and visible(q, k)]
        if seen:
            bias = getattr(a, "bias", np.zeros((heads, tokens, tokens)))[h, q, seen]
            scores = np.array([a.q[b, q, h] @ a.k[b, k, group] * how.scale for k in seen]) + bias
            mixed[b, q, h] = softmax(scores) @ a.v[b, seen, group]
    return mixed.reshape(rows, tokens, -1)


def attention(name: str, visible: Callable[[int, int], bool], *, bias: bool = False, **options) -> None:
    how = Attention(**{"heads": 4, "groups": 4, "scale": 0.4} | options)
    # What a query gives that sees nothing is any finite number: it is the row of a padding token.
    alive = [[[any(m[k] and visible(q, k) for k in range(6))] for q in range(6)] for m in MASK]
    alive = np.array(alive, np.float32)

    def run(ops, a, w):
        mixed = ops.attention(a.q, a.k, a.v, a.mask, how, site="s", bias=getattr(a, "bias", None))
        return ops.multiply(mixed, ops.constant(alive))

    given = {"q": floats(4, 6, 4, 5), "k": floats(4, 6, how.groups, 5), "v": floats(4, 6, how.groups, 3)}
    given |= {"bias": floats(4, 6, 6)} if bias else {}
    case(f"attention {name}", run, lambda a, w: attend(a, how, visible), mask=MASK, **given)


attention("to all", lambda q, k: True)
attention("with bias", lambda q, k: True, bias=True)
attention("shared keys", lambda q, k: True, groups=2)
attention("one key", lambda q, k: True, groups=1, bias=True)
attention("causal", lambda q, k: k <= q, causal=True)
attention("window", lambda q, k: abs(q - k) <= 1, window=1)
attention("causal window", lambda q, k: q - 2 <= k <= q, causal=True, window=2, groups=2)

# Shapes

case("reshape", lambda ops, a, w: ops.reshape(a.x, (0, 0, 2, -1)), lambda a, w: a.x.reshape(2, 3, 2, 2), x=X)
case("transpose", lambda ops, a, w: ops.transpose(a.x, (2, 0, 1)), lambda a, w: np.moveaxis(a.x, 2, 0), x=X)
case("concat", lambda ops, a, w: ops.concat([a.x, a.y]), lambda a, w: np.dstack([a.x, a.y]), x=X, y=floats(2, 3, 1))
case("part", lambda ops, a, w: ops.part(a.x, 1, 3), lambda a, w: a.x[:, :, [1, 2]], x=X)
case("part from the end", lambda ops, a, w: ops.part(a.x, 1, -1), lambda a, w: a.x[:, :, [1, 2]], x=X)
case("part beyond the end", lambda ops, a, w: ops.part(a.x, 3, 99), lambda a, w: a.x[:, :, [3]], x=X)
case(
    "take_along",
    lambda ops, a, w: ops.take_along(a.x, a.index),
    lambda a, w: [[[[row[i] for i in a.index[t]] for t, row in enumerate(h)] for h in b] for b in a.x],
    x=floats(2, 3, 4, 7),
    index=RANDOM.integers(0, 7, (4, 5)),
)
for axis in (0, 1, 2):
    case(f"sum {axis}", lambda ops, a, w, axis=axis: ops.sum(a.x, axis), lambda a, w, axis=axis: a.x.sum(axis), x=X)
    case(
        f"max {axis}", lambda ops, a, w, axis=axis: ops.max(a.x, axis), lambda a, w, axis=axis: a.x.max(axis), x=-X * X
    )

# Masks and vectors

STATES = floats(4, 6, 3)
case("real", lambda ops, a, w: ops.real(a.mask), lambda a, w: a.mask.reshape(4, 6, 1), mask=MASK)
case(
    "hide before max",
    lambda ops, a, w: ops.max(ops.hide(a.x, a.mask), 1),
    lambda a, w: [row[m > 0].max(0) for row, m in zip(a.x, a.mask, strict=True)],
    x=-np.abs(STATES),
    mask=MASK,
)
for which in ("first", "last"):
    case(
        f"token {which}",
        lambda ops, a, w, which=which: ops.token(a.x, a.mask, which),
        lambda a, w, at=0 if which == "first" else -1: [row[m > 0][at] for row, m in zip(a.x, a.mask, strict=True)],
        x=STATES,
        mask=MASK,
    )
case(
    "normalise",
    lambda ops, a, w: ops.normalise(a.x),
    lambda a, w: [row / (math.sqrt(sum(row**2)) or 1) for row in a.x],
    x=np.concatenate([floats(3, 4), np.zeros((1, 4), np.float32), np.full((1, 4), 1e-9, np.float32)]),
)


def keep_top(row: np.ndarray, k: int) -> np.ndarray:
    best = sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]
    return np.array([value if i in best else 0 for i, value in enumerate(row)])


TIES = RANDOM.integers(-2, 3, (6, 40)).astype(np.float32)
for k in (1, 3, 17, 40):
    case(
        f"keep_top {k} of ties",
        lambda ops, a, w, k=k: ops.keep_top(a.x, k),
        lambda a, w, k=k: [keep_top(row, k) for row in a.x],
        x=TIES,
    )

# Recurrence and convolution


def by_token(x: np.ndarray, w: SimpleNamespace, options: dict) -> np.ndarray:
    """States of one text without padding (T, H)."""
    size = len(w.b) // 4
    clip_cell, clip_state = options.get("clip_cell") or np.inf, options.get("clip_state") or np.inf
    state, memory, states = np.zeros(w.u.shape[1]), np.zeros(size), []
    for token in x:
        gates = w.w @ token + w.u @ state + w.b
        logistic = np.vectorize(sigmoid)
        forget = logistic(gates[size : 2 * size] + options.get("forget_bias", 0))
        memory = forget * memory + logistic(gates[:size]) * np.tanh(gates[2 * size : 3 * size])
        memory = np.clip(memory, -clip_cell, clip_cell)
        state = logistic(gates[3 * size :]) * np.tanh(memory)
        state = np.clip(w.p @ state if hasattr(w, "p") else state, -clip_state, clip_state)
        states.append(state)
    return np.array(states)


def lstm(name: str, *, reverse: bool, project: bool = False, **options) -> None:
    def run(ops, a, w):
        cell = Cell(w.w, w.u, w.b, getattr(w, "p", None), **options)
        return ops.lstm(a.x, a.mask, cell, reverse=reverse)

    def definition(a, w):
        found = np.zeros((4, 6, 3 if project else 5))
        for row, mask, states in zip(a.x, a.mask, found, strict=True):
            turn = slice(None, None, -1 if reverse else 1)
            states[mask > 0] = by_token(row[mask > 0][turn], w, options)[turn]
        return found

    width = 3 if project else 5
    weights = {"w": floats(20, 4), "u": floats(20, width), "b": floats(20)}
    weights |= {"p": floats(3, 5)} if project else {}
    case(f"lstm {name}", run, definition, weights=weights, x=floats(4, 6, 4), mask=MASK)


lstm("forwards", reverse=False)
lstm("backwards", reverse=True)
lstm("projected and clipped", reverse=False, project=True, clip_cell=0.3, clip_state=0.2, forget_bias=1.0)
lstm("projected backwards", reverse=True, project=True)


def convolve(x: np.ndarray, w: SimpleNamespace, *, stride: int) -> np.ndarray:
    """One place of the kernel after the other, over two axes that are padded already."""
    tall, wide = ((size - k) // stride + 1 for size, k in zip(x.shape[2:], w.m.shape[-2:], strict=True))
    found = np.zeros((len(x), len(w.m), tall, wide))
    for i, j in np.ndindex(tall, wide):
        window = x[:, :, i * stride : i * stride + w.m.shape[-2], j * stride : j * stride + w.m.shape[-1]]
        found[:, :, i, j] = np.einsum("bikl,oikl->bo", window, w.m)
    return found + (w.b[:, None, None] if hasattr(w, "b") else 0)


def convolution(name: str, x: np.ndarray, *kernel: int, stride: int = 1, padding: int = 0, bias: bool = True) -> None:
    flat = x.ndim == 3

    def run(ops, a, w):
        return ops.convolve(a.x, w.m, getattr(w, "b", None), stride=stride, padding=padding)

    def definition(a, w):
        edges = [(0, 0), (0, 0), *[(padding, padding)] * (x.ndim - 2)]
        padded, w = np.pad(a.x, edges), SimpleNamespace(**vars(w))
        if not flat:
            return convolve(padded, w, stride=stride)
        w.m = w.m[:, :, None, :]
        return convolve(padded[:, :, None, :], w, stride=stride)[:, :, 0]

    weights = {"m": floats(5, 3, *kernel)} | ({"b": floats(5)} if bias else {})
    case(f"convolve {name}", run, definition, weights=weights, x=x)


SOUND, IMAGE = floats(2, 3, 11), floats(2, 3, 8, 9)
convolution("sound", SOUND, 4)
convolution("sound in steps", SOUND, 3, stride=2, padding=1, bias=False)
convolution("images", IMAGE, 2, 3)
convolution("patches", IMAGE, 4, 4, stride=4, bias=False)
convolution("images in steps", IMAGE, 2, 3, stride=3, padding=2)
convolution("rows of images", IMAGE, 1, 4)

# The three interpreters


def test_every_operation_has_a_case():
    operations = {name for name, _ in inspect.getmembers(Ops, inspect.isfunction) if not name.startswith("_")}
    assert {case.name.split()[0] for case in CASES} == operations


@pytest.fixture(params=CASES, ids=str)
def one(request):
    return request.param


def by_numpy(one: Case) -> np.ndarray:
    return np.asarray(one.run(NumpyOps(), SimpleNamespace(**one.given), SimpleNamespace(**one.weights)))


def recorded(one: Case) -> bytes:
    """The operation alone as an ONNX file, whose inputs have no fixed size."""
    ops, kinds = OnnxOps(), {"f": onnx_file.FLOAT, "i": onnx_file.INT64}
    given = SimpleNamespace(**{name: name for name in one.given})
    found = ops._graph.floats(one.run(ops, given, SimpleNamespace(**one.weights)))
    inputs = [
        onnx_file.value_info(name, kinds[value.dtype.kind], [f"{name}{i}" for i in range(value.ndim)])
        for name, value in one.given.items()
    ]
    axes = [f"found{i}" for i in range(by_numpy(one).ndim)]
    return onnx_file.model(ops._graph.finish(inputs, {"found": (found, axes)}), opset=OPSET)


def agree(found, expected, *, limit: float = LIMIT) -> None:
    expected = np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() <= limit * max(1, np.abs(expected).max())


def test_numpy_gives_what_is_meant(one):
    expected = one.definition(SimpleNamespace(**one.given), SimpleNamespace(**one.weights))
    agree(by_numpy(one), expected)


def test_openvino_gives_what_numpy_gives(one):
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(recorded(one)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    agree(compiled(one.given)[0], by_numpy(one))


def test_the_recorded_operation_is_valid_onnx(one):
    onnx.checker.check_model(onnx.ModelProto.FromString(recorded(one)), full_check=True)


@pytest.mark.oracle
def test_onnx_runtime_gives_what_numpy_gives(one):
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(recorded(one), options, providers=["CPUExecutionProvider"])
    agree(session.run(None, one.given)[0], by_numpy(one))


@pytest.mark.oracle
def test_torch_gives_what_numpy_gives(one):
    torch = pytest.importorskip("torch")
    from likewise.modelling.ops.torch_ops import TorchOps

    given, weights = (
        SimpleNamespace(**{name: torch.tensor(value) for name, value in values.items()})
        for values in (one.given, one.weights)
    )
    agree(one.run(TorchOps(), given, weights).numpy(), by_numpy(one))
