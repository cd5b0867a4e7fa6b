"""How the kernels of training are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

from likewise.registry import require

numba: Any = require("numba", feature="training word vectors", extra="words")
_F = TypeVar("_F", bound=Callable[..., Any])
# What lets sums be taken several numbers at a time. Not "nnan" and "ninf": a training that diverges must show as NaN.
# And numpy's division, that gives infinity: with Python's each one would be a branch, and no loop made of vectors.
_FREEDOMS = {"reassoc", "nsz", "contract", "arcp", "afn"}


def compiled(function: _F) -> _F:
    """The function as machine code that holds no lock; kept beside its source, so that a machine compiles it once."""
    made: _F = numba.njit(cache=True, nogil=True, fastmath=_FREEDOMS, error_model="numpy")(function)
    return made


def inlined(function: _F) -> _F:
    """A part of kernels that is copied into each of them, which lets their loops be made into vector instructions."""
    made: _F = numba.njit(inline="always", fastmath=_FREEDOMS, error_model="numpy")(function)
    return made
