"""What the kernels look up: chances, noise, codes, rows and the logistic function, as plain arrays."""

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids
from likewise.words.vocabulary import Vocabulary

REACH, STEPS = 8, 2048  # the logistic function is tabled from -REACH to REACH; beyond, it is taken as at the end
_NOISE_POWER = 0.75  # of counts, for negative samples (Mikolov et al. 2013, arXiv:1310.4546)
_WHOLE = float(2**32)  # chances are compared with 32 random bits


class Tables(NamedTuple):
    """Arrays by word, and what else does not change in training."""

    keep: NDArray[np.uint32]  # (V,): a word is left out if 32 random bits are more
    noise: NDArray[np.uint32]  # (V, 2): of a drawn place its threshold, and the alias taken if 32 random bits are more
    ways: NDArray[np.int32]  # (P, 2): inner nodes of the Huffman tree above each word, and the turns there, 1 for left
    paths: Ids  # (V + 1,): where the way to each word starts; there are no ways with negative samples
    rows: NDArray[np.int32]  # (R,): the input rows of each word, one or those of its n-grams too
    spans: Ids  # (V + 1,): where the rows of each word start
    curve: NDArray[np.float32]  # (STEPS, 2): the logistic function, and -ln of it


def tables(
    vocabulary: Vocabulary, *, subsampling: float, hierarchical: bool, rows: tuple[Ids, Ids] | None = None
) -> Tables:
    """The tables of a vocabulary.

    Args:
        vocabulary: Of the corpus.
        subsampling: See ``Vocabulary.keeping``.
        hierarchical: Whether outputs are the nodes of a Huffman tree, not words.
        rows: Input rows of each word and where they start; by default a word's place.
    """
    count = len(vocabulary)
    threshold, alias = alias_table(vocabulary.counts.astype(np.float64) ** _NOISE_POWER)
    ways, paths = huffman(vocabulary.counts) if hierarchical else _no_tree(count)
    ids, spans = (np.arange(count), np.arange(count + 1)) if rows is None else rows
    middles = (np.arange(STEPS) + 0.5) * (2 * REACH / STEPS) - REACH
    return Tables(
        keep=_bits(vocabulary.keeping(subsampling)),
        noise=np.column_stack([threshold, alias.astype(np.uint32)]),
        ways=ways,
        paths=paths,
        rows=ids.astype(np.int32),
        spans=spans.astype(np.int64),
        curve=np.column_stack([1 / (1 + np.exp(-middles)), np.log1p(np.exp(-middles))]).astype(np.float32),
    )


def alias_table(weights: NDArray[np.float64]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Thresholds and aliases with which two random numbers draw a place by weight (Vose 1991)."""
    shares = (weights * (len(weights) / weights.sum())).tolist()
    threshold, alias = np.ones(len(shares)), np.arange(len(shares), dtype=np.int32)
    short = [place for place, share in enumerate(shares) if share < 1]
    long = [place for place, share in enumerate(shares) if share >= 1]
    while short and long:
        place, donor = short.pop(), long[-1]
        threshold[place], alias[place] = shares[place], donor
        shares[donor] -= 1 - shares[place]
        if shares[donor] < 1:
            short.append(long.pop())
    return _bits(threshold), alias


def huffman(counts: Ids) -> tuple[NDArray[np.int32], Ids]:
    """The way to each word in the Huffman tree of the counts: nodes from the root with turns, and where each starts."""
    count = len(counts)
    heap = [(int(one), place) for place, one in enumerate(counts)]
    heapq.heapify(heap)
    above = np.zeros(2 * count - 1, np.int64)
    left = np.zeros(2 * count - 1, np.int32)
    for node in range(count, 2 * count - 1):
        (fewer, one), (more, other) = heapq.heappop(heap), heapq.heappop(heap)
        above[one] = above[other] = node
        left[other] = 1
        heapq.heappush(heap, (fewer + more, node))
    root = 2 * count - 2
    ways: list[tuple[int, int]] = []
    starts = [0]
    for word in range(count):
        way = [word]
        while way[-1] != root:
            way.append(int(above[way[-1]]))
        ways.extend((above[node] - count, left[node]) for node in way[-2::-1])
        starts.append(len(ways))
    return np.array(ways, np.int32), np.array(starts, np.int64)


def _no_tree(count: int) -> tuple[NDArray[np.int32], Ids]:
    return np.zeros((0, 2), np.int32), np.zeros(count + 1, np.int64)


def _bits(chances: NDArray[np.float64]) -> NDArray[np.uint32]:
    return np.minimum(chances * _WHOLE, _WHOLE - 1).astype(np.uint32)
