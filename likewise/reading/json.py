"""JSON: a list of objects as rows, anything else as one document."""

import json
from collections.abc import Iterator
from typing import Any

from likewise.errors import ReadingError
from likewise.reading._formats import Content, Format
from likewise.reading._rows import documents_of
from likewise.types import Document

EXTENSIONS = (".json", ".geojson", ".jsonld")


def load_json(text: str) -> Any:
    """The value that ``text`` holds.

    Raises:
        ReadingError: It is not JSON, with the line; or nested so deeply that no parser follows.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadingError(f"not valid JSON: line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise ReadingError("JSON nested too deeply") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise ReadingError(f"not valid JSON: {error}") from error


def _parse(content: Content) -> Iterator[Document]:
    text = content.text()
    if not text.strip():
        raise ReadingError("empty")
    value = load_json(text)
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        yield from documents_of(content, list(enumerate(value, 1)))
    elif value not in (None, [], {}, ""):
        yield content.document(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2))


PLUGIN = Format(EXTENSIONS, _parse)
