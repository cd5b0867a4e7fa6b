"""Filters as conditions of the Qdrant engine, over a payload that is shaped for them.

The engine's own idea of a condition differs from ours (a comparison with a list asks for any element, booleans do
not match), so the payload is not the metadata itself but one key for each field, kind and part:

    has         numbers of the fields that are there
    1.own.3     the value of field 1, kind 3
    1.each.3    the elements of the list in field 1, kind 3
"""

from collections.abc import Iterable, Mapping
from typing import Any

from qdrant_edge import FieldCondition, MatchAny, MatchSubstring, MatchValue, RangeFloat
from qdrant_edge import Filter as EngineFilter

from likewise.storing.filters import And, Compare, Filter, Has, In, Kind, Not, Or, Scalar, kind_of

_RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class NotExpressibleError(Exception):
    """The engine has no condition for this; the caller searches exactly instead."""


def payload(values: Iterable[tuple[int, int, int, Any]]) -> dict[str, Any]:
    """A point's payload from (field number, position, kind, value) of its document."""
    made: dict[str, Any] = {"has": []}
    for field, position, kind, value in values:
        if position == 0:
            made["has"].append(field)
        if value is None:
            continue
        if position == 0:
            made[key(field, Kind(kind))] = _plain(value, kind)
        else:
            made.setdefault(key(field, Kind(kind), each=True), []).append(_plain(value, kind))
    return made


def key(field: int, kind: Kind, *, each: bool = False) -> str:
    return f"{field}_{'each' if each else 'own'}_{kind:d}"


def to_qdrant(where: Filter, fields: Mapping[str, int]) -> EngineFilter:
    """The same condition for the engine; ``fields`` numbers the fields by name.

    Raises:
        NotExpressibleError: Strings that are put in order, which the engine can't.
    """
    match where:
        case And(parts):
            return EngineFilter(must=[to_qdrant(part, fields) for part in parts])
        case Or(()):
            return EngineFilter(must_not=[EngineFilter(must=[])])
        case Or(parts):
            return EngineFilter(should=[to_qdrant(part, fields) for part in parts])
        case Not(part):
            return EngineFilter(must_not=[to_qdrant(part, fields)])
        case Has(field):
            return EngineFilter(must=[FieldCondition("has", match=MatchValue(fields[field]))])
        case In(field, values):
            return to_qdrant(Or(tuple(Compare(field, "=", value) for value in values)), fields)
        case Compare(field):
            return _compare(where, fields[field])


def _compare(where: Compare, field: int) -> EngineFilter:
    value, kind = where.value, kind_of(where.value)
    if where.operator == "=":
        return EngineFilter(must=[_same(key(field, kind), value)])
    if where.operator == "!=":
        there = FieldCondition("has", match=MatchValue(field))
        return EngineFilter(must=[there], must_not=[_same(key(field, kind), value)])
    if where.operator == "contains":
        choices: list[FieldCondition | EngineFilter] = [_same(key(field, kind, each=True), value)]
        if isinstance(value, str):
            choices.append(FieldCondition(key(field, kind), match=MatchSubstring(value)))
        return EngineFilter(should=[*choices])
    if kind is Kind.STRING:
        raise NotExpressibleError(where)
    if kind is Kind.BOOLEAN:
        return to_qdrant(Or(()), {})
    limit = RangeFloat(**{_RANGES[where.operator]: float(value)})
    return EngineFilter(must=[FieldCondition(key(field, kind), range=limit)])


def _same(name: str, value: Scalar) -> FieldCondition:
    if kind_of(value) is Kind.NUMBER:  # a match takes integers only, and 1 is 1.0
        return FieldCondition(name, range=RangeFloat(gte=float(value), lte=float(value)))
    return FieldCondition(name, match=MatchAny([_plain(value, kind_of(value))]))


def _plain(value: Any, kind: int) -> Any:
    return ("false", "true")[bool(value)] if kind == Kind.BOOLEAN else value
