"""Text files as a stream of lines, in bounded memory; compressed ones (gzip) are recognised by their first bytes."""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from likewise.errors import ReadingError, SettingError

_BLOCK_BYTES = 1 << 20  # a longer line is given in parts, cut between words
_GZIP = b"\x1f\x8b"
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what each byte that is no UTF-8 becomes under "surrogateescape"


def read_lines(path: Path) -> list[str]:
    """The lines of one file, all of which must be UTF-8; compressed or not.

    Raises:
        SettingError: There is no file, or it is in another encoding.
        ReadingError: It can't be read, or is damaged.
    """
    corpus = Corpus([path])
    lines = list(corpus)
    if corpus.replaced_bytes:
        raise SettingError(
            f"{path} is no text in UTF-8: {corpus.replaced_bytes} of its bytes are not; convert it first"
        )
    return lines


class Corpus:
    """Lines of UTF-8 files, which can be read several times; ``progress`` is told the bytes read, and of how many.

    Attributes:
        replaced_bytes: Bytes that were no UTF-8 in the last reading. Each became U+FFFD.

    Raises:
        SettingError: One of the paths is no file.
    """

    def __init__(self, paths: Sequence[Path], *, progress: Callable[[int, int], None] | None = None) -> None:
        for path in paths:
            if not path.is_file():
                raise SettingError(f"no file at {path}; a corpus is one or more text files")
        self._paths, self._progress = tuple(paths), progress
        self.replaced_bytes = 0

    def __iter__(self) -> Iterator[str]:
        """Lines in order, without their ends.

        Raises:
            ReadingError: A file can't be read, or is damaged.
        """
        self.replaced_bytes = 0
        total = sum(path.stat().st_size for path in self._paths)
        before = 0
        for path in self._paths:
            try:
                with path.open("rb") as raw:
                    for line in self._lines(raw):
                        if self._progress:
                            self._progress(before + raw.tell(), total)
                        yield line
            except (OSError, EOFError, zlib.error) as error:
                raise ReadingError(f"{path} can't be read: {error}") from error
            before += path.stat().st_size

    def _lines(self, raw: BinaryIO) -> Iterator[str]:
        packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        block, rest = b"more", ""
        with gzip.open(raw) if packed else nullcontext(raw) as file:
            while block:
                block = file.readline(_BLOCK_BYTES)
                text, wrong = _NOT_UTF8.subn("\ufffd", rest + decoder.decode(block, final=not block))
                self.replaced_bytes += wrong
                part = len(block) == _BLOCK_BYTES and not block.endswith(b"\n")
                text, rest = _whole_words(text) if part else (text, "")
                if text:
                    yield text.rstrip("\r\n")


def _whole_words(part: str) -> tuple[str, str]:
    """A part of a line up to its last blank, and the beginning of a word after it; all of it if there is no blank."""
    end = max(part.rfind(" "), part.rfind("\t")) + 1
    return (part[:end], part[end:]) if end else (part, "")
