"""Ranks of numbers, and how well they put one class above another."""

import numpy as np
from numpy.typing import NDArray

from likewise.evaluating._arguments import Labels, Numbers, require_marks, require_numbers, require_same_length


def average_ranks(values: Numbers) -> NDArray[np.float64]:
    """Ranks from 1 of numbers (N,), ascending; equal ones have the average of theirs.

    Example:
        >>> average_ranks([0.3, 0.1, 0.3]).tolist()
        [2.5, 1.0, 2.5]
    """
    _, places, counts = np.unique(require_numbers("values", values), return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return ranks[places]


def auroc(relevant: Labels, scores: Numbers) -> float:
    """How often an item marked 1 scores above one marked 0, a tie being half (Hanley and McNeil 1982).

    That is the area under the curve of true over false positives.

    Args:
        relevant: (N,) of 0 and 1; both must be there.
        scores: (N,), higher for 1.

    Returns:
        0 to 1; a half by chance.

    Raises:
        ShapeError: Not two rows of the same length.
        DataError: Only one class, or a score that is not finite.

    Example:
        >>> auroc([0, 1, 1], [0.1, 0.2, 0.1])
        0.75
    """
    marks, ranks = require_marks("relevant", relevant), average_ranks(scores)
    require_same_length("marks", "scores", marks, ranks)
    ones = int(marks.sum())
    return float((ranks[marks].sum() - ones * (ones + 1) / 2) / (ones * (len(marks) - ones)))
