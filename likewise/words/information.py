"""Vectors of words from their mutual information with what is near them, decomposed: a baseline without a network."""

import numpy as np

from likewise.errors import SettingError, ShapeError
from likewise.words.baselines import SparseRows
from likewise.words.cooccurrences import Cooccurrences
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Vocabulary

_MORE, _ITERATIONS = 10, 4  # of the decomposition: projections beyond the dimension, and rounds that sharpen them


def positive_information(counts: Cooccurrences, *, smoothing: float = 0.75) -> SparseRows:
    """Positive pointwise mutual information of words: max(0, ln(p(a, b) / (p(a) p(b)))), a (V, V) matrix.

    Args:
        counts: Of pairs within a window, such as those with ``harmonic=False``.
        smoothing: The power that contexts' counts are raised to, so that rare ones do not rule (Levy, Goldberg and
            Dagan 2015, doi:10.1162/tacl_a_00134, section 3.1); with 1 the matrix is symmetric.
    """
    lower, higher, values = map(np.concatenate, zip(*counts.blocks(), strict=True))
    same = lower == higher
    rows, columns = np.append(lower, higher[~same]), np.append(higher, lower[~same])
    numbers = np.append(np.where(same, 2 * values, values), values[~same])
    totals = np.bincount(rows, numbers, minlength=counts.words)  # of rows as of columns
    contexts = totals**smoothing
    information = np.log(numbers * contexts.sum() / (totals[rows] * contexts[columns]))
    positive = np.flatnonzero(information > 0)
    order = positive[np.lexsort((columns[positive], rows[positive]))]
    starts = np.append(0, np.cumsum(np.bincount(rows[order], minlength=counts.words)))
    return SparseRows(starts, columns[order], information[order].astype(np.float32), counts.words)


def factorise(matrix: SparseRows, vocabulary: Vocabulary, *, dimension: int = 100, seed: int = 0) -> WordVectors:
    """Dense vectors from a square matrix of words: its truncated singular value decomposition, U times the root of S.

    By random projections with four power iterations (Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithm
    4.4); the root of S, as all of S would make the first directions too strong (Levy, Goldberg and Dagan 2015).

    Args:
        matrix: (V, V), such as ``positive_information`` gives.
        vocabulary: Whose words the rows are.
        dimension: At most V.
        seed: Of the projections.

    Raises:
        SettingError: There are fewer words than dimensions.
        ShapeError: The matrix is not of these words.
    """
    count = len(vocabulary)
    if not 0 < dimension <= count:
        raise SettingError(f"{dimension} dimensions can't be had from {count} words; choose 1 to {count}")
    if (len(matrix), matrix.width) != (count, count):
        raise ShapeError(f"the matrix is ({len(matrix)}, {matrix.width}), expected ({count}, {count})")
    turned = _transposed(matrix)
    wide = min(count, dimension + _MORE)
    basis = np.random.default_rng(seed).standard_normal((count, wide), np.float32)
    basis = np.linalg.qr(matrix.times(basis))[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(turned.times(basis))[0]
        basis = np.linalg.qr(matrix.times(basis))[0]
    left, values, _ = np.linalg.svd(turned.times(basis).T, full_matrices=False)
    vectors = (basis @ left)[:, :dimension] * np.sqrt(values[:dimension])
    return WordVectors(
        words=vocabulary.words, vectors=np.ascontiguousarray(vectors, np.float32), counts=vocabulary.counts
    )


def _transposed(matrix: SparseRows) -> SparseRows:
    rows = np.repeat(np.arange(len(matrix)), np.diff(matrix.starts))
    order = np.argsort(matrix.columns, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(matrix.columns, minlength=matrix.width)))
    return SparseRows(starts, rows[order], matrix.values[order], len(matrix))
