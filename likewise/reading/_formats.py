"""What a format is, which one a file is in, and the boundary behind which parsing libraries may fail.

A format is one file in this folder, or an entry point of another package in the group ``likewise.reading``. It holds

- a docstring whose first line is the summary,
- ``EXTENSIONS``, a literal that is read without importing the file: ".md" or, for files without one, a whole
  lower-case name such as "makefile",
- ``PLUGIN``, a :class:`Format`.
"""

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.util import find_spec
from math import isfinite
from pathlib import PurePosixPath
from typing import Any

from likewise.errors import ReadingError
from likewise.reading._decoding import clean, decode, scrub
from likewise.reading._report import Skipped
from likewise.registry import Folder
from likewise.types import Document, Metadata, Section

_FALLBACK = "text"  # whatever no format claims is read as plain text, if it is text


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, and how documents are made of them."""

    path: str  # absolute: the document's id
    shown: str  # relative to the root that was asked for
    data: bytes

    def text(self, *, declared: str = "") -> str:
        """The bytes decoded. ``declared`` is the encoding that the format itself names, if any."""
        return decode(self.data, declared=declared)

    def document(
        self,
        text: str,
        *,
        metadata: Metadata | None = None,
        format: str = "text",
        language: str = "",
        sections: Sequence[Section] = (),
        number: int = 0,
    ) -> Document:
        """A document of this file.

        Args:
            text: Its text; no character is moved, so ``sections`` may count on it.
            metadata: What the file says of itself. A key that the library needs gets "own_" in front.
            format: Which chunker knows its structure.
            language: Programming language, for format "code".
            sections: Headings, in order.
            number: From 1, for one row or line of a file that holds many documents.
        """
        name = f"{self.path}#{number}" if number else self.path
        file = PurePosixPath(self.path)
        known = {"path": self.shown, "name": file.name, "extension": file.suffix.lower().removeprefix(".")}
        own = {("own_" if key in known else "") + scrub(key): _plain(value) for key, value in (metadata or {}).items()}
        return Document(
            id=name,
            text=scrub(text),
            source=name,
            metadata=known | own,
            format=format,
            language=language,
            sections=tuple(Section(s.start, s.level, scrub(s.title)) for s in sections),
        )


@dataclass(frozen=True, slots=True)
class Format:
    """A plug-in: the files it takes, and how it reads one."""

    extensions: Collection[str]
    parse: Callable[[Content], Iterable[Document | Skipped]]  # a Skipped stands for a row or page that can't be read


FORMATS: Folder[Format] = Folder("format", "likewise.reading")


def format_of(path: str) -> str:
    """Name of the format that takes the file.

    >>> format_of("notes/VPN.MD"), format_of("Makefile"), format_of("README")
    ('markdown', 'code', 'text')
    """
    return _formats_by_extension().get(extension_of(path), _FALLBACK)


def extension_of(path: str) -> str:
    """What formats are told apart by: the extension, or the whole name of a file without one."""
    file = PurePosixPath(path)
    return (file.suffix or file.name).lower()


def parse_content(content: Content) -> list[Document | Skipped]:
    """The documents in ``content``; blank ones are left out.

    This is the one place where a failure of a parsing library, of whatever type, becomes a ReadingError.

    Raises:
        ReadingError: There is none; the message is the reason, the library's own error its ``__cause__``.
    """
    try:
        found = list(FORMATS.get(format_of(content.path)).parse(content))
    except ReadingError:
        raise
    except RecursionError as error:
        raise ReadingError("nested too deeply") from error
    except Exception as error:
        raise ReadingError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    found = [one for one in found if isinstance(one, Skipped) or one.text.strip()]
    if any(isinstance(one, Document) for one in found):
        return found
    raise ReadingError(next((one.reason for one in found if isinstance(one, Skipped)), "empty"))


@cache
def _formats_by_extension() -> Mapping[str, str]:
    """Extension → format. Formats of other packages come last, so that they can take over an extension."""
    names = sorted(FORMATS.names(), key=lambda name: (not _source(name), name))
    return {extension: name for name in names for extension in _extensions(name)}


def _extensions(name: str) -> Collection[str]:
    """Those of the format ``name``: our own from the source, so that only the parser needed is imported."""
    for node in ast.parse(_source(name)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXTENSIONS":
            literal: Collection[str] = ast.literal_eval(node.value)
            return literal
    return FORMATS.get(name).extensions


def _source(name: str) -> str:
    """Source of one of our own formats; "" for another package's."""
    spec = find_spec(f"{FORMATS.package}.{name}") if name.isidentifier() else None
    return (spec.loader.get_source(spec.name) if spec else "") or ""  # type: ignore[union-attr]


def _plain(value: Any) -> Any:
    """``value`` as JSON holds it, with whole numbers that every store can hold."""
    match value:
        case str():
            return clean(value)
        case bool() | None:
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case float():
            return value if isfinite(value) else None
        case Mapping():
            return {clean(str(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case date():  # and datetime, which is one
            return value.isoformat()
    return clean(str(value))
