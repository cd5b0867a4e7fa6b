"""Search by vectors: a shortlist as long as a promised recall needs it, or every row where that is sooner or surer.

The graph never sees a filter. It gives the nearest rows of all, and those that pass are kept: if k of them are among
the nearest n, they are the best k that pass, as surely as the list holds the nearest n. So what was measured without
filters holds under any of them, and after deletes, which are but another filter. If too few pass, the list was too
short: all rows that pass are scored then.
"""

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from likewise.storing.exact import DenseRows, Rows, close_to_best, load_dense, places_of, rank_dense
from likewise.storing.promising import depth_for
from likewise.storing.protocol import Ranking
from likewise.types import Ids, Vectors

if TYPE_CHECKING:
    from likewise.storing.shard import Shard

RECALL = 0.99  # promised where nothing else is asked for
_FILTERS = 8  # filters whose passing rows are kept
_DEEPER = 4  # times as deep is the second look, if too few of the first passed
_FEW = 0.3  # of all rows: fewer are picked out, more are passed over in one sweep
_SHARE_WORTH_READING = 0.5  # of all rows: if fewer pass, they alone are read from SQLite


class State(Protocol):
    """The numbers of one commit that a search needs."""

    @property
    def sequence(self) -> int: ...
    @property
    def next_chunk(self) -> int: ...
    @property
    def chunks(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Asked:
    query: Vectors  # (D,)
    k: int
    recall: float
    passing: Ids | None  # numbers of the chunks that pass the filter, ascending; None without one
    name: str  # of the filter: equal ones have equal names
    state: State


class DenseCache:
    """All rows after some number, kept from one search to the next and brought up to date by what changed."""

    def __init__(self) -> None:
        self.rows: DenseRows | None = None
        self._after = self._sequence = self._seen = 0

    def current(self, connection: sqlite3.Connection, path: Path, state: State, *, after: int = 0) -> DenseRows:
        if self.rows is None or after != self._after:
            self.rows, self._after = load_dense(connection, path, Rows(after=after)), after
        elif state.sequence != self._sequence:
            # Rows never change in place, so news are the numbers not seen yet and those that are gone.
            rows = self.rows.join(load_dense(connection, path, Rows(after=self._seen)))
            alive = [n for (n,) in connection.execute("SELECT number FROM chunks WHERE number > ?", (after,))]
            self.rows = rows if len(alive) == len(rows.ids) else rows.take(np.isin(rows.ids, alive))
        self._sequence, self._seen = state.sequence, max(after, state.next_chunk - 1)
        return self.rows


class DenseSearch:
    """Ranks the vectors of one store; for one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self.everything, self.newer = DenseCache(), DenseCache()
        self._kept: OrderedDict[tuple[int, int, int, str], NDArray[np.bool_] | None] = OrderedDict()

    def exactly(self, asked: Asked) -> Ranking:
        """Every row, from SQLite."""
        if asked.passing is None:
            rows = self.everything.current(self._connection, self._path, asked.state)
        elif self.everything.rows is None and len(asked.passing) < _SHARE_WORTH_READING * asked.state.chunks:
            rows = load_dense(self._connection, self._path, Rows(only=asked.passing.tolist()))
        else:
            rows = self.everything.current(self._connection, self._path, asked.state)
            rows = rows.take(np.isin(rows.ids, asked.passing, assume_unique=True))
        return rank_dense(rows, asked.query, asked.k)

    def beside(self, shard: "Shard", asked: Asked) -> Ranking:
        """The shard's candidates and all newer rows.

        Raises:
            ShardDamagedError: Something in the shard is not as it was written.
        """
        self.everything.rows = None  # while there is a shard, nobody needs them in memory
        newer = self.newer.current(self._connection, self._path, asked.state, after=shard.manifest.last_chunk)
        kept = self._kept_rows(shard, asked, len(newer.ids))
        if asked.passing is not None:
            newer = newer.take(np.isin(newer.ids, asked.passing, assume_unique=True))
        rows, recall = _candidates(shard, asked, kept)
        ranking = rank_dense(shard.take(rows).join(newer), asked.query, asked.k)
        return Ranking(ranking.ids, ranking.scores, recall)

    def rows_of(self, shard: "Shard", ids: Ids, asked: Asked) -> DenseRows:
        """Those of some chunks (M,) that are there; ``asked`` is a search for all.

        Raises:
            ShardDamagedError: Something in the shard is not as it was written.
        """
        newer = self.newer.current(self._connection, self._path, asked.state, after=shard.manifest.last_chunk)
        kept = self._kept_rows(shard, asked, len(newer.ids))
        rows = places_of(np.unique(ids), shard.ids)
        rows = rows if kept is None else rows[kept[rows]]
        return shard.take(rows).join(newer.take(np.isin(newer.ids, ids)))

    def _kept_rows(self, shard: "Shard", asked: Asked, newer: int) -> NDArray[np.bool_] | None:
        """(N,) which rows of the shard are still there and pass; None if all do."""
        # A later shard up to the same chunk has fewer rows, or the same ones: numbers are not used twice.
        name = (shard.manifest.last_chunk, shard.manifest.rows, asked.state.sequence, asked.name)
        if name not in self._kept:
            self._kept[name] = self._look_up(shard, asked, newer)
            if len(self._kept) > _FILTERS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return self._kept[name]

    def _look_up(self, shard: "Shard", asked: Asked, newer: int) -> NDArray[np.bool_] | None:
        numbers = asked.passing
        if numbers is None:
            if asked.state.chunks - newer == shard.manifest.rows:
                return None
            sql = "SELECT number FROM chunks WHERE number <= ? ORDER BY number"
            found = self._connection.execute(sql, (shard.manifest.last_chunk,))
            numbers = np.array([number for (number,) in found], dtype=np.int64)
        kept = np.zeros(shard.manifest.rows, dtype=np.bool_)
        places = np.searchsorted(shard.ids, numbers[numbers <= shard.manifest.last_chunk])
        kept[places] = True
        return kept


def _candidates(shard: "Shard", asked: Asked, kept: NDArray[np.bool_] | None) -> tuple[Ids, float]:
    """Rows that hold the best k, ascending, and the least share of these that is expected to be among them."""
    matching = shard.manifest.rows if kept is None else int(np.count_nonzero(kept))
    depth = depth_for(asked.k, matching / shard.manifest.rows) if matching else 0
    picks = matching < _FEW * shard.manifest.rows
    exact_us = matching * shard.promises.picked_row_us if picks else shard.manifest.rows * shard.promises.row_us
    while choice := shard.choose(depth, asked.recall, within_us=exact_us):
        rows = shard.propose(asked.query, choice.effort)
        if kept is None:
            return np.sort(rows), choice.recall
        passes = kept[rows]
        if np.count_nonzero(passes[: choice.depth]) >= asked.k:
            return np.sort(rows[passes]), choice.recall
        depth = _DEEPER * choice.depth  # the filter keeps away from this query: fewer of its nearest pass than of all
    if kept is not None and picks:
        rows = np.flatnonzero(kept)
        return rows[close_to_best(shard.scores(asked.query, rows), asked.k)], 1.0
    scores = shard.scores(asked.query)
    if kept is not None:
        scores[~kept] = -np.inf
    return close_to_best(scores, min(asked.k, matching)), 1.0
