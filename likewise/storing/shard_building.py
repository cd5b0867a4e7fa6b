"""Build a shard from the database: ``python -m likewise.storing.shard_building FOLDER NAME SETTINGS``.

A process of its own, because it takes minutes and memory that the one who asks should not be without.
"""

import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from zlib import crc32

import numpy as np

from likewise.settings import from_dict
from likewise.storing.database import DATABASE, connect_reader, transaction, translated
from likewise.storing.exact import Rows, load_dense
from likewise.storing.measuring_shard import measured
from likewise.storing.past_queries import PastQueries
from likewise.storing.postings import turned
from likewise.storing.proposing import draft_of
from likewise.storing.rows import state_row
from likewise.storing.shard import CHECKSUMS, FORMAT, IDS, PROMISES, VECTORS, Manifest, list_files
from likewise.storing.shards import SHARDS, BuildSettings
from likewise.storing.shortlists import Shortlist
from likewise.storing.words import load_words
from likewise.types import Ids, Vectors

_BATCH = 10_000  # rows read from the database at a time


def build(folder: Path, name: str, settings: BuildSettings) -> Manifest:
    """Build shard ``name`` of the store in ``folder`` and put it in its place."""
    target, draft = folder / SHARDS / name, folder / SHARDS / f"{name}.new"
    draft.mkdir(parents=True)
    parent = os.getppid()
    connection = connect_reader(folder)
    try:
        with translated(folder / DATABASE), transaction(connection):
            last_chunk, vectors = _copy(connection, folder, draft)
    finally:
        connection.close()
    past = PastQueries(folder, kept=settings.past_queries).read(vectors.shape[1])
    codes = draft_of(vectors, settings.shortlist)
    measured(codes, vectors, past).write(draft / PROMISES)
    codes.write(draft)
    manifest = Manifest(
        format=FORMAT,
        last_chunk=last_chunk,
        rows=len(vectors),
        width=vectors.shape[1],
        shortlist=settings.shortlist,
        files=list_files(draft),
    )
    manifest.write(draft)
    for path in draft.iterdir():
        _sync(path)
    if os.getppid() != parent:  # the writer is dead: another may have deleted since what this shard holds
        shutil.rmtree(draft)
        raise SystemExit("the process that asked for the shard is gone")
    draft.rename(target)
    _sync(target.parent)
    return manifest


def _copy(connection: sqlite3.Connection, folder: Path, draft: Path) -> tuple[int, Vectors]:
    """Numbers, vectors, their checksums and words as files; gives the last chunk's number and a map of the vectors."""
    chunks, width, next_chunk = state_row(connection, "chunks, width, next_chunk")
    shape, mapped = (chunks, width), np.lib.format.open_memmap
    vectors = mapped(draft / VECTORS, mode="w+", dtype=np.float32, shape=shape)
    ids: Ids = np.array([number for (number,) in connection.execute("SELECT number FROM chunks ORDER BY number")])
    checksums = np.empty(chunks, dtype=np.uint32)
    for start in range(0, chunks, _BATCH):
        some = slice(start, start + _BATCH)
        vectors[some] = load_dense(connection, folder / DATABASE, Rows(only=ids[some].tolist())).vectors
        checksums[some] = [
            crc32(row.data, number) for row, number in zip(vectors[some], ids[some].tolist(), strict=True)
        ]
    vectors.flush()
    turned(load_words(connection, folder / DATABASE, 0)).write(draft)
    np.save(draft / IDS, ids)
    np.save(draft / CHECKSUMS, checksums)
    return next_chunk - 1, np.load(draft / VECTORS, mmap_mode="r")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    _folder, _name, _settings = sys.argv[1:]
    _values = json.loads(_settings)
    build(Path(_folder), _name, BuildSettings(**{**_values, "shortlist": from_dict(Shortlist, _values["shortlist"])}))
