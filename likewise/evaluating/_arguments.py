"""What metrics are given, checked: what is wrong is said, and no NaN comes out."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.packing import shape_of
from likewise.errors import DataError, ShapeError

Numbers: TypeAlias = Sequence[float] | NDArray[Any]  # (N,)
Labels: TypeAlias = Sequence[str] | Sequence[int] | NDArray[Any]  # (N,) text or whole numbers
Matrix: TypeAlias = Sequence[Sequence[int]] | NDArray[Any]  # (N, L), 1 where a label applies


def require_numbers(name: str, values: Numbers) -> NDArray[np.float64]:
    """Numbers (N,) as float64: at least one, and all of them finite."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "biuf" or not array.size:
        raise ShapeError(f"{name}: got {shape_of(array)}; expected a row of numbers (N,), at least one")
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise DataError(f"{name}: number {place} is {array[place]}; leave it out, or find where it came from")
    return array.astype(np.float64)


def require_varied(name: str, values: NDArray[Any]) -> None:
    """Refuse values that are all the same."""
    if (values == values[0]).all():
        raise DataError(
            f"{name}: all {len(values)} are {values[0]}, so that they tell nothing apart; expected two that differ"
        )


def require_labels(name: str, values: Labels) -> NDArray[Any]:
    """Labels (N,), at least one: all of them text, or all whole numbers."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "biuU" or not array.size:
        raise ShapeError(f"{name}: got {shape_of(array)}; expected a row of labels (N,), text or whole numbers")
    return array


def require_same_length(first: str, second: str, left: NDArray[Any], right: NDArray[Any]) -> None:
    """Refuse two arrays that do not have a row for each other's."""
    if len(left) != len(right):
        raise ShapeError(f"got {len(left)} {first} and {len(right)} {second}; expected one for each")


def require_classes(expected: Labels, predicted: Labels) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """All classes, sorted, and the places in them of expected (N,) and predicted labels (N,)."""
    left, right = require_labels("expected labels", expected), require_labels("predicted labels", predicted)
    require_same_length("expected labels", "predicted ones", left, right)
    if (left.dtype.kind == "U") != (right.dtype.kind == "U"):
        raise ShapeError(f"expected labels are {left.dtype}, predicted ones {right.dtype}; make both text, or numbers")
    classes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    return classes, places[: len(left)], places[len(left) :]


def require_marks(name: str, values: Labels) -> NDArray[np.bool_]:
    """Marks (N,) of 0 and 1, or False and True, as booleans: both must be there."""
    array = require_labels(name, values)
    if array.dtype.kind == "U" or not np.isin(array, (0, 1)).all():
        raise DataError(f"{name}: expected 0 and 1 alone, got {np.unique(array)[:5].tolist()}")
    require_varied(name, array)
    return array.astype(bool)


def require_matrix(name: str, values: Matrix) -> NDArray[np.bool_]:
    """Labels that apply (N, L): 0 and 1, at least one row and one column, as booleans."""
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "biu" or not array.size:
        raise ShapeError(f"{name}: got {shape_of(array)}; expected 0 or 1 for each text and label (N, L)")
    if not np.isin(array, (0, 1)).all():
        raise DataError(f"{name}: expected 0 and 1 alone, got {np.unique(array)[:5].tolist()}")
    return array.astype(bool)
