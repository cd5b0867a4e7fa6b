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
    Term,
)
from likewise.storing.search import check_recall
from likewise.storing.shortlists import Shortlist
from likewise.storing.sqlite_store import SqliteStore, StoreSettings, open_store

__all__ = [
    "Changes",
    "ChunkRow",
    "DocumentRow",
    "Filter",
    "OpenMode",
    "Ranking",
    "Shortlist",
    "SparseWeights",
    "SqliteStore",
    "Store",
    "StoreSettings",
    "StoredChunk",
    "StoredFile",
    "Term",
    "check_recall",
    "open_store",
    "parse_filter",
]
