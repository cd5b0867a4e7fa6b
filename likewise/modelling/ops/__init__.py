"""What a network may do, as a protocol with several interpreters.

A forward function is written once over ``Ops``. ``NumpyOps`` runs it plainly and is the reference, ``OnnxOps`` records
it as an ONNX graph, ``TorchOps`` runs it with gradients and on GPUs. ``A`` is what an interpreter passes along as an
activation. Weights are arrays: numpy's, or torch's for ``TorchOps``. Between weights a forward function uses only what
both understand: ``+``, ``*``, ``-``, ``[...]``, ``.T``, ``.swapaxes`` and ``.shape``.

A *site* names the input of a linear map (``"layers.0.attention.input"``). Linear maps that read the same input share
its site, and quantisation keeps one range for each site.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

A = TypeVar("A")
Array = NDArray[np.float32]
Weights = Mapping[str, Array]
Function = Literal[
    "gelu", "gelu_tanh", "quick_gelu", "relu", "silu", "tanh", "sigmoid", "identity", "absolute", "log1p", "sqrt"
]

HIDDEN = -1e9
"""What is added to the score of a token that may not be seen. After a softmax it weighs exactly 0 beside any other
token; unlike -inf it leaves a row finite in which nothing may be seen, as in a padding token's own row."""


@dataclass(frozen=True, slots=True)
class Inputs(Generic[A]):
    """What a network is given for a batch of texts."""

    ids: A  # (B, T) int64; characters of words (B, T, C) for networks that read characters
    mask: A  # (B, T) int64: 1 for real tokens, 0 for padding on either side
    segments: A | None = None  # (B, T) int64: 0 for the first text of a pair, 1 for the second; None is all 0
    pooled: A | None = None  # (B, T) int64: 1 for tokens that pooling may use; None is ``mask``


class Ops(Protocol[A]):
    def constant(self, value: NDArray[Any] | np.generic) -> A:
        """A weight or number as an activation."""
        ...

    def embed(self, table: Array, ids: A) -> A:
        """Rows of a vocabulary's table (V, D) for ids (B, T): (B, T, D). Quantised where the network is."""
        ...

    def lookup(self, table: NDArray[Any], ids: A) -> A:
        """Rows of any table (N, ...) for ids (...), exactly."""
        ...

    def first_rows(self, table: NDArray[Any], ids: A) -> A:
        """The first T rows of ``table`` (P, ...), where ids are (B, T, ...)."""
        ...

    def positions(self, mask: A) -> A:
        """Place of each token, from 0 at its text's first real one: (B, T) to (B, T). Padding before it is at 0."""
        ...

    def distances(self, ids: A, *, limit: int) -> A:
        """Place of the key minus that of the query, cut to ±limit, as int64: ids (B, T, ...) to (T, T)."""
        ...

    def add(self, left: A, right: A) -> A: ...

    def multiply(self, left: A, right: A) -> A: ...

    def divide(self, left: A, right: A) -> A: ...

    def matmul(self, left: A, right: A) -> A:
        """Matrix product over the last two axes; the others broadcast."""
        ...

    def linear(self, x: A, weight: Array, bias: Array | None, *, site: str) -> A:
        """``x @ weight.T + bias`` for x (..., I), weight (O, I), bias (O,)."""
        ...

    def layer_norm(self, x: A, weight: Array, bias: Array | None, *, epsilon: float) -> A:
        """Ba, Kiros and Hinton 2016, arXiv:1607.06450, equation 4, over the last axis."""
        ...

    def rms_norm(self, x: A, weight: Array, *, epsilon: float) -> A:
        """Zhang and Sennrich 2019, arXiv:1910.07467, equation 4, over the last axis."""
        ...

    def apply(self, x: A, function: Function) -> A:
        """An elementwise function. "gelu" is exact and "gelu_tanh" approximate (arXiv:1606.08415), "silu" is x·σ(x)."""
        ...

    def softmax(self, x: A) -> A:
        """Over the last axis."""
        ...

    def attention(
        self, query: A, key: A, value: A, mask: A, how: "Attention", *, site: str, bias: A | None = None
    ) -> A:
        """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, equation 1).

        Args:
            query: (B, T, H, d).
            key: (B, T, G, d).
            value: (B, T, G, e).
            mask: (B, T), 1 for tokens that may be seen.
            how: Heads, scale and what each token may see.
            site: Of the linear map which reads the result.
            bias: Added to the scaled products; broadcasts to (B, H, T, T).

        Returns:
            (B, T, H·e), heads side by side.
        """
        ...

    def reshape(self, x: A, shape: Sequence[int]) -> A:
        """Another shape; 0 keeps the axis of that place, -1 is what is left."""
        ...

    def transpose(self, x: A, order: Sequence[int]) -> A: ...

    def concat(self, parts: Sequence[A]) -> A:
        """Along the last axis."""
        ...

    def part(self, x: A, start: int, stop: int) -> A:
        """From ``start`` up to ``stop`` of the last axis, counted as slices count them."""
        ...

    def take_along(self, x: A, index: A) -> A:
        """Of each row of the last axis of x (B, H, T, N), the places ``index`` (T, S) names: (B, H, T, S)."""
        ...

    def sum(self, x: A, axis: int) -> A:
        """Over one axis, which goes."""
        ...

    def max(self, x: A, axis: int) -> A:
        """Over one axis, which goes."""
        ...

    def real(self, mask: A) -> A:
        """The mask (B, T) as numbers to multiply states with: (B, T, 1)."""
        ...

    def hide(self, x: A, mask: A) -> A:
        """States (B, T, D) with -inf where the mask (B, T) is 0."""
        ...

    def token(self, x: A, mask: A, which: Literal["first", "last"]) -> A:
        """The first or last real token of each text: (B, T, D) to (B, D)."""
        ...

    def normalise(self, x: A) -> A:
        """The last axis at unit length; a vector of zeros stays one."""
        ...

    def keep_top(self, x: A, k: int) -> A:
        """The k greatest of the last axis, and 0 for the others."""
        ...

    def lstm(self, x: A, mask: A, cell: "Cell", *, reverse: bool) -> A:
        """A recurrent pass over tokens (Hochreiter and Schmidhuber 1997): (B, T, I) to (B, T, H).

        Padding leaves the state as it was, and gives 0.
        """
        ...

    def convolve(self, x: A, weight: Array, bias: Array | None, *, stride: int = 1, padding: int = 0) -> A:
        """Cross-correlation over one or two axes: x (B, I, N) with weight (O, I, K) gives (B, O, N').

        For images x is (B, I, N, M) and weight (O, I, K, L).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """How tokens look at each other."""

    heads: int  # H
    groups: int  # G, a divisor of H: so many keys, each shared by H/G queries (arXiv:2305.13245)
    scale: float  # what products are multiplied with
    causal: bool = False  # a token sees itself and those before it alone
    window: int | None = None  # a token sees no token that is more than so many places away


@dataclass(frozen=True, slots=True)
class Cell:
    """The weights of an LSTM in one direction. Gates are in the order input, forget, cell, output."""

    input_weight: Array  # (4S, I)
    state_weight: Array  # (4S, H)
    bias: Array  # (4S,)
    project: Array | None = None  # (H, S): what the state is mapped with; None: H is S
    clip_cell: float | None = None  # the cell is kept within ±
    clip_state: float | None = None  # and the projected state
    forget_bias: float = 0.0  # added to the forget gate, beside what ``bias`` has for it
