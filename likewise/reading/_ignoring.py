"""Which files a walk leaves out: .gitignore files, patterns of the caller, and folders that hold no documents."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

# Folders that tools fill: nobody searches them, and they outnumber what people write.
JUNK_FOLDERS = frozenset({"node_modules", "bower_components", "__pycache__", "__pypackages__", "__MACOSX"})
# A folder with one of these inside is a virtual environment, or a cache (https://bford.info/cachedir/).
JUNK_MARKERS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


@dataclass(frozen=True, slots=True)
class Rules:
    """Patterns in .gitignore's language, anchored at a folder."""

    folder: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """True: leave out. False: a "!" pattern brings it back. None: no pattern speaks of it."""
        below = path[len(self.folder.rstrip("/")) + 1 :]
        return self.spec.check_file(below + "/" * is_folder).include


def is_ignored(path: str, rules: Sequence[Rules], *, is_folder: bool) -> bool:
    """Whether the first of ``rules`` that speaks of ``path`` leaves it out."""
    verdicts = (rule.verdict(path, is_folder=is_folder) for rule in rules)
    return next((verdict for verdict in verdicts if verdict is not None), False)


def compile_rules(folder: str, patterns: Iterable[str]) -> tuple[Rules, list[str]]:
    """The rules, and the patterns that are not valid and were left out of them."""
    good: list[str] = []
    bad: list[str] = []
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
            good.append(pattern)
        except (ValueError, re.error):  # "!" raises the one, "[z-a]" the other
            bad.append(pattern)
    return Rules(folder, GitIgnoreSpec.from_lines(good)), bad


def rules_in(folder: str) -> tuple[Rules, list[str]]:
    """What the .gitignore file of ``folder`` says.

    Raises:
        OSError: It is there and can't be read.
    """
    text = Path(folder, ".gitignore").read_text(encoding="utf-8-sig", errors="replace")
    return compile_rules(folder, text.splitlines())


def ignoring_parents(root: str) -> Iterator[str]:
    """Folders above ``root`` whose .gitignore rules it: those of the repository it lies in, innermost first."""
    folders = [root, *(parent.as_posix() for parent in Path(root).parents)]
    # os.path, for pathlib raises on a folder that it may not look into
    top = next((n for n, folder in enumerate(folders) if os.path.exists(f"{folder}/.git")), 0)  # noqa: PTH110
    yield from (folder for folder in folders[1 : top + 1] if os.path.isfile(f"{folder}/.gitignore"))  # noqa: PTH113
