"""Markdown, its front matter as metadata."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml

from likewise.reading._formats import Content, Format
from likewise.types import Document

EXTENSIONS = (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd")

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?\n)?(\1|\.\.\.)[ \t]*(?:\n+|\Z)", re.DOTALL)
_MOST_BRACKETS = 200  # the scanner takes time quadratic in how many are open
_LONGEST = 20_000  # characters; what is longer is no front matter but a text that starts with a rule


def _parse(content: Content) -> Iterator[Document]:
    text = content.text()
    metadata, start = _front_matter(text)
    yield content.document(text[start:], metadata=metadata, format="markdown")


def _front_matter(text: str) -> tuple[dict[str, Any], int]:
    """What the block at the top says, and where the text proper starts. Anything but a valid block is text."""
    found = _FRONT_MATTER.match(text[:_LONGEST])
    block = (found[2] or "") if found else ""
    if not found or not block.strip():
        return {}, 0
    try:
        values = tomllib.loads(block) if found[1] == "+++" else _yaml(block)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, ValueError, RecursionError):
        return {}, 0
    return ({str(key): value for key, value in values.items()}, found.end()) if isinstance(values, dict) else ({}, 0)


def _yaml(block: str) -> Any:
    """The values in ``block``; none if it uses aliases, which can make a small block expand to terabytes."""
    if block.count("[") + block.count("{") > _MOST_BRACKETS:
        return None
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(block)):
        return None
    return yaml.safe_load(block)


PLUGIN = Format(EXTENSIONS, _parse)
