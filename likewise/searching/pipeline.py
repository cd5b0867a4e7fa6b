"""From a question to its hits: retrieve → fuse → rerank → diversify."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from likewise.errors import SettingError
from likewise.searching import diversity
from likewise.searching.fusion import fuse, ranked
from likewise.searching.learned_sparse import LearnedSparse
from likewise.searching.probes import Probe, rocchio
from likewise.searching.reranking import Reranker, rerank
from likewise.searching.settings import SearchSettings
from likewise.searching.smoothing import smooth
from likewise.searching.wording import Wording, expanded, holding, wording_of
from likewise.storing import Filter, Ranking, SparseWeights, Store, StoredChunk
from likewise.types import Hit, Hits, Mode, Vectors

_POOL = 4  # neighbours are looked for among so many times the depth
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
    unrelated: float = 0.0  # the cosine of texts that have nothing in common, by the index's encoder
    sparse: LearnedSparse | None = None  # where the index has such vectors


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What each retriever found, and what they looked for."""

    rankings: dict[str, Ranking]
    words: Wording
    vector: Vectors | None = None  # (D,)
    sparse: SparseWeights | None = None


def answer(tools: Tools, question: Question) -> Hits:
    """The hits of one question, best first."""
    depth, wording = max(question.k, question.settings.depth), wording_for(tools.store, question)
    found, best = _search(tools, question, wording, depth)
    while _drops(question.settings) and _may_lack(tools.store, best, found, question, depth):
        depth *= _DEEPER
        found, best = _search(tools, question, wording, depth)
    stages = dict(found.rankings)
    unfinished = wording.cut
    reranked = 0
    if question.settings.reranker and len(best.ids):
        stages["fused"] = best
        best, stages["reranked"], more = _rerank(tools, question, best)
        unfinished += more
        reranked = len(stages["reranked"].ids)
    best = diversify(tools.store, question, best, reranked=reranked)
    recall = found.rankings["dense"].recall if "dense" in found.rankings else None
    hits = _hits(tools.store, best, stages)
    return Hits(hits, expected_recall=recall, unfinished=unfinished, taken_for=wording.taken_for)


def wording_for(store: Store, question: Question) -> Wording:
    """What the words of a question are in an index."""
    probe = question.probe
    among = holding(store, probe.phrases, probe.analyzer, where=question.where) if probe.phrases else None
    if question.mode in ("dense", "sparse"):  # which have no use for them
        return Wording(among=among)
    return wording_of(store, probe, among=among, fuzzy=question.settings.fuzzy)


def _search(tools: Tools, question: Question, wording: Wording, depth: int) -> tuple[Retrieved, Ranking]:
    """What was retrieved, and one ranking of it; with feedback, retrieved again by what came first."""
    found = retrieve(tools, question, wording, depth=depth)
    best = combine(tools, question, found)
    if question.settings.feedback and found.vector is not None:
        first = _take(best, range(min(question.settings.feedback, len(best.ids))))
        vector = rocchio(found.vector, like=_vectors(tools.store, first))
        dense = _nearest(tools.store, question, wording, vector, depth=depth)
        found = replace(found, rankings={**found.rankings, "dense": dense}, vector=vector)
        best = combine(tools, question, found)
    return found, best


def retrieve(tools: Tools, question: Question, wording: Wording, *, depth: int) -> Retrieved:
    """What each retriever finds. The words are looked up while the question is encoded."""
    store = tools.store
    if question.mode == "lexical":
        ranking, words = _lexical(store, question, wording, depth=depth)
        return Retrieved({"lexical": ranking}, words)
    if question.mode == "sparse":
        ranking, weights = _sparse(tools, question, wording, depth=depth)
        return Retrieved({"sparse": ranking}, wording, sparse=weights)
    if question.mode == "dense":
        ranking, vector = _dense(store, question, wording, depth=depth)
        return Retrieved({"dense": ranking}, wording, vector=vector)
    with ThreadPoolExecutor(1) as pool:
        by_words = pool.submit(_lexical, store, question, wording, depth=depth)
        ranking, vector = _dense(store, question, wording, depth=depth)
        lexical, words = by_words.result()
    found = {"dense": ranking, "lexical": lexical}
    if tools.sparse is None:
        return Retrieved(found, words, vector)
    ranking, weights = _sparse(tools, question, wording, depth=depth)
    return Retrieved({**found, "sparse": ranking}, words, vector, weights)


def combine(tools: Tools, question: Question, found: Retrieved) -> Ranking:
    """One ranking of all that was found; a single retriever's stays as it is."""
    if len(found.rankings) == 1:
        return next(iter(found.rankings.values()))
    settings, rankings = question.settings, found.rankings
    ids = np.unique(np.concatenate([ranking.ids for ranking in rankings.values()]))
    by_score = settings.fusion != "reciprocal_rank"  # which looks at ranks alone
    vectors = tools.store.chunk_vectors(ids) if by_score or settings.smoothing > 0 else {}
    if by_score:
        rankings = {name: complete(tools, question, found, name, vectors) for name in rankings}
    weights = settings.weights or None
    best = fuse(rankings, k=len(ids), way=settings.fusion, weights=weights, constant=settings.constant)
    if settings.smoothing == 0:
        return best
    rows, pool = _stacked(vectors, best), _POOL * settings.depth
    return smooth(best, rows, share=settings.smoothing, neighbours=settings.neighbours, pool=pool)


def complete(tools: Tools, question: Question, found: Retrieved, name: str, vectors: Mapping[int, Vectors]) -> Ranking:
    """A retriever's ranking with its scores of what only others found: a chunk that was not found may still be good.

    Cosines are told from that of unrelated texts, 0, to 1: encoders differ in how much of the scale they use.
    """
    ranking = found.rankings[name]
    missing = sorted(set(vectors) - set(ranking.ids.tolist()))
    if name == "dense" and found.vector is not None:
        query = found.vector.astype(np.float64)
        joined = _joined(ranking, {chunk: float(vectors[chunk] @ query) for chunk in missing})
        return Ranking(joined.ids, (joined.scores - tools.unrelated) / (1 - tools.unrelated))
    if name == "lexical":
        words, bm25 = found.words, (question.settings.k1, question.settings.b)
        parts = tools.store.lexical_parts(words.terms, words.weights, np.array(missing, np.int64), bm25=bm25)
        return _joined(ranking, {chunk: sum(parts.get(chunk, {}).values()) for chunk in missing})
    if name == "sparse" and found.sparse is not None and missing:
        terms, weights = found.sparse.terms, found.sparse.weights
        rest = tools.store.search_sparse(terms, weights, k=len(missing), among=np.array(missing, np.int64))
        scores = dict(zip(rest.ids.tolist(), rest.scores.tolist(), strict=True))
        return _joined(ranking, {chunk: scores.get(chunk, 0.0) for chunk in missing})
    return ranking


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


def with_expansion(store: Store, question: Question, wording: Wording) -> Wording:
    """The words of a question and, if so many first chunks by them are to lend theirs, these."""
    if not question.settings.expansion:
        return wording
    first = _by_words(store, question, wording, depth=question.settings.expansion)
    return replace(wording, words=expanded(store, wording.words, first))


def _lexical(store: Store, question: Question, wording: Wording, *, depth: int) -> tuple[Ranking, Wording]:
    """A ranking by words, and the words."""
    words = with_expansion(store, question, wording)
    return _by_words(store, question, words, depth=depth), words


def _by_words(store: Store, question: Question, words: Wording, *, depth: int) -> Ranking:
    left_out, bm25 = question.probe.left_out, (question.settings.k1, question.settings.b)
    found = store.search_lexical(
        words.terms, words.weights, k=depth + len(left_out), where=question.where, among=words.among, bm25=bm25
    )
    return _without(found, left_out)


def _sparse(tools: Tools, question: Question, wording: Wording, *, depth: int) -> tuple[Ranking, SparseWeights]:
    if tools.sparse is None:
        raise SettingError("this index has no sparse vectors: index into another folder with --sparse MODEL")
    left_out = question.probe.left_out
    asked = tools.sparse.query(tools.store, question.probe.text)
    found = tools.store.search_sparse(
        asked.terms, asked.weights, k=depth + len(left_out), where=question.where, among=wording.among
    )
    return _without(found, left_out), asked


def _dense(store: Store, question: Question, wording: Wording, *, depth: int) -> tuple[Ranking, Vectors]:
    vector = question.probe.vector()
    return _nearest(store, question, wording, vector, depth=depth), vector


def _nearest(store: Store, question: Question, wording: Wording, vector: Vectors, *, depth: int) -> Ranking:
    left_out, recall = question.probe.left_out, question.settings.recall
    found = store.search_dense(
        vector, k=depth + len(left_out), where=question.where, among=wording.among, recall=recall
    )
    return _without(found, left_out)


def _rerank(tools: Tools, question: Question, ranking: Ranking) -> tuple[Ranking, Ranking, tuple[str, ...]]:
    settings = question.settings
    chunks = tools.store.fetch(ranking.ids[: settings.rerank_depth].tolist())
    reranker = tools.reranker(settings.reranker)
    found = rerank(reranker, question.probe.text, ranking, chunks, budget_ms=settings.budget_ms)
    return found.ranking, found.scored, (found.unfinished,) if found.unfinished else ()


def _joined(ranking: Ranking, more: Mapping[int, float]) -> Ranking:
    """A ranking with other chunks and their scores, in order."""
    ids = np.concatenate([ranking.ids, np.array(list(more), np.int64)])
    scores = np.concatenate([ranking.scores, np.array(list(more.values()), np.float32)])
    return ranked(ids, scores, len(ids))


def _drops(settings: SearchSettings) -> bool:
    """Whether hits may be dropped for others that are better."""
    return settings.per_document is not None or settings.alike is not None


def _may_lack(store: Store, best: Ranking, found: Retrieved, question: Question, depth: int) -> bool:
    """Whether fewer than k hits are left and a retriever has more to give."""
    has_more = any(len(ranking.ids) >= depth for ranking in found.rankings.values())
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
    """The vectors of a ranking's chunks, of unit length: (K, D)."""
    return _stacked(store.chunk_vectors(ranking.ids), ranking)


def _stacked(found: Mapping[int, Vectors], ranking: Ranking) -> Vectors:
    """Vectors in the order of a ranking, of unit length: (K, D); 0 for a chunk that another process removed."""
    if not found:
        return np.zeros((len(ranking.ids), 1), np.float32)
    gone = np.zeros_like(next(iter(found.values())))
    vectors = np.array([found.get(chunk, gone) for chunk in ranking.ids.tolist()], np.float32)
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def _take(ranking: Ranking, places: Sequence[int]) -> Ranking:
    chosen = np.array(places, np.intp)
    return Ranking(ranking.ids[chosen], ranking.scores[chosen], ranking.recall)


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
