"""How good a setup is: an index answers all queries by it, and what several setups ask of the store is asked once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import cast

import numpy as np
from numpy.typing import NDArray

from likewise.chunking import ChunkSettings
from likewise.encoding.packing import Precision
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.spans import Span
from likewise.evaluating.tuning.axes import Setup
from likewise.evaluating.tuning.labels import LabelledQueries
from likewise.evaluating.tuning.measures import Measure
from likewise.evaluating.tuning.remembering import InFewerBits, Remembering
from likewise.searching.index import Index
from likewise.searching.pipeline import Question, Tools, answer
from likewise.searching.probes import Probe
from likewise.searching.settings import SearchSettings
from likewise.settings import to_dict
from likewise.storing import Store


class Cutting:
    """Documents cut in one way, as an index has them.

    Args:
        index: The index.
        chunks: The ids of all its chunks, ascending.
        digest: Of all that it holds, and of the model: indexes of one digest answer alike.
    """

    def __init__(self, index: Index, chunks: Sequence[int], digest: str) -> None:
        self.digest = digest
        self._index, self._chunks = index, chunks
        self._tools: dict[Precision, Tools] = {}
        self._probes: dict[tuple[str, bool], Probe] = {}

    def answers(
        self, queries: Sequence[str], search: SearchSettings, *, vectors: Precision = "float32"
    ) -> list[list[Span]]:
        """Where the chunks lie that the index finds for each query, best first, were its vectors in that precision."""
        if vectors not in self._tools:
            tools = self._index.tools()
            store = tools.store if vectors == "float32" else InFewerBits(tools.store, self._chunks, vectors)
            self._tools[vectors] = replace(tools, store=cast(Store, Remembering(cast(Store, store))))
        return [self._answer(query, search, self._tools[vectors]) for query in queries]

    def _answer(self, query: str, search: SearchSettings, tools: Tools) -> list[Span]:
        asked = query, search.marks
        if asked not in self._probes:
            probe = self._index.probe(query, marks=search.marks)
            self._probes[asked] = replace(probe, vector=cache(probe.vector))
        question = Question(probe=self._probes[asked], k=search.depth, mode="hybrid", where=None, settings=search)
        return [Span(hit.document_id, hit.start, hit.end) for hit in answer(tools, question)]


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

    def values(self, setup: Setup, *, vectors: Precision = "float32") -> NDArray[np.float64]:
        """How good a setup is for each query (Q,), with vectors of some precision."""
        name = setup.key if vectors == "float32" else f"{vectors} {setup.key}"
        if name not in self._values:
            cutting = self._cutting_of(setup.chunks)
            key = _key(cutting.digest, self._task, name)
            kept = self._keeper.get([key])
            if key not in kept:
                answers = cutting.answers(self._queries, setup.search, vectors=vectors)
                found = dict(zip(self._labels.texts, answers, strict=True))
                kept = {key: self._measure(found).astype("<f8").tobytes()}
                self._keeper.put(kept)
            self._values[name] = np.frombuffer(kept[key], "<f8")
        return self._values[name]


def _digest(labels: LabelledQueries) -> str:
    spans = {id: [to_dict(one) for one in some] for id, some in labels.spans.items()}
    return _key(repr((dict(labels.texts), {id: dict(one) for id, one in labels.qrels.items()}, spans))).hex()


def _key(*parts: str) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{len(part)} {part}".encode("utf-8", "surrogatepass"))
    return digest.digest()
