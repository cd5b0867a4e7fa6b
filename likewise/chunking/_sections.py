"""Headings to regions, each with the path of headings it stands under."""

import re
from collections.abc import Sequence

from likewise.chunking._outline import Region
from likewise.types import Section

_WORD = re.compile(r"\w")


def section_regions(text: str, sections: Sequence[Section]) -> list[Region]:
    """One region for each section with text of its own; a heading without any goes with the next section."""
    ordered = sorted((s for s in sections if 0 <= s.start < len(text)), key=lambda section: section.start)
    ends = [*(section.start for section in ordered[1:]), len(text)]
    regions: list[Region] = []
    path: list[Section] = []
    start = 0  # of what is in no region yet
    if ordered and text[: ordered[0].start].strip():
        regions.append(Region(0, ordered[0].start))
        start = ordered[0].start
    for section, end in zip(ordered, ends, strict=False):  # without sections there is an end too many
        path = [*(outer for outer in path if outer.level < section.level), section]
        if _has_body(text, section, end):
            regions.append(Region(start, end, _titles(path)))
            start = end
    if start < len(text):
        regions.append(_rest(regions, start, len(text), _titles(path)))
    return regions


def _titles(path: Sequence[Section]) -> tuple[str, ...]:
    return tuple(section.title for section in path if section.title.strip())


def _has_body(text: str, section: Section, end: int) -> bool:
    """Whether a word follows the title; an underline is none."""
    title = text.find(section.title, section.start, end)
    after = title + len(section.title) if title >= 0 else text.find("\n", section.start, end)
    return after >= 0 and _WORD.search(text, after, end) is not None


def _rest(regions: list[Region], start: int, end: int, heading: tuple[str, ...]) -> Region:
    """Headings at the end with nothing below them: they go with the section before."""
    if not regions:
        return Region(start, end, heading)
    before = regions.pop()
    return Region(before.start, end, before.heading)
