"""Measure what a shard's shortlist finds: while it is built, and again as queries come in."""

from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np

from likewise.storing.exact import DenseRows, rank_dense
from likewise.storing.promising import LEAST_PROBES, Promises, Propose, measure, true_best
from likewise.storing.proposing import Draft
from likewise.storing.shard import open_shard
from likewise.types import Ids, Vectors

_PROBES = 1_000
_SCORED, _ROUNDS = 20_000, 5  # rows and times, to learn what it takes to score one
_LEAST_ROWS = 100  # fewer are not worth a list, and give no curve
HELD_OUT, PAST = "held out", "past queries"


def measured(codes: Draft, vectors: Vectors, past: Vectors) -> Promises:
    """Fill ``codes`` and measure them on the way: the rows that serve as probes are put in last.

    Args:
        codes: Of the vectors, still empty.
        vectors: (N, D) all rows of the shard.
        past: (M, D) past queries; few or none will do.
    """
    rows = np.arange(len(vectors))
    if len(rows) < _LEAST_ROWS:
        codes.add(rows)
        return Promises(curves={}, list_us=[], row_us=1.0, picked_row_us=1.0)
    chosen = np.random.default_rng(0).choice(rows, min(_PROBES, len(rows) // 10), replace=False)
    codes.add(np.delete(rows, chosen))
    best = true_best(vectors[chosen], vectors, without=chosen)
    curve, list_us = measure(_scoring(codes.propose, vectors), vectors[chosen], best, limit=len(rows))
    codes.add(chosen)
    sweep = slice(0, min(len(rows), _SCORED))
    picked = np.linspace(0, len(rows) - 1, min(len(rows) // 10, _SCORED)).astype(np.intp)
    made = Promises(
        curves={HELD_OUT: curve},
        list_us=list_us,
        row_us=_row_us(vectors, sweep, vectors[chosen]),
        picked_row_us=_row_us(vectors, picked, vectors[chosen]),
    )
    return with_past(made, codes.propose, vectors, past)


def with_past(promises: Promises, propose: Propose, vectors: Vectors, past: Vectors) -> Promises:
    """The same promises, held to past queries (M, D) as well; as they are if there are too few."""
    if len(past) < LEAST_PROBES or HELD_OUT not in promises.curves:
        return promises
    held_out = promises.curves[HELD_OUT]
    curve, _ = measure(propose, past, true_best(past, vectors), limit=held_out.efforts[-1])
    return replace(promises, curves={HELD_OUT: held_out, PAST: curve})


def measure_again(folder: Path, past: Vectors) -> bool:
    """Measure the shard in ``folder`` with past queries, if it was not yet, or with half as many at most."""
    shard = open_shard(folder)  # of our own: the one that searches is busy
    known = shard.promises.curves.get(PAST)
    if len(past) < LEAST_PROBES or (known is not None and len(past) < 2 * known.probes):
        return False
    shard.measured_again(with_past(shard.promises, shard.propose, shard.vectors, past))
    return True


def _scoring(propose: Propose, vectors: Vectors) -> Propose:
    """As ``propose``, with the work of scoring what is proposed, so that it is in the time."""

    def both(query: Vectors, effort: int) -> Ids:
        rows = propose(query, effort)
        rank_dense(DenseRows(rows, vectors[rows]), query, len(rows))
        return rows

    return both


def _row_us(vectors: Vectors, rows: Ids | slice, queries: Vectors) -> float:
    """Processor time to score one of some rows, in microseconds."""
    taken = []
    for query in queries[:_ROUNDS]:
        started = process_time()
        some = vectors[rows]
        rank_dense(DenseRows(np.arange(len(some)), some), query, 10)
        taken.append(1e6 * (process_time() - started) / len(some))
    return min(taken)
