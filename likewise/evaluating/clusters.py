"""How well clusters match classes: V-measure, mutual information, Rand index, purity, and accuracy by best matching."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.evaluating._arguments import Labels, require_labels, require_same_length, require_varied
from likewise.types import Ids


def v_measure(expected: Labels, predicted: Labels) -> float:
    """Harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg 2007, eq. 1 to 3, β = 1).

    Homogeneity is the share of what is to be known about the class that the cluster tells; completeness, the other way
    round. With β = 1 it is mutual information over the mean of both entropies, and computed as such.

    Args:
        expected: (N,) classes, text or whole numbers; at least two of them.
        predicted: (N,) clusters, in the same order; their names do not matter.

    Returns:
        0 to 1; 0 if all is one cluster.

    Raises:
        ShapeError: Not two rows of labels of the same length.
        DataError: Only one class, which any clusters would match or none.

    Example:
        >>> v_measure(["a", "a", "b", "b"], [1, 1, 0, 0])
        1.0
    """
    return normalised_mutual_information(expected, predicted)


def normalised_mutual_information(expected: Labels, predicted: Labels) -> float:
    """Mutual information over the arithmetic mean of both entropies (Vinh, Epps and Bailey 2010, table 2, NMI_sum).

    Args, Returns and Raises are as of ``v_measure``, which is the same number.
    """
    counts = _count(expected, predicted)
    separate = _entropy(counts.in_classes) + _entropy(counts.in_clusters)
    return float(np.clip(2 * (separate - _entropy(counts.in_both)) / separate, 0, 1))


def adjusted_rand_index(expected: Labels, predicted: Labels) -> float:
    """Pairs on which classes and clusters agree, beyond what chance gives (Hubert and Arabie 1985, eq. 5).

    Args and Raises are as of ``v_measure``.

    Returns:
        1 if they agree on all pairs, about 0 by chance; it may be below.
    """
    counts = _count(expected, predicted)
    both, in_classes, in_clusters = map(_pairs, (counts.in_both, counts.in_classes, counts.in_clusters))
    if both == in_classes == in_clusters:
        return 1.0
    by_chance = in_classes * in_clusters / _pairs(counts.in_both.sum())
    return float((both - by_chance) / ((in_classes + in_clusters) / 2 - by_chance))


def purity(expected: Labels, predicted: Labels) -> float:
    """Which share of items is of the most frequent class of its cluster (Manning, Raghavan and Schütze 2008, eq. 16.1).

    Args and Raises are as of ``v_measure``. More clusters make it greater: compare it for equal numbers of them alone.
    """
    counts = _count(expected, predicted)
    greatest = np.zeros(len(counts.in_clusters), np.int64)
    np.maximum.at(greatest, counts.clusters, counts.in_both)
    return float(greatest.sum() / counts.in_both.sum())


def matched_accuracy(expected: Labels, predicted: Labels) -> float:
    """Which share of items is right if each cluster stands for one class and each class for one cluster, at best.

    That is an assignment problem (Kuhn 1955). Args and Raises are as of ``v_measure``.
    """
    counts = _count(expected, predicted)
    table = np.zeros((len(counts.in_classes), len(counts.in_clusters)))
    table[counts.classes, counts.clusters] = counts.in_both
    if table.shape[0] > table.shape[1]:
        table = table.T
    return float(table[np.arange(len(table)), _assign(-table)].sum() / table.sum())


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many items there are in each class, in each cluster, and in both; of pairs of them only those that occur."""

    in_classes: Ids  # (R,)
    in_clusters: Ids  # (C,)
    in_both: Ids  # (P,)
    classes: Ids  # (P,)
    clusters: Ids  # (P,)


def _count(expected: Labels, predicted: Labels) -> _Counts:
    left, right = require_labels("classes", expected), require_labels("clusters", predicted)
    require_same_length("classes", "clusters", left, right)
    require_varied("classes", left)
    (_, classes, in_classes), (_, clusters, in_clusters) = (
        np.unique(labels, return_inverse=True, return_counts=True) for labels in (left, right)
    )
    pairs, in_both = np.unique(classes * len(in_clusters) + clusters, return_counts=True)
    return _Counts(in_classes, in_clusters, in_both, *np.divmod(pairs, len(in_clusters)))


def _entropy(counts: Ids) -> float:
    """In nats, of how often each of some values occurs."""
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _pairs(counts: Ids) -> int:
    """How many pairs of items are in the same group."""
    return int((counts * (counts - 1) // 2).sum())


def _assign(costs: NDArray[np.float64]) -> Ids:
    """A column of its own for each row, at the least total cost: shortest augmenting paths (Crouse 2016, algorithm 1).

    Args:
        costs: (N, M), with N ≤ M.
    """
    rows, columns = costs.shape
    row_prices, column_prices = np.zeros(rows), np.zeros(columns)
    row_of, column_of = np.full(columns, -1), np.full(rows, -1)
    for start in range(rows):
        distances, before, reached = np.full(columns, np.inf), np.full(columns, -1), np.zeros(columns, bool)
        row, distance, column = start, 0.0, -1
        while row >= 0:  # until a column is free
            through = distance + costs[row] - row_prices[row] - column_prices
            nearer = ~reached & (through < distances)
            distances[nearer], before[nearer] = through[nearer], row
            column = int(np.argmin(np.where(reached, np.inf, distances)))
            distance, row = distances[column], row_of[column]
            reached[column] = True
        row_prices[start] += distance
        taken = reached & (row_of >= 0)
        row_prices[row_of[taken]] += distance - distances[taken]
        column_prices[reached] -= distance - distances[reached]
        row = -1
        while row != start:  # each row on the path hands its column on
            row = before[column]
            row_of[column] = row
            column, column_of[row] = column_of[row], column
    return column_of
