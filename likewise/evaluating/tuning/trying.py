"""How good a setup is: each retriever's rankings are found once, kept, and fused in memory for all that share them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from likewise.chunking import ChunkSettings
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.spans import Span
from likewise.evaluating.tuning.axes import Setup
from likewise.evaluating.tuning.labels import LabelledQueries
from likewise.evaluating.tuning.measures import Measure
from likewise.searching.fusion import FUSIONS
from likewise.searching.index import Index
from likewise.searching.settings import SearchSettings
from likewise.settings import to_dict
from likewise.storing import Ranking
from likewise.types import Mode

_KNOWN = {one.name for one in fields(SearchSettings)}
# Which settings change what a retriever finds.
_RETRIEVERS: Mapping[Mode, tuple[str, ...]] = {"dense": (), "lexical": ("k1", "b")}
_WINDOW = 32  # queries that are asked and then kept: what a kill may cost


class Cutting:
    """Documents cut in one way, as an index has them, with what its retrievers found for all queries.

    Args:
        index: The index.
        spans: Where its chunks lie, by their ids.
        digest: Of all that it holds, and of the model: rankings of one digest are the same.
        keeper: Keeps the rankings.
    """

    def __init__(self, index: Index, spans: Mapping[int, Span], digest: str, keeper: Keeper) -> None:
        self.digest = digest
        self._index, self._spans, self._keeper = index, spans, keeper
        self._found: dict[str, list[Ranking]] = {}

    def fused(self, queries: Sequence[str], search: SearchSettings) -> list[list[Span]]:
        """Where the chunks lie that are found for each query, best first."""
        rankings: dict[str, list[Ranking]] = {mode: self._rankings(mode, queries, search) for mode in _RETRIEVERS}
        way = FUSIONS.find(search.fusion)
        return [
            [self._spans[chunk] for chunk in self._fuse(way, some, search)]
            for some in ({mode: found[row] for mode, found in rankings.items()} for row in range(len(queries)))
        ]

    def _fuse(self, way: Callable[..., Ranking], some: Mapping[str, Ranking], search: SearchSettings) -> list[int]:
        fused = way(some, k=search.depth, weights=search.weights, constant=search.constant)
        return [chunk for chunk in fused.ids.tolist() if chunk in self._spans]  # what was added since is not judged

    def _rankings(self, mode: Mode, queries: Sequence[str], search: SearchSettings) -> list[Ranking]:
        """What one retriever finds for each query: of this process, kept by an earlier one, or asked for now."""
        relevant = {name: getattr(search, name) for name in ("depth", *_RETRIEVERS[mode]) if name in _KNOWN}
        name = f"{mode} {relevant}"
        if name not in self._found:
            keys = [_key(self.digest, name, query) for query in queries]
            kept = self._keeper.get(keys)
            settings = SearchSettings(**relevant)
            missing = [row for row, key in enumerate(keys) if key not in kept]
            for start in range(0, len(missing), _WINDOW):
                rows = missing[start : start + _WINDOW]
                found = {keys[row]: self._ask(queries[row], mode, settings) for row in rows}
                self._keeper.put(found)
                kept |= found
            self._found[name] = [_ranking(kept[key]) for key in keys]
        return self._found[name]

    def _ask(self, query: str, mode: Mode, settings: SearchSettings) -> bytes:
        hits = self._index.search(query, k=settings.depth, mode=mode, settings=settings)
        ids = np.array([hit.chunk_id for hit in hits], "<i8")
        scores = np.array([hit.score for hit in hits], "<f4")
        return ids.tobytes() + scores.tobytes()


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
                found = dict(zip(self._labels.texts, cutting.fused(self._queries, setup.search), strict=True))
                kept = {key: self._measure(found).astype("<f8").tobytes()}
                self._keeper.put(kept)
            self._values[setup.key] = np.frombuffer(kept[key], "<f8")
        return self._values[setup.key]


def _ranking(kept: bytes) -> Ranking:
    count = len(kept) // 12
    return Ranking(np.frombuffer(kept, "<i8", count), np.frombuffer(kept, "<f4", count, 8 * count))


def _digest(labels: LabelledQueries) -> str:
    spans = {id: [to_dict(one) for one in some] for id, some in labels.spans.items()}
    return _key(repr((dict(labels.texts), {id: dict(one) for id, one in labels.qrels.items()}, spans))).hex()


def _key(*parts: str) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{len(part)} {part}".encode("utf-8", "surrogatepass"))
    return digest.digest()
