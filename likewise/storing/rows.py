"""Rows of the database to values and back, each with the checksum that shows damage."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np

from likewise.errors import SettingError, ShapeError
from likewise.storing.filters import check_text
from likewise.storing.protocol import ChunkRow, DocumentRow, SparseWeights, StoredChunk
from likewise.types import Ids, Vectors

HASH_BYTES = 16


def document_row(number: int, document: DocumentRow) -> tuple[Any, ...]:
    """Values for ``documents``, in the order of its columns."""
    check_text(document.source, f"the source of document {document.id!r}")
    metadata = _to_json(document)
    checksum = document_checksum(number, document.id, document.source, metadata)
    content_hash, file = bytes(document.content_hash), document.file
    return number, document.id, document.source, metadata, content_hash, file, checksum


def _to_json(document: DocumentRow) -> str:
    try:
        return json.dumps(document.metadata, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingError(
            f"the metadata of document {document.id!r} is not JSON ({error}). "
            "Use strings, finite numbers, booleans, None, lists and dicts."
        ) from None


def chunk_rows(number: int, document: int, chunk: ChunkRow) -> tuple[tuple[Any, ...], ...]:
    """Values for ``chunks``, ``vectors`` and ``words``, each in the order of its columns."""
    check_text(chunk.text, "the text of a chunk")
    heading = json.dumps(list(chunk.heading))
    start, end, tokens = int(chunk.start), int(chunk.end), int(chunk.tokens)
    checksum = chunk_checksum(number, document, chunk.text, start, end, heading)
    vector = chunk.vector.astype("<f4").tobytes()
    terms, counts = chunk.terms.astype("<u4").tobytes(), chunk.counts.astype("<u2").tobytes()
    return (
        (number, document, chunk.text, start, end, heading, checksum),
        (number, chunk.embedded_hash, vector, crc32(vector, number)),
        (number, terms, counts, tokens, words_checksum(number, terms, counts, tokens)),
    )


def check_chunk(chunk: ChunkRow, width: int) -> None:
    """Refuse a chunk that would make the store inconsistent.

    Raises:
        ShapeError: A vector that is not (width,), or terms and counts of unlike length.
        SettingError: A vector with NaN or infinity, terms that are not ascending, a hash that is not 16 bytes.
    """
    if chunk.vector.shape != (width,):
        raise ShapeError(f"a chunk's vector must have shape ({width},) like the others, got {chunk.vector.shape}")
    if chunk.terms.ndim != 1 or chunk.terms.shape != chunk.counts.shape:
        raise ShapeError(f"terms {chunk.terms.shape} and counts {chunk.counts.shape} must both be (t,)")
    if len(chunk.stems) != len(chunk.terms):
        raise ShapeError(f"a chunk must have a stem for each term, got {len(chunk.stems)} for {len(chunk.terms)}")
    if chunk.sparse is not None:
        _check_sparse(chunk.sparse)
    if not np.isfinite(chunk.vector).all():
        raise SettingError("a chunk's vector has NaN or infinity in it; check the encoder that made it")
    if chunk.terms.dtype != np.uint32 or chunk.counts.dtype != np.uint16 or (chunk.terms[1:] <= chunk.terms[:-1]).any():
        raise SettingError("a chunk's terms must be ascending uint32, each once, and its counts uint16")
    if len(chunk.embedded_hash) != HASH_BYTES:
        raise SettingError(f"embedded_hash must be {HASH_BYTES} bytes, got {len(chunk.embedded_hash)}")


def check_stem(term: int, stem: str) -> None:
    """Refuse a stem that is not its term's, by which damage would be told later."""
    check_text(stem, "the stem of a term")
    if stem_checksum(stem) != term:
        raise SettingError(f"term {term} is not the CRC-32 of its stem {stem!r}, which is {stem_checksum(stem)}")


def _check_sparse(sparse: SparseWeights) -> None:
    terms, weights = sparse.terms, sparse.weights
    if terms.ndim != 1 or terms.shape != weights.shape:
        raise ShapeError(f"the terms {terms.shape} and weights {weights.shape} of a sparse vector must both be (t,)")
    if terms.dtype != np.uint32 or weights.dtype != np.float32 or (terms[1:] <= terms[:-1]).any():
        raise SettingError("a sparse vector's terms must be ascending uint32, each once, and its weights float32")
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise SettingError("a sparse vector's weights must be finite and above 0; check the encoder that made it")


def sparse_row(number: int, sparse: SparseWeights) -> tuple[Any, ...]:
    """Values for ``sparse``, in the order of its columns."""
    terms, weights = sparse.terms.astype("<u4").tobytes(), sparse.weights.astype("<f4").tobytes()
    return number, terms, weights, words_checksum(number, terms, weights, 0)


def has_sparse(connection: sqlite3.Connection) -> bool:
    """Whether there is that table: not in a store of an earlier version that was not opened for writing since."""
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sparse'").fetchone() is not None


# A checksum starts from the row's number, so that a row can't pass for another one.


def document_checksum(number: int, id: str, source: str, metadata: str) -> int:
    return crc32("\0".join((id, source, metadata)).encode(), number)


def chunk_checksum(number: int, document: int, text: str, start: int, end: int, heading: str) -> int:
    return crc32(f"{document} {start} {end} {heading} {text}".encode(), number)


def words_checksum(number: int, terms: bytes, counts: bytes, tokens: int) -> int:
    return crc32(terms, crc32(counts, crc32(str(tokens).encode(), number)))


def stem_checksum(stem: str) -> int:
    return crc32(stem.encode())


STORED_CHUNK = """
SELECT c.number, c.document, c.text, c.start, c.end, c.heading, c.checksum,
       d.id, d.source, d.metadata, d.checksum
FROM chunks c JOIN documents d ON d.number = c.document
"""


def stored_chunk(row: Sequence[Any]) -> StoredChunk | None:
    """The chunk in a row of STORED_CHUNK, or None if the row is damaged."""
    number, document, text, start, end, heading, checksum, id, source, metadata, document_sum = row
    whole = checksum == chunk_checksum(number, document, text, start, end, heading)
    if not whole or document_sum != document_checksum(document, id, source, metadata):
        return None
    return StoredChunk(
        id=number,
        document_id=id,
        source=source,
        text=text,
        start=start,
        end=end,
        heading=tuple(json.loads(heading)),
        metadata=json.loads(metadata),
    )


def to_vector(blob: bytes) -> Vectors:
    return np.frombuffer(blob, dtype="<f4").astype(np.float32)


def numbers_json(numbers: Sequence[int] | Ids) -> str:
    """For ``IN (SELECT value FROM json_each(?))``: any number of integers in one parameter."""
    return json.dumps([int(number) for number in numbers])


def total(connection: sqlite3.Connection, column: str) -> int:
    """One number of the state row; ``column`` is a name in the schema, never input."""
    return int(state_row(connection, column)[0])


def state_row(connection: sqlite3.Connection, columns: str) -> tuple[Any, ...]:
    """Columns of the one row of ``state``; ``columns`` are names in the schema, never input."""
    row: tuple[Any, ...] | None = connection.execute(f"SELECT {columns} FROM state").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("no such row in state")
    return row
