"""Rows of data sets, read as they are: JSON lines, TSV, CSV, texts, TREC runs and judgements, each also gzipped."""

import csv
import gzip
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TextIO, TypeAlias

from likewise.errors import DataError, SettingError, UnknownNameError
from likewise.registry import Table

Column: TypeAlias = str | Sequence[str]  # one column, or several whose texts are joined by spaces
Record: TypeAlias = tuple[int, Mapping[str, Any]]  # number of its line from 1, and column → value
Known: TypeAlias = dict[tuple[Path, str], list[Record]]  # by file and format

_TREC_RUN = ("query", "iteration", "document", "rank", "score", "tag")
_TREC_QRELS = ("query", "iteration", "document", "grade")
_EXTENSIONS = {
    ".jsonl": "jsonl",
    ".tsv": "tsv",
    ".csv": "csv",
    ".txt": "lines",
    ".run": "trec_run",
    ".qrels": "trec_qrels",
}
_SHOWN = 40  # characters of a bad value in a message
FORMATS: Table[Callable[[TextIO, str], Iterator[Record]]] = Table("row format")

csv.field_size_limit(1 << 30)  # a document may be a cell


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Which rows of which file, and what their columns are to a task.

    Args:
        file: A path below the folder of data; with or without ``.gz``.
        columns: A task's name for a column → the file's. A dotted name looks inside objects; several are joined.
        format: One of ``FORMATS``; "" goes by the file's extension.
        where: Column of the file → value that a row must have.
        each: A list inside a row, dotted if it lies deeper or in another list: then each item of it is a row, under
            the same name.
        every: Keep the first and then every so many rows of those that are left.
        except_every: Keep the others.
    """

    file: str
    columns: Mapping[str, Column]
    format: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    each: str = ""
    every: int = 1
    except_every: int = 0

    def __post_init__(self) -> None:
        if self.every < 1 or self.except_every < 0 or self.except_every == 1:
            raise SettingError(
                f"every is {self.every} and except_every {self.except_every}; they must be at least 1 and 2"
            )
        if self.every > 1 and self.except_every:
            raise SettingError("every and except_every are both set: the second keeps what the first leaves out")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, whose values are asked for by a task's names of the columns."""

    place: str  # for messages: "cranfield/docs.jsonl.gz, line 3"
    ordinal: int  # from 1, among the rows that were chosen
    values: Mapping[str, Any]
    columns: Mapping[str, Column]

    def has(self, name: str) -> bool:
        """Whether the task says which column it is, and the row has a value there."""
        column = self.columns.get(name)
        return column is not None and (not isinstance(column, str) or _look_up(self.values, column)[1] is not None)

    def text(self, name: str) -> str:
        """A text. Several columns are joined by spaces, those that are empty left out; a list of texts by commas."""
        column = self.columns[name]
        if isinstance(column, str):
            return self._text_in(column)
        return " ".join(part for part in (self._text_in(one) for one in column) if part)

    def id(self, name: str) -> str:
        """An id or a label: a text or a whole number."""
        return _as_id(self, self._one(name))

    def ids(self, name: str) -> list[str]:
        """Ids or labels: a list of them, or one."""
        column, value = self._one(name)
        return [_as_id(self, (column, one)) for one in (value if isinstance(value, list) else [value])]

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        column, value = self._one(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(column, value, "a list of texts")
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        return _as_number(self, self._one(name))

    def numbers(self, name: str) -> list[float]:
        """A list of finite numbers."""
        column, value = self._one(name)
        if not isinstance(value, list):
            raise self.wrong(column, value, "a list of numbers")
        return [_as_number(self, (column, one)) for one in value]

    def whole(self, name: str) -> int:
        """A whole number."""
        column, value = self._one(name)
        found = _as_number(self, (column, value))
        if not found.is_integer():
            raise self.wrong(column, value, "a whole number")
        return int(found)

    def wrong(self, column: str, value: Any, expected: str) -> DataError:
        """The error for a value that is not what it should be."""
        shown = repr(value)
        return DataError(f"{self.place}: {column} must be {expected}, got {shown[:_SHOWN]}{shown[_SHOWN:] and '…'}")

    def _text_in(self, column: str) -> str:
        value = self._value(column)
        if isinstance(value, str):
            return value
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(column, value, "a text")
        return ", ".join(value)

    def _one(self, name: str) -> tuple[str, Any]:
        column = self.columns[name]
        if not isinstance(column, str):
            raise SettingError(f"{self.place}: only texts can be joined of several columns, and {name!r} is none")
        return column, self._value(column)

    def _value(self, column: str) -> Any:
        found, value = _look_up(self.values, column)
        if not found:
            raise DataError(f"{self.place}: {UnknownNameError('column', column, self.values)}")
        return value


def find_file(folder: Path, file: str) -> Path | None:
    """Where a file of the folder is, as it is named or with ``.gz`` behind; None if it is not there."""
    for name in (file, f"{file}.gz", file.removesuffix(".gz")):
        if (folder / name).is_file():
            return folder / name
    return None


def read_rows(source: RowSource, folder: Path, *, known: Known | None = None) -> list[Row]:
    """The rows of a source.

    Args:
        source: Which rows.
        folder: Where its file lies.
        known: What was read of files before, and where what is read now is put: tables often share a file.

    Raises:
        DataError: The file is missing or damaged, or a line of it is not what its format says; or no row is left.
    """
    path = find_file(folder, source.file)
    if path is None:
        raise DataError(f"there is no {folder / source.file}: check --data, the folder that the sets lie in")
    known = {} if known is None else known
    records = known.get((path, source.format))
    if records is None:
        records = known[path, source.format] = list(read_records(path, source.format))
    kept = records
    if source.where:
        kept = [(line, values) for line, values in kept if _fits(values, source.where)]
    if source.each:
        kept = [
            (line, one) for line, values in kept for one in _items(values, source.each, f"{source.file}, line {line}")
        ]
    chosen = kept[:: source.every]
    if source.except_every:
        chosen = [one for i, one in enumerate(kept) if i % source.except_every]
    if not chosen:
        having = f", none with {', '.join(f'{k} = {v!r}' for k, v in source.where.items())}" if source.where else ""
        raise DataError(f"{path} has no row to evaluate with: {len(records)} rows are in it{having}")
    return [
        Row(f"{source.file}, line {line}", ordinal, values, source.columns)
        for ordinal, (line, values) in enumerate(chosen, start=1)
    ]


def read_texts(path: Path, *, column: str = "text", group: str = "", seed: int = 0) -> list[str]:
    """The texts of a file: a column of JSON lines, TSV or CSV, as its name says, or else a text a line.

    Args:
        path: The file; with ``.gz`` behind, it is unpacked.
        column: That the texts are in.
        group: Of texts that have one value in this column, such as the chunks of a document, one is drawn; "" keeps
            all.
        seed: Of the draw.

    Raises:
        DataError: The file can't be read, a line is not what its format says, or there is no text.
    """
    named = Path(path.name.removesuffix(".gz")).suffix in _EXTENSIONS
    columns = {"text": column, "group": group}
    records = read_records(path, "" if named else "lines")
    rows = [Row(f"{path}, line {line}", line, values, columns) for line, values in records]
    if not rows:
        raise DataError(f"{path} holds no text; expected one a line, or JSON lines with {column!r}")
    if group:
        named_rows = [(row.id("group"), row) for row in rows]
        Random(seed).shuffle(named_rows)
        rows = list(dict(named_rows).values())
    return [row.text("text") for row in rows]


def read_records(path: Path, format: str = "") -> Iterator[Record]:
    """All rows of a file, each with the number of its line.

    Raises:
        DataError: It can't be read, or a line is not what the format says.
    """
    name = format or _EXTENSIONS.get(Path(path.name.removesuffix(".gz")).suffix, "")
    if not name:
        raise DataError(f"{path}: can't tell its format by its name; say format = one of {', '.join(FORMATS)}")
    read = FORMATS.find(name)
    try:
        with open_text(path) as file:
            yield from read(file, str(path))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from error


def open_text(path: Path) -> TextIO:
    """Text as it is, but for a mark of the byte order."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
    return path.open(encoding="utf-8-sig", newline="\n")


@FORMATS.add("jsonl")
def _json_lines(file: TextIO, name: str) -> Iterator[Record]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise DataError(f"{name}, line {number} is no JSON: {error}") from error
        if not isinstance(values, dict):
            raise DataError(f"{name}, line {number} must be a JSON object, got {line[:_SHOWN].strip()}")
        yield number, values


@FORMATS.add("tsv")
def _tab_separated(file: TextIO, name: str) -> Iterator[Record]:
    lines = ((number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(file, start=1))
    yield from _headed(lines, name)


@FORMATS.add("csv")
def _comma_separated(file: TextIO, name: str) -> Iterator[Record]:
    reader = csv.reader(file, strict=True)

    def lines() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in reader:
                yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(f"{name}, line {reader.line_num}: {error}") from error

    yield from _headed(lines(), name)


@FORMATS.add("lines")
def _lines(file: TextIO, _name: str) -> Iterator[Record]:
    """A text a line, as the column "text"."""
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, {"text": line.rstrip("\r\n")}


@FORMATS.add("trec_run")
def _trec_run(file: TextIO, name: str) -> Iterator[Record]:
    yield from _spaced(file, name, _TREC_RUN)


@FORMATS.add("trec_qrels")
def _trec_qrels(file: TextIO, name: str) -> Iterator[Record]:
    yield from _spaced(file, name, _TREC_QRELS)


def _headed(lines: Iterator[tuple[int, list[str]]], name: str) -> Iterator[Record]:
    """Rows under a header line."""
    _, header = next(lines, (0, []))
    for number, cells in lines:
        if cells in ([], [""]):
            continue
        if len(cells) != len(header):
            raise DataError(f"{name}, line {number} has {len(cells)} columns, and the header {len(header)}")
        yield number, dict(zip(header, cells, strict=True))


def _spaced(file: TextIO, name: str, columns: Sequence[str]) -> Iterator[Record]:
    for number, line in enumerate(file, start=1):
        cells = line.split()
        if cells and len(cells) != len(columns):
            raise DataError(f"{name}, line {number} has {len(cells)} fields; expected {' '.join(columns)}")
        if cells:
            yield number, dict(zip(columns, cells, strict=True))


def _items(values: Mapping[str, Any], each: str, place: str) -> list[Mapping[str, Any]]:
    """A row for each item of a list, with the item where the list was."""
    outer, _, inner = each.partition(".")
    found = values.get(outer)
    if not isinstance(found, list):
        raise DataError(f"{place}: {outer} must be a list, got {str(found)[:_SHOWN]}")
    if not inner:
        return [{**values, outer: item} for item in found]
    return [{**values, outer: deeper} for item in found for deeper in _items(item, inner, place)]


def _fits(values: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a row has the wanted values; in TSV and CSV every value is a text."""
    for column, wanted in where.items():
        there, value = _look_up(values, column)
        if not there or (value != wanted and not (isinstance(value, str) and value == str(wanted))):
            return False
    return True


def _look_up(values: Mapping[str, Any], column: str) -> tuple[bool, Any]:
    """Whether a column is there, and its value; a dotted name looks inside objects."""
    if column in values:
        return True, values[column]
    inner: Any = values
    for part in column.split("."):
        if not isinstance(inner, Mapping) or part not in inner:
            return False, None
        inner = inner[part]
    return True, inner


def _as_id(row: Row, found: tuple[str, Any]) -> str:
    column, value = found
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise row.wrong(column, value, "an id: a text that is not empty, or a whole number")
    return str(value)


def _as_number(row: Row, found: tuple[str, Any]) -> float:
    column, value = found
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise row.wrong(column, value, "a finite number")
    return number
