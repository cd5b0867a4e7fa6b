"""Connections to the store's SQLite file, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from likewise.errors import ArtifactError, LikewiseError, LockedError, StorageError
from likewise.storing.schema import APPLICATION_ID, FORMAT, PAGE_SIZE, SCHEMA, SPARSE

DATABASE = "store.sqlite3"
BUSY_TIMEOUT_S = 10.0
_DISK = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check it",
    sqlite3.SQLITE_READONLY: "it can't be written to; check permissions and how the disk is mounted",
    sqlite3.SQLITE_PERM: "access was denied; check permissions",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; check that the folder exists and its permissions",
}
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about ``path`` into ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        _translate(error, path)


def _translate(error: sqlite3.DatabaseError, path: Path) -> NoReturn:
    if isinstance(error, sqlite3.ProgrammingError):
        raise error
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _DISK:
        raise StorageError(f"{path}: {_DISK[primary]}. What was committed before is safe. ({error})") from error
    if primary in _BUSY:
        raise LockedError(f"{path}: another process keeps the database busy; wait, or close it. ({error})") from error
    # Without a code it is text that is not UTF-8.
    if primary in _DAMAGE or primary is None or str(error).startswith("no such"):
        raise ArtifactError(
            f"{path}: the database is damaged ({error}). Restore it from a copy, or delete the index and make it again."
        ) from error
    raise error


def connect_writer(folder: Path) -> sqlite3.Connection:
    """Open for writing; a folder without a database gets one."""
    path = folder / DATABASE
    with translated(path):
        if not path.exists():
            _create(path)
        connection = _open(f"{path.absolute().as_uri()}?mode=rw")
        try:
            check_format(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(SPARSE)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _create(path: Path) -> None:
    # Made under another name, so that a database that is there is whole: an empty file is damage, not a beginning.
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    connection = _open(f"{draft.absolute().as_uri()}?mode=rwc")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        with transaction(connection, "IMMEDIATE"):
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
    finally:
        connection.close()
    draft.rename(path)


def connect_reader(folder: Path) -> sqlite3.Connection:
    """Open for reading, on a read-only disk too.

    Raises:
        ArtifactError: There is no store, it is damaged, or a later version wrote it.
        StorageError: A read-only disk with commits that only a writer can bring into the database file.
    """
    path = folder / DATABASE
    if not path.is_file():
        raise ArtifactError(f"{folder} is no index: it has no {DATABASE}. Make one by adding documents to it first.")
    try:
        return _open_reader(path, "mode=ro")
    except StorageError as error:
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise StorageError(
                f"{path}: the last commits are still in {log.name} and the disk does not let them be read. "
                "Open the index once where it can be written to."
            ) from error
    # Nothing can change on a disk that can't be written to, so SQLite may read without locks.
    return _open_reader(path, "immutable=1")


def _open_reader(path: Path, how: str) -> sqlite3.Connection:
    with translated(path):
        connection = _open(f"{path.absolute().as_uri()}?{how}")
        try:
            check_format(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _open(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise ArtifactError(f"{path} is an SQLite database, but not of a likewise index. Choose another folder.")
    if version < FORMAT:
        raise ArtifactError(
            f"{path} has format {version}, and this version of likewise reads format {FORMAT}: "
            "index the documents anew, into another folder."
        )
    if version > FORMAT:
        raise ArtifactError(
            f"{path} has format {version}, and this version of likewise reads up to {FORMAT}. Upgrade likewise."
        )


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "DEFERRED") -> Iterator[None]:
    """All or nothing; within it every statement sees the same state."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Snapshot:
    """As ``translated`` and ``transaction`` for reading, for what is done thousands of times a second."""

    __slots__ = ("_connection", "_path")

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    def __enter__(self) -> None:
        try:
            self._connection.execute("BEGIN")
        except sqlite3.DatabaseError as error:
            _translate(error, self._path)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        # Nothing was written, so that it is all one how the transaction ends.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.DatabaseError):
            _translate(error, self._path)


def damaged(path: Path, what: str) -> LikewiseError:
    return ArtifactError(
        f"{path}: {what} is damaged: its checksum does not match. Restore the index from a copy, or make it again."
    )
