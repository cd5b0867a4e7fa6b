"""Word documents (DOCX): paragraphs, headings as sections, tables row by row."""

import re
from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from docx import Document as open_docx
from docx.opc.exceptions import OpcError
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from likewise.errors import ReadingError
from likewise.reading._decoding import clean
from likewise.reading._formats import Content, Format
from likewise.types import Document, Section

EXTENSIONS = (".docx",)

_MAX_UNZIPPED_BYTES = 100_000_000  # a parsed tree takes ten times as much memory
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_OLE = b"\xd0\xcf\x11\xe0"  # how Word wraps a document with a password


def _parse(content: Content) -> Iterator[Document]:
    _check(content.data)
    try:
        word = open_docx(BytesIO(content.data))
    except (OpcError, SyntaxError, BadZipFile, KeyError, ValueError) as error:  # lxml's are SyntaxErrors
        raise ReadingError(f"not a readable DOCX: {error}") from error
    # By hand, for Paragraph.style looks through all styles, which takes a millisecond for each paragraph.
    levels = {style.style_id: _level(style.name or "") for style in word.styles}
    parts: list[str] = []
    sections: list[Section] = []
    start = 0
    for block in word.iter_inner_content():
        text = _table(block) if isinstance(block, Table) else clean(block.text).strip("\n")
        if not text.strip():
            continue
        if isinstance(block, Paragraph) and (level := levels.get(block._p.style, 0)):
            sections.append(Section(start, level, " ".join(text.split())))
        parts.append(text)
        start += len(text) + 2
    title = word.core_properties.title
    yield content.document("\n\n".join(parts), metadata={"title": title} if title else {}, sections=sections)


def _check(data: bytes) -> None:
    """Refuse what would unpack to far more than its size.

    The sizes are those that the archive states; zipfile stops reading at them, so they can't be too small.
    """
    if data.startswith(_OLE):
        raise ReadingError("encrypted DOCX, or a DOC with the wrong extension")
    try:
        with ZipFile(BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except BadZipFile as error:
        raise ReadingError(f"not a readable DOCX: {error}") from error
    if size > _MAX_UNZIPPED_BYTES:
        raise ReadingError(f"DOCX unpacks to {size / 1e6:.0f} MB, over the limit of {_MAX_UNZIPPED_BYTES / 1e6:.0f} MB")


def _level(style: str) -> int:
    """Level of a heading, 0 for other styles. Word stores these names in English whatever its language."""
    found = _HEADING.fullmatch(style)
    return int(found[1]) if found else int(style == "Title")


def _table(table: Table) -> str:
    return "\n".join(" | ".join(_cell(cell) for cell in _cells(row.cells)) for row in table.rows)


def _cells(cells: tuple[_Cell, ...]) -> Iterator[_Cell]:
    """Each cell once: a merged one is listed for every column that it covers."""
    for n, cell in enumerate(cells):
        if not n or cell._tc is not cells[n - 1]._tc:
            yield cell


def _cell(cell: _Cell) -> str:
    texts = (_table(one) if isinstance(one, Table) else one.text for one in cell.iter_inner_content())
    return " ".join(clean(" ".join(texts)).split())


PLUGIN = Format(EXTENSIONS, _parse)
