"""How good predicted labels are: accuracy, F1, average precision, and the best threshold of a score."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError, SettingError, ShapeError, UnknownNameError
from likewise.evaluating._arguments import (
    Labels,
    Matrix,
    Numbers,
    require_classes,
    require_marks,
    require_matrix,
    require_numbers,
    require_same_length,
)

Average: TypeAlias = Literal["macro", "weighted", "micro"]
AVERAGES: tuple[Average, ...] = get_args(Average)

_Array: TypeAlias = NDArray[Any]  # of counts or shares
_PRECISION, _RECALL, _F1 = 1.0, 0.0, 0.5  # van Rijsbergen's alpha


def accuracy(expected: Labels, predicted: Labels) -> float:
    """Which share of labels is as expected.

    Args:
        expected: (N,) labels, text or whole numbers.
        predicted: (N,), in the same order.

    Raises:
        ShapeError: Not two rows of labels of the same kind and length, at least one.

    Example:
        >>> accuracy(["yes", "no"], ["yes", "yes"])
        0.5
    """
    _, left, right = require_classes(expected, predicted)
    return float((left == right).mean())


def precision(
    expected: Labels, predicted: Labels, *, average: Average = "macro", positive: str | int | None = None
) -> float:
    """Of what was predicted as a class, which share is of it; averaged as in ``f1``, whose arguments it takes."""
    return _of_classes(expected, predicted, average, positive, _PRECISION)


def recall(
    expected: Labels, predicted: Labels, *, average: Average = "macro", positive: str | int | None = None
) -> float:
    """Of what is of a class, which share was predicted as it; averaged as in ``f1``, whose arguments it takes."""
    return _of_classes(expected, predicted, average, positive, _RECALL)


def f1(expected: Labels, predicted: Labels, *, average: Average = "macro", positive: str | int | None = None) -> float:
    """Harmonic mean of precision and recall (van Rijsbergen 1979), of one class or averaged over all.

    Classes are those of both rows. One that was never predicted has a precision of 0, one that is never expected a
    recall of 0, as in scikit-learn.

    Args:
        expected: (N,) labels, text or whole numbers.
        predicted: (N,), in the same order.
        average: Over classes: "macro" counts each alike, "weighted" each by how often it is expected, "micro" adds
            up what was right and wrong in all.
        positive: The one class to tell about; ``average`` is of no account then.

    Returns:
        0 to 1.

    Raises:
        ShapeError: Not two rows of labels of the same kind and length, at least one.
        UnknownNameError: No such average.
        SettingError: Neither row has the positive class.

    Example:
        >>> f1([1, 1, 0, 0], [1, 0, 0, 0], positive=1)
        0.6666666666666666
    """
    return _of_classes(expected, predicted, average, positive, _F1)


def average_precision(relevant: Labels, scores: Numbers) -> float:
    """Precision at each threshold of a score, weighted by the recall that it adds: ``Σ (R_n − R_{n−1}) P_n``.

    That is scikit-learn's definition (Manning, Raghavan and Schütze 2008, section 8.4). Equal scores are one threshold.

    Args:
        relevant: (N,) of 0 and 1; both must be there.
        scores: (N,), higher for 1. Of a distance, give the negative.

    Returns:
        Above 0, to 1.

    Raises:
        ShapeError: Not two rows of the same length.
        DataError: Only one class, or a score that is not finite.

    Example:
        >>> average_precision([0, 1, 1], [0.1, 0.2, 0.3])
        1.0
    """
    cuts = _cuts(relevant, scores)
    return float((np.diff(cuts.right, prepend=0) * cuts.right / cuts.taken).sum() / cuts.right[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class BestThreshold:
    """The threshold of a score that tells two classes apart best."""

    value: float  # accuracy or F1, whichever was asked for
    threshold: float  # what scores higher is taken for 1
    precision: float  # of those taken for 1
    recall: float


def best_accuracy(relevant: Labels, scores: Numbers) -> BestThreshold:
    """The best accuracy that a threshold reaches, as for pair classification in MTEB (arXiv:2210.07316).

    Thresholds lie half-way between neighbouring scores that differ, so that at least one item is taken for 1 and one
    for 0; of equally good ones the highest is named. The best is found on the items that are judged by it.

    Args and Raises are as of ``average_precision``; also a DataError if all scores are equal.

    Example:
        >>> best_accuracy([0, 0, 1], [0.1, 0.3, 0.5]).threshold
        0.4
    """
    cuts = _cuts(relevant, scores)
    wrong = cuts.taken - cuts.right  # taken for 1
    return cuts.best(1 - (wrong + cuts.right[-1] - cuts.right) / cuts.taken[-1])


def best_f1(relevant: Labels, scores: Numbers) -> BestThreshold:
    """The best F1 of the class 1 that a threshold reaches, as for pair classification in MTEB.

    Thresholds, Args and Raises are as of ``best_accuracy``.
    """
    cuts = _cuts(relevant, scores)
    return cuts.best(_f_measure(cuts.right, cuts.taken, cuts.right[-1], _F1))


def multilabel_accuracy(expected: Matrix, predicted: Matrix) -> float:
    """Which share of texts has all its labels right, and no other (subset accuracy).

    Args:
        expected: (N, L), 1 where a label applies, else 0.
        predicted: (N, L), in the same order.

    Raises:
        ShapeError: Not two tables of the same shape, with at least one row and column.
        DataError: Something else than 0 and 1.
    """
    left, right = _matrices(expected, predicted)
    return float((left == right).all(axis=1).mean())


def multilabel_f1(expected: Matrix, predicted: Matrix, *, average: Average = "macro") -> float:
    """F1 of each label, averaged over labels as in ``f1``. Args and Raises are as of ``multilabel_accuracy``."""
    left, right = _matrices(expected, predicted)
    return _averaged((left & right).sum(axis=0), right.sum(axis=0), left.sum(axis=0), average, _F1)


def multilabel_jaccard(expected: Matrix, predicted: Matrix) -> float:
    """Labels shared over labels of either, averaged over texts (Godbole and Sarawagi 2004); 1 where neither has any.

    MTEB calls it the Hamming score. Args and Raises are as of ``multilabel_accuracy``.
    """
    left, right = _matrices(expected, predicted)
    shared, either = (left & right).sum(axis=1), (left | right).sum(axis=1)
    return float(np.where(either == 0, 1, _share(shared, either)).mean())


def label_ranking_average_precision(expected: Matrix, scores: Matrix) -> float:
    """How far down labels that apply stand among a text's labels by score (Tsoumakas, Katakis and Vlahavas 2010).

    For each label that applies: how many that apply score as high or higher, over how many at all do; averaged over
    the text's labels, then over texts. A text to which all labels apply, or none, counts 1, as in scikit-learn.

    Args:
        expected: (N, L), 1 where a label applies, else 0.
        scores: (N, L), higher for labels that apply.

    Raises:
        ShapeError: Not two tables of the same shape, with at least one row and column.
        DataError: A label that is neither 0 nor 1, or a score that is not finite.
    """
    applies, table = require_matrix("expected labels", expected), np.asarray(scores)
    if table.shape != applies.shape:
        raise ShapeError(f"got {applies.shape} expected labels and {table.shape} scores; expected one for each")
    require_numbers("scores", table.ravel())
    values = []
    for row, own in zip(applies, table, strict=True):
        higher = own[None, :] >= own[row][:, None]  # (labels that apply, L)
        values.append(1.0 if row.all() or not row.any() else float(_share(higher[:, row].sum(1), higher.sum(1)).mean()))
    return float(np.mean(values))


def _of_classes(
    expected: Labels, predicted: Labels, average: Average, positive: str | int | None, alpha: float
) -> float:
    """The F-measure of one class, or averaged over all."""
    classes, left, right = require_classes(expected, predicted)
    wanted, given, both = (np.bincount(places, minlength=len(classes)) for places in (left, right, left[left == right]))
    if positive is None:
        return _averaged(both, given, wanted, average, alpha)
    if not (one := classes == positive).any():
        raise SettingError(f"positive is {positive!r}, which neither row has; they have {classes[:5].tolist()}")
    return float(_f_measure(both, given, wanted, alpha)[one][0])


def _averaged(both: _Array, given: _Array, wanted: _Array, average: Average, alpha: float) -> float:
    if average not in AVERAGES:
        raise UnknownNameError("average", str(average), AVERAGES)
    if average == "micro":
        both, given, wanted = (counts.sum(keepdims=True) for counts in (both, given, wanted))
    values = _f_measure(both, given, wanted, alpha)
    return float(_share((values * wanted).sum(), wanted.sum()) if average == "weighted" else values.mean())


def _f_measure(both: _Array, given: _Array, wanted: _Array, alpha: float) -> _Array:
    """Of counts for each class: van Rijsbergen's F; precision for an alpha of 1, recall for 0, F1 for a half."""
    return _share(both, alpha * given + (1 - alpha) * wanted)


def _share(part: _Array, whole: _Array) -> _Array:
    """Part over whole; 0 where the whole is 0."""
    return part / np.where(whole == 0, 1, whole)


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Thresholds of a score, and what scores as high as each."""

    values: _Array  # (C,) distinct scores, descending
    right: _Array  # (C,) how many of the items that score as high are marked 1
    taken: _Array  # (C,) how many items score as high

    def best(self, found: _Array) -> BestThreshold:
        """The first threshold with the greatest of some values (C,); the last is below all scores, and no choice."""
        if len(found) == 1:
            raise DataError(f"scores: all are {self.values[0]}, so that no threshold tells anything apart by them")
        best = int(np.argmax(found[:-1]))
        return BestThreshold(
            value=float(found[best]),
            threshold=float((self.values[best] + self.values[best + 1]) / 2),
            precision=float(self.right[best] / self.taken[best]),
            recall=float(self.right[best] / self.right[-1]),
        )


def _cuts(relevant: Labels, scores: Numbers) -> _Cuts:
    marks, numbers = require_marks("relevant", relevant), require_numbers("scores", scores)
    require_same_length("marks", "scores", marks, numbers)
    order = np.argsort(-numbers, kind="stable")
    values = numbers[order]
    last = np.flatnonzero(np.diff(values, append=-np.inf))  # of each group of equal scores
    return _Cuts(values[last], np.cumsum(marks[order])[last], last + 1)


def _matrices(expected: Matrix, predicted: Matrix) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    left, right = require_matrix("expected labels", expected), require_matrix("predicted labels", predicted)
    if left.shape != right.shape:
        raise ShapeError(f"got {left.shape} expected labels and {right.shape} predicted ones; expected one for each")
    return left, right
