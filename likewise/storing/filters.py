"""Conditions on a document's metadata: a small tree, and what it means.

The meaning, the same in every store:

* A field is named by its path with dots (``author.name``). JSON ``null`` counts as missing.
* Any comparison with a missing field is false, ``!=`` too; ``not`` turns false into true.
* Strings, numbers and booleans are never equal to one another; ``1`` and ``1.0`` are equal.
* ``<`` and its kin order numbers, and strings by code point; between different kinds they are false.
* A list or an object is equal to nothing; ``contains`` asks for an element of a list or a part of a string.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import Any, Literal, TypeAlias

from likewise.errors import SettingError
from likewise.types import Metadata

Scalar: TypeAlias = str | int | float | bool
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "contains"]

BARE_NAME = re.compile(r"[^\W\d][\w-]*")
MAX_INTEGER = 2**63 - 1
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    operator: Operator
    value: Scalar

    def __post_init__(self) -> None:
        check_value(self.value, f"the value compared with field {self.field!r}")


@dataclass(frozen=True, slots=True)
class In:
    field: str
    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        for value in self.values:
            check_value(value, f"a value listed for field {self.field!r}")


@dataclass(frozen=True, slots=True)
class Has:
    field: str


@dataclass(frozen=True, slots=True)
class And:
    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


Filter: TypeAlias = Compare | In | Has | And | Or | Not


class Kind(IntEnum):
    """Kinds of metadata value that are told apart; the numbers are stored."""

    BOOLEAN = 1
    NUMBER = 2
    STRING = 3
    LIST = 4
    OBJECT = 5


_KINDS = {
    Kind.BOOLEAN: "a boolean",
    Kind.NUMBER: "a number",
    Kind.STRING: "text",
    Kind.LIST: "a list",
    Kind.OBJECT: "an object",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one field: the field's own (position 0) or the n-th scalar of its list (position n)."""

    field: str
    position: int
    kind: Kind
    value: Scalar | None  # None for a list or an object, whose contents are facts of their own


def kind_of(value: Any) -> Kind:
    if isinstance(value, bool):  # before int: bool is an int to Python
        return Kind.BOOLEAN
    if isinstance(value, int | float):
        return Kind.NUMBER
    return Kind.STRING


def check_value(value: Any, what: str) -> None:
    """Refuse what can't be stored and compared exactly.

    Raises:
        SettingError: Not a string, number or boolean; a number that is not finite or beyond 64 bits; a lone surrogate.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{what} is {value}; only finite numbers can be kept. Leave the field out instead.")
    if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise SettingError(f"{what} is an integer beyond 64 bits; write it as a string.")
    if isinstance(value, str):
        check_text(value, what)
    elif not isinstance(value, int | float):
        raise SettingError(f"{what} is a {type(value).__name__}; expected a string, number or boolean.")


def check_text(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SettingError(
            f"{what} has a lone surrogate at character {error.start}, which is no text. "
            "Replace it, e.g. with text.encode('utf-8', 'replace').decode()."
        ) from None


def field_name(path: tuple[str, ...]) -> str:
    """A path of keys as it is written in a filter.

    >>> field_name(("author", "full name"))
    'author."full name"'
    """
    return ".".join(key if BARE_NAME.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in path)


def facts(metadata: Metadata) -> Iterator[Fact]:
    """Every value in ``metadata`` that a filter can ask for.

    Raises:
        SettingError: A value that is not JSON, or can't be compared exactly.
    """
    pending: list[tuple[tuple[str, ...], Any]] = [
        ((str(key),), value) for key, value in reversed(list(metadata.items()))
    ]
    while pending:
        path, value = pending.pop()
        name = field_name(path)
        check_text(name, f"metadata field {name!r}")
        if value is None:
            continue
        if isinstance(value, Mapping):
            yield Fact(name, 0, Kind.OBJECT, None)
            pending += [((*path, str(key)), inner) for key, inner in reversed(list(value.items()))]
        elif isinstance(value, list | tuple):
            yield Fact(name, 0, Kind.LIST, None)
            yield from _elements(name, value)
        else:
            check_value(value, f"metadata field {name!r}")
            yield Fact(name, 0, kind_of(value), value)


def _elements(name: str, values: list[Any] | tuple[Any, ...]) -> Iterator[Fact]:
    for position, value in enumerate(values, start=1):
        if value is not None and not isinstance(value, Mapping | list | tuple):
            check_value(value, f"an element of metadata field {name!r}")
            yield Fact(name, position, kind_of(value), value)


def matches(where: Filter, metadata: Metadata) -> bool:
    """Whether a document with this metadata passes; the plain meaning that every store is tested against.

    >>> matches(Compare("year", ">=", 2020), {"year": 2024})
    True
    """
    known: dict[str, list[Fact]] = {}
    for fact in facts(metadata):
        known.setdefault(fact.field, []).append(fact)
    return _holds(where, known)


def _holds(where: Filter, known: Mapping[str, list[Fact]]) -> bool:
    match where:
        case And(parts):
            return all(_holds(part, known) for part in parts)
        case Or(parts):
            return any(_holds(part, known) for part in parts)
        case Not(part):
            return not _holds(part, known)
        case Has(field):
            return field in known
        case In(field, values):
            return any(_compares(known.get(field, []), "=", value) for value in values)
        case Compare(field, sign, value):
            return _compares(known.get(field, []), sign, value)


def _compares(found: list[Fact], sign: Operator, value: Scalar) -> bool:
    if not found:
        return False
    own = found[0]  # facts() yields the field itself before its elements
    if sign == "contains":
        part = own.kind is Kind.STRING and isinstance(value, str) and value in str(own.value)
        return part or any(_same(fact, value) for fact in found[1:])
    if sign in ("=", "!="):
        return _same(own, value) == (sign == "=")
    ordered = own.kind is kind_of(value) and own.kind is not Kind.BOOLEAN
    return ordered and _ORDERINGS[sign](own.value, value)


def _same(fact: Fact, value: Scalar) -> bool:
    return fact.kind is kind_of(value) and fact.value == value


def fields_of(where: Filter) -> set[str]:
    """Names of all fields that a filter asks for."""
    match where:
        case And(parts) | Or(parts):
            return set().union(*map(fields_of, parts))
        case Not(part):
            return fields_of(part)
        case Compare(field) | In(field) | Has(field):
            return {field}


def kinds_asked(where: Filter) -> set[tuple[str, Kind]]:
    """Which kinds of value a filter compares fields with."""
    match where:
        case And(parts) | Or(parts):
            return set().union(*map(kinds_asked, parts))
        case Not(part):
            return kinds_asked(part)
        case In(field, values):
            return {(field, kind_of(value)) for value in values}
        case Compare(field, _, value):
            return {(field, kind_of(value))}
    return set()


def check_kinds(where: Filter, kinds: Mapping[str, set[Kind]]) -> None:
    """Refuse a value of a kind that no document has in its field: it would pass none, or all.

    Args:
        where: The filter.
        kinds: Those that there are, by field.

    Raises:
        SettingError: Names the field, and the kinds that it has.
    """
    for field, kind in sorted(kinds_asked(where)):
        if kind not in kinds[field]:
            there = " or ".join(_KINDS[one] for one in sorted(kinds[field]))
            quotes = ' Text stands in quotes: "2020".' if Kind.STRING in (kind, *kinds[field]) else ""
            raise SettingError(f"the metadata field {field!r} is nowhere {_KINDS[kind]}, but {there}.{quotes}")


def check_fields(where: Filter, known: list[str]) -> None:
    """Refuse a field that no document has: it is a misspelling more often than a question.

    Raises:
        SettingError: Names the field, the nearest spelling and the known fields.
    """
    for field in sorted(fields_of(where) - set(known)):
        near = get_close_matches(field, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        names = ", ".join([*near, *(name for name in known if name not in near)]) or "none"
        raise SettingError(f"no document has a metadata field named {field!r}.{hint} Known: {names}.")
