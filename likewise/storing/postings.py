"""Sparse rows turned on their side: for each term the rows that have it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.storing.protocol import Term, Terms
from likewise.types import Ids

Places: TypeAlias = NDArray[np.int64]  # (n,) rows, ascending
Values: TypeAlias = NDArray[np.uint16 | np.float32]  # counts of words, or weights

WORDS = "words-"  # begins the names of their files
_MOST_MERGED = 0.25  # a segment that is smaller than this share of the one before is kept beside it
_MOST_SEGMENTS = 8


@dataclass(frozen=True, slots=True)
class SparseRows:
    """The terms of N chunks, end to end; those of row i are ``terms[starts[i]:starts[i + 1]]``."""

    ids: Ids  # (N,) ascending
    lengths: NDArray[np.int64]  # (N,) in words; 0 where no words were counted
    starts: NDArray[np.int64]  # (N + 1,)
    terms: Terms  # (M,)
    values: Values  # (M,)


@dataclass(frozen=True, slots=True)
class Postings:
    """The same by term; the rows of term i are ``rows[starts[i]:starts[i + 1]]``."""

    ids: Ids  # (N,) ascending
    lengths: NDArray[np.int64]  # (N,)
    terms: Terms  # (V,) ascending
    starts: NDArray[np.int64]  # (V + 1,)
    rows: NDArray[np.int32]  # (M,) ascending within a term
    values: Values  # (M,)

    def of(self, term: int) -> tuple[NDArray[np.int32], Values]:
        """Rows with a term, and its value in each."""
        place = int(self.terms.searchsorted(np.uint32(term)))
        if place == len(self.terms) or self.terms[place] != term:
            return self.rows[:0], self.values[:0]
        own = slice(self.starts[place], self.starts[place + 1])
        return self.rows[own], self.values[own]

    def write(self, folder: Path) -> None:
        """Each array as a file of its own."""
        for field in fields(Postings):
            np.save(folder / f"{WORDS}{field.name}.npy", getattr(self, field.name))


def read_postings(folder: Path) -> Postings:
    """What ``Postings.write`` wrote, in memory maps.

    Raises:
        OSError, ValueError: A file is missing, or no array.
    """
    files = (folder / f"{WORDS}{field.name}.npy" for field in fields(Postings))
    return Postings(*(np.asarray(np.load(file, mmap_mode="r")) for file in files))


def turned(rows: SparseRows) -> Postings:
    """Rows by chunk as rows by term."""
    where = np.repeat(np.arange(len(rows.ids), dtype=np.int32), np.diff(rows.starts))
    return _grouped(rows.ids, rows.lengths, rows.terms, where, rows.values)


def _grouped(ids: Ids, lengths: NDArray[np.int64], terms: Terms, rows: NDArray[np.int32], values: Values) -> Postings:
    order = np.argsort(terms, kind="stable")  # so rows stay ascending within a term
    terms = terms[order]
    firsts = np.flatnonzero(np.diff(terms, prepend=terms[:1] + np.uint32(1)))
    return Postings(ids, lengths, terms[firsts], np.append(firsts, len(terms)), rows[order], values[order])


def merged(parts: Sequence[Postings]) -> Postings:
    """Several as one; their ids ascend from one to the next."""
    offsets = np.cumsum([0, *(len(part.ids) for part in parts[:-1])])
    return _grouped(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([np.repeat(part.terms, np.diff(part.starts)) for part in parts]),
        np.concatenate([part.rows + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.values for part in parts]),
    )


def kept(postings: Postings, alive: NDArray[np.bool_]) -> Postings:
    """Without the rows (N,) that are not ``alive``."""
    places = (np.cumsum(alive) - 1).astype(np.int32)
    here = alive[postings.rows]
    terms = np.repeat(postings.terms, np.diff(postings.starts))[here]
    ids, lengths = postings.ids[alive], postings.lengths[alive]
    return _grouped(ids, lengths, terms, places[postings.rows[here]], postings.values[here])


class Inverted:
    """Postings as of one commit, in segments: the large one of earlier, and small ones of what came since."""

    def __init__(self, segments: Sequence[Postings], alive: NDArray[np.bool_] | None = None) -> None:
        self.segments = list(segments)
        self.ids = np.concatenate([segment.ids for segment in self.segments])
        self.lengths = np.concatenate([segment.lengths for segment in self.segments])
        self.alive = alive  # (N,), None if all are

    def joined(self, more: Postings) -> "Inverted":
        """With later rows added."""
        segments = [*self.segments, more]
        while len(segments) > 1 and (
            len(segments[-1].ids) > _MOST_MERGED * len(segments[-2].ids) or len(segments) > _MOST_SEGMENTS
        ):
            segments[-2:] = [merged(segments[-2:])]
        alive = self.alive
        if alive is not None:
            alive = np.concatenate([alive, np.ones(len(more.ids), np.bool_)])
        return Inverted(segments, alive)

    def without(self, alive: NDArray[np.bool_]) -> "Inverted":
        """Without the rows (N,) that are not ``alive``."""
        if alive.mean() >= 1 - _MOST_MERGED:
            return Inverted(self.segments, alive)
        return Inverted([kept(merged(self.segments), alive)])

    def of(self, term: Term) -> tuple[Places, Values]:
        """Living rows with a term, ascending, and its value in each; of several as one, the sum of their values."""
        if isinstance(term, tuple):
            return _united([self.of(one) for one in term])
        rows, values, offset = [], [], 0
        for segment in self.segments:
            found, theirs = segment.of(term)
            rows.append(found + np.int64(offset))
            values.append(theirs)
            offset += len(segment.ids)
        places, joined = np.concatenate(rows), np.concatenate(values)
        if self.alive is None:
            return places, joined
        here = self.alive[places]
        return places[here], joined[here]


def _united(lists: Sequence[tuple[Places, Values]]) -> tuple[Places, Values]:
    """Several lists as one."""
    every_row = np.concatenate([rows for rows, _ in lists])
    rows, places = np.unique(every_row, return_inverse=True)
    sums = np.bincount(places, weights=np.concatenate([values for _, values in lists]), minlength=len(rows))
    return rows, sums.astype(np.float32)
