"""Stores for trying setups: one that is asked everything once, and one whose vectors have been in fewer bits."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from likewise.encoding.packing import RANGED, Packing, Precision, fit_ranges, pack, unpack
from likewise.storing import Filter, Ranking, Store, StoredChunk, Term
from likewise.storing.dense_search import RECALL
from likewise.storing.exact import DenseRows, rank_dense
from likewise.types import Ids, Vectors


class Remembering:
    """A store that is asked everything once; what it does not remember goes to the store itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rankings: dict[tuple[Any, ...], Ranking] = {}
        self._parts: dict[tuple[Any, ...], dict[int, dict[Term, float]]] = {}
        self._vectors: dict[int, Vectors] = {}
        self._chunks: dict[int, StoredChunk] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def search_dense(
        self,
        query: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        recall: float = RECALL,
    ) -> Ranking:
        key = (query.tobytes(), k, _name(among), recall)
        if key not in self._rankings:
            self._rankings[key] = self._store.search_dense(query, k=k, where=where, among=among, recall=recall)
        return self._rankings[key]

    def search_lexical(
        self,
        terms: Sequence[Term],
        weights: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        key = (tuple(terms), weights.tobytes(), k, _name(among), bm25)
        if key not in self._rankings:
            found = self._store.search_lexical(terms, weights, k=k, where=where, among=among, bm25=bm25)
            self._rankings[key] = found
        return self._rankings[key]

    def lexical_parts(
        self, terms: Sequence[Term], weights: Vectors, ids: Ids, *, bm25: tuple[float, float] | None = None
    ) -> dict[int, dict[Term, float]]:
        key = (tuple(terms), weights.tobytes(), ids.tobytes(), bm25)
        if key not in self._parts:
            self._parts[key] = self._store.lexical_parts(terms, weights, ids, bm25=bm25)
        return self._parts[key]

    def chunk_vectors(self, ids: Sequence[int] | Ids) -> dict[int, Vectors]:
        return _remembered(self._vectors, ids, self._store.chunk_vectors)

    def fetch(self, ids: Sequence[int] | Ids) -> list[StoredChunk]:
        def ask(missing: Sequence[int]) -> dict[int, StoredChunk]:
            return {chunk.id: chunk for chunk in self._store.fetch(missing)}

        return list(_remembered(self._chunks, ids, ask).values())


def _name(among: Ids | None) -> bytes | None:
    return None if among is None else among.tobytes()


def _remembered(
    known: dict[int, Any], ids: Sequence[int] | Ids, ask: Callable[[Sequence[int]], Mapping[int, Any]]
) -> dict[int, Any]:
    """What is known of chunks, in the order of ids, after what was not was asked."""
    wanted = [int(id) for id in ids]
    if missing := [id for id in wanted if id not in known]:
        known.update(ask(missing))
    return {id: known[id] for id in wanted if id in known}


class InFewerBits:
    """A store whose vectors are what is left of them in some precision, searched exactly and without rescoring."""

    def __init__(self, store: Store, ids: Sequence[int], precision: Precision) -> None:
        self._store = store
        found = store.chunk_vectors(ids)
        vectors = np.array(list(found.values()), np.float32)  # (N, D)
        ranges = fit_ranges(vectors) if precision in RANGED else None
        packing = Packing(precision=precision, dimension=vectors.shape[1], ranges=ranges)
        self._rows = DenseRows(np.array(list(found), np.int64), _unit(unpack(pack(vectors, packing))))
        self._places = {chunk: place for place, chunk in enumerate(found)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def search_dense(
        self,
        query: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        recall: float = RECALL,
    ) -> Ranking:
        del where, recall  # no metadata is asked for while setups are tried, and every row is looked at
        rows = self._rows if among is None else self._rows.take(np.isin(self._rows.ids, among))
        return rank_dense(rows, query, k)

    def chunk_vectors(self, ids: Sequence[int] | Ids) -> dict[int, Vectors]:
        return {int(id): self._rows.vectors[self._places[int(id)]] for id in ids if int(id) in self._places}


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
