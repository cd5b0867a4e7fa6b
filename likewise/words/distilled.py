"""The arithmetic of static sentence vectors: fewer dimensions, weights by rank, and rows fitted to whole sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError, SettingError

Matrix = NDArray[np.float32]
TokenIds = NDArray[np.int64]
_PIECE = 8192  # rows that are added up together
_FIRST_RANK = 2  # the most frequent token would be half of all text if ranks began at 1


@dataclass(frozen=True, slots=True)
class Axes:
    """The directions in which vectors differ most."""

    mean: Matrix  # (D,)
    axes: Matrix  # (D, d), orthonormal, the direction of most variance first
    variances: Matrix  # (d,)

    def apply(self, vectors: Matrix) -> Matrix:
        """Vectors (N, D) from their mean, along the axes: (N, d)."""
        turned: Matrix = np.matmul(vectors - self.mean, self.axes)
        return turned


def principal_axes(vectors: Matrix, dimension: int) -> Axes:
    """Principal component analysis (Pearson 1901; Hotelling 1933) by the eigenvectors of the covariance.

    Args:
        vectors: (N, D).
        dimension: How many axes; at most D.

    Raises:
        SettingError: There are not so many.
    """
    if not 1 <= dimension <= vectors.shape[1]:
        raise SettingError(f"dimension is {dimension}; vectors of {vectors.shape[1]} have 1 to {vectors.shape[1]}")
    mean: Matrix = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    covariance = (centred.T @ centred).astype(np.float64) / max(len(vectors), 1)
    variances, axes = np.linalg.eigh(covariance)  # least first
    chosen = axes[:, ::-1][:, :dimension]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(dimension)])  # or each machine would choose its own
    found = np.maximum(variances[::-1][:dimension], 0)
    return Axes(mean, (chosen * signs).astype(np.float32), found.astype(np.float32))


def zipf_weights(tokens: int, *, smoothing: float) -> Matrix:
    """What each token weighs (V,), for a vocabulary that is sorted by frequency.

    Smooth inverse frequency, a / (a + p) (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline", equation 3),
    with p by Zipf's law from the rank alone, as model2vec has it.

    Args:
        tokens: V.
        smoothing: a; the smaller, the less frequent tokens weigh.

    Raises:
        SettingError: ``smoothing`` is not above 0.
    """
    if not smoothing > 0:
        raise SettingError(f"smoothing is {smoothing}; expected a number above 0, such as 1e-4")
    shares = 1 / np.arange(_FIRST_RANK, tokens + _FIRST_RANK, dtype=np.float64)
    shares /= shares.sum()
    return (smoothing / (smoothing + shares)).astype(np.float32)


class Incidence:
    """Which tokens are in which texts, for sums over either. As a matrix (N, V) it has 1/T for each token of T.

    Args:
        texts: Ids (T,) of each.
        tokens: V.
    """

    def __init__(self, texts: Sequence[TokenIds], tokens: int) -> None:
        lengths = np.array([len(one) for one in texts], np.int64)
        ids = np.concatenate([np.empty(0, np.int64), *texts])
        shares = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
        order = np.argsort(ids, kind="stable")
        counts = np.bincount(ids, minlength=tokens)
        self._by_text = (_starts(lengths), ids, shares)
        self._by_token = (_starts(counts), np.repeat(np.arange(len(texts)), lengths)[order], shares[order])
        self.squares = np.bincount(ids, weights=shares.astype(np.float64) ** 2, minlength=tokens).astype(np.float32)
        """(V,): each token's squared shares, summed. The matrix's own, squared, are more where a token is repeated."""

    def means(self, rows: Matrix) -> Matrix:
        """The matrix times rows (V, D): the average of each text (N, D)."""
        return _sums(*self._by_text, rows)

    def spread(self, vectors: Matrix) -> Matrix:
        """The transposed matrix times vectors (N, D): what each token gets of its texts (V, D)."""
        return _sums(*self._by_token, vectors)


def fit_rows(
    texts: Incidence,
    targets: Matrix,
    prior: Matrix,
    *,
    ridge: float,
    rounds: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Matrix:
    """Rows whose averages over the tokens of a text come close to what the text should have.

    It minimises ‖A·R - Y‖² + ridge·‖R - P‖² over the rows R by conjugate gradients on the normal equations,
    preconditioned by their diagonal (Hestenes and Stiefel 1952), for all columns at once. A token that is in no text
    keeps its prior.

    Args:
        texts: A, (N, V).
        targets: Y, (N, D).
        prior: P, (V, D): rows to begin with and to stay near to.
        ridge: The greater, the nearer. A token's row moves far if the squares of its shares in texts sum to more.
        rounds: Of conjugate gradients.
        progress: Told the rounds done, and of how many.

    Returns:
        (V, D) float32.

    Raises:
        DataError: The rounds ended in something that is no number.
    """
    scale: Matrix = (texts.squares + np.float32(ridge))[:, None]
    moved = np.zeros_like(prior)
    left = texts.spread(targets - texts.means(prior))
    along: Matrix = left / scale
    power = _dots(left, along)
    for done in range(rounds):
        progress(done, rounds)
        onto = texts.spread(texts.means(along)) + np.float32(ridge) * along
        step = _ratio(power, _dots(along, onto))
        moved += step * along
        left -= step * onto
        nearer: Matrix = left / scale
        rest = _dots(left, nearer)
        along = nearer + _ratio(rest, power) * along
        power = rest
    progress(rounds, rounds)
    if not np.isfinite(moved).all():
        raise DataError("the fit to sentences gave no finite numbers: the vectors of the texts must all be finite")
    return prior + moved


def _starts(counts: NDArray[np.int64]) -> list[int]:
    """Where each of several runs begins, and at last where all end."""
    found: list[int] = np.concatenate([[0], np.cumsum(counts)]).tolist()
    return found


def _sums(starts: list[int], places: NDArray[np.int64], shares: Matrix, rows: Matrix) -> Matrix:
    """For each run of places, the sum of their rows times their shares."""
    found = np.zeros((len(starts) - 1, rows.shape[1]), np.float32)
    for i, end in enumerate(starts[1:]):
        for start in range(starts[i], end, _PIECE):
            some = slice(start, min(start + _PIECE, end))
            found[i] += np.dot(shares[some], rows.take(places[some], axis=0))
    return found


def _dots(left: Matrix, right: Matrix) -> NDArray[np.float64]:
    """The dot product of each column with its like (D,)."""
    found: NDArray[np.float64] = np.einsum("vd,vd->d", left, right, dtype=np.float64)
    return found


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> Matrix:
    """Their ratio by column; 0 where a column has nothing left to fit."""
    return (over / np.maximum(under, np.finfo(np.float64).tiny)).astype(np.float32)
