"""Source code by its definitions; functions and classes stay whole where they fit, comments with what follows them."""

import re

import numpy as np
from numpy.typing import NDArray

from likewise.chunking._definitions import Definition, find_definitions
from likewise.chunking._outline import Count, Outline, Region, pairs
from likewise.types import Document

_LINE = re.compile(r"^([ \t]*+)(\S)", re.MULTILINE)
_CLOSERS = frozenset(")]}")
_DEEPEST = 30  # columns of indentation that still make a difference
_WORD = re.compile(r"\w")


def outline(document: Document, *, count: Count, budget: int) -> Outline:
    """A region for each definition of some size; what is small shares one with its neighbours."""
    text = document.text
    definitions = find_definitions(text, document.language)
    grouping = _Grouping(text, count, budget)
    regions = grouping.regions(0, len(text), (), definitions)
    return Outline(regions=regions, cuts=_line_cuts(text), wholes=pairs(sorted(grouping.small)))


class _Grouping:
    """Gathers regions while walking the definitions."""

    def __init__(self, text: str, count: Count, budget: int) -> None:
        self._text, self._count, self._budget = text, count, budget
        self.small: list[tuple[int, int]] = []  # definitions that share a region

    def regions(self, start: int, end: int, path: tuple[str, ...], inner: list[Definition]) -> list[Region]:
        """Regions of text[start:end], which holds the definitions ``inner`` and other statements."""
        found: list[Region] = []
        between: list[Definition] = []  # small ones since the last that got a region of its own
        for definition in inner:
            size = self._count(definition.start, definition.end)
            if size < self._budget // 4:
                between.append(definition)
                continue
            found.append(self._shared(start, definition.start, path, between))
            below = (*path, definition.title)
            if size <= self._budget:
                found.append(Region(definition.start, definition.end, below))
            else:
                found += self.regions(definition.start, definition.end, below, definition.inner)
            start, between = definition.end, []
        found.append(self._shared(start, end, path, between))
        return self._joined([region for region in found if not self._blank(region.start, region.end)], path)

    def _shared(self, start: int, end: int, path: tuple[str, ...], small: list[Definition]) -> Region:
        """A region of statements and small definitions, with the heading of the definition if that is all it holds."""
        self.small += [(definition.start, definition.end) for definition in small]
        alone = len(small) == 1 and self._blank(start, small[0].start) and self._blank(small[0].end, end)
        return Region(start, end, (*path, small[0].title) if alone else path)

    def _blank(self, start: int, end: int) -> bool:
        return not self._text[start:end].strip()

    def _joined(self, regions: list[Region], path: tuple[str, ...]) -> list[Region]:
        """The regions, with those too small to be found alone joined to a neighbour: the next, or the one before."""
        joined: list[Region] = []
        for region in regions:
            before = joined[-1] if joined else None
            if before and (self._tiny(before) or self._tiny(region)) and self._fit(before, region):
                closes = not _WORD.search(self._text, region.start, region.end)  # a bracket changes no heading
                joined[-1] = Region(before.start, region.end, before.heading if closes else path)
            else:
                joined.append(region)
        return joined

    def _tiny(self, region: Region) -> bool:
        return self._count(region.start, region.end) < self._budget // 8

    def _fit(self, before: Region, region: Region) -> bool:
        return self._count(before.start, region.end) <= self._budget


def _line_cuts(text: str) -> NDArray[np.int64]:
    """At line starts, (N, 2): the less indented the stronger, and more so after a blank line; not before a bracket."""
    cuts = []
    end_of_line = -1  # of the last line that is not blank
    for match in _LINE.finditer(text):
        start = match.start()
        columns = len(match[1].expandtabs(4)) if match[1] else 0
        if match[2] not in _CLOSERS:
            blank_before = start > end_of_line + 1
            cuts.append((start, 2 * (_DEEPEST + 1 - min(columns, _DEEPEST)) + blank_before))
        found = text.find("\n", match.end())
        end_of_line = found if found >= 0 else len(text)
    return pairs(cuts)


PLUGIN = outline
