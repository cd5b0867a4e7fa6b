"""Roots to files, in a stable order, without opening one.

Entries are visited as their paths sort. Links wait until everything that is really there has been seen, so a
link never takes the place of what it points to, and every folder is entered once: no loop can trap the walk.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from likewise.reading._ignoring import (
    JUNK_FOLDERS,
    JUNK_MARKERS,
    Rules,
    compile_rules,
    ignoring_parents,
    is_ignored,
    rules_in,
)
from likewise.reading._report import ReadReport, reason_of

_KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as the file system describes it. Equal states mean that the content need not be looked at again."""

    path: str  # absolute, with forward slashes
    size_bytes: int
    modified_ns: int
    changed_ns: int  # of the inode: also moves when the modification time is set back
    inode: int


@dataclass(frozen=True, slots=True)
class _Item:
    path: str
    is_folder: bool
    rules: tuple[Rules, ...]  # the caller's, then the innermost .gitignore to the outermost


class Walk:
    """One pass over ``roots``. Trouble goes to ``report``; nothing raises."""

    def __init__(
        self, roots: Sequence[str], report: ReadReport, *, ignore: Sequence[str] = (), gitignore: bool = True
    ) -> None:
        self._roots, self._report = dict.fromkeys(roots), report
        self._ignore, self._gitignore = ignore, gitignore
        self._folders: dict[tuple[int, int], str] = {}  # (device, inode) -> the path it was entered by
        self._files: set[tuple[int, int]] = set()
        self._links: deque[_Item] = deque()

    def files(self) -> Iterator[FileState]:
        for root in self._roots:
            own, _ = compile_rules(root, self._ignore)
            inherited = self._inherited(root) if os.path.isdir(root) else []  # noqa: PTH112 - it never raises
            yield from self._follow(_Item(root, False, (own, *inherited)))
        while self._links:
            yield from self._follow(self._links.popleft())

    def _follow(self, item: _Item) -> Iterator[FileState]:
        """The files at a root or at the end of a link."""
        try:
            state = os.stat(item.path)  # noqa: PTH116
        except OSError as error:
            self._report.skip(item.path, "broken link" if error.errno == errno.ENOENT else reason_of(error))
            return
        if stat.S_ISDIR(state.st_mode):
            yield from self._tree(_Item(item.path, True, item.rules))
        elif item.path not in self._roots and (state.st_dev, state.st_ino) in self._files:
            self._report.skip(item.path, "link to a file that is read under its own path")
        else:
            yield from self._file(item.path)

    def _tree(self, top: _Item) -> Iterator[FileState]:
        stack = [top]
        while stack:
            item = stack.pop()
            if item.is_folder:
                stack.extend(reversed(self._children(item)))
            elif item.path not in self._roots:  # a root that is a file has its own turn
                yield from self._file(item.path)

    def _file(self, path: str) -> Iterator[FileState]:
        try:
            state = os.stat(path)  # noqa: PTH116
        except OSError as error:
            self._report.skip(path, reason_of(error))
            return
        if not stat.S_ISREG(state.st_mode):
            self._report.skip(path, f"not a file but a {_KINDS.get(stat.S_IFMT(state.st_mode), 'special file')}")
            return
        self._files.add((state.st_dev, state.st_ino))
        yield FileState(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)

    def _children(self, folder: _Item) -> list[_Item]:
        """What to visit in ``folder``, sorted as whole paths sort; links are put by for later."""
        try:
            if not self._enter(folder.path):
                return []
            with os.scandir(folder.path) as found:
                entries = {entry.name: entry for entry in found}
            if folder.path not in self._roots and JUNK_MARKERS & entries.keys():
                return []
            rules = folder.rules
            if self._gitignore and ".gitignore" in entries:
                rules = (rules[0], *self._rules_in(folder.path), *rules[1:])
            items = [self._item(folder.path, entries[name], rules) for name in sorted(entries)]
        except OSError as error:
            self._report.skip(folder.path, reason_of(error))
            return []
        return sorted((item for item in items if item), key=lambda item: item.path + "/" * item.is_folder)

    def _enter(self, path: str) -> bool:
        """Whether this is the first visit of the folder, by whatever path."""
        state = os.stat(path)  # noqa: PTH116
        key = (state.st_dev, state.st_ino)
        first = self._folders.get(key)
        if first is None:
            self._folders[key] = path
        elif first != path:  # the same path twice is only roots that overlap
            self._report.skip(path, f"the same folder as {first}, which is read once")
        return first is None

    def _item(self, folder: str, entry: os.DirEntry[str], rules: tuple[Rules, ...]) -> _Item | None:
        if entry.name.startswith(".") or entry.name in JUNK_FOLDERS:
            return None
        path, is_folder = f"{folder.rstrip('/')}/{entry.name}", entry.is_dir(follow_symlinks=False)
        if not _is_utf8(path):
            self._report.skip(path.encode("utf-8", "replace").decode(), "its name is not UTF-8: rename it")
            return None
        if is_ignored(path, rules, is_folder=is_folder):
            return None
        item = _Item(path, is_folder, rules)
        if entry.is_symlink():
            self._links.append(item)
            return None
        return item

    def _inherited(self, root: str) -> list[Rules]:
        """Rules from above ``root``, unless they leave out the root itself: what is asked for by name is wanted."""
        parents = ignoring_parents(root) if self._gitignore else ()
        rules = [rule for parent in parents for rule in self._rules_in(parent)]
        return [] if is_ignored(root, rules, is_folder=True) else rules

    def _rules_in(self, folder: str) -> list[Rules]:
        """The .gitignore of ``folder`` as a list of one, or of none if it can't be read."""
        try:
            rules, bad = rules_in(folder)
        except OSError as error:
            self._report.skip(f"{folder.rstrip('/')}/.gitignore", reason_of(error))
            return []
        for pattern in bad:
            self._report.skip(f"{folder.rstrip('/')}/.gitignore", f"not a valid pattern: {pattern!r}")
        return [rules]


def _is_utf8(path: str) -> bool:
    """Whether the name can be stored and printed; Python carries other bytes as lone surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
