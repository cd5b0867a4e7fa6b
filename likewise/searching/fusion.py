"""Several rankings to one: each way turns a retriever's scores into evidence, and the evidence is added by weight."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from likewise.registry import Table
from likewise.storing import Ranking
from likewise.types import Ids, Vectors

Evidence = NDArray[np.float64]

# Chosen on five labelled sets and the example handbook; docs/benchmarks.md has the tables. The published constant of 60
# lets a chunk that two retrievers find mediocre pass one that meaning alone finds best, which questions asked in other
# words than their answers' can't afford; the smaller weight keeps chance matches of common words from leading.
CONSTANT = 5.0
WEIGHTS: Mapping[str, float] = {"dense": 1.0, "lexical": 0.6}


@dataclass(frozen=True, slots=True)
class Fusion:
    """A way to make one ranking of several."""

    evidence: Callable[[Vectors, float, float], Evidence]  # scores best first (K,), weight, constant -> (K,)
    weights: Mapping[str, float] = field(default_factory=dict)  # by retriever, where the user gives none
    other: float = 1.0  # weight of a retriever that is not among them
    missing: bool = False  # whether a chunk that a ranking lacks counts as its last one; else as 0


FUSIONS: Table[Fusion] = Table("way of fusion")


def fuse(
    rankings: Mapping[str, Ranking],
    *,
    k: int,
    way: str = "scores",
    weights: Mapping[str, float] | None = None,
    constant: float = CONSTANT,
) -> Ranking:
    """One ranking of several: the sum of each one's evidence.

    Args:
        rankings: By retriever, best first.
        k: How many to return at most.
        way: A name in FUSIONS.
        weights: By retriever; None takes the way's own.
        constant: Of reciprocal rank fusion; other ways do without.

    Returns:
        The best k, ties to the lower id; fewer if fewer were ranked. The order of ``rankings`` does not matter.

    Raises:
        UnknownNameError: No way is named so.
    """
    fusion = FUSIONS.find(way)
    ids = np.unique(np.concatenate([np.empty(0, np.int64), *(ranking.ids for ranking in rankings.values())]))
    scores = np.zeros(len(ids))
    for name in sorted(rankings):
        ranking = rankings[name]
        if not len(ranking.ids):
            continue
        weight = (weights or fusion.weights).get(name, 1.0 if weights else fusion.other)
        evidence = fusion.evidence(ranking.scores, weight, constant)
        added = np.full(len(ids), evidence[-1] if fusion.missing else 0.0)
        added[np.searchsorted(ids, ranking.ids)] = evidence
        scores += added
    return ranked(ids, scores.astype(np.float32), k)


def reciprocal_rank(
    rankings: Mapping[str, Ranking], *, k: int, weights: Mapping[str, float] | None = None, constant: float = CONSTANT
) -> Ranking:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): each ranking adds ``weight / (constant + rank)``.

    Args:
        rankings: By retriever, best first.
        k: How many to return at most.
        weights: By retriever; 1 for those not named.
        constant: How little a first place counts more than a tenth.

    Returns:
        The best k, ties to the lower id; fewer if fewer were ranked. The order of ``rankings`` does not matter.

    Example:
        >>> left = Ranking(np.array([7, 3]), np.array([0.9, 0.1], np.float32))
        >>> right = Ranking(np.array([3, 5]), np.array([8.0, 2.0], np.float32))
        >>> reciprocal_rank({"dense": left, "lexical": right}, k=2).ids
        array([3, 7])
    """
    equal = dict.fromkeys(rankings, 1.0)
    return fuse(rankings, k=k, way="reciprocal_rank", weights={**equal, **(weights or {})}, constant=constant)


def ranked(ids: Ids, scores: Vectors, k: int) -> Ranking:
    """The best k of scored chunks (N,), ties to the lower id."""
    order = np.lexsort((ids, -scores))[:k]
    return Ranking(ids[order], scores[order])


def _by_rank(scores: Vectors, weight: float, constant: float) -> Evidence:
    """Cormack, Clarke and Buettcher 2009: 1 / (constant + rank)."""
    ranks = np.arange(1, len(scores) + 1, dtype=np.float64)
    return weight / (constant + ranks)


def _by_score(scores: Vectors, weight: float, _constant: float) -> Evidence:
    """The scores themselves, as BM25 is a sum of log odds (Robertson and Zaragoza 2009, section 3) and a contrastively
    trained cosine is one over its temperature: odds of independent signs multiply, so their logarithms are added.

    A question of a whole page has BM25 scores without bound, so a ranking whose best says more than the greatest cosine
    would is made quieter.
    """
    evidence: Evidence = weight * scores.astype(np.float64)
    loudest = max(float(np.abs(evidence).max()), 1e-12)
    if loudest > max(weight, 1.0):
        evidence *= max(weight, 1.0) / loudest
    return evidence


def _between_extremes(scores: Vectors, weight: float, _constant: float) -> Evidence:
    """Scores from 0 for the last to 1 for the best (Bruch, Gai and Ingber 2023, arXiv:2210.11934, section 3.1)."""
    wide = scores.astype(np.float64)
    span = wide.max() - wide.min()
    return weight * ((wide - wide.min()) / span if span > 0 else np.ones(len(wide)))


def _by_distribution(scores: Vectors, weight: float, _constant: float) -> Evidence:
    """Distribution-based score fusion (Mazzeschi 2023): 0 at three deviations below the mean, 1 at three above."""
    wide = scores.astype(np.float64)
    deviation = wide.std()
    if deviation == 0:
        return np.full(len(wide), weight / 2)
    return weight * np.clip((wide - wide.mean() + 3 * deviation) / (6 * deviation), 0, 1)


FUSIONS.add("reciprocal_rank")(Fusion(_by_rank, WEIGHTS))
# A cosine of 1 weighs as much as a BM25 score of 40, or a product of SPLADE's vectors of 67 (docs/benchmarks.md).
FUSIONS.add("scores")(Fusion(_by_score, {"dense": 1.0, "sparse": 0.015}, other=0.025, missing=True))
FUSIONS.add("convex")(Fusion(_between_extremes, {"dense": 0.6}, other=0.4))
FUSIONS.add("distribution")(Fusion(_by_distribution, {"dense": 0.6}, other=0.4))
