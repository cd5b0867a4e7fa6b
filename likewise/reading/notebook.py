"""Jupyter notebooks: text and code cells in order, without their outputs."""

import re
from collections.abc import Iterator
from typing import Any

from likewise.errors import ReadingError
from likewise.reading._decoding import clean
from likewise.reading._formats import Content, Format
from likewise.reading.json import load_json
from likewise.types import Document

EXTENSIONS = (".ipynb",)


def _parse(content: Content) -> Iterator[Document]:
    notebook = load_json(content.text())
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ReadingError("a notebook without cells, or older than format 4: open it in Jupyter and save it")
    language = _language(notebook.get("metadata"))
    texts = [_cell(cell, language) for cell in cells if isinstance(cell, dict)]
    yield content.document("\n\n".join(text for text in texts if text.strip()), format="markdown")


def _language(metadata: Any) -> str:
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(part, dict) and isinstance(part.get(name), str):
            return str(part[name]).lower()
    return "python"


def _cell(cell: dict[str, Any], language: str) -> str:
    source = cell.get("source") or ""
    text = clean("".join(map(str, source)) if isinstance(source, list) else str(source)).strip("\n")
    if cell.get("cell_type") == "markdown":
        return text
    if cell.get("cell_type") != "code" or not text.strip():
        return ""
    runs = re.findall("`{3,}", text)
    fence = "`" * (1 + max(map(len, runs), default=2))  # longer than any in the code
    return f"{fence}{language}\n{text}\n{fence}"


PLUGIN = Format(EXTENSIONS, _parse)
