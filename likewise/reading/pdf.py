"""PDF, with the offset of each page; pages that are pictures have no text."""

import logging
from collections.abc import Iterator
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from likewise.errors import ReadingError
from likewise.reading._decoding import clean
from likewise.reading._formats import Content, Format
from likewise.reading._report import Skipped
from likewise.types import Document

EXTENSIONS = (".pdf",)

_BETWEEN = "\n\n"
_QUIET = logging.NullHandler()  # else its remarks on every slip of a file go to the terminal when nobody set up logging


def _parse(content: Content) -> Iterator[Document | Skipped]:
    logging.getLogger("pypdf").addHandler(_QUIET)
    reader = _reader(content.data)
    texts: list[str] = []
    for number, page in enumerate(reader.pages, 1):
        try:
            texts.append(clean(page.extract_text()))
        except Exception as error:  # one bad page, in whatever way, must not cost the others
            texts.append("")
            yield Skipped(f"{content.path}#page={number}", f"page {number}: {type(error).__name__}: {error}")
    if not any(text.strip() for text in texts):
        raise ReadingError(f"PDF without text: {len(texts)} page{'s' * (len(texts) != 1)} of images?")
    starts = [0]
    for text in texts[:-1]:
        starts.append(starts[-1] + len(text) + len(_BETWEEN))
    yield content.document(_BETWEEN.join(texts), metadata=_title(reader) | {"pages": starts})


def _reader(data: bytes) -> PdfReader:
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):  # many are encrypted with no password, to forbid printing
            raise ReadingError("encrypted PDF")
        len(reader.pages)  # finds the page tree, or says what is broken
    except DependencyError as error:
        raise ReadingError("encrypted PDF; to try it without a password: pip install cryptography") from error
    except PyPdfError as error:
        raise ReadingError(f"not a readable PDF: {error}") from error
    return reader


def _title(reader: PdfReader) -> dict[str, str]:
    try:
        title = reader.metadata.title if reader.metadata else None
    except Exception:  # of no consequence: the text is what counts
        title = None
    return {"title": title} if title else {}


PLUGIN = Format(EXTENSIONS, _parse)
