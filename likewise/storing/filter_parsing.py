"""Filters as people write them: ``lang = "en" and not (year < 2020 or draft = true)``.

    either    = both ("or" both)*
    both      = single ("and" single)*
    single    = "not" single | "(" either ")" | condition
    condition = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "contains") value
              | field "in" "(" value ("," value)* ")"
              | field "exists"
    field     = key ("." key)*          a key that is no plain word stands in quotes
    value     = "text" | 'text' | number | true | false

Read from left to right once: the time it takes grows with the length of the text and no faster.
"""

import math
import re
from dataclasses import dataclass
from typing import NoReturn, cast

from likewise.errors import SettingError
from likewise.storing.filters import (
    MAX_INTEGER,
    And,
    Compare,
    Filter,
    Has,
    In,
    Not,
    Operator,
    Or,
    Scalar,
    field_name,
)

MAX_DEPTH = 50
_KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "exists", "true", "false"})
_SIGNS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_EXCERPT = 30  # characters shown on each side of a mistake
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
    | (?P<word>[^\W\d][\w-]*)
    | (?P<sign><=|>=|!=|=|<|>|\(|\)|,|\.)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def keyword(self) -> str:
        """What it means to the grammar: a sign, or a keyword in lower case; empty for a name or value."""
        if self.kind == "word":
            return self.text.lower() if self.text.lower() in _KEYWORDS else ""
        return self.text if self.kind == "sign" else ""


def parse_filter(text: str) -> Filter:
    """The filter that ``text`` spells.

    Raises:
        SettingError: The text is no filter; the message points at the place.

    Example:
        >>> parse_filter('year >= 2020')
        Compare(field='year', operator='>=', value=2020)
    """
    parser = _Parser(text)
    where = parser.either(0)
    if parser.token.kind != "end":
        parser.fail("expected 'and', 'or' or the end")
    return where


class _Parser:
    def __init__(self, text: str) -> None:
        self.source = text
        self.token = self._read(0)

    def either(self, depth: int) -> Filter:
        parts = [self.both(depth)]
        while self.accept("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self, depth: int) -> Filter:
        parts = [self.single(depth)]
        while self.accept("and"):
            parts.append(self.single(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def single(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            self.fail(f"more than {MAX_DEPTH} levels of 'not' and parentheses; simplify the filter")
        if self.accept("not"):
            return Not(self.single(depth + 1))
        if self.accept("("):
            where = self.either(depth + 1)
            self.expect(")")
            return where
        return self.condition()

    def condition(self) -> Filter:
        field = self.field()
        if self.accept("exists"):
            return Has(field)
        if self.accept("in"):
            return In(field, self.values())
        sign = self.token.keyword
        if sign not in _SIGNS and sign != "contains":
            self.fail("expected one of = != < <= > >= in contains exists")
        self.advance()
        if sign == "=" and self.token.keyword == "=":
            self.fail("write a single =")
        return Compare(field, cast(Operator, sign), self.value())

    def field(self) -> str:
        path = [self.key()]
        while self.accept("."):
            path.append(self.key())
        return field_name(tuple(path))

    def key(self) -> str:
        token = self.token
        if token.kind not in ("word", "text") or token.keyword:
            self.fail("expected the name of a metadata field (in quotes if it is no plain word)")
        self.advance()
        return token.text if token.kind == "word" else _unquote(token.text)

    def values(self) -> tuple[Scalar, ...]:
        self.expect("(")
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        self.expect(")")
        return tuple(values)

    def value(self) -> Scalar:
        token = self.token
        value: Scalar
        if token.kind == "text":
            value = _unquote(token.text)
        elif token.kind == "number":
            value = self.number(token.text)
        elif token.keyword in ("true", "false"):
            value = token.keyword == "true"
        else:
            self.fail("expected a value: a number, true, false, or text in quotes")
        self.advance()
        return value

    def number(self, text: str) -> int | float:
        # Beyond 18 digits an integer may not fit 64 bits; beyond 4,300 Python refuses to read it.
        if len(text) <= len(str(MAX_INTEGER)) - 1 and text.lstrip("+-").isdigit():
            return int(text)
        value = float(text)
        if not math.isfinite(value):
            self.fail("the number is too large")
        return value

    def accept(self, keyword: str) -> bool:
        if self.token.keyword != keyword:
            return False
        self.advance()
        return True

    def expect(self, keyword: str) -> None:
        if not self.accept(keyword):
            self.fail(f"expected {keyword!r}")

    def advance(self) -> None:
        self.token = self._read(self.token.start + len(self.token.text))

    def _read(self, start: int) -> _Token:
        found = _TOKEN.match(self.source, start)
        if found is None or found.lastgroup is None:
            rest = self.source[start:]
            self.token = _Token("bad", rest.strip()[:1], start + len(rest) - len(rest.lstrip()))
            self.fail("a quote that is never closed" if self.token.text in "\"'" else "this can't be read")
        return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))

    def fail(self, problem: str) -> NoReturn:
        at = self.token.start
        left, right = max(0, at - _EXCERPT), at + _EXCERPT
        excerpt = " ".join(self.source[left:at].splitlines()) + "»" + self.source[at:right].replace("\n", " ")
        where = "at the end" if self.token.kind == "end" else f"at character {at + 1}"
        raise SettingError(f"the filter can't be understood {where} (here: {excerpt.strip()}): {problem}.")


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
