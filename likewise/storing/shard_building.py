"""Build a shard from the database: ``python -m likewise.storing.shard_building FOLDER NAME SETTINGS``.

A process of its own, because the engine holds the interpreter lock for as long as it optimises.
"""

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from qdrant_edge import (
    EdgeShard,
    FloatIndexParams,
    IntegerIndexParams,
    KeywordIndexParams,
    Memory,
    Point,
    UpdateOperation,
)

from likewise.settings import from_dict
from likewise.storing.database import DATABASE, connect_reader, transaction, translated
from likewise.storing.exact import Rows, load_dense
from likewise.storing.filter_to_qdrant import key, payload
from likewise.storing.filters import Kind
from likewise.storing.rows import state_row
from likewise.storing.shard import DENSE, FORMAT, Manifest, engine_config, list_files
from likewise.storing.shards import SHARDS, BuildSettings

_BATCH = 1_000  # points handed to the engine at a time
_MAX_INDEXED_FIELDS = 64  # filters on further fields work too, but read every payload
# Cached: read through the page cache. By default the engine loads these indexes whole each time it is opened.
_TEXTS = KeywordIndexParams(memory=Memory.Cached)  # booleans are texts to it as well
_NUMBERS = FloatIndexParams(memory=Memory.Cached)
_FIELDS = IntegerIndexParams(lookup=True, range=False, memory=Memory.Cached)


def build(folder: Path, name: str, settings: BuildSettings) -> Manifest:
    """Build shard ``name`` of the store in ``folder`` and put it in its place."""
    target, draft = folder / SHARDS / name, folder / SHARDS / f"{name}.new"
    draft.mkdir(parents=True)
    parent = os.getppid()
    connection = connect_reader(folder)
    try:
        with translated(folder / DATABASE), transaction(connection):
            manifest = _fill(connection, folder, draft, settings)
    finally:
        connection.close()
    manifest.write(draft)
    for path in (path for path in draft.rglob("*") if path.is_file()):
        _sync(path)
    if os.getppid() != parent:  # the writer is dead: another may have deleted since what this shard holds
        shutil.rmtree(draft)
        raise SystemExit("the process that asked for the shard is gone")
    draft.rename(target)
    _sync(target.parent)
    return manifest


def _fill(connection: sqlite3.Connection, folder: Path, draft: Path, settings: BuildSettings) -> Manifest:
    chunks, width, next_chunk = state_row(connection, "chunks, width, next_chunk")
    has_graph = chunks >= settings.graph_threshold
    engine = EdgeShard.create(str(draft), engine_config(width, has_graph=has_graph))
    _index_fields(connection, engine)
    ids = [number for (number,) in connection.execute("SELECT number FROM chunks ORDER BY number")]
    for start in range(0, len(ids), _BATCH):
        points = list(_points(connection, folder, ids[start : start + _BATCH]))
        engine.update(UpdateOperation.upsert_points(points))
    engine.flush()
    engine.optimize()
    engine.flush()
    engine.close()
    EdgeShard.load(str(draft)).close()  # the first opening completes the engine's own files; later ones change nothing
    return Manifest(
        format=FORMAT, last_chunk=next_chunk - 1, rows=len(ids), has_graph=has_graph, files=list_files(draft)
    )


def _points(connection: sqlite3.Connection, folder: Path, ids: list[int]) -> Iterator[Point]:
    dense = load_dense(connection, folder / DATABASE, Rows(only=ids))
    payloads = _payloads(connection, ids)
    for id, vector in zip(dense.ids.tolist(), dense.vectors.tolist(), strict=True):
        yield Point(id, {DENSE: vector}, payloads[id])


def _payloads(connection: sqlite3.Connection, ids: list[int]) -> dict[int, dict[str, Any]]:
    rows = connection.execute(
        "SELECT c.number, v.field, v.position, v.kind, v.value FROM chunks c "
        "JOIN metadata_values v ON v.document = c.document "
        "WHERE c.number BETWEEN ? AND ? ORDER BY c.number, v.field, v.position",
        (ids[0], ids[-1]),
    )
    made: dict[int, dict[str, Any]] = {id: payload(()) for id in ids}
    for number, values in groupby(rows, key=lambda row: row[0]):
        made[number] = payload(row[1:] for row in values)
    return made


def _index_fields(connection: sqlite3.Connection, engine: EdgeShard) -> None:
    engine.update(UpdateOperation.create_field_index("has", _FIELDS))
    found = connection.execute(
        "SELECT field, min(position, 1), kind FROM metadata_values WHERE value IS NOT NULL "
        "GROUP BY 1, 2, 3 ORDER BY count(*) DESC LIMIT ?",
        (_MAX_INDEXED_FIELDS,),
    ).fetchall()
    for field, position, kind in found:
        name = key(field, Kind(kind), each=position > 0)
        engine.update(UpdateOperation.create_field_index(name, _NUMBERS if kind == Kind.NUMBER else _TEXTS))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    _folder, _name, _settings = sys.argv[1:]
    build(Path(_folder), _name, from_dict(BuildSettings, json.loads(_settings)))
