"""What vectors were before networks made them: one-hot, TF-IDF, and weighted means of words; see ``information.py``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError, SettingError
from likewise.types import Ids, Vectors
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Vocabulary

_BLOCK = 1 << 16  # entries of a sparse matrix multiplied at a time


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A matrix of which few numbers are not 0, row by row. Columns rise within a row."""

    starts: Ids  # (N + 1,): where the entries of each row begin
    columns: Ids  # (E,)
    values: NDArray[np.float32]  # (E,)
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def dense(self) -> Vectors:
        """All of it (N, width) float32."""
        found = np.zeros((len(self), self.width), np.float32)
        found[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.columns] = self.values
        return found

    def times(self, dense: NDArray[np.float32]) -> NDArray[np.float32]:
        """The product with a matrix (width, D): (N, D) float32."""
        found = np.zeros((len(self), dense.shape[1]), np.float32)
        rows = np.repeat(np.arange(len(self)), np.diff(self.starts))
        for start in range(0, len(self.columns), _BLOCK):
            some = slice(start, start + _BLOCK)
            terms = self.values[some, None] * dense[self.columns[some]]  # (E, D)
            firsts = np.flatnonzero(np.diff(rows[some], prepend=-1))
            found[rows[some][firsts]] += np.add.reduceat(terms, firsts, axis=0)
        return found


def one_hot(words: Sequence[str], places: Mapping[str, int]) -> SparseRows:
    """A row for each word with a 1 at its place, or of zeros for one that has none: all words are equally unlike."""
    known = [places.get(word, -1) for word in words]
    columns = np.array([place for place in known if place >= 0], np.int64)
    starts = np.cumsum([0, *(place >= 0 for place in known)])
    return SparseRows(starts, columns, np.ones(len(columns), np.float32), len(places))


@dataclass(frozen=True, slots=True)
class TfIdf:
    """How rare each word is among documents, and with it the vectors of texts.

    The weight of a word is its count times ln((1 + N) / (1 + n)) + 1, where n of N documents have it, and rows are of
    length 1: scikit-learn's form of Sparck Jones 1972, doi:10.1108/eb026526.
    """

    places: Mapping[str, int]
    rarity: NDArray[np.float64]  # (V,)

    @classmethod
    def of(cls, documents: Iterable[Sequence[str]], vocabulary: Vocabulary) -> "TfIdf":
        """Count in how many documents each word of a vocabulary is."""
        having, count = np.zeros(len(vocabulary), np.int64), 0
        for document in documents:
            having[list({vocabulary.places[word] for word in document if word in vocabulary.places})] += 1
            count += 1
        return cls(vocabulary.places, np.log((1 + count) / (1 + having)) + 1)

    def encode(self, texts: Iterable[Sequence[str]]) -> SparseRows:
        """A row of length 1 for each text; of zeros, if none of its words is known."""
        starts, columns, values = [0], [np.empty(0, np.int64)], [np.empty(0)]
        for text in texts:
            known, counts = np.unique([self.places[word] for word in text if word in self.places], return_counts=True)
            known = known.astype(np.int64)  # an empty list makes numbers with a point
            weights = counts * self.rarity[known]
            columns.append(known)
            values.append(weights / (np.linalg.norm(weights) or 1))
            starts.append(starts[-1] + len(known))
        joined = np.concatenate(values).astype(np.float32)
        return SparseRows(np.array(starts, np.int64), np.concatenate(columns), joined, len(self.places))


@dataclass(frozen=True, slots=True)
class SmoothInverseFrequency:
    """Sentences as means of their words' vectors, rare words weighing more, without what all sentences share.

    Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", algorithm 1.
    """

    vectors: WordVectors
    weights: NDArray[np.float64]  # (V,): a / (a + p(w))
    common: NDArray[np.float32]  # (D,): of length 1

    @classmethod
    def of(
        cls, vectors: WordVectors, sentences: Sequence[Sequence[str]], *, a: float = 1e-3
    ) -> "SmoothInverseFrequency":
        """Find the direction that sentences share.

        Args:
            vectors: With counts, which give p(w).
            sentences: Such as will be encoded.
            a: How fast the weight of frequent words falls.

        Raises:
            SettingError: The vectors have no counts, or ``a`` is not above 0.
            DataError: No sentence has a known word.
        """
        if vectors.counts is None or not a > 0:
            raise SettingError(f"a is {a} and must be above 0, and the vectors must have the counts of their words")
        weights = a / (a + vectors.counts / vectors.counts.sum())
        plain = cls(vectors, weights, np.zeros(vectors.dimension, np.float32))
        means = plain.encode(sentences)
        if not means.any():
            raise DataError(f"none of {len(sentences)} sentences has a word with a vector")
        return cls(vectors, weights, np.linalg.svd(means, full_matrices=False)[2][0].astype(np.float32))

    def encode(self, sentences: Sequence[Sequence[str]]) -> Vectors:
        """A vector for each sentence (N, D) float32; unknown words do not count, and zeros stand for no known word."""
        means = np.zeros((len(sentences), self.vectors.dimension), np.float32)
        for row, sentence in enumerate(sentences):
            known = [self.vectors.places[word] for word in sentence if word in self.vectors]
            if known:
                means[row] = (self.weights[known, None] * self.vectors.vectors[known]).mean(axis=0)
        return means - np.outer(means @ self.common, self.common)
