"""How good rankings are: nDCG, MAP, MRR, recall, precision and hit rate, as trec_eval counts them.

A document's grade is its relevance: a whole number, and above 0 if it is relevant; what is not judged is not relevant.
Documents rank by descending score, and those of equal score by descending id (in the order of UTF-8, as of code
points). Scores are compared as float32, since trec_eval keeps them so: two that differ less are equal.

Each query of the qrels has a value, in their order. It is 0 if none of its documents is relevant, or if the run lacks
it: as with trec_eval's option -c, since to leave such a query out would favour what answers the easy ones alone.
Queries that only the run has are passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError
from likewise.registry import Table
from likewise.types import Ids

Qrels: TypeAlias = Mapping[str, Mapping[str, int]]  # query id -> document id -> grade
Run: TypeAlias = Mapping[str, Mapping[str, float]]  # query id -> document id -> score
Values: TypeAlias = dict[str, float]  # by query id


class RankingMetric(Protocol):
    """What ``METRICS`` holds."""

    def __call__(self, run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
        """A value for each query; of the first k documents, or of all."""


METRICS: Table[RankingMetric] = Table("ranking metric")


def ranking_metric(name: str) -> Callable[[Run, Qrels], Values]:
    """A metric by a name such as ``ndcg@10``, ``map`` or ``recall@100``.

    Raises:
        UnknownNameError: No such metric.
        SettingError: What follows the @ is not a whole number of at least 1.

    Example:
        >>> ranking_metric("mrr@10")({"q": {"a": 0.9, "b": 0.8}}, {"q": {"b": 1}})
        {'q': 0.5}
    """
    stem, at, digits = name.partition("@")
    metric = METRICS.find(stem)
    if at and not (digits.isascii() and digits.isdigit() and int(digits)):
        raise SettingError(f"ranking metric {name!r}: {digits!r} is no whole number of at least 1; expected {stem}@10")
    return partial(metric, k=int(digits) if at else None)


@METRICS.add("ndcg")
def ndcg(run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), with trec_eval's gain and discount.

    DCG is the sum of ``grade / log2(rank + 1)``; nDCG is the DCG of the ranking over that of the best one.

    Args:
        run: Scores of the documents that were found, higher is better.
        qrels: Grades; those below 0 count as 0.
        k: How many documents of each ranking count; None for all.

    Returns:
        0 to 1 for each query.

    Raises:
        SettingError: k is below 1.
        DataError: There are no qrels, the run has none of their queries, a grade is no whole number, or a score is not
            finite in float32.

    Example:
        >>> ndcg({"q": {"a": 0.9, "b": 0.8}}, {"q": {"b": 2}}, k=10)
        {'q': 0.6309297535714575}
    """
    judged = _judge(run, qrels, k)
    gains, best = (
        judged.total(places, places.grades / np.log2(places.ranks + 1)) for places in (judged.hits, judged.best)
    )
    return judged.shares(gains, best)


@METRICS.add("map")
def average_precision(run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
    """Average precision; its mean is MAP (Manning, Raghavan and Schütze 2008, eq. 8.8; trec_eval's map and map_cut).

    The precisions at the ranks of the relevant documents that were found, summed, over how many are relevant.
    Args, Returns and Raises are as of ``ndcg``.
    """
    judged = _judge(run, qrels, k)
    first = np.searchsorted(judged.hits.queries, judged.hits.queries)  # (P,) where the query's places begin
    precisions = (np.arange(len(first)) - first + 1) / judged.hits.ranks
    return judged.shares(judged.total(judged.hits, precisions), judged.relevant)


@METRICS.add("mrr")
def reciprocal_rank(run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
    """1 over the rank of the first relevant document; its mean is MRR (Voorhees 1999; trec_eval's recip_rank).

    It is 0 if none is among the first k. Args, Returns and Raises are as of ``ndcg``.
    """
    judged = _judge(run, qrels, k)
    first = np.diff(judged.hits.queries, prepend=-1) != 0  # (P,)
    return judged.shares(judged.total(judged.hits, first / judged.hits.ranks), 1)


@METRICS.add("recall")
def recall(run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
    """Which share of the relevant documents was found (Manning, Raghavan and Schütze 2008, eq. 8.2).

    It is trec_eval's recall. Args, Returns and Raises are as of ``ndcg``.
    """
    judged = _judge(run, qrels, k)
    return judged.shares(judged.hit_counts(), judged.relevant)


@METRICS.add("precision")
def precision(run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
    """Which share of what was found is relevant (Manning, Raghavan and Schütze 2008, eq. 8.1).

    It is trec_eval's P and set_P: divided by k, even if fewer were found; without k, by how many were.
    Args, Returns and Raises are as of ``ndcg``.
    """
    judged = _judge(run, qrels, k)
    return judged.shares(judged.hit_counts(), judged.found if k is None else k)


@METRICS.add("hit_rate")
def hit_rate(run: Run, qrels: Qrels, *, k: int | None = None) -> Values:
    """1 if any relevant document was found, else 0; trec_eval's success.

    Args, Returns and Raises are as of ``ndcg``.
    """
    judged = _judge(run, qrels, k)
    return judged.shares(judged.hit_counts() > 0, 1)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where relevant documents stand in the rankings of all queries: P places, ascending by query and rank."""

    queries: Ids  # (P,) from 0
    ranks: Ids  # (P,) from 1
    grades: Ids  # (P,) above 0


@dataclass(frozen=True, slots=True)
class _Judged:
    """A run beside its qrels."""

    names: list[str]  # (Q,) of the queries
    hits: _Places  # in the rankings of the run, down to rank k
    best: _Places  # in the best possible rankings, down to rank k
    relevant: Ids  # (Q,) how many documents are relevant, at any rank
    found: Ids  # (Q,) how many documents the run has

    def total(self, places: _Places, values: NDArray[np.float64]) -> NDArray[Any]:
        """Values (P,) summed for each query (Q,)."""
        return np.bincount(places.queries, values, len(self.names))

    def hit_counts(self) -> NDArray[Any]:
        return self.total(self.hits, np.ones(len(self.hits.queries)))

    def shares(self, parts: ArrayLike, wholes: ArrayLike) -> Values:
        """Parts over wholes (Q,), by query; 0 where the whole is 0."""
        whole = np.broadcast_to(np.asarray(wholes, np.float64), len(self.names))
        values = np.divide(parts, whole, out=np.zeros(len(whole)), where=whole > 0)
        return dict(zip(self.names, values.tolist(), strict=True))


def _judge(run: Run, qrels: Qrels, k: int | None) -> _Judged:
    if k is not None:
        require_count("k", k)
    _require_shared(run, qrels)
    hits: list[tuple[int, int, int]] = []  # query, rank, grade
    best: list[tuple[int, int, int]] = []
    counts = []
    for number, (name, judgements) in enumerate(qrels.items()):
        relevant = _relevant(name, judgements)
        counts.append(len(relevant))
        best += [(number, *place) for place in enumerate(sorted(relevant.values(), reverse=True), start=1)]
        hits += [(number, *place) for place in _hits(name, run.get(name, {}), relevant)]
    return _Judged(
        names=list(qrels),
        hits=_placed(hits, k),
        best=_placed(best, k),
        relevant=np.array(counts),
        found=np.array([len(run.get(name, {})) for name in qrels]),
    )


def _require_shared(run: Run, qrels: Qrels) -> None:
    if not qrels:
        raise DataError("the qrels have no query; expected at least one with its relevant documents")
    if not any(name in run for name in qrels):
        first, other = (next(iter(names), None) for names in (qrels, run))
        raise DataError(
            f"the run has none of the {len(qrels)} queries that the qrels have. Their first is {first!r}, the run's "
            f"{other!r}; expected the same ids, as text, in both"
        )


def _relevant(query: str, judgements: Mapping[str, int]) -> dict[str, int]:
    for document, grade in judgements.items():
        if not isinstance(grade, int | np.integer):
            raise DataError(
                f"qrels: the grade of document {document!r} for query {query!r} is {grade!r}; expected a whole number"
            )
    return {document: int(grade) for document, grade in judgements.items() if grade > 0}


def _hits(query: str, scores: Mapping[str, float], relevant: Mapping[str, int]) -> list[tuple[int, int]]:
    """Rank and grade of each relevant document that was found, ascending."""
    with np.errstate(over="ignore"):  # refused below
        compared = np.fromiter(scores.values(), np.float32, len(scores))
    if not np.isfinite(compared).all():
        document = list(scores)[int(np.flatnonzero(~np.isfinite(compared))[0])]
        raise DataError(
            f"run: the score of document {document!r} for query {query!r} is {scores[document]}; "
            "expected a finite number within float32"
        )
    if not (found := [document for document in relevant if document in scores]):
        return []
    ascending, own = np.sort(compared), np.array([scores[document] for document in found], np.float32)
    lower, not_higher = (np.searchsorted(ascending, own, side) for side in ("left", "right"))
    ranks = (len(scores) - not_higher + 1).tolist()
    if (not_higher - lower > 1).any():  # equal scores: ids decide, and sorting them takes longer
        order = sorted(zip(compared.tolist(), scores, strict=True), reverse=True)
        rank_of = {document: rank for rank, (_, document) in enumerate(order, start=1)}
        ranks = [rank_of[document] for document in found]
    return sorted(zip(ranks, (relevant[document] for document in found), strict=True))


def _placed(places: list[tuple[int, int, int]], k: int | None) -> _Places:
    table = np.array(places, np.int64).reshape(-1, 3)  # (P, 3)
    kept = table if k is None else table[table[:, 1] <= k]
    return _Places(*kept.T)
