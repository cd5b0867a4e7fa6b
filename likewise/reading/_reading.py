"""The entrance: paths to documents, lazily, with a report of what could not be read."""

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cached_property
from io import BufferedReader, BytesIO
from pathlib import Path, PurePosixPath

from likewise.errors import ReadingError, SettingError
from likewise.reading._formats import Content, parse_content
from likewise.reading._ignoring import compile_rules
from likewise.reading._report import ReadReport, Skipped, reason_of
from likewise.reading._walk import FileState, Walk
from likewise.types import Document

STDIN = "<stdin>"
_MEGABYTE = 1_000_000


def read(
    *paths: str | os.PathLike[str], max_bytes: int = 32_000_000, ignore: Sequence[str] = (), gitignore: bool = True
) -> "Reading":
    """Documents in files and folders; ``"-"`` is standard input, read as plain text.

    Nothing is opened yet: iterate over what comes back, more than once if you like. A file that can't be read
    never stops the iteration; it is listed in the ``report``.

    Args:
        paths: Files, which are read whatever the rules below say, and folders, which are walked to the bottom.
            Hidden files and folders, ``node_modules`` and the like are left out.
        max_bytes: Larger files are skipped.
        ignore: More patterns to leave out, in the language of .gitignore, anchored at each folder of ``paths``.
        gitignore: Leave out what .gitignore files say, those above a folder in the same repository included.

    Raises:
        ReadingError: One of ``paths`` is not there.
        SettingError: No path, or a pattern that is not valid.
    """
    if not paths:
        raise SettingError("read() got no path; give it files or folders, or '-' for standard input")
    if isinstance(ignore, str):
        raise SettingError(f"ignore takes many patterns, got one str: use ignore=[{ignore!r}]")
    if bad := compile_rules("/", ignore)[1]:
        raise SettingError(f"ignore has {bad[0]!r}, which is not a pattern; write patterns as in .gitignore: '*.log'")
    roots = dict.fromkeys(_root(os.fspath(path)) for path in paths)
    return Reading(tuple(roots), max_bytes=max_bytes, ignore=ignore, gitignore=gitignore)


class Reading:
    """Documents that can be iterated over again, and the parts for those who skip what did not change.

    Example:
        reading = read("handbook")
        for file in reading.files():          # nothing is opened
            if reading.digest(file) != known.get(file.path):
                documents = reading.parse(file)
    """

    def __init__(
        self, roots: tuple[str, ...], *, max_bytes: int, ignore: Sequence[str] = (), gitignore: bool = True
    ) -> None:
        self.roots = roots  # absolute, as asked for; "<stdin>" for standard input
        self.report = ReadReport()
        self._asked = frozenset(roots)
        self._max_bytes, self._ignore, self._gitignore = max_bytes, ignore, gitignore

    def __iter__(self) -> Iterator[Document]:
        for file in self.files():
            try:
                documents = self.parse(file)
            except ReadingError:  # parse() has put it into the report
                continue
            yield from documents

    def files(self) -> Iterator[FileState]:
        """The files, each once, in an order that stays the same; the report starts anew.

        Only standard input is read, for its size is not known otherwise; its state is never the same again, so
        whoever compares states goes on to compare digests.
        """
        self.report = ReadReport()
        walk = Walk(
            [root for root in self.roots if root != STDIN],
            self.report,
            ignore=self._ignore,
            gitignore=self._gitignore,
        )
        if STDIN in self.roots:
            now = time.time_ns()
            yield FileState(STDIN, len(self._stdin), now, now, 0)
        yield from walk.files()

    def digest(self, file: FileState) -> str:
        """SHA-256 of the content, in hexadecimal.

        Raises:
            ReadingError: The file can't be opened, or is over the limit. The report has it too.
        """
        with self._open(file) as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    def parse(self, file: FileState) -> list[Document]:
        """The documents in one file, counted in the report.

        Raises:
            ReadingError: There is none. The message is the bare reason; the report has it too.
        """
        with self._open(file) as opened:
            data = opened.read(self._max_bytes + 1)
            self._check(len(data))  # it may have grown since it was opened
            found = parse_content(Content(file.path, self._shown(file.path), data))
        documents = [one for one in found if isinstance(one, Document)]
        self.report.skipped += [one for one in found if isinstance(one, Skipped)]
        self.report.read += 1
        self.report.documents += len(documents)
        return documents

    @contextmanager
    def _open(self, file: FileState) -> Iterator[BytesIO | BufferedReader]:
        """The content, opened. What goes wrong meanwhile is put into the report and raised as a ReadingError."""
        try:
            with BytesIO(self._stdin) if file.path == STDIN else _open_regular(file.path) as opened:
                self._check(opened.seek(0, os.SEEK_END))
                opened.seek(0)
                yield opened
        except ReadingError as error:
            self.report.skip(file.path, str(error))
            raise
        except OSError as error:
            self.report.skip(file.path, reason_of(error))
            raise ReadingError(reason_of(error)) from error

    @cached_property
    def _stdin(self) -> bytes:
        """Standard input, kept: it can be read only once. One byte over the limit is enough to refuse it."""
        return sys.stdin.buffer.read(self._max_bytes + 1)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            size, limit = f"{size_bytes / _MEGABYTE:.1f}", f"{self._max_bytes / _MEGABYTE:g}"
            raise ReadingError(f"{size} MB is over the limit of {limit} MB: raise max_bytes (--max-file-mb)")

    def _shown(self, path: str) -> str:
        """The name of a file that was asked for; of another, the path relative to the first root that it is in."""
        for root in () if path in self._asked else self.roots:
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return PurePosixPath(path).name


def _root(path: str) -> str:
    if path == "-":
        return STDIN
    # Not Path.resolve(): through a link to a folder that is exchanged as a whole, the documents keep their ids.
    root = Path(os.path.abspath(path))  # noqa: PTH100
    if not os.path.exists(root):  # noqa: PTH110
        raise ReadingError(_missing(path, root))
    try:
        root.as_posix().encode()
    except UnicodeEncodeError as error:
        raise ReadingError(f"{path!a} is not a UTF-8 name: rename it") from error
    return root.as_posix()


def _missing(path: str, root: Path) -> str:
    """The message for a path that is not there, with the nearest one that is."""
    what = "a link to nothing" if os.path.islink(root) else "no file or folder"  # noqa: PTH114
    while not os.path.isdir(root.parent):  # noqa: PTH112
        root = root.parent
    try:
        siblings = sorted(os.listdir(root.parent))  # noqa: PTH208
    except OSError:  # a folder that may be entered but not listed: there is no hint to give
        siblings = []
    near = get_close_matches(root.name, siblings, n=1)
    hint = f" Did you mean {str(root.parent / near[0])!r}?" if near else ""
    return f"{what} at {path!r}.{hint} Give files or folders that exist, or '-' for standard input."


def _open_regular(path: str) -> BufferedReader:
    """Open a regular file; never wait for one that has become a pipe since it was listed.

    Raises:
        OSError: As usual.
        ReadingError: It is something else.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    opened = os.fdopen(os.open(path, flags), "rb")
    if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        return opened
    opened.close()
    raise ReadingError("not a file")
