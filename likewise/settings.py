"""Frozen dataclasses to and from plain dicts, strictly."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar

from likewise.errors import SettingError, UnknownNameError

C = TypeVar("C")


def from_dict(cls: type[C], values: Mapping[str, Any]) -> C:
    """Build the dataclass ``cls`` from ``values``.

    Raises:
        SettingError: A key that ``cls`` does not have (with the nearest spelling), or one that is missing.
    """
    if not is_dataclass(cls):
        raise TypeError(f"{cls!r} is not a dataclass")
    known = {f.name for f in fields(cls)}
    for key in values:
        if key not in known:
            raise SettingError(str(UnknownNameError(f"{cls.__name__} setting", key, known)))
    try:
        return cls(**values)
    except TypeError as error:
        raise SettingError(f"{cls.__name__}: {error}") from error


def to_dict(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON-ready values; ``from_dict`` takes them back."""
    return asdict(value)
