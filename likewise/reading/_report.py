"""What a reading got through and what it left out, with reasons."""

import errno
from dataclasses import dataclass, field

_REASONS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "it vanished while it was read",
    errno.ELOOP: "symlink loop",
    errno.ENAMETOOLONG: "path too long",
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was seen and not read. ``path`` may be a file, a folder (nothing below it was read) or one row."""

    path: str  # absolute; "#3" at the end names a row or line
    reason: str  # one line, fit for a summary


@dataclass(slots=True)
class ReadReport:
    """The counts of one pass over the files; filled as the pass goes on."""

    read: int = 0  # files that gave at least one document
    documents: int = 0
    skipped: list[Skipped] = field(default_factory=list)  # in the order met

    def skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path, reason))


def reason_of(error: OSError) -> str:
    """A system error as a reason.

    >>> reason_of(PermissionError(errno.EACCES, "Permission denied"))
    'permission denied'
    """
    return _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()
