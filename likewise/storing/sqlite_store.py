"""The embedded store: one folder, SQLite as the truth and a shard, a copy of the vectors to search them fast."""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock, RLock
from types import TracebackType
from typing import Self
from zlib import crc32

import numpy as np
from filelock import FileLock, Timeout

from likewise.errors import ArtifactError, LockedError, SettingError, StorageError
from likewise.storing.committing import apply
from likewise.storing.database import DATABASE, connect_reader, connect_writer, damaged, transaction, translated
from likewise.storing.dense_search import RECALL
from likewise.storing.filters import Filter
from likewise.storing.past_queries import PastQueries
from likewise.storing.proposing import usual_shortlist
from likewise.storing.protocol import Changes, OpenMode, Ranking, StoredChunk, StoredFile, Term, Terms, WordRow
from likewise.storing.rows import STORED_CHUNK, numbers_json, state_row, stored_chunk, to_vector, total
from likewise.storing.search import KNOWN_FIELDS, Bounds, Searcher
from likewise.storing.shards import SHARDS, BuildSettings, build_in_child, measure_again, remove_others
from likewise.storing.shortlists import Shortlist
from likewise.storing.token_rows import chunks_without_token_rows, clear_token_rows, load_token_rows, write_token_rows
from likewise.storing.verifying import problems
from likewise.storing.vocabulary import Vocabulary
from likewise.storing.words import load_stems, load_word_rows
from likewise.types import Ids, Vectors

WRITER_LOCK = "writer.lock"
_BEFORE_DATABASE = {WRITER_LOCK, f"{DATABASE}.new"}  # what a process killed while making an index may leave


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    engine_threshold: int = 20_000  # chunks from which a shard is built, to be searched in place of every row
    shortlist: Shortlist | None = None  # the index's own; for a new one, a graph over int8 where the extra is installed
    past_queries: int = 1_000  # vectors of so many last queries are kept, to measure with; 0 keeps none

    def __post_init__(self) -> None:
        if self.past_queries < 0:
            raise SettingError(f"past_queries is how many are kept, 0 for none, got {self.past_queries}")
        if not self.engine_threshold >= 1:
            raise SettingError(f"engine_threshold is a number of chunks, at least 1, got {self.engine_threshold}")


def open_store(path: str | Path, *, mode: OpenMode, settings: StoreSettings = StoreSettings()) -> "SqliteStore":
    """Open the store in folder ``path``; with mode "write" a missing one is made.

    Raises:
        ArtifactError: The folder is no index, is damaged, or was written by a later version.
        LockedError: Mode is "write" and another process is writing.
        StorageError: The disk is read-only, full or out of reach.
    """
    folder = Path(path)
    if mode == "read":
        return SqliteStore(folder, connect_reader(folder), None, settings)
    lock = _lock_for_writing(folder)
    try:
        connection = connect_writer(folder)
        with translated(folder / DATABASE):
            remove_others(folder, state_row(connection, "shard")[0])  # unfinished ones, of a process that was killed
        return SqliteStore(folder, connection, lock, settings)
    except BaseException:
        lock.release()
        raise


def _lock_for_writing(folder: Path) -> FileLock:
    try:
        present = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        if DATABASE not in present and present - _BEFORE_DATABASE:
            raise ArtifactError(f"{folder} is no index and not empty. Choose an index, or a folder yet to be made.")
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / WRITER_LOCK, thread_local=False)
        lock.acquire(blocking=False)
    except Timeout:
        raise LockedError(
            f"another process is writing to {folder}. Wait until it is done, or close it; reading goes on meanwhile."
        ) from None
    except OSError as error:
        raise StorageError(f"{folder} can't be written to: {error}. Check permissions and the disk.") from error
    return lock


class SqliteStore:
    """What ``Store`` promises, in one folder. Made by ``open_store``; safe to use from several threads."""

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, writer_lock: FileLock | None, settings: StoreSettings
    ) -> None:
        self.folder, self.settings = folder, settings
        self._connection, self._writer_lock = connection, writer_lock
        self._lock = RLock()  # one connection, so one thread at a time
        self._building = Lock()  # one build at a time; others may search and commit meanwhile
        self._past = PastQueries(folder, kept=settings.past_queries)
        self._searcher = Searcher(connection, folder, self._lock, self._past)

    def __len__(self) -> int:
        with self._reading() as connection:
            return total(connection, "chunks")

    def document_count(self) -> int:
        with self._reading() as connection:
            return total(connection, "documents")

    def fields(self) -> list[str]:
        with self._reading() as connection:
            return sorted(name for name, _ in connection.execute(KNOWN_FIELDS))

    def read_setting(self, name: str) -> str | None:
        with self._reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
            return row[0] if row else None

    def write_setting(self, name: str, value: str) -> None:
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def files(self) -> dict[str, StoredFile]:
        names = [column.name for column in fields(StoredFile)]
        with self._reading() as connection:
            rows = connection.execute("SELECT * FROM files ORDER BY path").fetchall()
        return {row[0]: StoredFile(**dict(zip(names, row, strict=True))) for row in rows}

    def documents_of(self, file: str) -> list[str]:
        with self._reading() as connection:
            return [
                id for (id,) in connection.execute("SELECT id FROM documents WHERE file = ? ORDER BY number", (file,))
            ]

    def document_hashes(self, ids: Sequence[str]) -> dict[str, bytes]:
        with self._reading() as connection:
            sql = "SELECT id, content_hash FROM documents WHERE id = ?"
            return dict(row for id in ids for row in connection.execute(sql, (id,)))

    def vectors_of(self, embedded_hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Vectors that were computed before.

        Raises:
            ArtifactError: One of them is damaged.
        """
        sql = "SELECT chunk, vector, checksum FROM vectors WHERE embedded_hash = ? LIMIT 1"
        found = {}
        with self._reading() as connection:
            for embedded_hash in embedded_hashes:
                for chunk, blob, checksum in connection.execute(sql, (embedded_hash,)):
                    if crc32(blob, chunk) != checksum:
                        raise damaged(self.folder / DATABASE, f"the vector of chunk {chunk}")
                    found[embedded_hash] = to_vector(blob)
        return found

    def commit(self, changes: Changes) -> int:
        """Apply all changes in one transaction, which is on the disk when this returns its sequence number.

        Raises:
            SettingError, ShapeError: A row that does not fit; nothing was changed.
            StorageError: The disk is full or failed; nothing was changed.
        """
        with self._writing() as connection:
            apply(connection, changes)
            return total(connection, "sequence")

    def delete(self, document_ids: Sequence[str]) -> int:
        with self._writing() as connection:
            return apply(connection, Changes(removed_documents=document_ids))

    def search_dense(
        self,
        query: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        recall: float = RECALL,
    ) -> Ranking:
        return self._searcher.dense(query, Bounds(k, where, among), recall)

    def search_lexical(
        self,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        return self._searcher.lexical(terms, weights, Bounds(k, where, among), bm25=bm25)

    def lexical_parts(
        self,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        ids: Ids,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> dict[int, dict[Term, float]]:
        return self._searcher.lexical_parts(terms, weights, ids, bm25=bm25)

    def having(self, terms: Sequence[int], *, where: Filter | None = None) -> Ids:
        return self._searcher.having(terms, where)

    def word_rows(self, ids: Sequence[int] | Ids) -> dict[int, WordRow]:
        with self._reading() as connection:
            return load_word_rows(connection, self.folder / DATABASE, ids)

    def stems_of(self, terms: Sequence[int]) -> dict[int, str]:
        with self._reading() as connection:
            return load_stems(connection, self.folder / DATABASE, terms)

    def vocabulary(self) -> Vocabulary:
        return self._searcher.vocabulary()

    def chunk_vectors(self, ids: Sequence[int] | Ids) -> dict[int, Vectors]:
        rows = self._searcher.vectors_of(np.array(ids, np.int64))
        return dict(zip(rows.ids.tolist(), rows.vectors, strict=True))

    def chunks_of(self, document_id: str) -> list[int]:
        sql = "SELECT number FROM chunks WHERE document = (SELECT number FROM documents WHERE id = ?) ORDER BY number"
        with self._reading() as connection:
            return [number for (number,) in connection.execute(sql, (document_id,))]

    def token_rows(self, ids: Sequence[int] | Ids) -> dict[int, bytes]:
        with self._reading() as connection:
            return load_token_rows(connection, self.folder / DATABASE, ids)

    def write_token_rows(self, rows: Mapping[int, bytes]) -> None:
        with self._writing() as connection:
            write_token_rows(connection, rows)

    def clear_token_rows(self) -> None:
        with self._writing() as connection:
            clear_token_rows(connection)

    def chunks_without_token_rows(self, *, most: int) -> list[int]:
        with self._reading() as connection:
            return chunks_without_token_rows(connection, most=most)

    def search_sparse(
        self, terms: Terms, weights: Vectors, *, k: int, where: Filter | None = None, among: Ids | None = None
    ) -> Ranking:
        return self._searcher.sparse(terms, weights, Bounds(k, where, among))

    def fetch(self, ids: Sequence[int] | Ids) -> list[StoredChunk]:
        found = {}
        with self._reading() as connection:
            sql = f"{STORED_CHUNK} WHERE c.number IN (SELECT value FROM json_each(?))"
            for row in connection.execute(sql, (numbers_json(ids),)):
                chunk = stored_chunk(row)
                if chunk is None:
                    raise damaged(self.folder / DATABASE, f"chunk {row[0]} or its document")
                found[chunk.id] = chunk
        return [found[int(id)] for id in ids if int(id) in found]

    def optimize(self) -> bool:
        """Build a shard if the store is large enough and the present one is missing, damaged or outdated.

        Otherwise measure the present one again, if there were queries since that it was not measured with. Call it
        when a run of commits is done. Building takes about a minute for 100,000 chunks, in another process: searching
        and committing go on meanwhile.
        """
        with self._building:
            if len(self) < self.settings.engine_threshold:
                self._use_shard("")
                return False
            with self._reading() as connection:
                outdated = self._searcher.shards.is_outdated(connection, self.settings.shortlist)
                name, width = state_row(connection, "shard, width")
            if outdated:
                return self._build_shard()
            if measure_again(self.folder / SHARDS / name, self._past.read(width)):
                self._searcher.close()  # to be opened again with what was measured
            self._past.trim(width)
            return False

    def compact(self) -> None:
        """Give space back. What was deleted is in no file afterwards.

        Raises:
            LockedError: A reader was in the middle of a search for too long; try again.
            StorageError: An outdated copy can't be deleted, or the disk is full.
        """
        with self._building:
            with self._writing() as connection:
                connection.execute(f"DELETE FROM fields WHERE name NOT IN (SELECT name FROM ({KNOWN_FIELDS}))")
            if len(self) < self.settings.engine_threshold or not self._build_shard(strict=True):
                self._use_shard("", strict=True)
            with self._lock, translated(self.folder / DATABASE):
                self._connection.execute("VACUUM")
                (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise LockedError(f"a reader of {self.folder} was busy and kept its old pages; compact it again.")

    def verify(self) -> list[str]:
        with self._lock:
            return problems(self._connection, self.folder)

    def close(self) -> None:
        with self._lock:
            self._past.flush()
            self._searcher.close()
            self._connection.close()
            if self._writer_lock is not None:
                self._writer_lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _build_shard(self, *, strict: bool = False) -> bool:
        with self._reading() as connection:
            sequence, present = state_row(connection, "sequence, shard")
            shard = self._searcher.shards.current(present)
        name = f"{sequence}-{secrets.token_hex(4)}"
        shortlist = self.settings.shortlist or (shard.manifest.shortlist if shard else usual_shortlist())
        self._past.flush()
        settings = BuildSettings(shortlist=shortlist, past_queries=self.settings.past_queries)
        built = build_in_child(self.folder, name, settings)
        if built:
            self._use_shard(name, strict=strict)
        return built

    def _use_shard(self, name: str, *, strict: bool = False) -> None:
        """Make ``name`` the shard in use, or none, and delete all others."""
        with self._writing() as connection:
            connection.execute("UPDATE state SET shard = ? WHERE shard != ?", (name, name))
            self._searcher.close()
        remove_others(self.folder, name, strict=strict)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self.folder / DATABASE), transaction(self._connection):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._writer_lock is None:
            raise SettingError(f"{self.folder} is open for reading; open it with mode='write' to change it.")
        with self._lock, translated(self.folder / DATABASE), transaction(self._connection, "IMMEDIATE"):
            yield self._connection
