"""Make the budget exact: a stretch cut out of its text may have more tokens than it had inside."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from likewise.chunking._measuring import Meter
from likewise.chunking._packing import Span, between_letters, blank_before, first_nonblank, last_nonblank

_BLANKS = frozenset(" \t\n\r")  # blanks to every tokenizer; others are letters to some
_LETTER = re.compile(r"\S")
_BYTES = 4  # no tokenizer makes more tokens of a character of a word than its bytes


def repair(spans: Sequence[Span], *, meter: Meter) -> list[Span]:
    """The same spans, those of them cut further that have too many tokens when tokenised alone.

    Words between spaces have the same tokens wherever they stand, except those at the ends of a text. So most spans
    are settled by arithmetic, some by the words at their ends, and few are tokenised again.
    """
    doubtful: list[int] = []
    tight: list[tuple[int, tuple[int, int]]] = []
    for row, span in enumerate(spans):
        ends = _end_words(meter.text, span)
        if ends is None or not _between_blanks(meter.text, span) or _holds(meter.seams, span):
            doubtful.append(row)
        elif meter.count(span.start, span.end) + _BYTES * (ends[0] - span.start + span.end - ends[1]) > span.budget:
            tight.append((row, ends))
    doubtful += _outgrown(spans, tight, meter)
    repaired = _cut_until_fit([(row, spans[row]) for row in doubtful], meter)
    parts = [part for row, span in enumerate(spans) for part in repaired.get(row, [span])]
    # Parts of overlapping spans may lie in the next span, or it in them.
    kept: list[Span] = []
    for part in sorted(parts, key=lambda part: (part.start, -part.end)):
        if not kept or part.end > kept[-1].end:
            kept.append(part)
    return kept


def _end_words(text: str, span: Span) -> tuple[int, int] | None:
    """Where the first word ends and where the last begins, its space included; None if the two meet."""
    letter = _LETTER.search(text, span.start, span.end)
    first = text.find(" ", letter.start() if letter else span.end, span.end)
    last = text.rfind(" ", span.start, span.end)
    return (first, last) if 0 <= first <= last else None


def _between_blanks(text: str, span: Span) -> bool:
    def clean(position: int) -> bool:
        at_edge = position in (0, len(text))
        return at_edge or text[position] in _BLANKS or text[position - 1] in _BLANKS

    return clean(span.start) and clean(span.end)


def _holds(seams: Sequence[int], span: Span) -> bool:
    return bisect_left(seams, span.end) > bisect_right(seams, span.start)


def _outgrown(spans: Sequence[Span], tight: Sequence[tuple[int, tuple[int, int]]], meter: Meter) -> list[int]:
    """Rows whose end words have so many more tokens when the text ends there that the span no longer fits."""
    words = [
        edge for row, (first, last) in tight for edge in ((spans[row].start, first), (last, spans[row].end))
    ]  # two for each
    found = meter.offsets([meter.text[start:end] for start, end in words]) if words else []
    growth = [len(alone) - meter.count(start, end) for alone, (start, end) in zip(found, words, strict=True)]
    sizes = [meter.count(spans[row].start, spans[row].end) for row, _ in tight]
    return [
        row
        for place, (row, _) in enumerate(tight)
        if sizes[place] + growth[2 * place] + growth[2 * place + 1] > spans[row].budget
    ]


def _cut_until_fit(doubtful: Sequence[tuple[int, Span]], meter: Meter) -> dict[int, list[Span]]:
    """Parts by row: spans are cut in two or more while they have too many tokens; single characters stay."""
    fitting: dict[int, list[Span]] = {row: [] for row, _ in doubtful}
    pending = list(doubtful)
    while pending:
        found = meter.offsets([meter.text[span.start : span.end] for _, span in pending])
        again = []
        for (row, span), tokens in zip(pending, found, strict=True):
            if len(tokens) <= span.budget or span.end - span.start == 1:
                fitting[row].append(span)
            else:
                starts = [span.start + int(start) for start in tokens[:, 0]]
                again += [(row, part) for part in _parts(meter.text, span, starts)]
        pending = again
    return fitting


def _parts(text: str, span: Span, starts: Sequence[int]) -> list[Span]:
    """The span in equal parts of about three quarters of the budget, at blanks where there are some near."""
    number = len(starts) // max(1, span.budget * 3 // 4) + 1
    cuts = [span.start]
    for part in range(1, number):
        wish = starts[len(starts) * part // number]
        cut = blank_before(text, (cuts[-1] + wish) // 2, wish) or between_letters(text, cuts[-1], wish)
        if cuts[-1] < cut < span.end:
            cuts.append(cut)
    if len(cuts) == 1:  # all tokens begin at one place
        cuts.append((span.start + span.end) // 2)
    parts = []
    for low, high in pairwise([*cuts, span.end]):
        first = first_nonblank(text, low, high)
        if first < high:
            parts.append(Span(first, last_nonblank(text, first, high), span.budget, span.heading))
    return parts
