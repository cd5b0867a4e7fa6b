"""Whether two samples of vectors differ by more than chance gives, and whether an encoder is still the same one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.contract import LEAST_COSINE
from likewise.encoding.packing import require_count, require_vectors
from likewise.errors import DataError, SettingError, ShapeError, UnknownNameError
from likewise.evaluating.significance import holm
from likewise.types import Vectors

Verdict: TypeAlias = Literal["same", "recompiled", "different"]
Marks: TypeAlias = NDArray[np.float32]  # (N, R): 1 where a vector counts as of the second sample; column 0 is as given

ALPHA = 0.025  # half of the false alarms that one in twenty is, as what is counted varies
_PERMUTATIONS = 499
_LEAST = 20  # vectors in a sample
_FOLDS = 5
_SHRINKAGE = 1.0  # of the covariance towards a sphere: its inverse exists, and few vectors are not fitted too closely
_SAMPLED = 1_000  # vectors that the bandwidth is chosen by
_BLOCK = 1 << 22  # kernel values at a time: 16 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSampleTest:
    """A measure of how far two samples are apart, and how often chance alone gives as much."""

    value: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Whether two samples differ, by two tests: each sees what the other may not."""

    classifier: TwoSampleTest  # value: accuracy on vectors held out; 0.5 if nothing tells the samples apart, 1 at most
    discrepancy: TwoSampleTest  # value: squared maximum mean discrepancy; around 0 if the samples are alike
    p_value: float  # of both together
    alpha: float

    @property
    def drifted(self) -> bool:
        """Whether the samples differ by more than chance gives."""
        return self.p_value <= self.alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryComparison:
    """What became of the vectors of fixed texts."""

    verdict: Verdict
    least_cosine: float  # 0 where the dimensions differ
    greatest_difference: float  # of any component, infinite where the dimensions differ


def drift(
    before: Vectors, after: Vectors, *, alpha: float = ALPHA, permutations: int = _PERMUTATIONS, seed: int = 0
) -> Drift:
    """Whether the queries or documents of two periods differ by more than resampling gives.

    Both tests are run, and the lesser p-value is doubled for it, so that ``alpha`` stays the chance of a false alarm.
    Vectors must be of texts that have nothing to do with each other: of what comes in groups, such as the chunks of a
    document, take one each, for a group more or less is no change.

    Args:
        before: (N, D) float32, at least 20.
        after: (M, D) float32, at least 20, by the same encoder.
        alpha: The chance of an alarm though nothing changed.
        permutations: How many; each test is as long as these are many.
        seed: Of the permutations, the folds and the bandwidth.

    Raises:
        ShapeError: Not (N, D) and (M, D) float32.
        DataError: Fewer than 20 vectors.
        SettingError: A component is not finite, or ``permutations`` are too few to reach ``alpha``.
    """
    require_count("permutations", permutations)
    if not 2 / (permutations + 1) <= alpha < 1:
        raise SettingError(
            f"alpha is {alpha}, and the least p-value of two tests with {permutations} permutations is "
            f"{2 / (permutations + 1):.3g}: choose a greater alpha below 1, or more permutations"
        )
    options = {"permutations": permutations, "seed": seed}
    tests = classifier_test(before, after, **options), discrepancy_test(before, after, **options)
    p_value = float(holm([test.p_value for test in tests]).min())
    return Drift(classifier=tests[0], discrepancy=tests[1], p_value=p_value, alpha=alpha)


def classifier_test(
    before: Vectors, after: Vectors, *, permutations: int = _PERMUTATIONS, seed: int = 0
) -> TwoSampleTest:
    """How well a linear classifier tells which sample a vector is of, on vectors that it was not fitted to.

    Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests", arXiv:1610.06545; here with Fisher's linear
    discriminant, five folds, and as p-value the share of permuted samples for which all of that comes out as well.
    The value is the mean of the two samples' accuracies. Args and Raises are as of ``drift``.
    """
    vectors, marks = _pooled(before, after, permutations, seed)
    vectors = vectors - vectors.mean(axis=0)
    folds = np.array_split(np.random.default_rng([seed, 1]).permutation(len(vectors)), _FOLDS)
    sums = [vectors[fold].T @ marks[fold] for fold in folds]  # each (D, R): of the second sample's vectors
    squares = [vectors[fold].T @ vectors[fold] for fold in folds]
    hits = np.zeros((2, marks.shape[1]))  # right ones of each sample
    for held, fold in enumerate(folds):
        kept = np.concatenate([other for i, other in enumerate(folds) if i != held])
        counts = marks[kept].sum(axis=0)
        second = sum(sums) - sums[held]
        means = [(vectors[kept].sum(axis=0)[:, None] - second) / np.maximum(len(kept) - counts, 1)]
        means.append(second / np.maximum(counts, 1))
        covariance = (sum(squares) - squares[held]) / len(kept)
        covariance[np.diag_indices_from(covariance)] += _SHRINKAGE * max(np.trace(covariance) / len(covariance), 1e-12)
        direction = np.linalg.solve(covariance, means[1] - means[0]).astype(np.float32)  # (D, R)
        middle = ((means[0] + means[1]) / 2 * direction).sum(axis=0)
        called = vectors[fold] @ direction > middle
        hits += [(~called & (marks[fold] == 0)).sum(axis=0), (called & (marks[fold] == 1)).sum(axis=0)]
    return _test((hits[0] / len(before) + hits[1] / len(after)) / 2)


def discrepancy_test(
    before: Vectors, after: Vectors, *, permutations: int = _PERMUTATIONS, seed: int = 0
) -> TwoSampleTest:
    """The squared maximum mean discrepancy of two samples, without bias, so that it may be below 0.

    Gretton et al. 2012, "A Kernel Two-Sample Test", JMLR 13, lemma 6; with a Gaussian kernel whose width is the median
    distance (section 8). Kernel values are made in blocks, so memory does not grow with their number. Args and Raises
    are as of ``drift``.
    """
    vectors, marks = _pooled(before, after, permutations, seed)
    within, across, everything = np.zeros(marks.shape[1]), np.zeros(marks.shape[1]), 0.0
    for rows, kernel in _kernel_blocks(vectors, _squared_bandwidth(vectors, seed)):
        within += (marks[rows] * (kernel @ marks)).sum(axis=0, dtype=np.float64)  # of the second sample
        sums = kernel.sum(axis=1, dtype=np.float64)
        across += sums @ marks[rows]
        everything += float(sums.sum())
    n, m = len(before), len(after)
    first = everything - 2 * across + within
    return _test(first / (n * (n - 1)) + within / (m * (m - 1)) - 2 * (across - within) / (n * m))


def compare_canaries(then: Vectors, now: Vectors, *, precision: str) -> CanaryComparison:
    """Whether the vectors of fixed texts still come from the same model in the same form.

    "same" is the same to the last bit, as one compiled network gives on one machine. "recompiled" is what another
    processor, library or engine may explain in this precision. "different" is another model, or one that was
    trained further.

    Args:
        then: (N, D) of ``likewise.encoding.contract.CANARIES``, as they were.
        now: (N, D) of the same texts in the same role.
        precision: The contract's; the lesser of two that differ.

    Raises:
        UnknownNameError: No such precision.
        ShapeError: Not (N, D) float32, or of another number of texts.
    """
    if precision not in LEAST_COSINE:
        raise UnknownNameError("precision", precision, LEAST_COSINE)
    for name, vectors in (("canaries then", then), ("canaries now", now)):
        require_vectors(vectors, name)
    if len(then) != len(now):
        raise ShapeError(f"got {len(then)} canaries then and {len(now)} now; expected vectors of the same texts")
    if then.shape != now.shape:
        return CanaryComparison(verdict="different", least_cosine=0.0, greatest_difference=np.inf)
    lengths = np.linalg.norm(then, axis=1) * np.linalg.norm(now, axis=1)
    least = float(((then * now).sum(axis=1) / np.maximum(lengths, 1e-12)).min())
    verdict: Verdict = "recompiled" if least >= LEAST_COSINE[precision] else "different"
    if np.array_equal(then, now):
        verdict = "same"
    return CanaryComparison(verdict=verdict, least_cosine=least, greatest_difference=float(np.abs(then - now).max()))


def _pooled(before: Vectors, after: Vectors, permutations: int, seed: int) -> tuple[Vectors, Marks]:
    """Both samples as one (N + M, D), and which vectors count as of the second: as given, then permuted."""
    require_count("permutations", permutations)
    require_vectors(before, "vectors before")
    require_vectors(after, "vectors after", dimension=before.shape[1])
    for name, sample in (("before", before), ("after", after)):
        if len(sample) < _LEAST:
            raise DataError(
                f"the sample {name} has {len(sample)} vectors; with fewer than {_LEAST} no change can be told"
            )
    marks = np.zeros((len(before) + len(after), permutations + 1), np.float32)
    marks[len(before) :] = 1
    marks[:, 1:] = np.random.default_rng(seed).permuted(marks[:, 1:], axis=0)
    return np.concatenate([before, after]), marks


def _test(values: NDArray[np.float64]) -> TwoSampleTest:
    """The first value, and the share of all that are as great."""
    return TwoSampleTest(value=float(values[0]), p_value=float((values >= values[0]).mean()))


def _squared_bandwidth(vectors: Vectors, seed: int) -> float:
    """The square of the median distance, of some vectors; 1 if they are all the same."""
    some = np.random.default_rng(seed).permutation(len(vectors))[:_SAMPLED]
    squares = _squared_distances(vectors[some], vectors[some])[np.triu_indices(len(some), 1)]
    return float(np.median(squares)) or float(squares.mean()) or 1.0


def _kernel_blocks(vectors: Vectors, squared_bandwidth: float) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Rows, and the kernel of these and all vectors (R, N), where a vector and itself count 0."""
    height = max(1, _BLOCK // len(vectors))
    for start in range(0, len(vectors), height):
        rows = slice(start, min(start + height, len(vectors)))
        kernel = _squared_distances(vectors[rows], vectors)
        kernel /= np.float32(-2 * squared_bandwidth)
        np.exp(kernel, out=kernel)
        # What all have alike cancels out of the discrepancy, and small numbers are added with less rounding.
        kernel -= np.float32(np.exp(-0.5))
        kernel[np.arange(len(kernel)), np.arange(rows.start, rows.stop)] = 0
        yield rows, kernel


def _squared_distances(left: Vectors, right: Vectors) -> NDArray[np.float32]:
    squares = left @ right.T
    squares *= -2
    squares += np.einsum("nd,nd->n", left, left)[:, None]
    squares += np.einsum("nd,nd->n", right, right)
    return np.maximum(squares, 0, out=squares)  # rounding may leave less
