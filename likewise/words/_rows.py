"""Where the rows of a file go, and what is said of words in all of them alike."""

import logging
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from likewise.errors import ArtifactError, LikewiseError, SettingError, ShapeError, StorageError
from likewise.types import Vectors

logger = logging.getLogger(__name__)

_IN_MEMORY_BYTES = 1 << 30
MAX_WORD_BYTES = 10_000
MAX_DIMENSION = 1 << 20


def damaged(path: Path, what: str) -> ArtifactError:
    """The error for a file of vectors that is not what it should be."""
    return ArtifactError(f"{path} can't be read: {what}. The file is damaged, or of another format")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What can't be read is an error that names the file.

    Raises:
        ArtifactError: The system refused, or something in the file can't be.
    """
    try:
        yield
    except (SettingError, ShapeError) as error:
        raise damaged(path, str(error)) from error
    except LikewiseError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:  # ValueError: an empty file can't be mapped
        raise ArtifactError(f"{path} can't be read: {error}") from error


def room_for(rows: int, dimension: int) -> Vectors:
    """Zeros (V, D): in memory, or if they are more than a gigabyte in a file that is gone when nothing refers to it.

    Raises:
        StorageError: There is no such space in the folder for temporary files.
    """
    size = rows * dimension * 4
    if size <= _IN_MEMORY_BYTES:
        return np.zeros((rows, dimension), np.float32)
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # or a full disk would kill the process later
            return np.memmap(
                file, np.float32, "r+" if hasattr(os, "posix_fallocate") else "w+", shape=(rows, dimension)
            )
    except OSError as error:
        raise StorageError(f"{size} bytes of vectors need as much space in {tempfile.gettempdir()}: {error}") from error


@dataclass(slots=True)
class WordList:
    """The words of a file as they come: each once, with U+FFFD for bytes that are no UTF-8."""

    path: Path
    words: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    repeated: int = 0
    replaced: int = 0

    def take(self, raw: bytes) -> bool:
        """Whether this word is a new one, whose vector is to be kept.

        Raises:
            ArtifactError: It is no word.
        """
        if not raw or b"\n" in raw:
            raise damaged(self.path, f"where a word should be there is {raw[:40]!r}")
        try:
            word = raw.decode()
        except UnicodeDecodeError:
            word = raw.decode(errors="replace")
            self.replaced += 1
        if word in self.seen:
            self.repeated += 1
            return False
        self.seen.add(word)
        self.words.append(word)
        return True

    def warn(self) -> None:
        """Say what was not as it should be, and what was done about it."""
        if self.replaced:
            logger.warning("%s: %d words are not UTF-8; U+FFFD stands for their wrong bytes", self.path, self.replaced)
        if self.repeated:
            logger.warning("%s: %d words are there again; their first vector is kept", self.path, self.repeated)


def check_finite(path: Path, words: Sequence[str], block: Vectors) -> None:
    """Refuse NaN and infinity.

    Raises:
        ArtifactError: There is one; the word is named.
    """
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        raise damaged(path, f"the vector of {words[int(np.flatnonzero(~finite)[0])]!r} holds NaN or infinity")


def require_plain(words: Sequence[str], format: str) -> None:
    """Refuse words that a format has no way to write.

    Raises:
        SettingError: One holds white space or a zero byte.
    """
    for word in words:
        if word.split() != [word] or "\0" in word:
            raise SettingError(f"the word {word!r} holds white space, which {format} files can't; use a folder")


def check_header(path: Path, count: int, dimension: int, *, available: int, least: int) -> None:
    """Refuse a header whose promise can't be in the file, before room is made for it.

    Args:
        path: For the message.
        count: Words that the header promises.
        dimension: Numbers of each.
        available: Bytes that follow the header.
        least: Bytes that a word takes at least.

    Raises:
        ArtifactError: It can't.
    """
    if count < 1 or not 0 < dimension <= MAX_DIMENSION:
        raise damaged(path, f"its header promises {count} words of {dimension} numbers; expected at least 1 of each")
    if count * least > available:
        raise damaged(
            path,
            f"its header promises {count} words of {dimension} numbers, {count * least} bytes at least, "
            f"and {available} bytes follow",
        )
