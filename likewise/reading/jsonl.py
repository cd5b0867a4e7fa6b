"""JSON lines: one document a line; a bad line is reported and the others are kept."""

from collections.abc import Iterator

from likewise.errors import ReadingError
from likewise.reading._formats import Content, Format
from likewise.reading._report import Skipped
from likewise.reading._rows import Row, documents_of, shown
from likewise.reading.json import load_json
from likewise.types import Document

EXTENSIONS = (".jsonl", ".ndjson")


def _parse(content: Content) -> Iterator[Document | Skipped]:
    rows: list[Row] = []
    for number, line in enumerate(content.text().split("\n"), 1):  # not splitlines(): U+2028 may stand in a string
        if not line.strip():
            continue
        try:
            value = load_json(line)
        except ReadingError as error:
            reason = str(error).replace("line 1:", f"line {number}:")
            yield Skipped(f"{content.path}#{number}", reason)
            continue
        rows.append((number, value if isinstance(value, dict) else {"text": shown(value)}))
    yield from documents_of(content, rows)


PLUGIN = Format(EXTENSIONS, _parse)
