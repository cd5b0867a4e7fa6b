"""Scans: a look at every code, of which each is a 32nd of its vector.

Signs are compared by counting those that differ. Product codes (Jégou, Douze and Schmid 2011, "Product quantization for
nearest neighbor search") name, for each eight dimensions, the nearest of 256 points; a query's products with all
points are computed once, and a row's score is a sum of those.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids, Vectors

CODES, POINTS = "codes.npy", "points.npy"
_DIMENSIONS, _POINTS = 8, 256  # of a part, and for a part
_SAMPLE, _ROUNDS = 10_000, 10  # rows that the points are fitted to, and how often
_BLOCK = 16_384  # rows coded at a time
_ONES = np.array([byte.bit_count() for byte in range(256)], np.uint8)  # for numpy before 2.0


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of N vectors, 64 to a word; a word's column is contiguous, as a scan goes along it."""

    words: NDArray[np.uint64]  # (W, N)
    dimension: int

    def add(self, _rows: Ids, /) -> None:
        """Nothing: all rows are coded when it is made, and one row more or less changes nothing for the others."""

    def propose(self, query: Vectors, effort: int) -> Ids:
        asked = _sign_words(query[None, : self.dimension])[:, 0]  # (W,)
        differing = np.zeros(self.words.shape[1], np.uint16)
        for word, column in zip(asked, self.words, strict=True):
            differing += _count_ones(column ^ word)
        return _fewest(differing, effort)

    def write(self, folder: Path) -> None:
        np.save(folder / CODES, self.words)
        np.save(folder / POINTS, np.array([self.dimension]))


@dataclass(frozen=True, slots=True)
class Product:
    """N vectors as the numbers of the points that they are nearest to, in each of P parts."""

    codes: NDArray[np.uint8]  # (P, N)
    points: Vectors  # (P, 256, 8); dimensions that there are not are 0

    def add(self, _rows: Ids, /) -> None:
        """Nothing, as for Signs; the points are fitted to a sample, in which a single row weighs little."""

    def propose(self, query: Vectors, effort: int) -> Ids:
        products = np.einsum("pcd,pd->pc", self.points, _parts(query[None])[0])  # (P, 256)
        scores = np.zeros(self.codes.shape[1], np.float32)
        for part, codes in zip(products, self.codes, strict=True):
            scores += part.take(codes)
        return _least(-scores, effort)

    def write(self, folder: Path) -> None:
        np.save(folder / CODES, self.codes)
        np.save(folder / POINTS, self.points)


def fit_signs(vectors: Vectors) -> Signs:
    """The signs of vectors (N, D)."""
    blocks = [_sign_words(vectors[start : start + _BLOCK]) for start in range(0, len(vectors), _BLOCK)]
    return Signs(np.concatenate(blocks, axis=1), vectors.shape[1])


def fit_product(vectors: Vectors) -> Product:
    """Points fitted to a sample of vectors (N, D) by k-means, and the codes of all."""
    chance = np.random.default_rng(0)
    sample = chance.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False)
    parts = _parts(vectors[np.sort(sample)]).swapaxes(0, 1)  # (P, S, 8)
    points = np.stack([_fit_points(part, chance) for part in parts])
    codes = np.empty((len(points), len(vectors)), np.uint8)
    for start in range(0, len(vectors), _BLOCK):
        block = _parts(vectors[start : start + _BLOCK]).swapaxes(0, 1)
        codes[:, start : start + _BLOCK] = [_nearest(part, own) for part, own in zip(block, points, strict=True)]
    return Product(codes, points)


def read_signs(folder: Path) -> Signs:
    return Signs(_mapped(folder / CODES), int(np.load(folder / POINTS)[0]))


def read_product(folder: Path) -> Product:
    return Product(_mapped(folder / CODES), np.load(folder / POINTS))


def _mapped(path: Path) -> NDArray[Any]:
    return np.asarray(np.load(path, mmap_mode="r"))


def _sign_words(vectors: Vectors) -> NDArray[np.uint64]:
    """(W, N): unused bits at the end are 0 in every row."""
    packed = np.packbits(vectors > 0, axis=1)
    filled = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    filled[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(filled.view(np.uint64).T)


def _count_ones(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(words)
    return _ONES[words.view(np.uint8).reshape(len(words), -1)].sum(axis=1, dtype=np.uint8)


def _parts(vectors: Vectors) -> Vectors:
    """(N, P, 8), with zeros at the end if 8 does not divide the width."""
    count = -(-vectors.shape[1] // _DIMENSIONS)
    filled = np.zeros((len(vectors), count * _DIMENSIONS), np.float32)
    filled[:, : vectors.shape[1]] = vectors
    return filled.reshape(len(vectors), count, _DIMENSIONS)


def _fit_points(part: Vectors, chance: np.random.Generator) -> Vectors:
    """256 points (256, 8) for one part (S, 8) of a sample, by Lloyd's rounds; a point that none is nearest to stays."""
    points = part[chance.choice(len(part), _POINTS, replace=len(part) < _POINTS)].copy()
    for _ in range(_ROUNDS):
        nearest = _nearest(part, points)
        counts = np.bincount(nearest, minlength=_POINTS)
        sums = np.stack([np.bincount(nearest, column, minlength=_POINTS) for column in part.T], axis=1)
        points[counts > 0] = (sums[counts > 0] / counts[counts > 0, None]).astype(np.float32)
    return points


def _nearest(part: Vectors, points: Vectors) -> NDArray[np.uint8]:
    """Of rows (N, 8), the number of the point that is least far, by |p|² - 2 r·p."""
    return ((points**2).sum(axis=1) - 2 * (part @ points.T)).argmin(axis=1).astype(np.uint8)


def _fewest(differing: NDArray[np.uint16], count: int) -> Ids:
    """As ``_least``; numbers that are as small are counted sooner than they are parted."""
    reached = np.cumsum(np.bincount(differing))
    most = reached.searchsorted(min(count, len(differing)))
    places = np.flatnonzero(differing <= most)
    return places[np.argsort(differing[places], kind="stable")[:count]]


def _least(values: NDArray[np.generic], count: int) -> Ids:
    """Places of the ``count`` least values, ascending by them; equal ones in order of place."""
    places = np.argpartition(values, count - 1)[:count] if count < len(values) else np.arange(len(values))
    places.sort()
    return places[np.argsort(values[places], kind="stable")]
