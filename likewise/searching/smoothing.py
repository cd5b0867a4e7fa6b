"""Scores made to agree among chunks that are alike."""

import numpy as np

from likewise.searching.fusion import ranked
from likewise.storing import Ranking
from likewise.types import Vectors


def smooth(ranking: Ranking, vectors: Vectors, *, share: float, neighbours: int, pool: int) -> Ranking:
    """Each score moved towards the mean of its nearest neighbours' by ``share``.

    What answers a question has neighbours that answer it too (van Rijsbergen's cluster hypothesis), so a chunk among
    poor ones is doubted and one among good ones believed: one step of Diaz 2005, "Regularizing ad hoc retrieval
    scores", with the squares of cosines as weights.

    Args:
        ranking: Best first.
        vectors: (K, D) of unit length, in the order of ``ranking``.
        share: 0 changes nothing, 1 leaves a chunk without a say of its own.
        neighbours: How many are asked.
        pool: They are looked for among so many of the best.

    Returns:
        The same chunks in their new order, ties to the lower id.
    """
    cosines = vectors @ vectors[:pool].T  # (K, P)
    rows, own = np.arange(len(vectors)), np.arange(cosines.shape[1])
    cosines[own, own] = -np.inf  # nothing asks itself
    total, theirs = np.zeros(len(rows)), np.zeros(len(rows))
    for _ in range(min(neighbours, cosines.shape[1])):  # the best so often: few are wanted, and sorting takes longer
        nearest = cosines.argmax(axis=1)  # (K,): the first of equals, which is the better ranked
        weights = np.maximum(cosines[rows, nearest], 0).astype(np.float64) ** 2
        total += weights
        theirs += weights * ranking.scores[nearest]
        cosines[rows, nearest] = -np.inf
    scores = ranking.scores.astype(np.float64)
    theirs = np.divide(theirs, total, out=scores.copy(), where=total > 0)
    return ranked(ranking.ids, ((1 - share) * scores + share * theirs).astype(np.float32), len(ranking.ids))
