"""Vectors of words from and to any kind of file; what a file holds is told by its first bytes, not by its name."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from likewise.errors import ArtifactError, SettingError, UnknownNameError
from likewise.safetensors_file import MAX_HEADER_BYTES
from likewise.words import vectors as folders
from likewise.words.binary_file import read_binary, write_binary
from likewise.words.fasttext_file import MAGIC, read_fasttext, write_fasttext
from likewise.words.text_file import HEADER, is_gzip, read_text, write_text
from likewise.words.vectors import WordVectors, is_folder_of_vectors

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE)
_PEEKED_BYTES = 1 << 16


class Format(NamedTuple):
    """A way to keep vectors of words."""

    read: Callable[[Path], WordVectors]
    write: Callable[[WordVectors, Path], None]


FORMATS: dict[str, Format] = {
    "folder": Format(folders.load, folders.save),
    "safetensors": Format(folders.read_tensors, folders.write_tensors),
    "word2vec-text": Format(read_text, partial(write_text, header=True)),
    "word2vec-binary": Format(read_binary, write_binary),
    "glove": Format(read_text, partial(write_text, header=False)),
    "fasttext": Format(read_fasttext, write_fasttext),
}


def read_vectors(path: Path) -> WordVectors:
    """Vectors from a folder or a file of any of ``FORMATS``.

    Folders, safetensors and the rows of n-grams in fastText's files are mapped; text and word2vec's binary files are
    read, into a temporary file if their vectors take more than a gigabyte.

    Raises:
        SettingError: There is nothing at ``path``.
        ArtifactError: It is damaged, or of none of the formats.
    """
    return FORMATS[format_of(path)].read(path)


def write_vectors(vectors: WordVectors, path: Path, *, format: str = "") -> None:
    """Write a folder or a file; only folders, safetensors and fastText's files keep counts and n-grams.

    Args:
        vectors: What to write.
        path: May not exist.
        format: One of ``FORMATS``; if empty, "safetensors" for such a name, "folder" for one without a suffix.

    Raises:
        SettingError: Something is there already, the format can't be told, or a word can't be written in it.
        UnknownNameError: There is no such format.
        StorageError: The disk refused.
    """
    format = format or {"": "folder", ".safetensors": "safetensors"}.get(path.suffix, "")
    if not format:
        raise SettingError(
            f"which format {path} is to have can't be told from its name; say one of {', '.join(FORMATS)}"
        )
    if format not in FORMATS:
        raise UnknownNameError("format of word vectors", format, FORMATS)
    if path.exists():
        raise SettingError(f"{path} is there already; give a name that is not taken")
    FORMATS[format].write(vectors, path)


def format_of(path: Path) -> str:
    """Which of ``FORMATS`` a folder or file has.

    Raises:
        SettingError: There is nothing at ``path``.
        ArtifactError: It has none of them.
    """
    if is_folder_of_vectors(path):
        return "folder"
    if not path.is_file():
        what = "a folder without a manifest" if path.is_dir() else "nothing"
        raise SettingError(f"there is {what} at {path}; expected a folder or a file of word vectors")
    try:
        if is_gzip(path):
            return "word2vec-text"
        with path.open("rb") as file:
            start = file.read(_PEEKED_BYTES)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read: {error}") from error
    if start.startswith(MAGIC):
        return "fasttext"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= MAX_HEADER_BYTES:  # text makes a greater number
        return "safetensors"
    return _format_of_rows(path, start)


def _format_of_rows(path: Path, start: bytes) -> str:
    first, _, rest = start.partition(b"\n")
    if HEADER.fullmatch(first):
        return "word2vec-text" if _is_row(rest.partition(b"\n")[0], whole=b"\n" in rest) else "word2vec-binary"
    if _is_row(first, whole=b"\n" in start):
        return "glove"
    raise ArtifactError(f"{path} is no file of word vectors: it has none of the formats {', '.join(FORMATS)}")


def _is_row(line: bytes, *, whole: bool) -> bool:
    """Whether a line is a word and numbers; its last field is left out where the line goes on."""
    fields = line.split()[1 : None if whole else -1]
    return bool(fields) and bool(_NUMBER.fullmatch(fields[-1]))
