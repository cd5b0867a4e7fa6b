"""Character n-grams as fastText cuts and hashes them, so that words never seen have vectors too.

Source: Bojanowski et al. 2017, arXiv:1607.04606, and the published ``.bin`` files, whose ids these are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError, ShapeError
from likewise.types import Ids, Vectors

END_OF_LINE = "</s>"  # counts as a word in fastText, and has no n-grams
_BEGIN, _END = b"<", b">"
_OFFSET, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # of FNV-1a
_BYTES = 4  # of one character in UTF-8, at most
_BLOCK = 4096  # words averaged at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class FastTextArguments:
    """What a ``.bin`` file says about its training; n-grams and buckets are needed to use it, the rest is history."""

    window: int = 5
    epochs: int = 5
    min_count: int = 5
    negatives: int = 5
    word_ngrams: int = 1  # more than 1 means something in classifiers alone
    loss: Literal["hierarchical", "negative", "softmax"] = "negative"
    model: Literal["cbow", "skipgram"] = "skipgram"
    buckets: int = 2_000_000
    min_n: int = 3  # characters of an n-gram, at least
    max_n: int = 6  # and at most; 0 for no n-grams at all
    lr_update_rate: int = 100
    sampling: float = 1e-4
    tokens: int = 0  # of the corpus

    def __post_init__(self) -> None:
        if self.max_n < 0 or self.min_n < 0 or (self.max_n and not self.buckets > 0):
            raise SettingError(
                f"n-grams of {self.min_n} to {self.max_n} characters in {self.buckets} buckets can't be; "
                f"expected numbers from 0 on, and a bucket at least"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subwords:
    """What fastText adds to the vectors of words. All arrays are float32 and may be memory-mapped."""

    own: Vectors  # (V, D): rows of the words themselves, before those of their n-grams are averaged in
    buckets: Vectors  # (B, D): rows of n-grams, by their hash
    context: Vectors | None = None  # (V, D): the output layer, from which a training may go on
    arguments: FastTextArguments = field(default_factory=FastTextArguments)

    def __post_init__(self) -> None:
        if self.arguments.max_n and len(self.buckets) != self.arguments.buckets:
            raise ShapeError(f"{len(self.buckets)} rows of n-grams were given for {self.arguments.buckets} buckets")


def ngram_ids(words: Sequence[str], *, min_n: int, max_n: int, buckets: int) -> tuple[Ids, Ids]:
    """The buckets of the n-grams of each word, which is put between "<" and ">".

    Args:
        words: N words.
        min_n: Characters of an n-gram, at least. "<" or ">" alone is never one.
        max_n: And at most.
        buckets: How many there are.

    Returns:
        Bucket numbers (I,) in the order of fastText: by word, first character and length; and where those of each
        word start (N + 1,).
    """
    if not words or not max_n:
        return np.empty(0, np.int64), np.zeros(len(words) + 1, np.int64)
    wrapped = [b"" if word == END_OF_LINE else _BEGIN + word.encode() + _END for word in words]
    text = np.frombuffer(b"".join(wrapped), np.uint8)
    firsts = np.flatnonzero((text & 0xC0) != 0x80)  # where characters start
    bounds = np.append(firsts, len(text))
    word_starts = np.cumsum([0, *map(len, wrapped)])
    character_starts = np.searchsorted(firsts, word_starts)  # (N + 1,), counted in characters
    ends = np.repeat(character_starts[1:], np.diff(character_starts))  # of each character's word
    begins = np.repeat(character_starts[:-1], np.diff(character_starts))
    hashes = _hashes(text, bounds, max_n)  # (C, max_n)
    at, lengths = np.arange(len(firsts))[:, None], np.arange(1, max_n + 1)
    fits = (at + lengths <= ends[:, None]) & (lengths >= min_n)  # (C, max_n)
    fits[:, 0] &= (at[:, 0] != begins) & (at[:, 0] + 1 != ends)
    starts = np.append(0, np.cumsum(fits.sum(axis=1)))[character_starts]
    return (hashes[fits] % np.uint32(buckets)).astype(np.int64), starts.astype(np.int64)


def compose(words: Sequence[str], own: Vectors | None, subwords: Subwords) -> Vectors:
    """The vectors of words: the mean of a word's own row, if it has one, and those of its n-grams.

    Args:
        words: N words.
        own: (N, D) float32, for words of the vocabulary; None for words never seen.
        subwords: The rows of n-grams.

    Returns:
        (N, D) float32; zeros for a word without any n-gram or row.
    """
    found = np.zeros((len(words), subwords.own.shape[1]), np.float32)
    for block in _blocks(len(words)):
        found[block] = _composed(words[block], None if own is None else own[block], subwords)
    return found


def _composed(words: Sequence[str], own: Vectors | None, subwords: Subwords) -> Vectors:
    arguments = subwords.arguments
    ids, starts = ngram_ids(words, min_n=arguments.min_n, max_n=arguments.max_n, buckets=arguments.buckets)
    counts = np.diff(starts)
    sums = np.zeros((len(words), subwords.own.shape[1]), np.float32)
    some = counts > 0
    if some.any():
        sums[some] = np.add.reduceat(subwords.buckets[ids], starts[:-1][some], axis=0)
    if own is not None:
        sums, counts = sums + own, counts + 1
    means: Vectors = sums / np.maximum(counts, 1).astype(np.float32)[:, None]
    return means


def _hashes(text: NDArray[np.uint8], bounds: Ids, max_n: int) -> NDArray[np.uint32]:
    """FNV-1a of the 1 to ``max_n`` characters from each on (C, max_n); those over a word's end mean nothing.

    The published code widens bytes as signed numbers, and so do the ids in its files.
    """
    signed = np.append(text.view(np.int8).astype(np.int32).view(np.uint32), np.zeros(_BYTES, np.uint32))
    sizes = np.append(np.diff(bounds), np.ones(max_n, np.int64))
    begins = np.append(bounds, np.full(max_n, len(text)))
    count = len(bounds) - 1
    found = np.empty((count, max_n), np.uint32)
    state = np.full(count, _OFFSET, np.uint32)
    for n in range(max_n):
        at, size = begins[n : n + count], sizes[n : n + count]
        for byte in range(_BYTES):
            state = np.where(byte < size, (state ^ signed[np.minimum(at + byte, len(text))]) * _PRIME, state)
        found[:, n] = state
    return found


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))
