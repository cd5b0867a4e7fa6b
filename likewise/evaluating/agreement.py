"""How well scores agree with those that people gave: correlation of values, and of ranks."""

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError
from likewise.evaluating._arguments import Numbers, require_numbers, require_same_length, require_varied
from likewise.evaluating.ordering import average_ranks


def pearson(left: Numbers, right: Numbers) -> float:
    """Correlation of values: their covariance over both standard deviations (Pearson 1895).

    Args:
        left: (N,) numbers, two or more.
        right: (N,), in the same order.

    Returns:
        -1 to 1; swapping both changes nothing.

    Raises:
        ShapeError: Not two rows of the same length.
        DataError: Fewer than two numbers, one that is not finite, or a row of equal ones, whose correlation is
            not defined.

    Example:
        >>> pearson([1, 2, 3], [2, 4, 6])
        1.0
    """
    return _correlation(*_checked(left, right))


def spearman(left: Numbers, right: Numbers) -> float:
    """Correlation of ranks, equal numbers having their average rank (Spearman 1904; Kendall 1945 for ties).

    Args, Returns and Raises are as of ``pearson``. It depends on the order of each row's numbers alone.

    Example:
        >>> spearman([1, 2, 3], [1, 10, 100])
        1.0
    """
    first, second = _checked(left, right)
    return _correlation(average_ranks(first), average_ranks(second))


def _checked(left: Numbers, right: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = require_numbers("left", left), require_numbers("right", right)
    require_same_length("numbers left", "right", first, second)
    if len(first) < 2:
        raise DataError("correlation: got one pair of numbers; expected two at the least")
    require_varied("left", first)
    require_varied("right", second)
    return first, second


def _correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    first, second = _direction(left), _direction(right)
    return float(np.clip(first @ second, -1, 1))  # rounding may pass the ends by one step


def _direction(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences from the mean, of unit length. Scaled first, since squares of great or small ones leave float64."""
    scaled = values / np.abs(values).max()
    centred = scaled - scaled.mean()
    centred /= np.abs(centred).max()
    return centred / np.linalg.norm(centred)
