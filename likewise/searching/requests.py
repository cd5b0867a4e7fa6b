"""Refuse what no index could answer, before anything is opened."""

from collections.abc import Sequence
from typing import get_args

from likewise.errors import SettingError
from likewise.storing import Filter, check_recall, parse_filter
from likewise.types import Mode


def check_texts(texts: Sequence[str], name: str) -> None:
    """Refuse anything but several texts that say something.

    Raises:
        SettingError: One str in place of several, or a blank one.
    """
    if isinstance(texts, str):
        raise SettingError(f"{name} is many texts, got one str: use {name}=[{texts!r}]")
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise SettingError(f"{name} has a blank text: leave it out")


def check_request(
    query: str, *, k: int, mode: str, where: str | Filter | None, recall: float | None = None
) -> Filter | None:
    """Refuse a request that no index could answer; gives the filter, parsed.

    Raises:
        SettingError: See ``Index.search``.
    """
    if not isinstance(query, str) or not query.strip():
        raise SettingError("the query is blank: say in a few words what to look for")
    if not isinstance(k, int) or k < 1:
        raise SettingError(f"k is {k!r}; it must be a whole number, at least 1")
    if mode not in get_args(Mode):
        raise SettingError(f"mode is {mode!r}; it must be 'hybrid', 'dense', 'lexical' or 'sparse'")
    if recall is not None:
        check_recall(recall)
    return parse_filter(where) if isinstance(where, str) else where
