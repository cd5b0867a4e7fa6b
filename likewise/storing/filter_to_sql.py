"""Filters as parameterised SQL over the table of metadata values."""

from typing import Any

from likewise.errors import SettingError
from likewise.storing.filters import And, Compare, Filter, Has, In, Kind, Not, Or, Scalar, kind_of

MAX_PARAMETERS = 30_000  # SQLite takes 32,766
_FIELD = "documents.number IN (SELECT document FROM metadata_values WHERE field = "
_FIELD += "(SELECT number FROM fields WHERE name = ?) AND "


def to_sql(where: Filter) -> tuple[str, list[Any]]:
    """A condition on ``documents`` and its parameters; no part of the filter is ever pasted into the SQL.

    Raises:
        SettingError: More values than one statement can hold.
    """
    condition, parameters = _translate(where)
    if len(parameters) > MAX_PARAMETERS:
        raise SettingError(
            f"the filter has {len(parameters)} fields and values; at most {MAX_PARAMETERS} are possible. Split it."
        )
    return condition, parameters


def _translate(where: Filter) -> tuple[str, list[Any]]:
    match where:
        case And(parts):
            return _join([_translate(part) for part in parts], "AND", empty="TRUE")
        case Or(parts):
            return _join([_translate(part) for part in parts], "OR", empty="FALSE")
        case Not(part):
            condition, parameters = _translate(part)
            return f"NOT ({condition})", parameters
        case Has(field):
            return f"{_FIELD} position = 0)", [field]
        case In(field, values):
            listed = ", ".join(["(?, ?)"] * len(values)) or "(NULL, NULL)"
            same = [half for value in values for half in (int(kind_of(value)), value)]
            return f"{_FIELD} position = 0 AND (kind, value) IN (VALUES {listed}))", [field, *same]
        case Compare(field, sign, value):
            condition, parameters = _compare(sign, value)
            return f"{_FIELD} {condition})", [field, *parameters]


def _join(parts: list[tuple[str, list[Any]]], word: str, *, empty: str) -> tuple[str, list[Any]]:
    # Halved, so that a thousand conditions nest ten deep: SQLite limits the depth of an expression.
    if len(parts) < 2:
        return parts[0] if parts else (empty, [])
    middle = len(parts) // 2
    left, left_parameters = _join(parts[:middle], word, empty=empty)
    right, right_parameters = _join(parts[middle:], word, empty=empty)
    return f"({left}) {word} ({right})", left_parameters + right_parameters


def _compare(sign: str, value: Scalar) -> tuple[str, list[Any]]:
    same: list[Any] = [int(kind_of(value)), value]
    if sign == "contains":
        element = "position > 0 AND kind = ? AND value = ?"
        if not isinstance(value, str):
            return element, same
        part = f"position = 0 AND kind = {Kind.STRING:d} AND instr(value, ?) > 0"
        return f"({element} OR {part})", [*same, value]
    if sign == "!=":
        # The value of a list or object is NULL: IS NOT TRUE keeps it, as it is equal to nothing.
        return "position = 0 AND (kind = ? AND value = ?) IS NOT TRUE", same
    if sign != "=" and kind_of(value) is Kind.BOOLEAN:
        return "FALSE", []
    return f"position = 0 AND kind = ? AND value {sign} ?", same
