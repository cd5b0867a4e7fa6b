"""Rows of a table to documents: one column is the text, one may be its title, the others are metadata."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from likewise.reading._decoding import clean
from likewise.reading._formats import Content
from likewise.types import Document, Section

Row: TypeAlias = tuple[int, Mapping[str, Any]]  # number from 1, and column → value

_TEXT = ("text", "content", "body", "description")  # the first of these names that is there
_TITLE = ("title", "name", "subject")


def documents_of(content: Content, rows: Sequence[Row]) -> Iterator[Document]:
    """One document a row, named by its number.

    The text is in the column called text, content, body or description, else in that with the most text. A title,
    name or subject goes before it, on a line of its own. Empty cells are left out. A row with neither text nor title
    is written out in full, as "column: value" lines.
    """
    names = {name.strip().casefold(): name for _, row in rows for name in row}
    text_column = next((names[name] for name in _TEXT if name in names), None) or _longest(rows)
    title_column = next((names[name] for name in _TITLE if name in names and names[name] != text_column), "")
    for number, row in rows:
        filled = {name: value for name, value in row.items() if value not in (None, "")}
        title = " ".join(shown(filled.pop(title_column, "")).split())
        text = shown(filled.pop(text_column, ""))
        whole = "\n\n".join(part for part in (title, text) if part.strip())
        yield content.document(
            whole or "\n".join(f"{name}: {shown(value)}" for name, value in filled.items()),
            metadata=filled,
            sections=[Section(0, 1, title)] if title else [],
            number=number,
        )


def shown(value: Any) -> str:
    """A cell as text."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _longest(rows: Iterable[Row]) -> str:
    """The column with the most text; the first of those with as much."""
    lengths: Counter[str] = Counter()
    for _, row in rows:
        for name, value in row.items():
            lengths[name] += len(value) if isinstance(value, str) else 0
    return max(lengths, key=lambda name: lengths[name], default="")
