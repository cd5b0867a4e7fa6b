"""The vectors of the last queries, in a small file: what they are asked for shows how well a store answers.

Only vectors are kept, no texts. A record is a checksum and a vector; whatever is torn or damaged is passed over.
"""

import os
from pathlib import Path
from zlib import crc32

import numpy as np

from likewise.types import Vectors

FILE = "queries.ring"
KEPT = 1_000
_AT_ONCE = 32  # vectors gathered before they are written


class PastQueries:
    """Remembers queries on behalf of one open store; ``read`` gives those of all."""

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self._path, self._kept = folder / FILE, kept
        self._waiting: list[bytes] = []

    def add(self, query: Vectors) -> None:
        """Remember a query (D,)."""
        if self._kept:
            self._waiting.append(_record(query))
            if len(self._waiting) >= _AT_ONCE:
                self.flush()

    def flush(self) -> None:
        """Write what was gathered; on a disk that can't be written to it is dropped, as searching must go on there."""
        records = b"".join(self._waiting)
        self._waiting.clear()
        if not records:
            return
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            return
        try:
            os.write(file, records)  # one write in append mode: records of several processes do not mix
        finally:
            os.close(file)

    def read(self, width: int) -> Vectors:
        """The last queries (M, width), the oldest first."""
        self.flush()
        if not self._kept or not self._path.is_file():
            return np.empty((0, width), np.float32)
        size = 4 + 4 * width
        content = self._path.read_bytes()
        records = [content[start : start + size] for start in range(0, len(content) - size + 1, size)]
        whole = [record[4:] for record in records if crc32(record[4:]) == int.from_bytes(record[:4], "little")]
        kept = whole[-self._kept :]
        return np.frombuffer(b"".join(kept), dtype="<f4").reshape(-1, width).astype(np.float32)

    def trim(self, width: int) -> None:
        """Drop what is older than the last; for the writer."""
        if not self._kept:
            self._path.unlink(missing_ok=True)
        elif self._path.is_file() and self._path.stat().st_size > 2 * self._kept * (4 + 4 * width):
            kept = self.read(width)
            draft = self._path.with_name(FILE + ".new")
            draft.write_bytes(b"".join(_record(query) for query in kept))
            draft.replace(self._path)


def _record(query: Vectors) -> bytes:
    content = query.astype("<f4").tobytes()
    return crc32(content).to_bytes(4, "little") + content
