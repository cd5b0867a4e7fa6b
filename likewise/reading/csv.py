"""Tables in CSV and TSV: one document a row, the other columns as metadata."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from typing import Any

from likewise.errors import ReadingError
from likewise.reading._formats import Content, Format
from likewise.reading._rows import Row, documents_of
from likewise.types import Document

EXTENSIONS = (".csv", ".tsv", ".tab")

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 50
# No leading zeros: those belong to codes, as of telephones and places, which are no numbers.
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d{1,3})?")


def _parse(content: Content) -> Iterator[Document]:
    text = content.text()
    # The limit of the csv module is one for the whole process and small; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        lines = list(csv.reader(StringIO(text), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise ReadingError(f"not a readable table: {error}") from error
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise ReadingError("a table with no row below the names of its columns" if lines else "empty")
    names = _names(lines[0], max(map(len, lines)))
    columns = {name: _numbers([line[n] if n < len(line) else "" for line in lines[1:]]) for n, name in enumerate(names)}
    rows: list[Row] = [(n + 1, {name: column[n] for name, column in columns.items()}) for n in range(len(lines) - 1)]
    yield from documents_of(content, rows)


def _delimiter(text: str) -> str:
    """The one that cuts the most of the first rows into as many cells, more than one. The csv module's own sniffer
    counts single characters, so that a table of sentences may come apart at its vowels.
    """

    def agreement(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(StringIO(text), delimiter=delimiter)
        widths = Counter(len(line) for line, _ in zip(reader, range(_SAMPLE_ROWS), strict=False) if line)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return (count / widths.total(), width) if width > 1 else (0.0, 0)

    return max(_DELIMITERS, key=agreement)


def _names(header: Sequence[str], width: int) -> list[str]:
    """As many names as the widest row has cells, each different."""
    names: dict[str, None] = {}  # a set that keeps the order
    for n in range(width):
        name = (header[n].strip() if n < len(header) else "") or f"column_{n + 1}"
        while name in names:
            name = f"{name}_{n + 1}"
        names[name] = None
    return list(names)


def _numbers(cells: list[str]) -> list[Any]:
    """A column as numbers if all its filled cells are; one kind in a column, for filters compare them."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not all(map(_is_number, filled)):
        return cells
    return [_number(cell.strip()) if cell.strip() else None for cell in cells]


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and isfinite(float(cell))


def _number(cell: str) -> int | float:
    return int(cell) if cell.removeprefix("-").isdecimal() else float(cell)


PLUGIN = Format(EXTENSIONS, _parse)
