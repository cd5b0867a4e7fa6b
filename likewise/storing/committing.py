"""Apply changes to the database, within the caller's transaction."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from itertools import chain
from typing import Any

import numpy as np

from likewise.errors import SettingError
from likewise.storing.filters import check_text, facts
from likewise.storing.protocol import Changes, ChunkRow, DocumentRow
from likewise.storing.rows import check_chunk, check_stem, chunk_rows, document_row, numbers_json, sparse_row, total

_FROM_FILE = "SELECT number FROM documents WHERE file = ?"


def apply(connection: sqlite3.Connection, changes: Changes) -> int:
    """Remove, then add; returns how many documents were removed without being replaced.

    Raises:
        SettingError, ShapeError: A row that would make the store inconsistent; nothing is changed then.
    """
    new_ids = [document.id for document in changes.documents]
    for name in (*new_ids, *changes.removed_documents, *changes.removed_files, *(file.path for file in changes.files)):
        check_text(name, f"the id or path {name!r}")
    if len(set(new_ids)) < len(new_ids):
        twice = Counter(new_ids).most_common(1)[0][0]
        raise SettingError(f"document {twice!r} is in one commit twice; give each document an id of its own")
    removed = _numbers_of(connection, changes.removed_documents) | _numbers_from(connection, changes.removed_files)
    replaced = _numbers_of(connection, new_ids) - removed
    _remove(connection, sorted(removed | replaced))
    connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in changes.removed_files])
    _add(connection, changes.documents)
    rows = [astuple(file) for file in changes.files]
    connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("UPDATE state SET sequence = sequence + 1")
    return len(removed)


def _numbers_of(connection: sqlite3.Connection, ids: Iterable[str]) -> set[int]:
    found = (connection.execute("SELECT number FROM documents WHERE id = ?", (id,)).fetchone() for id in ids)
    return {row[0] for row in found if row}


def _numbers_from(connection: sqlite3.Connection, files: Iterable[str]) -> set[int]:
    return {row[0] for path in files for row in connection.execute(_FROM_FILE, (path,))}


def _remove(connection: sqlite3.Connection, documents: Sequence[int]) -> None:
    if not documents:
        return
    listed = numbers_json(documents)
    found = connection.execute(
        "SELECT terms, tokens FROM words WHERE chunk IN "
        "(SELECT number FROM chunks WHERE document IN (SELECT value FROM json_each(?)))",
        (listed,),
    ).fetchall()
    if found:
        terms, counts = np.unique(np.concatenate([np.frombuffer(row[0], "<u4") for row in found]), return_counts=True)
        gone = zip(counts.tolist(), terms.tolist(), strict=True)
        connection.executemany("UPDATE terms SET chunks = chunks - ? WHERE term = ?", gone)
    connection.execute("DELETE FROM terms WHERE chunks <= 0")
    connection.execute("DELETE FROM documents WHERE number IN (SELECT value FROM json_each(?))", (listed,))
    connection.execute(
        "UPDATE state SET documents = documents - ?, chunks = chunks - ?, tokens = tokens - ?",
        (len(documents), len(found), sum(tokens for _, tokens in found)),
    )


def _add(connection: sqlite3.Connection, documents: Sequence[DocumentRow]) -> None:
    chunks = [chunk for document in documents for chunk in document.chunks]
    if chunks:
        width = total(connection, "CASE chunks WHEN 0 THEN 0 ELSE width END") or len(chunks[0].vector)
        for chunk in chunks:
            check_chunk(chunk, width)
        connection.execute("UPDATE state SET width = ?", (width,))
    first, next_chunk = total(connection, "next_document"), total(connection, "next_chunk")
    tables: tuple[list[tuple[Any, ...]], ...] = ([], [], [])  # chunks, vectors, words
    rows, sparse = [], []
    for number, document in enumerate(documents, start=first):
        rows.append(document_row(number, document))
        for chunk in document.chunks:
            for table, row in zip(tables, chunk_rows(next_chunk, number, chunk), strict=True):
                table.append(row)
            if chunk.sparse is not None:
                sparse.append(sparse_row(next_chunk, chunk.sparse))
            next_chunk += 1
    connection.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)", tables[0])
    connection.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?)", tables[1])
    connection.executemany("INSERT INTO words VALUES (?, ?, ?, ?, ?)", tables[2])
    connection.executemany("INSERT INTO sparse VALUES (?, ?, ?, ?)", sparse)
    _add_values(connection, enumerate(documents, start=first))
    _add_terms(connection, chunks)
    connection.execute(
        "UPDATE state SET documents = documents + ?, chunks = chunks + ?, tokens = tokens + ?, "
        "next_document = ?, next_chunk = ?",
        (len(documents), len(chunks), sum(chunk.tokens for chunk in chunks), first + len(documents), next_chunk),
    )


def _add_values(connection: sqlite3.Connection, documents: Iterable[tuple[int, DocumentRow]]) -> None:
    numbers = dict(connection.execute("SELECT name, number FROM fields"))
    new, rows = [], []
    for number, document in documents:
        for fact in facts(document.metadata):
            if fact.field not in numbers:
                numbers[fact.field] = max(numbers.values(), default=0) + 1
                new.append((numbers[fact.field], fact.field))
            rows.append((numbers[fact.field], number, fact.position, int(fact.kind), fact.value))
    connection.executemany("INSERT INTO fields VALUES (?, ?)", new)
    connection.executemany("INSERT INTO metadata_values VALUES (?, ?, ?, ?, ?)", rows)


def _add_terms(connection: sqlite3.Connection, chunks: Sequence[ChunkRow]) -> None:
    if not chunks:
        return
    everything = np.concatenate([chunk.terms for chunk in chunks])
    terms, firsts, counts = np.unique(everything, return_index=True, return_counts=True)
    every_stem = list(chain.from_iterable(chunk.stems for chunk in chunks))
    stems = [every_stem[first] for first in firsts.tolist()]
    for term, stem in zip(terms.tolist(), stems, strict=True):
        check_stem(term, stem)
    connection.executemany(
        "INSERT INTO terms VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET chunks = chunks + excluded.chunks",
        zip(terms.tolist(), counts.tolist(), stems, strict=True),
    )
