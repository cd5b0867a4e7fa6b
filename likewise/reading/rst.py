"""reStructuredText, its titles as sections."""

from collections.abc import Iterator
from string import punctuation

from likewise.reading._formats import Content, Format
from likewise.types import Document, Section

EXTENSIONS = (".rst", ".rest")


def _parse(content: Content) -> Iterator[Document]:
    text = content.text()
    yield content.document(text, sections=list(_sections(text)))


def _sections(text: str) -> Iterator[Section]:
    """Titles: lines with a line of one punctuation mark below, and perhaps one above.

    The levels are those of docutils: each new style (mark, with or without overline) lies one below those before.
    """
    lines = text.split("\n")
    styles: list[tuple[str, bool]] = []
    start = 0  # offset of the line at ``n``
    for n, title in enumerate(lines):
        mark = _adornment(lines, n + 1, len(title.rstrip()))
        before = lines[n - 1].strip() if n else ""
        over = bool(mark) and mark == _adornment(lines, n - 1, len(title.rstrip()))
        if mark and title.strip() and not _adornment(lines, n, 1) and (over or not before):
            style = (mark, over)
            if style not in styles:
                styles.append(style)
            yield Section(start, styles.index(style) + 1, title.strip())
        start += len(title) + 1


def _adornment(lines: list[str], n: int, width: int) -> str:
    """The mark that line ``n`` consists of, if it is at least ``width`` long, else ""."""
    line = lines[n].rstrip() if 0 <= n < len(lines) else ""
    is_one = bool(line) and line[0] in punctuation and line == line[0] * len(line)
    return line[0] if is_one and len(line) >= max(width, 1) else ""


PLUGIN = Format(EXTENSIONS, _parse)
