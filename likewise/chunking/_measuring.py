"""Where the tokens of a document lie, found in one pass over it."""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK = re.compile(r"(?<=\S)[ \t\n\r]")
_BLOCK = 8_192  # characters: longer inputs slow tokenizers down
_STRETCH = 4_096  # how far to look for a blank to end a block at
_BATCH = 64  # blocks per call, so that memory does not grow with the document


class TokenOffsets(Protocol):
    """The encoder's tokenizer, as far as chunking needs it."""

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """For each text the spans [start, end) of its tokens in characters, (T, 2), without special tokens."""
        ...


def readable(text: str) -> str:
    """The text with what is no character (lone surrogates) replaced one for one, so that spans stay."""
    return _SURROGATE.sub("\ufffd", text)


class Meter:
    """Counts the tokens of any stretch of one text; tokenises it on first use."""

    def __init__(self, text: str, offsets: TokenOffsets) -> None:
        self.text, self.offsets = text, offsets

    @cached_property
    def _blocks(self) -> tuple[list[int], list[int]]:
        return _blocks(self.text)

    @cached_property
    def _tokens(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        bounds, found = self._blocks[0], [np.empty((0, 2), dtype=np.int64)]
        for first in range(0, len(bounds) - 1, _BATCH):
            edges = bounds[first : first + _BATCH + 1]
            texts = [self.text[a:b] for a, b in pairwise(edges)]
            found += [spans + start for spans, start in zip(self.offsets(texts), edges, strict=False)]
        spans = np.concatenate(found)  # (T, 2)
        # Normalisers may reorder marks; bisection needs both columns ascending.
        return np.maximum.accumulate(spans[:, 0]), np.maximum.accumulate(spans[:, 1])

    @property
    def seams(self) -> list[int]:
        """Where a block had to end inside a word, so that the tokens beside it may be others than in the whole."""
        return self._blocks[1]

    def count(self, start: int, end: int) -> int:
        """Tokens that reach into text[start:end]."""
        starts, ends = self._tokens
        return max(0, int(starts.searchsorted(end, "left") - ends.searchsorted(start, "right")))

    def reach(self, start: int, tokens: int) -> int:
        """How far ``tokens`` tokens go from ``start``: where the next one begins, at least one character on."""
        starts, ends = self._tokens
        following = int(ends.searchsorted(start, "right")) + tokens
        return max(int(starts[following]), start + 1) if following < len(starts) else len(self.text)


def _blocks(text: str) -> tuple[list[int], list[int]]:
    """Bounds of blocks that end before a blank, and those of them that could not."""
    bounds, seams = [0], []
    while bounds[-1] + _BLOCK + _STRETCH < len(text):
        target = bounds[-1] + _BLOCK
        blank = _BLANK.search(text, target, target + _STRETCH)
        if blank is None:
            seams.append(target)
        bounds.append(blank.start() if blank else target)
    return [*bounds, len(text)], seams
