"""How good a setup is: an index answers all queries by it, and what several setups ask of the store is asked once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from likewise.chunking import ChunkSettings
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.spans import Span
from likewise.evaluating.tuning.axes import Setup
from likewise.evaluating.tuning.labels import LabelledQueries
from likewise.evaluating.tuning.measures import Measure
from likewise.searching.index import Index
from likewise.searching.pipeline import Question, answer
from likewise.searching.probes import Probe
from likewise.searching.settings import SearchSettings
from likewise.settings import to_dict
from likewise.storing import Filter, Ranking, Store, StoredChunk
from likewise.storing.protocol import Terms
from likewise.types import Ids, Vectors


class Cutting:
    """Documents cut in one way, as an index has them.

    Args:
        index: The index.
        digest: Of all that it holds, and of the model: indexes of one digest answer alike.
    """

    def __init__(self, index: Index, digest: str) -> None:
        self.digest = digest
        self._index = index
        tools = index.tools()
        self._tools = replace(tools, store=cast(Store, _Remembering(tools.store)))
        self._probes: dict[str, Probe] = {}

    def answers(self, queries: Sequence[str], search: SearchSettings) -> list[list[Span]]:
        """Where the chunks lie that the index finds for each query, best first."""
        return [self._answer(query, search) for query in queries]

    def _answer(self, query: str, search: SearchSettings) -> list[Span]:
        if query not in self._probes:
            probe = self._index.probe(query)
            self._probes[query] = replace(probe, vector=cache(probe.vector))
        question = Question(probe=self._probes[query], k=search.depth, mode="hybrid", where=None, settings=search)
        return [Span(hit.document_id, hit.start, hit.end) for hit in answer(self._tools, question)]


class _Remembering:
    """A store that is asked everything once; what it does not remember goes to the store itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rankings: dict[tuple[Any, ...], Ranking] = {}
        self._parts: dict[tuple[Any, ...], dict[int, dict[int, float]]] = {}
        self._vectors: dict[int, Vectors] = {}
        self._chunks: dict[int, StoredChunk] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def search_dense(self, query: Vectors, *, k: int, where: Filter | None = None) -> Ranking:
        key = (query.tobytes(), k)
        if key not in self._rankings:
            self._rankings[key] = self._store.search_dense(query, k=k, where=where)
        return self._rankings[key]

    def search_lexical(
        self,
        terms: Terms,
        weights: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        key = (terms.tobytes(), weights.tobytes(), k, bm25)
        if key not in self._rankings:
            self._rankings[key] = self._store.search_lexical(terms, weights, k=k, where=where, bm25=bm25)
        return self._rankings[key]

    def lexical_parts(
        self, terms: Terms, weights: Vectors, ids: Ids, *, bm25: tuple[float, float] | None = None
    ) -> dict[int, dict[int, float]]:
        key = (terms.tobytes(), weights.tobytes(), ids.tobytes(), bm25)
        if key not in self._parts:
            self._parts[key] = self._store.lexical_parts(terms, weights, ids, bm25=bm25)
        return self._parts[key]

    def chunk_vectors(self, ids: Sequence[int] | Ids) -> dict[int, Vectors]:
        return _remembered(self._vectors, ids, self._store.chunk_vectors)

    def fetch(self, ids: Sequence[int] | Ids) -> list[StoredChunk]:
        def ask(missing: Sequence[int]) -> dict[int, StoredChunk]:
            return {chunk.id: chunk for chunk in self._store.fetch(missing)}

        return list(_remembered(self._chunks, ids, ask).values())


def _remembered(
    known: dict[int, Any], ids: Sequence[int] | Ids, ask: Callable[[Sequence[int]], Mapping[int, Any]]
) -> dict[int, Any]:
    """What is known of chunks, in the order of ids, after what was not was asked."""
    wanted = [int(id) for id in ids]
    if missing := [id for id in wanted if id not in known]:
        known.update(ask(missing))
    return {id: known[id] for id in wanted if id in known}


class Trial:
    """Setups tried on labelled queries.

    Args:
        labels: The queries.
        measure: How good what is found is.
        name: Of the measure.
        cutting_of: The documents cut in some way.
        keeper: Keeps how good each setup is.
    """

    def __init__(
        self,
        labels: LabelledQueries,
        measure: Measure,
        *,
        name: str,
        cutting_of: Callable[[ChunkSettings], Cutting],
        keeper: Keeper,
    ) -> None:
        self._labels, self._measure, self._cutting_of, self._keeper = labels, measure, cutting_of, keeper
        self._queries = list(labels.texts.values())
        self._task = f"{name} {_digest(labels)}"
        self._values: dict[str, NDArray[np.float64]] = {}

    def values(self, setup: Setup) -> NDArray[np.float64]:
        """How good a setup is for each query (Q,)."""
        if setup.key not in self._values:
            cutting = self._cutting_of(setup.chunks)
            key = _key(cutting.digest, self._task, setup.key)
            kept = self._keeper.get([key])
            if key not in kept:
                found = dict(zip(self._labels.texts, cutting.answers(self._queries, setup.search), strict=True))
                kept = {key: self._measure(found).astype("<f8").tobytes()}
                self._keeper.put(kept)
            self._values[setup.key] = np.frombuffer(kept[key], "<f8")
        return self._values[setup.key]


def _digest(labels: LabelledQueries) -> str:
    spans = {id: [to_dict(one) for one in some] for id, some in labels.spans.items()}
    return _key(repr((dict(labels.texts), {id: dict(one) for id, one in labels.qrels.items()}, spans))).hex()


def _key(*parts: str) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{len(part)} {part}".encode("utf-8", "surrogatepass"))
    return digest.digest()
