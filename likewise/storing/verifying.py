"""Read everything that a store holds and name what is not as it was written."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from likewise.storing.database import DATABASE, transaction
from likewise.storing.filters import facts
from likewise.storing.rows import chunk_checksum, document_checksum, has_sparse, stem_checksum, words_checksum
from likewise.storing.shards import altered
from likewise.storing.token_rows import has_token_rows

_CHECKSUMS: tuple[tuple[str, str, Callable[..., int]], ...] = (
    ("document", "SELECT number, checksum, id, source, metadata FROM documents", document_checksum),
    ("chunk", "SELECT number, checksum, document, text, start, end, heading FROM chunks", chunk_checksum),
    ("vector of chunk", "SELECT chunk, checksum, vector FROM vectors", lambda number, blob: crc32(blob, number)),
    ("word list of chunk", "SELECT chunk, checksum, terms, counts, tokens FROM words", words_checksum),
    ("the stem of term", "SELECT term, term, stem FROM terms", lambda _, stem: stem_checksum(stem)),
)
_SPARSE: tuple[str, str, Callable[..., int]] = (
    "sparse vector of chunk",
    "SELECT chunk, checksum, terms, weights FROM sparse",
    lambda number, terms, weights: words_checksum(number, terms, weights, 0),
)
_TOKENS: tuple[str, str, Callable[..., int]] = (
    "row of token vectors of chunk",
    "SELECT chunk, checksum, vectors FROM token_vectors",
    lambda number, blob: crc32(blob, number),
)
_TOTALS = """
SELECT documents - (SELECT count(*) FROM documents), chunks - (SELECT count(*) FROM chunks),
       chunks - (SELECT count(*) FROM vectors), tokens - (SELECT coalesce(sum(tokens), 0) FROM words)
FROM state
"""


def problems(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """One sentence for each damage; empty when all is sound."""
    found: list[str] = []
    try:
        with transaction(connection):
            for check in (_structure, _rows, _derived):
                found += (f"{folder / DATABASE}: {problem}" for problem in check(connection))
                if found:
                    return found  # the next check builds on what this one read
            found += altered(folder, connection.execute("SELECT shard FROM state").fetchone()[0])
    except (sqlite3.DatabaseError, ValueError) as error:
        found.append(f"{folder / DATABASE}: can't be read to its end ({error})")
    return found


def _structure(connection: sqlite3.Connection) -> Iterator[str]:
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield str(line)
    for table, row, _, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} belongs to nothing"


def _rows(connection: sqlite3.Connection) -> Iterator[str]:
    optional = [*([_SPARSE] if has_sparse(connection) else []), *([_TOKENS] if has_token_rows(connection) else [])]
    for what, sql, checksum_of in (*_CHECKSUMS, *optional):
        for number, checksum, *values in connection.execute(sql):
            if checksum_of(number, *values) != checksum:
                yield f"the checksum of {what} {number} does not match"


def _derived(connection: sqlite3.Connection) -> Iterator[str]:
    if any(connection.execute(_TOTALS).fetchone()):
        yield "the totals do not match the rows"
    lists = [np.frombuffer(row[0], dtype="<u4") for row in connection.execute("SELECT terms FROM words")]
    terms, counts = np.unique(np.concatenate([np.empty(0, dtype="<u4"), *lists]), return_counts=True)
    if dict(connection.execute("SELECT term, chunks FROM terms")) != dict(
        zip(terms.tolist(), counts.tolist(), strict=True)
    ):
        yield "the counts of chunks per term do not match the word lists"
    numbers = dict(connection.execute("SELECT name, number FROM fields"))
    for number, metadata in connection.execute("SELECT number, metadata FROM documents"):
        expected = [(numbers.get(f.field), f.position, int(f.kind), f.value) for f in facts(json.loads(metadata))]
        if sorted(expected, key=_by_place) != _values_of(connection, number):
            yield f"the filter values of document {number} do not match its metadata"


def _values_of(connection: sqlite3.Connection, document: int) -> list[tuple[Any, ...]]:
    sql = "SELECT field, position, kind, value FROM metadata_values WHERE document = ?"
    return sorted(connection.execute(sql, (document,)).fetchall(), key=_by_place)


def _by_place(row: tuple[Any, ...]) -> tuple[int, int]:
    return row[0] or 0, row[1]
