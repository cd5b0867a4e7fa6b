"""Several rankings to one."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from likewise.registry import Table
from likewise.storing import Ranking


class Fusion(Protocol):
    """A way to make one ranking of several."""

    def __call__(
        self, rankings: Mapping[str, Ranking], /, *, k: int, weights: Mapping[str, float] | None, constant: float
    ) -> Ranking: ...


FUSIONS: Table[Fusion] = Table("way of fusion")

# Chosen on five labelled sets and the example handbook; docs/benchmarks.md has the table. The published constant of 60
# lets a chunk that two retrievers find mediocre pass one that meaning alone finds best, which questions asked in other
# words than their answers' can't afford; the smaller weight keeps chance matches of common words from leading.
CONSTANT = 5.0
WEIGHTS: Mapping[str, float] = {"dense": 1.0, "lexical": 0.6}


@FUSIONS.add("reciprocal_rank")
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
    scores: defaultdict[int, float] = defaultdict(float)
    for name in sorted(rankings):
        weight = (weights or {}).get(name, 1.0)
        for rank, chunk in enumerate(rankings[name].ids.tolist(), start=1):
            scores[chunk] += weight / (constant + rank)
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:k]
    return Ranking(np.array(best, np.int64), np.array([scores[chunk] for chunk in best], np.float32))
