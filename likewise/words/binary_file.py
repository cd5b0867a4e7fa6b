"""Vectors in word2vec's binary format: a header line, then for each word its bytes, a space and D float32."""

import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise.safetensors_file import new_file
from likewise.words._rows import (
    MAX_WORD_BYTES,
    WordList,
    check_finite,
    check_header,
    damaged,
    reading,
    require_plain,
    room_for,
)
from likewise.words.text_file import HEADER
from likewise.words.vectors import WordVectors

_MAX_HEADER_BYTES = 64
_BLOCK = 4096  # rows copied between checks


def read_binary(path: Path) -> WordVectors:
    """Vectors from a binary file, with line ends between the rows (as the first program wrote them) or without.

    Raises:
        ArtifactError: The header lies, the file is cut short, or a number is not finite.
    """
    with reading(path), path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        words, offsets, dimension = _scan(path, data)
        vectors = room_for(len(words.words), dimension)
        for start in range(0, len(offsets), _BLOCK):
            block = vectors[start : start + _BLOCK]
            for row, offset in zip(block, offsets[start : start + _BLOCK].tolist(), strict=True):
                row[:] = np.frombuffer(data[offset : offset + 4 * dimension], "<f4")
            check_finite(path, words.words[start : start + _BLOCK], block)
    words.warn()
    return WordVectors(words=words.words, vectors=vectors)


def write_binary(vectors: WordVectors, path: Path) -> None:
    """Write a binary file; counts and n-grams have no place in this format.

    Raises:
        SettingError: A word holds white space.
        StorageError: The disk refused.
    """
    require_plain(vectors.words, "binary word2vec")
    with new_file(path) as file:
        file.write(f"{len(vectors)} {vectors.dimension}\n".encode())
        for word, row in zip(vectors.words, vectors.vectors, strict=True):
            file.write(word.encode() + b" " + row.astype("<f4").tobytes())


def _scan(path: Path, data: mmap.mmap) -> tuple[WordList, NDArray[np.int64], int]:
    """The words, where the numbers of each start, and D."""
    end = data.find(b"\n", 0, _MAX_HEADER_BYTES)
    header = HEADER.fullmatch(data[: max(end, 0)])
    if not header:
        raise damaged(path, "its first line is no header of two numbers")
    count, dimension = int(header[1]), int(header[2])
    check_header(path, count, dimension, available=len(data) - end - 1, least=4 * dimension + 2)
    words, offsets, at = WordList(path), [], end + 1
    for number in range(1, count + 1):
        at += data[at : at + 1] == b"\n"
        space = data.find(b" ", at, at + MAX_WORD_BYTES)
        if space <= at or space + 1 + 4 * dimension > len(data):
            raise damaged(path, f"its header promises {count} words, and row {number} is cut short or has no word")
        if words.take(data[at:space]):
            offsets.append(space + 1)
        at = space + 1 + 4 * dimension
    if data[at:].strip():
        raise damaged(path, f"its header promises {count} words, and {len(data) - at} bytes follow them")
    return words, np.array(offsets, np.int64), dimension
