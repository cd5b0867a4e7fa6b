"""Vectors as text: a word and its numbers a line, with a header (word2vec) or without one (GloVe); gzip or not."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from likewise.safetensors_file import new_file
from likewise.types import Vectors
from likewise.words._rows import (
    MAX_DIMENSION,
    WordList,
    check_finite,
    check_header,
    damaged,
    reading,
    require_plain,
    room_for,
)
from likewise.words.vectors import WordVectors

HEADER = re.compile(rb"\s*([+-]?\d{1,18})\s+([+-]?\d{1,18})\s*")
_GZIP = b"\x1f\x8b"
_MAX_LINE_BYTES = 1 << 26
_BLOCK = 4096  # lines whose numbers are read together
_INFLATION = 1100  # gzip can't make a file smaller than by this factor


def read_text(path: Path) -> WordVectors:
    """Vectors from a text file, which is read twice: once to see whether it holds what it should, then for the numbers.

    A word may hold spaces, as some of GloVe's do: the numbers are the last D fields of a line.

    Raises:
        ArtifactError: The header lies, a line has another number of fields, or a field is no finite number.
    """
    with reading(path):
        words, keep, dimension = _scan(path)
        vectors = room_for(len(words.words), dimension)
        at = 0
        with _lines(path) as lines:
            for numbers, block in _blocks(lines):
                rows = _numbers(path, block, dimension, numbers)[keep[numbers.start : numbers.stop]]
                check_finite(path, words.words[at : at + len(rows)], rows)
                vectors[at : at + len(rows)] = rows
                at += len(rows)
    words.warn()
    return WordVectors(words=words.words, vectors=vectors)


def write_text(vectors: WordVectors, path: Path, *, header: bool) -> None:
    """Write a text file; each number has the digits that give the same float32 back.

    Args:
        vectors: What to write; counts and n-grams have no place in this format.
        path: Replaced if it is there.
        header: Whether the first line says how many words and numbers there are: word2vec's way, not GloVe's.

    Raises:
        SettingError: A word holds white space.
        StorageError: The disk refused.
    """
    require_plain(vectors.words, "text")
    with new_file(path) as file:
        if header:
            file.write(f"{len(vectors)} {vectors.dimension}\n".encode())
        for word, row in zip(vectors.words, vectors.vectors, strict=True):
            file.write(f"{word} {' '.join(map(str, row))}\n".encode())


def is_gzip(path: Path) -> bool:
    """Whether the file's first bytes say so."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines after the header, without their ends; blank ones at the end are left out."""
    with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
        first = _line(path, file)
        if not HEADER.fullmatch(first):
            file.seek(0)
        yield _without_blank_end(path, file)


def _without_blank_end(path: Path, file: "BinaryIO | gzip.GzipFile") -> Iterator[bytes]:
    blank = 0
    while line := _line(path, file):
        line = line.strip(b" \r\n")
        if not line:
            blank += 1
            continue
        yield from [b""] * blank
        blank = 0
        yield line


def _line(path: Path, file: "BinaryIO | gzip.GzipFile") -> bytes:
    line = file.readline(_MAX_LINE_BYTES)
    if len(line) == _MAX_LINE_BYTES:
        raise damaged(path, f"a line of it is longer than {_MAX_LINE_BYTES} bytes")
    return line


def _scan(path: Path) -> tuple[WordList, NDArray[np.bool_], int]:
    """The words, which lines to keep, and D; all that can be wrong but the numbers themselves is found here."""
    promised = _promise(path)
    words, keep = WordList(path), bytearray()
    dimension = promised[1] if promised else 0
    with _lines(path) as lines:
        for number, line in enumerate(lines, 1):
            dimension = dimension or line.count(b" ")
            if not 0 < dimension <= MAX_DIMENSION:
                raise damaged(path, f"line {number} is {line[:40]!r}, expected a word and its numbers")
            word, *numbers = line.rsplit(b" ", dimension)
            if len(numbers) != dimension or not word:
                raise damaged(path, f"row {number} has {line.count(b' ')} numbers, expected {dimension}")
            keep.append(words.take(word.rstrip()))
    if promised and len(keep) != promised[0]:
        raise damaged(path, f"its header promises {promised[0]} words, and it has {len(keep)}")
    if not keep:
        raise damaged(path, "it is empty")
    return words, np.frombuffer(keep, bool), dimension


def _promise(path: Path) -> tuple[int, int] | None:
    """The numbers of words and of their numbers in the header, if there is one."""
    packed = is_gzip(path)
    with gzip.open(path) if packed else path.open("rb") as file:
        first = _line(path, file)
    header = HEADER.fullmatch(first)
    if not header:
        return None
    count, dimension = int(header[1]), int(header[2])
    available = path.stat().st_size * (_INFLATION if packed else 1) - (0 if packed else len(first))
    check_header(path, count, dimension, available=available, least=2 * dimension + 1)
    return count, dimension


def _blocks(lines: Iterator[bytes]) -> Iterator[tuple[range, list[bytes]]]:
    """Lines in groups, with their numbers from 0."""
    block: list[bytes] = []
    start = 0
    for line in lines:
        block.append(line)
        if len(block) == _BLOCK:
            yield range(start, start + len(block)), block
            start, block = start + len(block), []
    if block:
        yield range(start, start + len(block)), block


def _numbers(path: Path, lines: list[bytes], dimension: int, places: range) -> Vectors:
    """The numbers of some lines (N, D)."""
    try:
        return _parsed(lines, dimension)
    except ValueError:
        for place, line in zip(places, lines, strict=True):  # find the one that is wrong
            try:
                _parsed([line], dimension)
            except ValueError:
                raise damaged(path, f"row {place + 1} ({line[:40]!r}…) holds what is no number") from None
        raise


def _parsed(lines: list[bytes], dimension: int) -> Vectors:
    fields = b" ".join(
        line.split(b" ", 1)[1] if line.count(b" ") == dimension else _last(line, dimension) for line in lines
    )
    with np.errstate(over="ignore"):
        found = np.fromstring(fields, np.float32, sep=" ")
    return found.reshape(len(lines), dimension)


def _last(line: bytes, dimension: int) -> bytes:
    return b" ".join(line.rsplit(b" ", dimension)[1:])
