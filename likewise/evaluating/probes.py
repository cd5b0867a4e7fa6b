"""What a simple classifier learns from vectors: nearest neighbours and logistic regression, as MTEB has them.

Both are taught on ``train`` and tell the labels of ``test``; ``likewise.evaluating.labels`` says how good those are.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.packing import require_count, require_vectors
from likewise.errors import DataError, SettingError, ShapeError
from likewise.evaluating._arguments import (
    Labels,
    Matrix,
    require_labels,
    require_matrix,
    require_same_length,
    require_varied,
)
from likewise.registry import require
from likewise.types import Ids, Vectors

_DISTANCES = 1 << 22  # distances held at a time, 32 MB


def neighbour_labels(train: Vectors, labels: Labels, test: Vectors, *, k: int = 5) -> NDArray[Any]:
    """Each text's label by the vote of its k nearest neighbours (Cover and Hart 1967), by Euclidean distance.

    For vectors of unit length the nearest are those of the greatest cosine. Of equally near ones the lower row votes;
    of labels with as many votes the lower in their order wins, as in scikit-learn.

    Args:
        train: (N, D) float32.
        labels: (N,) text or whole numbers, of two classes at least.
        test: (Q, D) float32.
        k: How many neighbours vote.

    Returns:
        (Q,) labels.

    Raises:
        ShapeError: The arrays are not of these shapes.
        DataError: Only one class.
        SettingError: A component that is not finite, or k is below 1 or above N.
    """
    classes, places = np.unique(_classes(train, labels), return_inverse=True)
    votes = np.stack([np.bincount(places[near], minlength=len(classes)) for near in _neighbours(train, test, k)])
    return classes[votes.argmax(axis=1)]  # votes: (Q, C)


def neighbour_label_sets(train: Vectors, labels: Matrix, test: Vectors, *, k: int = 5) -> NDArray[np.int64]:
    """All labels of each text: those that more than half of its k nearest neighbours have.

    Args:
        train: (N, D) float32.
        labels: (N, L), 1 where a label applies, else 0.
        test: (Q, D) float32.
        k: How many neighbours vote.

    Returns:
        (Q, L) of 0 and 1.

    Raises:
        ShapeError, SettingError: As ``neighbour_labels``.
        DataError: A label that is neither 0 nor 1.
    """
    applies = require_matrix("labels", labels)
    require_vectors(train, "train")
    require_same_length("labels", "vectors to train on", applies, train)
    votes = np.stack([applies[near].sum(axis=0) for near in _neighbours(train, test, k)])
    return (2 * votes > k).astype(np.int64)


def regression_labels(train: Vectors, labels: Labels, test: Vectors, *, most_steps: int = 100) -> NDArray[Any]:
    """Each text's label by logistic regression with an L2 penalty of C = 1 (MTEB: Muennighoff et al. 2022).

    It is scikit-learn's, by L-BFGS. MTEB stops it after 100 steps, whether it has converged or not, and so does this.

    Args:
        train: (N, D) float32.
        labels: (N,) text or whole numbers, of two classes at least.
        test: (Q, D) float32.
        most_steps: When to stop.

    Returns:
        (Q,) labels.

    Raises:
        ShapeError: The arrays are not of these shapes.
        DataError: Only one class.
        SettingError: A component that is not finite, or ``most_steps`` is below 1.
        MissingExtraError: scikit-learn is not installed.
    """
    known = _classes(train, labels)
    _require_tests(train, test)
    require_count("most_steps", most_steps)
    linear_model: Any = require("sklearn.linear_model", feature="the logistic regression probe", extra="evaluating")
    exceptions: Any = require("sklearn.exceptions", feature="the logistic regression probe", extra="evaluating")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)  # the recipe stops early, see above
        classifier = linear_model.LogisticRegression(max_iter=most_steps).fit(train, known)
    return np.asarray(classifier.predict(test))


def draw_examples(labels: Labels, *, per_label: int = 8, draws: int = 10, seed: int = 42) -> list[Ids]:
    """Rows to train on, drawn anew for each of several trials: those that MTEB draws.

    Args:
        labels: (N,) of all that can be trained on.
        per_label: How many rows of each label; all of them if there are fewer.
        draws: How many trials.
        seed: Another one draws other rows.

    Returns:
        For each trial, row numbers in the order of the draw.

    Raises:
        ShapeError: Not a row of labels.
        SettingError: ``per_label`` or ``draws`` is below 1.
    """
    known = [(label,) for label in require_labels("labels", labels).tolist()]
    require_count("draws", draws)
    order, drawn = list(range(len(known))), []
    for _ in range(draws):
        # Each trial shuffles with the same seed what the one before left, by numpy's old generator: so does MTEB.
        np.random.RandomState(seed).shuffle(order)
        drawn.append(_fill(order, known, per_label))
    return drawn


def draw_multilabel_examples(
    labels: Sequence[Sequence[str | int]], *, per_label: int = 8, draws: int = 10, seed: int = 42
) -> list[Ids]:
    """Rows to train on where each has several labels: those that MTEB draws, for the first subset of a task.

    A row is taken if any of its labels has fewer than ``per_label`` rows yet, so that others may have more.

    Args:
        labels: The labels of each of N rows; a row without any is never drawn.
        per_label: How many rows of each label at the least; fewer if there are not as many.
        draws: How many trials.
        seed: Another one draws other rows.

    Returns:
        For each trial, row numbers in the order of the draw.

    Raises:
        DataError: No row has a label.
        SettingError: ``per_label`` or ``draws`` is below 1.
    """
    if not any(labels):
        raise DataError(f"none of {len(labels)} rows has a label; expected labels to draw rows for")
    require_count("draws", draws)
    generator, drawn = np.random.default_rng(seed), []
    for _ in range(draws):
        order = list(range(len(labels)))
        generator.shuffle(order)
        drawn.append(_fill(order, labels, per_label))
    return drawn


def _fill(order: Sequence[int], labels: Sequence[Sequence[str | int]], per_label: int) -> Ids:
    """Rows in order, as long as one of their labels lacks some."""
    require_count("per_label", per_label)
    taken, counts = [], Counter[str | int]()
    for row in order:
        if any(counts[label] < per_label for label in labels[row]):
            taken.append(row)
            counts.update(labels[row])
    return np.array(taken, np.int64)


def _classes(train: Vectors, labels: Labels) -> NDArray[Any]:
    known = require_labels("labels", labels)
    require_vectors(train, "train")
    require_same_length("labels", "vectors to train on", known, train)
    require_varied("labels", known)
    return known


def _require_tests(train: Vectors, test: Vectors) -> None:
    require_vectors(test, "test", dimension=train.shape[1])
    if not len(test):
        raise ShapeError("test: got no vector; expected one for each text to tell the label of")


def _neighbours(train: Vectors, test: Vectors, k: int) -> Iterator[Ids]:
    """For each of ``test``, its k nearest rows of ``train``; equally near ones in their order."""
    _require_tests(train, test)
    require_count("k", k)
    if k > len(train):
        raise SettingError(f"k is {k}, but there are {len(train)} vectors to train on: ask for no more")
    known, asked = train.astype(np.float64), test.astype(np.float64)
    lengths = np.einsum("nd,nd->n", known, known)  # (N,) squared
    height = max(1, _DISTANCES // len(known))
    for block in (asked[start : start + height] for start in range(0, len(asked), height)):
        distances = lengths - 2 * block @ known.T  # (B, N) squared, less the same for all of a row
        for one, row in zip(block, distances, strict=True):
            # Products of equal vectors may differ in their last bits, so near ties are measured one by one.
            slack = 1e-9 * (lengths.max() + one @ one)
            close = np.flatnonzero(row <= np.partition(row, k - 1)[k - 1] + slack)
            exact = ((known[close] - one) ** 2).sum(axis=1)
            yield close[np.argsort(exact, kind="stable")[:k]]
