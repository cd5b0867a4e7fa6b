"""Which texts go through the network together: those of one length, filled to a budget of tokens, over few shapes.

The padded length of a text depends on the text alone, so its vector does not depend on its neighbours: the engine gives
a row the same bits whatever rows stand beside it. Lengths and numbers of rows are rounded up to few sizes: a new shape
costs the engine some 20 ms, once, and fewer lengths make fuller batches, which measured better than less padding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BUDGET_TOKENS = 512  # the inner activations of a batch then stay in the second-level cache; docs/benchmarks.md

_STEPS = ((32, 4), (64, 8), (256, 16))  # (up to this length, in steps of)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to encode together."""

    rows: NDArray[np.int64]  # (B,) positions in the caller's list
    tokens: int  # T that each of them is padded to
    height: int  # rows of the batch, at least B: what is over is filled up and dropped again


def round_up(length: int) -> int:
    """The padded length: in steps of 4 up to 32, of 8 up to 64, of 16 up to 256, and of 64 beyond."""
    return _multiple(length, next((step for top, step in _STEPS if length <= top), 64))


def plan(lengths: NDArray[np.int64], *, budget_tokens: int = BUDGET_TOKENS, limit: int) -> Iterator[Batch]:
    """Batches that hold each row once, longest first.

    Args:
        lengths: (N,) tokens of each row.
        budget_tokens: Tokens of a batch, padding included; a longer row is a batch alone.
        limit: The most tokens a row can have; padding never goes beyond it.

    Example:
        >>> [(b.rows.tolist(), b.tokens, b.height) for b in plan(np.array([3, 20, 3, 3]), budget_tokens=24, limit=64)]
        [([1], 20, 1), ([0, 2, 3], 4, 3)]
    """
    padded = np.array([min(round_up(int(length)), limit) for length in lengths], np.int64)  # (N,)
    for tokens in np.unique(padded)[::-1].tolist():
        rows = np.flatnonzero(padded == tokens)
        full = max(1, budget_tokens // tokens)
        for start in range(0, len(rows), full):
            some = rows[start : start + full]
            yield Batch(some, tokens, _height(len(some), full))


def _height(rows: int, full: int) -> int:
    """The least size for ``rows`` among the powers of two and the eighths of a full batch."""
    return min(1 << (rows - 1).bit_length(), _multiple(rows, max(1, full // 8)), full)


def _multiple(number: int, step: int) -> int:
    return -(-number // step) * step


def pad(
    rows: Sequence[NDArray[np.int64]], *, tokens: int = 0, height: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids (B, T) padded on the right with 0, and the mask (B, T) that is 1 for real tokens.

    T is ``tokens``, or the longest row's length if that is more. B is ``height``, or the number of rows if that is
    more; a row too many is a single token, so that no mean is over nothing.
    """
    size = max(height, len(rows)), max(tokens, *map(len, rows))
    ids = np.zeros((*size, *rows[0].shape[1:]), np.int64)  # characters of words: (B, T, C)
    mask = np.zeros(size, np.int64)
    mask[len(rows) :, 0] = 1
    for row, known in enumerate(rows):
        ids[row, : len(known)] = known
        mask[row, : len(known)] = 1
    return ids, mask
