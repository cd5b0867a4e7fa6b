"""Shortlists: a graph over codes by the USearch library, or a scan of codes so small that all of them are looked at.

A draft is filled and asked while a shard is built, written, and opened again to be asked alone.
"""

import os
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index as Graph

from likewise.storing.scanning import fit_product, fit_signs, read_product, read_signs
from likewise.storing.shortlists import CodePrecision, Shortlist
from likewise.types import Ids, Vectors

GRAPH = "graph.usearch"
_EDGES, _BUILD_EFFORT = 16, 128  # HNSW's M and efConstruction
_DTYPES = {"float32": "f32", "float16": "f16", "int8": "i8"}
_BATCH = 20_000  # rows given to the graph at a time
_GREATEST_CODE = 127
_SAMPLE = 20_000  # rows that show how great components are


class Proposer(Protocol):
    def propose(self, query: Vectors, effort: int) -> Ids:
        """Rows (E,) of about the ``effort`` nearest vectors, best first."""
        ...


class Draft(Protocol):
    """A shortlist in the making."""

    def add(self, rows: Ids) -> None:
        """Take in some rows of the vectors that it was made for."""
        ...

    def propose(self, query: Vectors, effort: int) -> Ids: ...

    def write(self, folder: Path) -> None: ...


class GraphProposer:
    """A graph over codes (HNSW: Malkov and Yashunin 2016, arXiv:1603.09320)."""

    def __init__(self, graph: Graph, shortlist: Shortlist) -> None:
        self._graph, self._shortlist = graph, shortlist
        graph.expansion_search = 1  # type: ignore[misc]  # a list is then as long as the search for it, never longer

    def propose(self, query: Vectors, effort: int) -> Ids:
        compared = query[: self._shortlist.dimension]
        # A query's own reach: all its products grow alike, which changes no order.
        code = _codes(compared, self._shortlist.precision, _reach(compared))
        return self._graph.search(code, effort, threads=1).keys.astype(np.int64)


class GraphDraft(GraphProposer):
    """A graph that grows, on all cores that this process may use: so not two of them are alike."""

    def __init__(self, vectors: Vectors, shortlist: Shortlist) -> None:
        width = min(shortlist.dimension or vectors.shape[1], vectors.shape[1])
        graph = Graph(
            ndim=width,
            metric="ip",
            dtype=_DTYPES[shortlist.precision],
            connectivity=_EDGES,
            expansion_add=_BUILD_EFFORT,
        )
        super().__init__(graph, shortlist)
        self._vectors = vectors
        self._reach = _reach(vectors[:_SAMPLE, : shortlist.dimension])

    def add(self, rows: Ids) -> None:
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            vectors = self._vectors[some, : self._shortlist.dimension]
            codes = _codes(vectors, self._shortlist.precision, self._reach)
            self._graph.add(some.astype(np.uint64), codes, threads=usable_cores())

    def write(self, folder: Path) -> None:
        self._graph.save(str(folder / GRAPH))


def draft_of(vectors: Vectors, shortlist: Shortlist) -> Draft:
    """An empty shortlist for vectors (N, D)."""
    if shortlist.precision == "binary":
        return fit_signs(vectors[:, : shortlist.dimension])
    if shortlist.precision == "product":
        return fit_product(vectors[:, : shortlist.dimension])
    return GraphDraft(vectors, shortlist)


def open_proposer(folder: Path, shortlist: Shortlist) -> Proposer:
    """What ``Draft.write`` wrote, as a memory map.

    Raises:
        OSError, ValueError, RuntimeError: It is missing, or not what it should be.
    """
    if shortlist.precision == "binary":
        return read_signs(folder)
    if shortlist.precision == "product":
        return read_product(folder)
    graph = Graph.restore(str(folder / GRAPH), view=True)
    if graph is None:
        raise ValueError(f"{folder / GRAPH} is no graph")
    return GraphProposer(graph, shortlist)


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _codes(vectors: Vectors, precision: CodePrecision, reach: float) -> NDArray[np.generic]:
    """Vectors (N, D) as the graph compares them; int8 codes are steps of ``reach`` / 127, clipped."""
    if precision == "int8":
        steps = vectors * np.float32(_GREATEST_CODE / (reach or 1.0))
        return np.clip(np.rint(steps), -_GREATEST_CODE, _GREATEST_CODE).astype(np.int8)
    return vectors.astype(np.float16 if precision == "float16" else np.float32, copy=False)


def _reach(vectors: Vectors) -> float:
    """The greatest component, of either sign."""
    return float(np.abs(vectors).max())
