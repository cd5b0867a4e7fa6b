"""What was computed is kept: values by key in one SQLite file, whatever happens to the process."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from likewise.errors import ArtifactError, StorageError

_BUSY_TIMEOUT_S = 30.0  # another evaluation may be writing
_ASKED = 500  # keys in one query, below SQLite's limit for parameters


class Keeper:
    """A table of values by key. What ``put`` returned from survives a kill; one key has one value for ever.

    Args:
        path: The file, made if it is not there; None keeps all in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._name = "memory" if path is None else str(path)
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"can't write to {path}: {error.strerror}") from error
        with self._translated():
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path, timeout=_BUSY_TIMEOUT_S, isolation_level=None
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last, and harms nothing
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """No more is kept. What was, is on the disk."""
        self._connection.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that have one."""
        found: dict[bytes, bytes] = {}
        with self._translated():
            for start in range(0, len(keys), _ASKED):
                some = keys[start : start + _ASKED]
                places = ", ".join("?" * len(some))
                found.update(self._connection.execute(f"SELECT key, value FROM kept WHERE key IN ({places})", some))
        return found

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep all of these, or none if the process ends meanwhile."""
        with self._translated(), self._connection:  # commits, or takes all back
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values.items())

    def clear(self) -> None:
        """Keep nothing of what was there."""
        with self._translated():
            self._connection.execute("DELETE FROM kept")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageError(f"{self._name} can't be used: {error}") from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # a mistake of ours
                raise
            raise ArtifactError(f"{self._name} is damaged: {error}. Delete it; it is made anew") from error
