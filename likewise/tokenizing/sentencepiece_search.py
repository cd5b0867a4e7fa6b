"""The likeliest pieces of a text in SentencePiece's own arithmetic (Kudo 2018, section 3.2; Viterbi 1967).

Where a pattern repeats, the same pieces in another order are as likely: which order SentencePiece takes follows from
the rounding of its 32-bit sums. The library adds in 64 bits, so such texts are searched here, with the same rounding.
"""

import re
import struct
from collections.abc import Mapping, Sequence

_SINGLE = struct.Struct("f")
_PENALTY = 10.0  # below the worst piece, for a character that is no piece
_REPEATS = re.compile(r"(.)\1\1|(.)(.{1,7}?)\2\3\2", re.DOTALL)  # aaa, and abab followed by the first again


def may_tie(text: str) -> bool:
    """Whether several orders of the same pieces can spell this text: only where a pattern repeats."""
    return _REPEATS.search(text) is not None


class UnigramSearch:
    """Finds the likeliest pieces.

    Args:
        scores: Place and score of every piece that texts are made of.
        unknown: The place of the unknown piece.
        worst: The lowest score of a normal piece.
    """

    def __init__(self, scores: Mapping[str, tuple[int, float]], *, unknown: int, worst: float) -> None:
        self._scores = {piece: (place, _rounded(score)) for piece, (place, score) in scores.items()}
        self._unknown = unknown
        self._unknown_score = _rounded(worst - _PENALTY)
        lengths: dict[str, set[int]] = {}
        for piece in scores:
            lengths.setdefault(piece[0], set()).add(len(piece))
        self._lengths = {first: sorted(found) for first, found in lengths.items()}

    def search(self, text: str) -> list[tuple[int, int, int]]:
        """Place, start and end of each piece; characters that are unknown side by side are one."""
        size = len(text)
        best, starts, places = [0.0] * (size + 1), [-1] * (size + 1), [-1] * (size + 1)
        for start in range(size):
            till_here = best[start]
            reached: list[tuple[int, int, float]] = []
            for length in self._lengths.get(text[start], ()):
                found = self._scores.get(text[start : start + length]) if start + length <= size else None
                if found:
                    reached.append((start + length, found[0], _rounded(found[1] + till_here)))
            if not reached or reached[0][0] != start + 1:
                reached.insert(0, (start + 1, self._unknown, _rounded(self._unknown_score + till_here)))
            for end, place, score in reached:
                if starts[end] < 0 or score > best[end]:
                    best[end], starts[end], places[end] = score, start, place
        return self._walked(starts, places)

    def _walked(self, starts: Sequence[int], places: Sequence[int]) -> list[tuple[int, int, int]]:
        found: list[tuple[int, int, int]] = []
        end = len(starts) - 1
        while end > 0:
            if found and places[end] == self._unknown == found[-1][0]:
                found[-1] = (self._unknown, starts[end], found[-1][2])
            else:
                found.append((places[end], starts[end], end))
            end = starts[end]
        return found[::-1]


def _rounded(score: float) -> float:
    """The nearest 32-bit number."""
    return _SINGLE.unpack(_SINGLE.pack(score))[0]
