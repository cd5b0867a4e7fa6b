"""From a question to its hits: retrieve → fuse → rerank → diversify."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from likewise.searching import diversity
from likewise.searching.fusion import FUSIONS
from likewise.searching.probes import Probe, rocchio
from likewise.searching.reranking import Reranker, rerank
from likewise.searching.settings import SearchSettings
from likewise.storing import Filter, Ranking, Store, StoredChunk
from likewise.types import Hit, Hits, Mode, Vectors

_DEEPER = 4  # times the depth, where too few hits are left after those of one document or alike were dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One search, checked."""

    probe: Probe
    k: int
    mode: Mode
    where: Filter | None
    settings: SearchSettings


@dataclass(frozen=True, slots=True)
class Tools:
    """What answering needs of an index. Models are loaded when they are needed."""

    store: Store
    reranker: Callable[[str], Reranker]  # by name or folder


def answer(tools: Tools, question: Question) -> Hits:
    """The hits of one question, best first."""
    depth = max(question.k, question.settings.depth)
    stages = retrieve(tools.store, question, depth)
    best = fuse(stages, question, depth)
    while _drops(question.settings) and _may_lack(tools.store, best, stages, question, depth):
        depth *= _DEEPER
        stages = retrieve(tools.store, question, depth)
        best = fuse(stages, question, depth)
    unfinished: tuple[str, ...] = ()
    reranked = 0
    if question.settings.reranker and len(best.ids):
        stages["fused"] = best
        best, stages["reranked"], unfinished = _rerank(tools, question, best)
        reranked = len(stages["reranked"].ids)
    best = diversify(tools.store, question, best, reranked=reranked)
    return Hits(_hits(tools.store, best, stages), unfinished=unfinished)


def retrieve(store: Store, question: Question, depth: int) -> dict[str, Ranking]:
    """What each retriever finds. The words are looked up while the question is encoded."""
    if question.mode == "lexical":
        return {"lexical": _lexical(store, question, depth)}
    if question.mode == "dense":
        return {"dense": _dense(store, question, depth)}
    with ThreadPoolExecutor(1) as pool:
        words = pool.submit(_lexical, store, question, depth)
        return {"dense": _dense(store, question, depth), "lexical": words.result()}


def fuse(rankings: Mapping[str, Ranking], question: Question, depth: int) -> Ranking:
    """One ranking of all that was found; a single retriever's stays as it is."""
    if len(rankings) == 1:
        return next(iter(rankings.values()))
    settings = question.settings
    way = FUSIONS.find(settings.fusion)
    return way(rankings, k=depth, weights=settings.weights, constant=settings.constant)


def diversify(store: Store, question: Question, ranking: Ranking, *, reranked: int) -> Ranking:
    """The k hits to show: the fresh before the old, one of those that are alike, few of one document, unlike ones."""
    settings = question.settings
    if settings.half_life_days is not None:
        relevances = diversity.relevance(ranking, reranked=reranked)
        metadata = [chunk.metadata if chunk else {} for chunk in _fetched(store, ranking)]
        ages = diversity.ages_days(metadata, settings.date_field, datetime.now(UTC))
        order, relevances = diversity.decayed(relevances, ages, half_life_days=settings.half_life_days)
        ranking, reranked = Ranking(ranking.ids[order], relevances.astype(np.float32)), 0
    if _drops(settings):
        ranking = _take(ranking, _kept(store, ranking, settings))
    if settings.diversity > 0:
        relevances = diversity.relevance(ranking, reranked=reranked)
        vectors = _vectors(store, ranking)
        chosen = diversity.maximal_marginal_relevance(relevances, vectors, k=question.k, diversity=settings.diversity)
        ranking = _take(ranking, chosen)
    return _take(ranking, range(min(question.k, len(ranking.ids))))


def _lexical(store: Store, question: Question, depth: int) -> Ranking:
    words, settings = question.probe.words, question.settings
    counts, bm25 = words.counts.astype(np.float32), (settings.k1, settings.b)
    depth += len(question.probe.left_out)
    found = store.search_lexical(words.terms, counts, k=depth, where=question.where, bm25=bm25)
    return _without(found, question.probe.left_out)


def _dense(store: Store, question: Question, depth: int) -> Ranking:
    vector, feedback = question.probe.vector(), question.settings.feedback
    depth += len(question.probe.left_out)
    if feedback:
        first = store.search_dense(vector, k=feedback, where=question.where)
        vector = rocchio(vector, like=_vectors(store, first))
    found = store.search_dense(vector, k=depth, where=question.where)
    return _without(found, question.probe.left_out)


def _rerank(tools: Tools, question: Question, ranking: Ranking) -> tuple[Ranking, Ranking, tuple[str, ...]]:
    settings = question.settings
    chunks = tools.store.fetch(ranking.ids[: settings.rerank_depth].tolist())
    reranker = tools.reranker(settings.reranker)
    found = rerank(reranker, question.probe.text, ranking, chunks, budget_ms=settings.budget_ms)
    return found.ranking, found.scored, (found.unfinished,) if found.unfinished else ()


def _drops(settings: SearchSettings) -> bool:
    """Whether hits may be dropped for others that are better."""
    return settings.per_document is not None or settings.alike is not None


def _may_lack(store: Store, best: Ranking, stages: Mapping[str, Ranking], question: Question, depth: int) -> bool:
    """Whether fewer than k hits are left and a retriever has more to give."""
    has_more = any(len(ranking.ids) >= depth for ranking in stages.values())
    return has_more and len(_kept(store, best, question.settings)) < question.k


def _kept(store: Store, ranking: Ranking, settings: SearchSettings) -> list[int]:
    """The places of a ranking that stay when the alike and the many of one document are dropped."""
    kept = list(range(len(ranking.ids)))
    if settings.alike is not None:
        kept = diversity.without_near_duplicates(_vectors(store, ranking), at_least=settings.alike)
    if settings.per_document is not None:
        chunks = _fetched(store, _take(ranking, kept))
        documents = [chunk.document_id if chunk else None for chunk in chunks]
        kept = [kept[place] for place in diversity.at_most_each(documents, settings.per_document)]
    return kept


def _fetched(store: Store, ranking: Ranking) -> list[StoredChunk | None]:
    """The chunks of a ranking; None for one that another process removed meanwhile."""
    found = {chunk.id: chunk for chunk in store.fetch(ranking.ids)}
    return [found.get(chunk) for chunk in ranking.ids.tolist()]


def _vectors(store: Store, ranking: Ranking) -> Vectors:
    """The vectors of a ranking's chunks, of unit length: (K, D); 0 for one that another process removed meanwhile."""
    found = store.chunk_vectors(ranking.ids)
    if not found:
        return np.zeros((len(ranking.ids), 1), np.float32)
    gone = np.zeros_like(next(iter(found.values())))
    vectors = np.array([found.get(chunk, gone) for chunk in ranking.ids.tolist()], np.float32)
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def _take(ranking: Ranking, places: Sequence[int]) -> Ranking:
    chosen = np.array(places, np.intp)
    return Ranking(ranking.ids[chosen], ranking.scores[chosen])


def _without(ranking: Ranking, left_out: frozenset[int]) -> Ranking:
    return _take(ranking, [place for place, chunk in enumerate(ranking.ids.tolist()) if chunk not in left_out])


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
