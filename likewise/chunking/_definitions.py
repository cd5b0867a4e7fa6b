"""Functions, classes and the like in source code, by tree-sitter."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from likewise.chunking._grammars import GRAMMARS, Grammar

# Parsers recover from errors in linear time, but some take 10 s a megabyte; what is as long, or has lines as long,
# was not written by a person.
_MOST_CHARS = 500_000
_LONG_LINE = re.compile(r"[^\n]{5000}")
_DEEPEST = 8
_WIDEST = 5_000  # children of one node: queries take quadratic time over wide nodes that are errors


@dataclass(frozen=True, slots=True)
class Definition:
    """A stretch that defines one thing, with the comments and decorators before it."""

    start: int
    end: int
    title: str  # its first words up to its name: "class Store", "func (s *Store) Commit"
    inner: list["Definition"] = field(default_factory=list)


class _Found(NamedTuple):
    """Positions in bytes."""

    lead: int  # where the comments before it begin
    start: int
    end: int
    title: str


def find_definitions(text: str, language: str) -> list[Definition]:
    """The outermost definitions in order, others inside them; none where there is no grammar for the language."""
    grammar = GRAMMARS.get(language.lower())
    if grammar is None or find_spec(grammar.module) is None or len(text) > _MOST_CHARS or _LONG_LINE.search(text):
        return []
    source = text.encode()
    spoken, query = _compiled(grammar)
    tree = Parser(spoken).parse(source)
    if tree.root_node.has_error and _widest(tree.root_node) > _WIDEST:
        return []
    found = QueryCursor(query).captures(tree.root_node)
    return _nested(text, list(_definitions(source, found)))


def _widest(root: Node) -> int:
    """The most children that a node has."""
    cursor, widest, siblings = root.walk(), 0, [1]
    while siblings:
        if cursor.goto_first_child():
            siblings.append(1)
        elif cursor.goto_next_sibling():
            siblings[-1] += 1
        else:
            while siblings and not cursor.goto_next_sibling():
                widest = max(widest, siblings.pop())
                cursor.goto_parent()
            if siblings:
                siblings[-1] += 1
    return widest


@cache
def _compiled(grammar: Grammar) -> tuple[Language, Query]:
    language = Language(getattr(import_module(grammar.module), grammar.function)())
    kinds = {"definition": grammar.definitions, "wrapper": grammar.wrappers, "comment": grammar.comments}
    patterns = [f"({pattern}) @{name}" for name, patterns in kinds.items() for pattern in patterns]
    return language, Query(language, "\n".join(patterns))


def _definitions(source: bytes, found: dict[str, list[Node]]) -> Iterator[_Found]:
    """All of them in order, outer ones first."""
    wrappers: dict[int, int] = {}  # end -> start of the decorators or the "export" around a definition
    for node in sorted(found.get("wrapper", []), key=lambda node: -node.start_byte):
        wrappers[node.end_byte] = node.start_byte
    comments = sorted((node.start_byte, node.end_byte) for node in found.get("comment", []))
    remarks = [(first, last) for first, last in comments if _starts_line(source, first)]
    row, lead = 0, (-1, -1)  # the run of comments that ends last before the definition
    for node in sorted(set(found.get("definition", [])), key=lambda node: (node.start_byte, -node.end_byte)):
        outer = wrappers.pop(node.end_byte, node.start_byte)
        start = min(outer, node.start_byte)
        while row < len(remarks) and remarks[row][0] < start:
            lead = (lead[0] if _adjoins(source, lead[1], remarks[row][0]) else remarks[row][0], remarks[row][1])
            row += 1
        first = lead[0] if _adjoins(source, lead[1], start) else start
        yield _Found(first, start, node.end_byte, _title(source, node))


def _starts_line(source: bytes, start: int) -> bool:
    return not source[source.rfind(b"\n", 0, start) + 1 : start].strip()


def _adjoins(source: bytes, end: int, start: int) -> bool:
    """Whether nothing but blanks, and no blank line, lies between."""
    if not 0 <= end <= start or start - end > 1_000:
        return False
    between = source[end:start]
    return not between.strip() and between.count(b"\n") <= 1


def _title(source: bytes, node: Node) -> str:
    signature = source[node.start_byte : min(_name_end(node), node.start_byte + 2_000)].decode(errors="ignore")
    lines = signature.strip().splitlines()
    return " ".join(lines[-1].split()) if lines else node.type


def _name_end(node: Node) -> int:
    """Where the name ends: the field "name", C's nested declarators, or else what comes before the body."""
    name = node.child_by_field_name("name")
    declarator = node.child_by_field_name("declarator")
    while declarator is not None:
        name, declarator = declarator, declarator.child_by_field_name("declarator")
    if name is not None:
        return name.end_byte
    body = node.child_by_field_name("body")
    if body is not None:
        return body.start_byte
    child = node.named_child(0)
    inner = child.child_by_field_name("name") if child else None
    return inner.end_byte if inner is not None else node.end_byte


def _character_of(text: str) -> Callable[[int], int]:
    """From positions in the UTF-8 bytes to positions in characters."""
    if text.isascii():
        return int
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    widths = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    ends = np.cumsum(widths)
    return lambda byte: int(ends.searchsorted(byte, "right"))


def _nested(text: str, flat: list[_Found]) -> list[Definition]:
    """The definitions as a forest; those inside more than a few others are left out."""
    character = _character_of(text)
    roots: list[Definition] = []
    open_: list[Definition] = []
    closed = 0  # where the last one before ends
    for found in flat:
        start, end = character(found.start), character(found.end)
        while open_ and open_[-1].end <= start:
            closed = max(closed, open_.pop().end)
        if start >= end or (open_ and end > open_[-1].end) or len(open_) >= _DEEPEST:
            continue
        lead = max(_with_indent(text, character(found.lead)), closed, open_[-1].start if open_ else 0)
        definition = Definition(lead, end, found.title)
        (open_[-1].inner if open_ else roots).append(definition)
        open_.append(definition)
    return roots


def _with_indent(text: str, start: int) -> int:
    line = text.rfind("\n", 0, start) + 1
    return line if not text[line:start].strip() else start
