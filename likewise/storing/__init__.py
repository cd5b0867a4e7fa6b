"""Where documents, chunks and vectors live."""

from likewise.storing.filter_parsing import parse_filter
from likewise.storing.filters import Filter
from likewise.storing.protocol import (
    Changes,
    ChunkRow,
    DocumentRow,
    OpenMode,
    Ranking,
    SparseWeights,
    Store,
    StoredChunk,
    StoredFile,
)
from likewise.storing.sqlite_store import SqliteStore, StoreSettings, open_store

__all__ = [
    "Changes",
    "ChunkRow",
    "DocumentRow",
    "Filter",
    "OpenMode",
    "Ranking",
    "SparseWeights",
    "SqliteStore",
    "Store",
    "StoreSettings",
    "StoredChunk",
    "StoredFile",
    "open_store",
    "parse_filter",
]
