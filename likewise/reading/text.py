"""Plain text, and any file that decodes as text."""

from collections.abc import Iterator

from likewise.reading._formats import Content, Format
from likewise.types import Document

EXTENSIONS = (".txt", ".text", ".log")


def _parse(content: Content) -> Iterator[Document]:
    yield content.document(content.text())


PLUGIN = Format(EXTENSIONS, _parse)
