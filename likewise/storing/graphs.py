"""Graphs over codes by the Faiss library: few vectors are looked at to find the nearest."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from likewise.registry import require
from likewise.storing.shortlists import Shortlist
from likewise.types import Ids, Vectors

faiss: Any = require("faiss", feature="a graph over vectors", extra="graph")

GRAPH, ORDER = "graph.faiss", "order.npy"
_EDGES, _BUILD_EFFORT = 16, 128  # HNSW's M and efConstruction
_CODES = {"float32": "Flat", "float16": "SQfp16", "int8": "SQ8"}
_BATCH = 20_000  # rows given to the graph at a time
_SAMPLE = 20_000  # rows that the ranges of int8 codes are fitted to


class GraphProposer:
    """A graph over codes (HNSW: Malkov and Yashunin 2016, arXiv:1603.09320)."""

    def __init__(self, graph: Any, order: Ids, shortlist: Shortlist) -> None:
        self._graph, self._dimension = graph, shortlist.dimension
        self._order = order  # (N,) the graph counts rows as they were added; this tells which they are
        self._effort = faiss.SearchParametersHNSW()

    def propose(self, query: Vectors, effort: int) -> Ids:
        compared = np.ascontiguousarray(query[: self._dimension], np.float32)
        places, scores = np.empty(effort, np.int64), np.empty(effort, np.float32)
        self._effort.efSearch = effort
        # What Index.search does, without its checks of shape and kind: they take a tenth of its time.
        pointers = faiss.swig_ptr(compared), effort, faiss.swig_ptr(scores), faiss.swig_ptr(places)
        self._graph.search_c(1, *pointers, self._effort)
        return self._order[places if places[-1] >= 0 else places[places >= 0]]  # -1 stands for none


class GraphDraft(GraphProposer):
    """A graph that grows, on all cores that this process may use: so not two of them are alike."""

    def __init__(self, vectors: Vectors, shortlist: Shortlist) -> None:
        compared = vectors[:_SAMPLE, : shortlist.dimension]
        graph = faiss.index_factory(
            compared.shape[1], f"HNSW{_EDGES}_{_CODES[shortlist.precision]}", faiss.METRIC_INNER_PRODUCT
        )
        graph.hnsw.efConstruction = _BUILD_EFFORT
        faiss.omp_set_num_threads(usable_cores())
        graph.train(np.ascontiguousarray(compared))
        super().__init__(graph, np.empty(0, np.int64), shortlist)
        self._vectors = vectors

    def add(self, rows: Ids) -> None:
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            self._graph.add(np.ascontiguousarray(self._vectors[some, : self._dimension]))
        self._order = np.concatenate([self._order, rows])

    def write(self, folder: Path) -> None:
        faiss.write_index(self._graph, str(folder / GRAPH))
        np.save(folder / ORDER, self._order)


def open_graph(folder: Path, shortlist: Shortlist) -> GraphProposer:
    """What ``GraphDraft.write`` wrote, as a memory map.

    Raises:
        OSError, ValueError, RuntimeError: It is missing, or not what it should be.
    """
    graph = faiss.read_index(str(folder / GRAPH), faiss.IO_FLAG_MMAP_IFC)
    return GraphProposer(graph, np.asarray(np.load(folder / ORDER, mmap_mode="r")), shortlist)


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
