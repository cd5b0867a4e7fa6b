"""Regions to spans that fit the budget: cut at the strongest break in the later half of what fits."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from likewise.chunking._headings import Fitted
from likewise.chunking._measuring import Meter
from likewise.chunking._outline import Outline, Region

CHARS_PER_TOKEN = 16  # a chunk is never longer than this many characters per token of its budget
_NONBLANK = re.compile(r"\S")
_INDENT = 40  # characters of indentation kept at the start of a chunk
_JOINED = 8  # how far a cut steps back to keep a letter and its marks together


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk to be: where it is, and how many tokens it may have."""

    start: int
    end: int
    budget: int
    heading: tuple[str, ...] = ()


def pack(outline: Outline, fitted: Sequence[Fitted], *, meter: Meter, overlap_tokens: int) -> list[Span]:
    """Spans of all regions in order, none of them blank at its ends."""
    packer = _Packer(outline, meter, overlap_tokens)
    return [
        Span(start, end, fit.budget, fit.heading)
        for region, fit in zip(outline.regions, fitted, strict=True)
        for start, end in packer.spans(region, fit.budget)
    ]


class _Packer:
    def __init__(self, outline: Outline, meter: Meter, overlap_tokens: int) -> None:
        self._meter, self._text, self._overlap_tokens = meter, meter.text, overlap_tokens
        self._positions, self._strengths = outline.cuts[:, 0], outline.cuts[:, 1]
        self._whole_starts, self._whole_ends = outline.wholes[:, 0], outline.wholes[:, 1]

    def spans(self, region: Region, budget: int) -> Iterator[tuple[int, int]]:
        end = last_nonblank(self._text, region.start, region.end)
        start = first_nonblank(self._text, region.start, end)
        after = self._letter(start)
        while start < end:
            cut = self._cut(start, end, after=after, budget=budget)
            yield start, last_nonblank(self._text, start, cut)
            if cut >= end:
                return
            # Later cuts lie behind the first character that is in no chunk yet, so that none repeats only what was.
            after = self._letter(cut)
            start = self._following(start, cut, end, budget=budget)

    def _following(self, start: int, cut: int, end: int, *, budget: int) -> int:
        """Where the chunk after ``cut`` starts: there, or before it by no more than the overlap."""
        if self._overlap_tokens:
            tokens = min(self._overlap_tokens, budget // 2)
            low = max(start + 1, cut - budget * CHARS_PER_TOKEN // 4)
            # One token more than fits: bisect for the first position that is near enough.
            while low < cut and self._meter.count(low, cut) > tokens:
                low = self._meter.reach(low, self._meter.count(low, cut) - tokens)
            back = self._strongest(low - 1, cut - 1) or self._blank_after(low, cut)
            if back and min(self._meter.reach(back, budget * 2 // 3), back + budget * CHARS_PER_TOKEN // 2) > cut:
                return first_nonblank(self._text, back, end)
        return first_nonblank(self._text, cut, end)

    def _cut(self, start: int, end: int, *, after: int, budget: int) -> int:
        """Where the chunk that begins at ``start`` ends: after ``after``, and at ``end`` if all of it fits."""
        cap = budget * CHARS_PER_TOKEN
        limit = min(self._meter.reach(start, budget), start + cap)
        if limit >= end:
            return end
        least, most = budget // 2, budget
        rest = self._meter.count(start, min(end, start + 2 * cap))
        if budget < rest <= budget * 3 // 2:  # two more chunks: make neither of them tiny
            least, most = max(rest - budget, rest // 3), min(budget, rest * 2 // 3)
        high = max(min(self._meter.reach(start, most), limit), after + 1)
        low = min(max(self._meter.reach(start, max(least, 1)), after), start + cap // 2, high - 1)
        return self._kept_whole(self._best(start, low, high, after=after), start, limit, after=after, budget=budget)

    def _best(self, start: int, low: int, high: int, *, after: int) -> int:
        first = max(self._letter(start), after)
        low = max(low, first)
        return (
            self._strongest(low, high)
            or blank_before(self._text, low, high)
            or self._strongest(first, low)
            or blank_before(self._text, first, low)
            or between_letters(self._text, first, high)
        )

    def _letter(self, position: int) -> int:
        """The first non-blank character from ``position`` on."""
        found = _NONBLANK.search(self._text, position)
        return found.start() if found else len(self._text)

    def _strongest(self, low: int, high: int) -> int:
        """The last of the strongest cuts in (low, high]; 0 where there is none."""
        first, last = self._positions.searchsorted([low, high], "right")
        if first >= last:
            return 0
        return int(self._positions[last - 1 - int(self._strengths[first:last][::-1].argmax())])

    def _blank_after(self, low: int, high: int) -> int:
        return high - len(parts[1]) if len(parts := self._text[low:high].split(None, 1)) == 2 else 0

    def _kept_whole(self, cut: int, start: int, limit: int, *, after: int, budget: int) -> int:
        """The cut, moved out of a span that is to stay whole and can."""
        row = int(self._whole_starts.searchsorted(cut, "left")) - 1
        if row < 0 or self._whole_ends[row] <= cut:
            return cut
        first, last = int(self._whole_starts[row]), int(self._whole_ends[row])
        if last <= limit:
            return last
        fits = self._meter.count(first, last) <= budget and last - first <= budget * CHARS_PER_TOKEN
        return first if fits and first > max(start, after) else cut


def first_nonblank(text: str, start: int, end: int) -> int:
    """The first non-blank character of text[start:end], or the start of its line if only a little indented."""
    found = _NONBLANK.search(text, start, end)
    if found is None:
        return end
    low = max(start, found.start() - _INDENT)
    line = text.rfind("\n", low, found.start()) + 1
    if line:
        return line
    return low if low == 0 or text[low - 1] == "\n" else found.start()


def last_nonblank(text: str, start: int, end: int) -> int:
    """The end of text[start:end] without the blanks at its end; looks at no more than it drops."""
    while end > start:
        low = max(start, end - 256)
        kept = len(text[low:end].rstrip())
        if kept:
            return low + kept
        end = low
    return start


def blank_before(text: str, low: int, high: int) -> int:
    """The last position in (low, high] beside a blank; 0 where there is none."""
    if low >= high:
        return 0
    if text[high - 1].isspace() or text[high : high + 1].isspace():
        return high
    words = text[low:high].rsplit(None, 1)
    cut = high - len(words[-1])
    return cut if cut > low else 0


def between_letters(text: str, low: int, high: int) -> int:
    """``high``, or a little before it where a letter would lose its marks."""
    for cut in range(high, max(low, high - _JOINED), -1):
        if cut >= len(text) or not _joins(text[cut], text[cut - 1]):
            return cut
    return high


def _joins(letter: str, before: str) -> bool:
    return unicodedata.category(letter)[0] == "M" or "\u200d" in (letter, before)
