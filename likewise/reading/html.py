"""HTML: the main text, without scripts, styles and navigation; headings as sections."""

import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from likewise.errors import ReadingError
from likewise.reading._decoding import clean
from likewise.reading._formats import Content, Format
from likewise.types import Document, Section

EXTENSIONS = (".html", ".htm", ".xhtml")

_DROPPED = {
    *("script", "style", "noscript", "template", "head", "nav", "footer", "aside", "iframe", "object", "svg", "math"),
    *("canvas", "video", "audio", "select", "button", "dialog"),
}
_NONE, _SPACE, _CELL, _LINE, _PARAGRAPH = range(5)
_GAPS = ("", " ", " | ", "\n", "\n\n")
_GAP_OF = {  # what goes before and after an element; all others run on in the line
    **dict.fromkeys(("td", "th"), _CELL),
    **dict.fromkeys(("br", "dd", "dt", "li", "option", "tr"), _LINE),
    **dict.fromkeys(("article", "body", "details", "div", "form", "header", "main", "section", "summary"), _PARAGRAPH),
    **dict.fromkeys(("address", "blockquote", "dl", "fieldset", "hr", "ol", "p", "pre", "ul"), _PARAGRAPH),
    **dict.fromkeys(("caption", "figcaption", "figure", "table"), _PARAGRAPH),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _PARAGRAPH),
}
# Lexbor takes time quadratic in how deeply these nest. A browser stops at 512; a page with more was not written.
_NESTING = {
    *("address", "article", "blockquote", "center", "details", "dir", "div", "dl", "fieldset", "figure", "header"),
    *("hgroup", "main", "menu", "ol", "optgroup", "pre", "rb", "rt", "ruby", "search", "section", "select", "ul"),
}
_MAX_DEPTH = 2_000
_TAG = re.compile(r"<(/?)([a-zA-Z]+)")
_HEADING = re.compile("h[1-6]")
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{2,40})|<\?xml[^>]{0,80}?encoding=["']([\w-]+)""")


def _parse(content: Content) -> Iterator[Document]:
    named = _CHARSET.search(content.data[:4096].lower())
    declared = (named[1] or named[2]).decode("ascii", "ignore") if named else ""
    page = content.text(declared=declared)
    if _is_too_deep(page):
        raise ReadingError(f"HTML nested too deeply: over {_MAX_DEPTH:,} levels")
    tree = LexborHTMLParser(page)
    flow = next((flow for flow in map(_flow, _candidates(tree)) if flow.length), None)
    if flow is None:
        raise ReadingError("HTML without text")
    title = tree.css_first("head > title")
    titles = {"title": " ".join(title.text().split())} if title else {}
    yield content.document("".join(flow.parts), metadata=titles, sections=flow.sections)


def _is_too_deep(page: str) -> bool:
    """Whether more than ``_MAX_DEPTH`` elements are ever open at once; one that is closed closes those within it."""
    stack: list[str] = []
    opened: Counter[str] = Counter()
    for closing, written in _TAG.findall(page):
        tag = written.lower()
        if tag not in _NESTING:
            continue
        if not closing:
            stack.append(tag)
            opened[tag] += 1
        while closing and opened[tag]:
            last = stack.pop()
            opened[last] -= 1
            if last == tag:
                break
        if len(stack) > _MAX_DEPTH:
            return True
    return False


def _candidates(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    """Where the main text may be, the surest first."""
    for selector in ("main", "[role=main]", "article"):
        found = tree.css(selector)
        if len(found) == 1:
            yield found[0]
    if tree.body:
        yield tree.body


class _Flow:
    """Text as a browser lays it out: white space collapsed, blocks apart by a blank line, headings remembered."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.sections: list[Section] = []
        self.length = 0
        self._gap = _NONE  # what goes before the next word
        self._verbatim = 0  # how many <pre> we are in
        self._heading = 0  # number of parts when the heading that we are in began

    def open(self, tag: str) -> None:
        self._gap = max(self._gap, _GAP_OF.get(tag, _NONE))
        self._verbatim += tag == "pre"
        if _HEADING.fullmatch(tag):
            self._heading = len(self.parts)

    def close(self, tag: str) -> None:
        self._gap = max(self._gap, _GAP_OF.get(tag, _NONE))
        self._verbatim -= tag == "pre"
        if _HEADING.fullmatch(tag) and (title := "".join(self.parts[self._heading :]).lstrip(" |\n")):
            self.sections.append(Section(self.length - len(title), int(tag[1]), " ".join(title.split())))

    def add(self, text: str) -> None:
        """Text of the page, as it stands in the source."""
        if self._verbatim:
            self._write(clean(text).strip("\n"))
            return
        words = " ".join(text.split())
        if text[:1].isspace() or not words:
            self._gap = max(self._gap, _SPACE)
        self._write(words)
        if words and text[-1].isspace():
            self._gap = _SPACE

    def _write(self, text: str) -> None:
        if not text:
            return
        part = (_GAPS[self._gap] if self.length else "") + text
        self.parts.append(part)
        self.length += len(part)
        self._gap = _NONE


def _flow(top: LexborNode) -> _Flow:
    """The text below ``top``. A stack, for pages nest deeper than Python's calls do."""
    flow = _Flow()
    stack: list[tuple[LexborNode | None, str]] = [(top, "")]
    while stack:
        node, closing = stack.pop()
        tag = (node.tag or "") if node else ""
        if node is None:
            flow.close(closing)
        elif tag == "-text":
            flow.add(node.text_content or "")
        elif tag not in _DROPPED:
            flow.open(tag)
            stack.append((None, tag))
            stack.extend((child, "") for child in reversed(list(node.iter(include_text=True))))
    return flow


PLUGIN = Format(EXTENSIONS, _parse)
