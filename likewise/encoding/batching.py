"""Which texts go through the network together: sorted by length, filled to a budget of tokens, over few shapes.

A new shape costs the engine about 20 ms of preparation, padding costs its share of the work. Lengths are therefore
rounded up to steps, and the number of rows is a function of the rounded length, so that any amount of text passes
through at most some thirty shapes; only the last batch, of what is left over, has another number of rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BUDGET_TOKENS = 1024  # measured flat from 512 to 2048; see docs/benchmarks.md


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to encode together."""

    rows: NDArray[np.int64]  # (B,) positions in the caller's list
    tokens: int  # T that each of them is padded to


def round_up(length: int) -> int:
    """The padded length: in steps of 4 up to 32, of 8 up to 96, of 16 up to 256, of 64 beyond."""
    step = 4 if length <= 32 else 8 if length <= 96 else 16 if length <= 256 else 64
    return -(-length // step) * step


def plan(lengths: NDArray[np.int64], *, budget_tokens: int = BUDGET_TOKENS, limit: int) -> Iterator[Batch]:
    """Batches that hold each row once, longest first.

    Args:
        lengths: (N,) tokens of each row.
        budget_tokens: Tokens of a batch, padding included; a longer row is a batch alone.
        limit: The most tokens a row can have; padding never goes beyond it.

    Example:
        >>> [(batch.rows.tolist(), batch.tokens) for batch in plan(np.array([3, 20, 5]), budget_tokens=24, limit=64)]
        [([1], 20), ([2, 0], 8)]
    """
    order = np.argsort(-lengths, kind="stable")  # (N,)
    start = 0
    while start < len(order):
        tokens = min(round_up(int(lengths[order[start]])), limit)
        stop = start + max(1, budget_tokens // tokens)
        yield Batch(order[start:stop], tokens)
        start = stop


def pad(rows: Sequence[NDArray[np.int64]], *, tokens: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids (B, T) padded on the right with 0, and the mask (B, T) that is 1 for real tokens.

    T is ``tokens``, or the longest row's if that is longer.
    """
    tokens = max(tokens, *map(len, rows))
    ids = np.zeros((len(rows), tokens), np.int64)
    mask = np.zeros((len(rows), tokens), np.int64)
    for row, known in enumerate(rows):
        ids[row, : len(known)] = known
        mask[row, : len(known)] = 1
    return ids, mask
