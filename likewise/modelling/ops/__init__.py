"""What a network may do, as a protocol with several interpreters.

A forward function is written once over ``Ops``; ``NumpyOps`` runs it plainly and is the reference, ``OnnxOps``
records it as an ONNX graph. ``A`` is whatever the interpreter passes along as an activation.

A *site* names the input of a linear map (``"layers.0.attention.input"``). Linear maps that read the same input share
its site, and quantisation keeps one range for each site.
"""

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

A = TypeVar("A")
Array = NDArray[np.float32]


class Ops(Protocol[A]):
    def lookup(self, table: Array, ids: A) -> A:
        """Rows of ``table`` (V, D) for ids (B, T): (B, T, D)."""
        ...

    def first_rows(self, table: Array, ids: A) -> A:
        """The first T rows of ``table`` (P, D), where ids are (B, T): (T, D)."""
        ...

    def add(self, left: A, right: A) -> A: ...

    def linear(self, x: A, weight: Array, bias: Array, *, site: str) -> A:
        """``x @ weight.T + bias`` for x (..., I), weight (O, I), bias (O,)."""
        ...

    def layer_norm(self, x: A, weight: Array, bias: Array, *, epsilon: float) -> A:
        """Ba, Kiros and Hinton 2016, arXiv:1607.06450, equation 4, over the last axis."""
        ...

    def gelu(self, x: A) -> A:
        """``x * Phi(x)`` with the exact normal distribution (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""
        ...

    def attention(self, query: A, key: A, value: A, mask: A, *, heads: int, scale: float, site: str) -> A:
        """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, equation 1).

        query, key and value are (B, T, D); mask (B, T) is 1 for real tokens; the result is (B, T, D). ``scale`` is
        what the products are multiplied with, ``site`` that of the linear map which reads the result.
        """
        ...

    def mean_pool(self, x: A, mask: A) -> A:
        """Average of the real tokens: (B, T, D) to (B, D)."""
        ...

    def first_token(self, x: A) -> A:
        """The first token of each row: (B, T, D) to (B, D). Padding is on the right."""
        ...

    def normalise(self, x: A) -> A:
        """Rows of (B, D) at unit length."""
        ...
