"""The words of an index by their letters: those that begin in a way, and those that are spelt alike."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Grams: TypeAlias = NDArray[np.uint64]  # each a few letters in one number

_LAST = chr(0x10FFFF)  # sorts after whatever a word may go on with
_LETTER_BITS = np.uint64(21)  # of a code point
_IS_PAIR = np.uint64(1 << 63)  # tells a pair of letters from three


@dataclass(frozen=True, slots=True)
class Word:
    """A stem, the term that stands for it, and how many chunks have it."""

    stem: str
    term: int
    chunks: int


@dataclass(frozen=True, slots=True)
class _Spelt:
    """For each gram the words that have it: those of gram i are ``words[starts[i]:starts[i + 1]]``."""

    grams: Grams  # (G,) ascending
    starts: NDArray[np.int64]  # (G + 1,)
    words: NDArray[np.int32]  # (M,)
    sizes: NDArray[np.int64]  # (V,) grams of each word


class Vocabulary:
    """All words of an index as of one commit.

    Args:
        words: In the order of their stems, each once.
    """

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._stems = [word.stem for word in words]

    def __len__(self) -> int:
        return len(self._words)

    def beginning(self, letters: str) -> list[Word]:
        """Those whose stem begins with ``letters``, the most frequent first, of equals in the order of the alphabet."""
        first, last = bisect_left(self._stems, letters), bisect_left(self._stems, letters + _LAST)
        return sorted(self._words[first:last], key=lambda word: -word.chunks)

    def alike(self, stem: str, *, at_least: float) -> list[tuple[Word, float]]:
        """Those that are spelt like ``stem``, and how much: the likest first, of equals the most frequent.

        By Dice's coefficient, from 0 to 1: twice the grams that two words share, by the grams of both (Angell, Freund
        and Willett 1983). Grams are pairs and triples of neighbouring letters in no order, and a word's first and last
        letters once more beside its end, so that two letters that changed places alter few of them.
        """
        if not self._words:
            return []
        spelt, asked = self._spelt, np.unique(_grams([stem])[0])
        here = np.flatnonzero(np.isin(spelt.grams, asked, assume_unique=True)).tolist()
        found = [spelt.words[spelt.starts[place] : spelt.starts[place + 1]] for place in here]
        if not found:
            return []
        shared = np.bincount(np.concatenate(found), minlength=len(self))
        alikeness = 2 * shared / (spelt.sizes + len(asked))
        chosen = np.flatnonzero(alikeness >= at_least).tolist()
        pairs = [(self._words[place], float(alikeness[place])) for place in chosen]
        return sorted(pairs, key=lambda pair: (-pair[1], -pair[0].chunks))

    @cached_property
    def _spelt(self) -> _Spelt:
        grams, words = _grams(self._stems)
        order = np.argsort(grams, kind="stable")  # a gram's words stay in their order
        grams, words = grams[order], words[order]
        new = np.diff(grams, prepend=~grams[:1]) != 0
        once = new | (np.diff(words, prepend=-1) != 0)
        grams, words, new = grams[once], words[once], new[once]
        firsts = np.flatnonzero(new)
        return _Spelt(grams[firsts], np.append(firsts, len(grams)), words, np.bincount(words, minlength=len(self)))


def _grams(words: Sequence[str]) -> tuple[Grams, NDArray[np.int32]]:
    """All grams of some words (M,), and of which word each is (M,)."""
    letters = np.frombuffer("\0".join(["", *words, ""]).encode("utf-32-le"), "<u4").astype(np.uint64)
    ends = letters == 0
    owners = (np.cumsum(ends) - 1).astype(np.int32)
    within = ~ends[1:-1]  # a triple around an end would have letters of two words
    pairs = _pairs(letters[:-1], letters[1:])
    triples = _triples(*(letters[start : start - 2 or None][within] for start in range(3)))
    return np.concatenate([pairs, triples]), np.concatenate([owners[:-1], owners[:-2][within]])


def _pairs(a: Grams, b: Grams) -> Grams:
    """Two letters of any order as one number."""
    return np.minimum(a, b) << _LETTER_BITS | np.maximum(a, b) | _IS_PAIR


def _triples(a: Grams, b: Grams, c: Grams) -> Grams:
    """Three letters of any order as one number."""
    least, greatest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    middle = a ^ b ^ c ^ least ^ greatest
    return (least << _LETTER_BITS | middle) << _LETTER_BITS | greatest
