"""Pairs of texts that people scored, from a file, and how well other scores agree with theirs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from likewise.corpora import read_lines
from likewise.errors import SettingError

_COLUMNS = ("sentence1", "sentence2", "score")


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Pairs of texts with a score each: N of all three."""

    left: list[str]
    right: list[str]
    scores: NDArray[np.float64]  # (N,) higher is more alike, on whatever scale


def read_labelled_pairs(path: Path) -> LabelledPairs:
    """Read a table with a header line, its cells parted by tabs, or JSON lines; either as it is or as gzip.

    Its columns, or keys, ``sentence1``, ``sentence2`` and ``score`` are read, and others passed over. Quotation marks
    in a table are part of the text.

    Raises:
        ReadingError: It can't be read, or is damaged.
        SettingError: There is no such file, a column or a number is missing, or the scores are all the same.
    """
    rows = list(_rows(path))
    scores = np.array([_number(row["score"], number, path) for number, row in rows])
    if len(set(scores.tolist())) < 2:
        raise SettingError(
            f"{path} holds {len(rows)} pairs and {len(set(scores.tolist()))} different scores; it takes at least two, "
            "as what is compared is an order"
        )
    return LabelledPairs([row["sentence1"] for _, row in rows], [row["sentence2"] for _, row in rows], scores)


def rank_correlation(left: ArrayLike, right: ArrayLike) -> float:
    """Spearman's correlation of two rows of numbers: that of their ranks, where equal ones share the mean rank.

    Returns:
        From -1 to 1; 0 if all numbers of a row are equal, as it then says nothing of the order of the other.
    """
    first, second = (ranks - ranks.mean() for ranks in map(_ranks, (left, right)))
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else 0.0


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    _, where, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with the numbers of their lines."""
    lines = [(number, line) for number, line in enumerate(read_lines(path), 1) if line.strip()]
    if not lines:
        raise SettingError(f"{path} is empty; it must hold pairs: {', '.join(_COLUMNS)}")
    if lines[0][1].lstrip().startswith("{"):
        rows = [(number, _object(line, number, path)) for number, line in lines]
    else:
        header = lines[0][1].split("\t")
        _require(dict.fromkeys(header, ""), lines[0][0], path)
        rows = [(number, _cells(header, line, number, path)) for number, line in lines[1:]]
    for number, row in rows:
        _require(row, number, path)
        yield number, row


def _cells(header: list[str], line: str, number: int, path: Path) -> dict[str, Any]:
    cells = line.split("\t")
    if len(cells) != len(header):
        raise SettingError(f"{path}, line {number} has {len(cells)} cells, and the header {len(header)}")
    return dict(zip(header, cells, strict=True))


def _object(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise SettingError(f"{path}, line {number} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise SettingError(f"{path}, line {number} is no JSON object; it must have {', '.join(_COLUMNS)}")
    return found


def _require(row: dict[str, Any], number: int, path: Path) -> None:
    if missing := [name for name in _COLUMNS if name not in row]:
        got = ", ".join(map(repr, row))
        raise SettingError(
            f"{path}, line {number} has no {' and no '.join(missing)}; it has {got:.200}. It takes a header line and "
            "cells parted by tabs, or a JSON object a line"
        )
    if not all(isinstance(row[name], str) for name in _COLUMNS[:2]):
        raise SettingError(f"{path}, line {number}: sentence1 and sentence2 must be texts")


def _number(value: object, number: int, path: Path) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]  # what it does not take is refused below
    except (TypeError, ValueError):
        found = np.nan
    if not np.isfinite(found):
        raise SettingError(f"{path}, line {number}: the score is {value!r}; it must be a number")
    return found
