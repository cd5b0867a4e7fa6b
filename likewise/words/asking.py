"""What vectors of words say: nearest words, analogies, and the word that does not belong. All by exact search."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError, SettingError, ShapeError
from likewise.types import Vectors
from likewise.words.vectors import WordVectors

_SCORES = 1 << 22  # held at a time, 16 MB
_EPSILON = 1e-3  # of 3CosMul, as published


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A word, and how well it answers: higher is better."""

    word: str
    score: float


@dataclass(frozen=True, slots=True)
class Analogy:
    """What is to c as b is to a, best first."""

    answers: list[Neighbour]  # the words of the question are left out, as the published scores do
    with_question: list[Neighbour]  # nothing is left out: often the best is b or c, which says little was understood


def similar(vectors: WordVectors, word: str, *, k: int = 10) -> list[Neighbour]:
    """The k words with the greatest cosine to one, which is itself left out.

    Raises:
        UnknownWordError: The word has no vector.
        SettingError: k is below 1.
        DataError: A vector holds NaN or infinity.
    """
    return nearest(vectors, vectors.vector(word)[None], k=k, without=[{word}])[0]


def nearest(
    vectors: WordVectors, queries: Vectors, *, k: int = 10, without: Sequence[Collection[str]] = ()
) -> list[list[Neighbour]]:
    """The k words with the greatest cosine to each of some vectors.

    Args:
        vectors: Among which to look; they are read in blocks, so they may be larger than memory.
        queries: (Q, D) float32, of any length.
        k: How many; fewer come back if there are no more words.
        without: For each query the words to leave out.

    Returns:
        Best first for each query; equal scores in the order of words.

    Raises:
        SettingError: k is below 1.
        ShapeError: Queries are not (Q, D).
        DataError: A vector holds NaN or infinity.
    """
    if queries.ndim != 2 or queries.shape[1] != vectors.dimension:
        raise ShapeError(f"queries have shape {queries.shape}, expected (Q, {vectors.dimension})")
    units = _units(queries, "a query")
    best = _Best(vectors, without, k=k, count=len(queries))
    for start, block in _unit_blocks(vectors, len(queries)):
        best.add(start, units @ block.T)  # (Q, N)
    return best.neighbours()


def analogy(
    vectors: WordVectors, a: str, b: str, c: str, *, k: int = 10, method: Literal["add", "mul"] = "add"
) -> Analogy:
    """The k words that are to c as b is to a: ``analogy(vectors, "man", "king", "woman")``.

    With "add" (3CosAdd; Mikolov et al. 2013, arXiv:1301.3781) a word is worth cos b - cos a + cos c. With "mul"
    (3CosMul; Levy and Goldberg 2014, equation 4) it is cos b * cos c / (cos a + 0.001), with cosines moved to 0 to 1.

    Raises:
        UnknownWordError: One of the words has no vector.
        SettingError: k is below 1, or there is no such method.
        DataError: A vector holds NaN or infinity.
    """
    units = _units(vectors.look_up([a, b, c]), "a word")
    best, every = (_Best(vectors, [out], k=k, count=1) for out in ({a, b, c}, set[str]()))
    for start, block in _unit_blocks(vectors, 3):
        scores = _combined(units @ block.T, method)[None]  # (1, N)
        every.add(start, scores.copy())
        best.add(start, scores)
    return Analogy(best.neighbours()[0], every.neighbours()[0])


def odd_one_out(vectors: WordVectors, words: Sequence[str]) -> list[Neighbour]:
    """Words by how well they fit the others, the one that fits least first: by mean cosine to the others.

    Raises:
        UnknownWordError: One has no vector.
        SettingError: There are fewer than three, or one is there twice.
        DataError: A vector holds NaN or infinity.
    """
    if len(words) < 3 or len(set(words)) < len(words):
        raise SettingError(f"of {', '.join(words) or 'no words'} none can be odd; give at least three different words")
    units = _units(vectors.look_up(words), "a word").astype(np.float64)
    fits = (units @ units.T - np.diag((units**2).sum(axis=1))).sum(axis=1) / (len(words) - 1)
    return [Neighbour(words[row], float(fits[row])) for row in np.argsort(fits, kind="stable")]


def cosine(vectors: WordVectors, first: str, second: str) -> float:
    """How alike two words are, from -1 to 1.

    Raises:
        UnknownWordError: One has no vector.
        DataError: A vector holds NaN or infinity.
    """
    left, right = _units(vectors.look_up([first, second]), "a word").astype(np.float64)
    return float(left @ right)


def answer_questions(vectors: WordVectors, questions: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The best answer to many analogies, by both methods, with and without the words of the question.

    Args:
        vectors: Where to look for answers.
        questions: (Q, 3) rows of the words a, b and c.

    Returns:
        (Q,) rows of the answers under "add", "mul", "add, all words" and "mul, all words".

    Raises:
        DataError: A vector holds NaN or infinity.
    """
    asked, places = np.unique(questions, return_inverse=True)
    places = places.reshape(questions.shape)
    units = _units(vectors.vectors[asked], "a word")
    found = {method: _Answers(questions) for method in ("add", "mul")}
    for start, block in _unit_blocks(vectors, max(len(asked), 1)):
        cosines = units @ block.T  # (W, N)
        tables = {"add": (cosines, cosines), "mul": _logarithms(cosines)}
        for method, (plus, minus) in tables.items():
            step = max(1, _SCORES // len(block))
            for first in range(0, len(questions), step):
                a, b, c = places[first : first + step].T
                found[method].add(first, start, plus[b] + plus[c] - minus[a])
    return {method: answers.rows for method, answers in found.items()} | {
        f"{method}, all words": answers.of_all() for method, answers in found.items()
    }


class _Best:
    """The k best words so far for each query."""

    def __init__(self, vectors: WordVectors, without: Sequence[Collection[str]], *, k: int, count: int) -> None:
        if k < 1:
            raise SettingError(f"k is {k}, expected at least 1")
        self._words, self._k = vectors.words, k
        left_out = [[vectors.places[word] for word in some if word in vectors] for some in without]
        self._left_out = left_out or [[] for _ in range(count)]
        self._rows = [np.empty(0, np.int64) for _ in range(count)]
        self._scores = [np.empty(0, np.float32) for _ in range(count)]

    def add(self, start: int, scores: Vectors) -> None:
        """Take the scores of the rows from ``start`` on (Q, N) into account; they are changed."""
        for query, of_query in enumerate(scores):
            for row in self._left_out[query]:
                if start <= row < start + len(of_query):
                    of_query[row - start] = -np.inf
            least = np.partition(of_query, -self._k)[-self._k] if self._k < len(of_query) else -np.inf
            close = np.flatnonzero((of_query >= least) & (of_query > -np.inf))
            rows = np.append(self._rows[query], close + start)
            both = np.append(self._scores[query], of_query[close])
            order = np.argsort(-both, kind="stable")[: self._k]  # rows rise among equals, so ties go to the lower
            self._rows[query], self._scores[query] = rows[order], both[order]

    def neighbours(self) -> list[list[Neighbour]]:
        return [
            [Neighbour(self._words[row], score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]
            for rows, scores in zip(self._rows, self._scores, strict=True)
        ]


class _Answers:
    """The best answer so far to each question, and what its own words are worth."""

    def __init__(self, questions: NDArray[np.int64]) -> None:
        self._questions = questions
        self.rows = np.full(len(questions), -1, np.int64)
        self._scores = np.full(len(questions), -np.inf, np.float32)
        self._own = np.full(questions.shape, -np.inf, np.float32)

    def add(self, first: int, start: int, scores: Vectors) -> None:
        """Take into account what the words from row ``start`` on are worth for the questions from ``first`` on."""
        some = slice(first, first + len(scores))
        here = self._questions[some] - start  # (B, 3)
        at, column = np.nonzero((here >= 0) & (here < scores.shape[1]))
        self._own[some][at, column] = scores[at, here[at, column]]
        scores[at, here[at, column]] = -np.inf
        best = scores.argmax(axis=1)
        worth = scores[np.arange(len(scores)), best]
        better = worth > self._scores[some]
        self.rows[some] = np.where(better, best + start, self.rows[some])
        self._scores[some] = np.where(better, worth, self._scores[some])

    def of_all(self) -> NDArray[np.int64]:
        """The answers if the questions' own words count too; ties go to the more frequent word."""
        rows = np.column_stack([self._questions, self.rows])  # (Q, 4)
        scores = np.column_stack([self._own, self._scores])
        return np.where(scores == scores.max(axis=1, keepdims=True), rows, np.iinfo(np.int64).max).min(axis=1)


def _combined(cosines: Vectors, method: str) -> Vectors:
    """What words are worth by their cosines to a, b and c (3, N)."""
    if method == "add":
        return cosines[1] - cosines[0] + cosines[2]
    if method != "mul":
        raise SettingError(f"no method {method!r} of analogies; expected 'add' or 'mul'")
    moved = (cosines + 1) / 2
    worth: Vectors = moved[1] * moved[2] / (moved[0] + np.float32(_EPSILON))
    return worth


def _logarithms(cosines: Vectors) -> tuple[Vectors, Vectors]:
    """Of cosines as 3CosMul has them: of what is multiplied, and of what is divided by."""
    moved = np.maximum((cosines + 1) / 2, np.float32(1e-12))
    return np.log(moved), np.log(moved + np.float32(_EPSILON))


def _unit_blocks(vectors: WordVectors, queries: int) -> Iterator[tuple[int, Vectors]]:
    """Some rows at a time as vectors of length 1 (N, D), and where they start."""
    step = max(1, min(_SCORES // max(queries, vectors.dimension), 1 << 14))
    for start in range(0, len(vectors), step):
        yield (
            start,
            _units(vectors.vectors[start : start + step], "the file", words=vectors.words[start : start + step]),
        )


def _units(rows: Vectors, what: str, *, words: Sequence[str] = ()) -> Vectors:
    """Rows of length 1; zeros stay zeros, and so are alike to nothing."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        wrong = int(np.flatnonzero(~np.isfinite(lengths[:, 0]))[0])
        name = f"the vector of {words[wrong]!r}" if words else f"{what}'s vector"
        raise DataError(f"{name} holds NaN or infinity, or numbers too great to square; train or download it again")
    return np.divide(rows, np.where(lengths > 0, lengths, 1), dtype=np.float32)
