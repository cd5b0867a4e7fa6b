"""The blocks of Markdown that matter for cutting it, found line by line: each line is looked at once.

A full parser builds a tree of everything; here only headings, fences, tables and lists count.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from likewise.chunking._outline import Break
from likewise.types import Section

_ATX = re.compile(r"(#{1,6})(?:[ \t]|$)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_INTERRUPTS = re.compile(r"(?:[-*+]|1[.)])[ \t]++\S")  # what begins a list without a blank line before it
_RULER = re.compile(r"(?:\*[ \t]*+){3,}$|(?:-[ \t]*+){3,}$|(?:_[ \t]*+){3,}$")
_DELIMITER = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?$")
_LINE_END = re.compile(r"\n")
_HTML_ENDS = {"<!--": "-->", "<pre": "</pre>", "<script": "</script>", "<style": "</style>"}
_INDENTED = 4  # columns that make a line code
_MOST_TITLE_CHARS = 1_000
_MOST_FRONT_MATTER = 200  # lines


class Line(NamedTuple):
    start: int
    end: int
    indent: int
    body: str  # without the blanks around it


@dataclass
class Blocks:
    """What was found; spans are [start, end), in order."""

    sections: list[Section] = field(default_factory=list)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    tables: list[tuple[int, int]] = field(default_factory=list)
    lists: list[tuple[int, int]] = field(default_factory=list)


def find_blocks(text: str) -> Blocks:
    lines = _lines(text)
    scanner = _Scanner()
    for line in lines[_front_matter(lines) :]:
        scanner.take(line)
    scanner.finish(len(text))
    return scanner.found


def _lines(text: str) -> list[Line]:
    bounds = [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    lines = []
    for start, end in pairwise(bounds):
        row = text[start:end]
        body = row.strip()
        indent = len(row[: row.find(body)].expandtabs(4)) if body and row[0] in " \t" else 0
        lines.append(Line(start, end, indent, body))
    return lines


def _front_matter(lines: list[Line]) -> int:
    """How many lines of settings between two rulers the text begins with: what they hold is no heading."""
    if lines[0].body != "---" or not lines[1:] or not lines[1].body:
        return 0
    closing = (row for row, line in enumerate(lines[1:_MOST_FRONT_MATTER], 2) if line.body in ("---", "..."))
    return next(closing, 0)


def _fence(line: Line) -> str:
    """The mark that opens fenced code, if the line does."""
    if line.indent >= _INDENTED or not line.body.startswith(("```", "~~~")):
        return ""
    rest = line.body.lstrip(line.body[0])
    return "" if line.body[0] == "`" and "`" in rest else line.body[: len(line.body) - len(rest)]


class _Scanner:
    """State while the lines of one text pass by."""

    def __init__(self) -> None:
        self.found = Blocks()
        self._block = ""  # "", "paragraph", "quote", "code", "list", "table", "fence", "html"
        self._start = 0  # of the block
        self._lines: list[Line] = []  # of an open paragraph
        self._closing = ""  # what ends the fence or the HTML block
        self._after_blank = True
        self._content = 0  # columns that a line needs to be in the list after a blank one
        self._lazy = False  # whether a line without ">" goes on with a quotation

    def take(self, line: Line) -> None:
        if self._block in ("fence", "html"):
            self._inside(line)
        elif not line.body:
            self._blank(line)
        else:
            self._text(line)
            self._after_blank = False

    def finish(self, end: int) -> None:
        self._close(end)

    def _inside(self, line: Line) -> None:
        if self._block == "fence":
            mark = self._closing
            closed = line.indent < _INDENTED and line.body.startswith(mark) and not line.body.strip(mark[0])
        else:
            closed = self._closing in line.body.lower()
        if closed:
            self._close(line.end)

    def _blank(self, line: Line) -> None:
        self._after_blank = True
        if self._block in ("paragraph", "quote", "table"):
            self._close(line.start)

    def _text(self, line: Line) -> None:
        if self._block == "list" and not self._in_this_list(line):
            self._close(line.start)
        if self._block == "list":
            self._list_line(line)
        elif self._setext(line) or self._atx(line) or self._opens_fence(line) or self._opens_html(line):
            return
        elif _RULER.match(line.body) and line.indent < _INDENTED:
            self._close(line.start)
            self.found.cuts.append((line.start, Break.PARAGRAPH))
        elif self._opens_list(line):
            return
        else:
            self._paragraph(line)

    def _in_this_list(self, line: Line) -> bool:
        if line.indent >= self._content:
            return True
        starts_other = _RULER.match(line.body) or _ATX.match(line.body) or _fence(line) or line.body.startswith("<!--")
        return not starts_other and (bool(_ITEM.match(line.body)) or not self._after_blank)

    def _opens_list(self, line: Line) -> bool:
        mark = _ITEM.match(line.body)
        if not mark or line.indent >= _INDENTED or (self._block == "paragraph" and not _INTERRUPTS.match(line.body)):
            return False
        self._open("list", line)
        self._content = line.indent + len(mark[0].rstrip()) + 1
        return True

    def _list_line(self, line: Line) -> None:
        if _ITEM.match(line.body):
            self.found.cuts.append((line.start, Break.ITEM if line.indent < 2 else Break.SENTENCE))

    def _setext(self, line: Line) -> bool:
        if self._block != "paragraph" or line.indent >= _INDENTED:
            return False
        if line.body.strip("=") and line.body.strip("-"):
            return False
        title = " ".join(row.body for row in self._lines)
        start = self._lines[0].start
        self._lines = []
        self._close(line.end)
        self._section(start, 1 if line.body[0] == "=" else 2, title)
        return True

    def _atx(self, line: Line) -> bool:
        mark = _ATX.match(line.body)
        if not mark or line.indent >= _INDENTED:
            return False
        self._close(line.start)
        title = line.body[mark.end() :].strip()
        bare = title.rstrip("#")
        closed = not bare or bare[-1] in " \t"
        self._section(line.start, len(mark[1]), bare.rstrip() if closed else title)
        self.found.cuts.append((line.end, Break.PARAGRAPH))
        return True

    def _section(self, start: int, level: int, title: str) -> None:
        self.found.sections.append(Section(start, level, title[:_MOST_TITLE_CHARS]))

    def _opens_fence(self, line: Line) -> bool:
        mark = _fence(line)
        if mark:
            self._open("fence", line, closing=mark)
        return bool(mark)

    def _opens_html(self, line: Line) -> bool:
        for opening, closing in _HTML_ENDS.items():
            if line.body[: len(opening)].lower() == opening and line.indent < _INDENTED:
                if closing not in line.body.lower():
                    self._open("html", line, closing=closing)
                    return True
                return False
        return False

    def _paragraph(self, line: Line) -> None:
        quoted, code = line.body.startswith(">") and line.indent < _INDENTED, line.indent >= _INDENTED
        if quoted:
            if self._block != "quote":
                self._open("quote", line)
            self._lazy = bool(line.body.strip("> \t"))
        elif self._block == "paragraph":
            self._continue(line)
        elif self._block == "table" or (self._block == "quote" and self._lazy) or (self._block == "code" and code):
            return
        else:
            self._open("code" if code else "paragraph", line)
            self._lines = [] if code else [line]

    def _continue(self, line: Line) -> None:
        one_row = len(self._lines) == 1 and "|" in self._lines[0].body
        if one_row and "-" in line.body and _DELIMITER.match(line.body):
            self._block = "table"
        else:
            self._lines.append(line)

    def _open(self, block: str, line: Line, *, closing: str = "") -> None:
        self._close(line.start)
        self._block, self._start, self._closing = block, line.start, closing
        self.found.cuts.append((line.start, Break.PARAGRAPH))

    def _close(self, end: int) -> None:
        spans = {"fence": self.found.fences, "table": self.found.tables, "list": self.found.lists}
        if self._block in spans:
            spans[self._block].append((self._start, end))
            self.found.cuts.append((end, Break.PARAGRAPH))
        self._block, self._lines = "", []
