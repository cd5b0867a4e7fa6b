"""What families are put together from: named weights, activations, gated feed-forward blocks, experts, rotation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from likewise.errors import ModelError
from likewise.modelling.ops import Array, Function, Ops, Weights

A = TypeVar("A")

VOCABULARY = "head.decoder.input"  # where states (B, T, D) are mapped to scores of the vocabulary (B, T, V)
ACTIVATIONS: Mapping[str, Function] = {  # as config.json spells them
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "linear": "identity",
    "identity": "identity",
}


def activation(name: str) -> Function:
    """The function that a ``config.json`` names.

    Raises:
        ModelError: It is not known.
    """
    if name not in ACTIVATIONS:
        raise ModelError(f"config.json names the activation {name!r}; known are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]


@dataclass(frozen=True, slots=True)
class Scope(Generic[A]):
    """The weights whose names begin alike, such as those of one layer, with the operations that use them."""

    ops: Ops[A]
    weights: Weights
    name: str = ""  # "layers.0", or "" for all

    def inside(self, part: str) -> "Scope[A]":
        return Scope(self.ops, self.weights, self.full(part))

    def full(self, part: str) -> str:
        return f"{self.name}.{part}" if self.name else part

    def __getitem__(self, part: str) -> Array:
        return self.weights[self.full(part)]

    def __contains__(self, part: str) -> bool:
        return self.full(part) in self.weights

    def _bias(self, part: str) -> Array | None:
        return self.weights.get(self.full(f"{part}.bias"))

    def linear(self, part: str, x: A, *, site: str = "") -> A:
        """``x @ weight.T + bias``, with the bias if there is one. ``site`` is named within the scope."""
        return self.ops.linear(x, self[f"{part}.weight"], self._bias(part), site=self.full(site or f"{part}.input"))

    def layer_norm(self, part: str, x: A, *, epsilon: float) -> A:
        return self.ops.layer_norm(x, self[f"{part}.weight"], self._bias(part), epsilon=epsilon)

    def rms_norm(self, part: str, x: A, *, epsilon: float) -> A:
        return self.ops.rms_norm(x, self[f"{part}.weight"], epsilon=epsilon)


def split_heads(ops: Ops[A], x: A, heads: int) -> A:
    """(B, T, H·d) to (B, T, H, d)."""
    return ops.reshape(x, (0, 0, heads, -1))


def thirds(ops: Ops[A], x: A, width: int) -> tuple[A, A, A]:
    """The three parts of a fused query, key and value (..., 3·width)."""
    first, second, third = (ops.part(x, i * width, (i + 1) * width) for i in range(3))
    return first, second, third


def rotate(ops: Ops[A], x: A, cosines: A, sines: A, *, width: int) -> A:
    """Rotary positions (Su et al. 2021, arXiv:2104.09864, equation 34) of x (B, T, H, d), halves as pairs.

    ``cosines`` and ``sines`` are (T, 1, d), as ``positions.rotary`` makes them: each half the same, sines negative in
    the first.
    """
    half = width // 2
    swapped = ops.concat([ops.part(x, half, width), ops.part(x, 0, half)])
    return ops.add(ops.multiply(x, cosines), ops.multiply(swapped, sines))


def gated(scope: Scope[A], x: A, function: Function, *, gate: str, up: str, down: str, site: str = "") -> A:
    """A gated linear unit (Shazeer 2020, arXiv:2002.05202): ``down(function(gate(x)) · up(x))``."""
    ops, site = scope.ops, site or f"{gate}.input"
    opened = ops.apply(scope.linear(gate, x, site=site), function)
    return scope.linear(down, ops.multiply(opened, scope.linear(up, x, site=site)))


def gated_halves(
    scope: Scope[A], x: A, function: Function, *, both: str, down: str, gate_first: bool = True, site: str = ""
) -> A:
    """A gated linear unit whose two maps are the halves of one, ``both``; ``gate_first`` says which is the gate."""
    ops, half = scope.ops, scope[f"{both}.weight"].shape[0] // 2
    fused = scope.linear(both, x, site=site or f"{both}.input")
    first, second = ops.part(fused, 0, half), ops.part(fused, half, 2 * half)
    gate, up = (first, second) if gate_first else (second, first)
    return scope.linear(down, ops.multiply(ops.apply(gate, function), up))
