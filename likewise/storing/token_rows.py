"""Vectors of single tokens beside a chunk's own: a table that an index may lack, filled after its chunks.

What a row holds is the caller's: a store keeps its bytes and their checksum.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from zlib import crc32

from likewise.storing.database import damaged
from likewise.storing.rows import numbers_json
from likewise.types import Ids

_TABLE = """
CREATE TABLE IF NOT EXISTS token_vectors (
    chunk    INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    vectors  BLOB NOT NULL,
    checksum INTEGER NOT NULL
)
"""
_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'token_vectors'"


def has_token_rows(connection: sqlite3.Connection) -> bool:
    """Whether the table was ever made here."""
    return connection.execute(_HAS_TABLE).fetchone() is not None


def write_token_rows(connection: sqlite3.Connection, rows: Mapping[int, bytes]) -> None:
    """Keep the rows of chunks, within the caller's transaction; chunks that are gone are left out."""
    connection.execute(_TABLE)
    present = "SELECT number FROM chunks WHERE number IN (SELECT value FROM json_each(?))"
    alive = [number for (number,) in connection.execute(present, (numbers_json(list(rows)),))]
    values = [(number, rows[number], crc32(rows[number], number)) for number in alive]
    connection.executemany("INSERT OR REPLACE INTO token_vectors VALUES (?, ?, ?)", values)


def clear_token_rows(connection: sqlite3.Connection) -> None:
    """Forget all of them."""
    connection.execute("DROP TABLE IF EXISTS token_vectors")


def load_token_rows(connection: sqlite3.Connection, path: Path, chunks: Sequence[int] | Ids) -> dict[int, bytes]:
    """The rows of those chunks that have one.

    Raises:
        ArtifactError: A row whose checksum does not match.
    """
    if not has_token_rows(connection):
        return {}
    sql = "SELECT chunk, vectors, checksum FROM token_vectors WHERE chunk IN (SELECT value FROM json_each(?))"
    found: dict[int, bytes] = {}
    for number, vectors, checksum in connection.execute(sql, (numbers_json(chunks),)):
        if crc32(vectors, number) != checksum:
            raise damaged(path, f"the token vectors of chunk {number}")
        found[number] = vectors
    return found


def chunks_without_token_rows(connection: sqlite3.Connection, *, most: int) -> list[int]:
    """The first chunks that have no row yet."""
    sql = "SELECT number FROM chunks"
    if has_token_rows(connection):
        sql += " WHERE number NOT IN (SELECT chunk FROM token_vectors)"
    return [number for (number,) in connection.execute(f"{sql} ORDER BY number LIMIT ?", (most,))]
