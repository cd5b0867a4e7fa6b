"""From a question to its hits: retrieve → fuse → rerank → diversify."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import Analyzer
from likewise.searching.fusion import FUSIONS
from likewise.searching.settings import SearchSettings
from likewise.storing import Filter, Ranking, Store
from likewise.types import Hit, Hits, Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One search, checked."""

    text: str
    k: int
    mode: Mode
    where: Filter | None
    settings: SearchSettings

    @property
    def depth(self) -> int:
        """How many chunks each retriever hands on."""
        return max(self.k, self.settings.depth)


@dataclass(frozen=True, slots=True)
class Tools:
    """What answering needs of an index. The encoder is made when a vector is needed."""

    store: Store
    analyzer: Analyzer
    encoder: Callable[[], Encoder]


def answer(tools: Tools, question: Question) -> Hits:
    """The hits of one question, best first."""
    rankings = retrieve(tools, question)
    best = fuse(rankings, question)
    hits = _hits(tools.store, first(best, question.k), rankings)
    return Hits(hits, expected_recall=rankings["dense"].recall if "dense" in rankings else None)


def retrieve(tools: Tools, question: Question) -> dict[str, Ranking]:
    """What each retriever finds. The words are looked up while the query is encoded."""
    if question.mode == "lexical":
        return {"lexical": _lexical(tools, question)}
    if question.mode == "dense":
        return {"dense": _dense(tools, question)}
    with ThreadPoolExecutor(1) as pool:
        words = pool.submit(_lexical, tools, question)
        return {"dense": _dense(tools, question), "lexical": words.result()}


def fuse(rankings: Mapping[str, Ranking], question: Question) -> Ranking:
    """One ranking of all that was found; a single retriever's stays as it is."""
    if len(rankings) == 1:
        return next(iter(rankings.values()))
    settings = question.settings
    way = FUSIONS.find(settings.fusion)
    return way(rankings, k=question.depth, weights=settings.weights, constant=settings.constant)


def first(ranking: Ranking, k: int) -> Ranking:
    """The best ``k`` of a ranking."""
    return Ranking(ranking.ids[:k], ranking.scores[:k], ranking.recall)


def _lexical(tools: Tools, question: Question) -> Ranking:
    words, settings = tools.analyzer.count([question.text])[0], question.settings
    counts = words.counts.astype(np.float32)
    bm25 = settings.k1, settings.b
    return tools.store.search_lexical(words.terms, counts, k=question.depth, where=question.where, bm25=bm25)


def _dense(tools: Tools, question: Question) -> Ranking:
    vector = tools.encoder().encode([question.text], role="query", overflow="chunk")[0]  # (D,)
    recall = question.settings.recall
    return tools.store.search_dense(vector, k=question.depth, where=question.where, recall=recall)


def _hits(store: Store, best: Ranking, stages: Mapping[str, Ranking]) -> tuple[Hit, ...]:
    """The chunks of a ranking as hits, each with its place in every stage that had it."""
    ranks: dict[int, dict[str, tuple[int, float]]] = {chunk: {} for chunk in best.ids.tolist()}
    for name, ranking in stages.items():
        for rank, (chunk, score) in enumerate(zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True), 1):
            if chunk in ranks:
                ranks[chunk][name] = (rank, score)
    scores = dict(zip(best.ids.tolist(), best.scores.tolist(), strict=True))
    return tuple(
        Hit(
            document_id=found.document_id,
            chunk_id=found.id,
            source=found.source,
            text=found.text,
            start=found.start,
            end=found.end,
            heading=found.heading,
            metadata=found.metadata,
            score=scores[found.id],
            ranks=ranks[found.id],
        )
        for found in store.fetch(best.ids.tolist())
    )
