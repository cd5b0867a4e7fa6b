"""A shard: the Qdrant engine over a copy of the rows, made once and never changed.

It only proposes candidates. Which of them are still there, which pass the filter and how they score is decided from
SQLite, and rows newer than the shard are searched exactly beside it. So a shard can be late or lost, but not wrong.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias
from zlib import crc32

from filelock import FileLock, Timeout
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    HnswIndexConfig,
    Memory,
    QuantizationSearchParams,
    Query,
    QueryRequest,
    SearchParams,
    TurboQuantBitSize,
    TurboQuantQuantizationConfig,
    VectorStorageDatatype,
)

from likewise.settings import from_dict
from likewise.storing.filter_to_qdrant import NotExpressibleError, to_qdrant
from likewise.storing.filters import Filter
from likewise.types import Vectors

Proposal: TypeAlias = list[int] | None

FORMAT = 2
DENSE = "dense"
MANIFEST, LOCK = "manifest.json", "holder.lock"
_SMALL_BYTES = 1 << 20  # files up to this size are checked in full on every opening
_GRAPH_EDGES, _GRAPH_EFFORT = 16, 100


class ShardHeldError(Exception):
    """Another process has this shard open: the engine is not made to be shared."""


class ShardDamagedError(Exception):
    """The shard can't be used; it is to be built again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    format: int
    last_chunk: int  # every chunk up to this number that was there at the time is in the shard
    rows: int
    has_graph: bool
    files: Mapping[str, Sequence[int]]  # relative path -> size in bytes, crc32

    def write(self, folder: Path) -> None:
        (folder / MANIFEST).write_text(json.dumps(asdict(self)), encoding="utf-8")


class Shard:
    """An open shard; nobody else has it open."""

    failure = ShardDamagedError  # here too, for those who do not import this module and so the engine

    def __init__(self, engine: EdgeShard, manifest: Manifest, lock: FileLock) -> None:
        self._engine, self._lock = engine, lock
        self.manifest = manifest

    def nearest(self, query: Vectors, *, limit: int, where: Filter | None, fields: Mapping[str, int]) -> Proposal:
        """Numbers of about the ``limit`` chunks nearest to ``query``; None if the filter can't be expressed."""
        return self._propose(Query.Nearest(query.tolist(), using=DENSE), limit, where, fields)

    def _propose(self, query: Query, limit: int, where: Filter | None, fields: Mapping[str, int]) -> Proposal:
        try:
            condition = None if where is None else to_qdrant(where, fields)
        except NotExpressibleError:
            return None
        # Scores are computed again from SQLite, so the engine need not look at the unquantised vectors.
        params = SearchParams(quantization=QuantizationSearchParams(rescore=False))
        with engine_errors():
            found = self._engine.query(
                QueryRequest(limit, query=query, filter=condition, params=params, with_payload=False)
            )
        return [int(point.id) for point in found]

    def close(self) -> None:
        try:
            with engine_errors():
                self._engine.close()
        finally:
            self._lock.release()


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn whatever the engine throws into ShardDamagedError; a panic in it is no ordinary Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        raise ShardDamagedError(f"{type(error).__name__}: {error}") from error


def open_shard(folder: Path) -> Shard:
    """Check and open the shard in ``folder``.

    Raises:
        ShardHeldError: It is open elsewhere.
        ShardDamagedError: It is missing, incomplete, altered, or not readable by this version.
    """
    if not folder.is_dir():
        raise ShardDamagedError(f"{folder} is missing")
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError) as error:  # on a read-only disk it can't be locked, and the engine can't open it
        raise ShardHeldError(f"{folder} can't be locked: {error}") from error
    try:
        manifest = read_manifest(folder)
        if altered := altered_files(folder, manifest, up_to_bytes=_SMALL_BYTES):
            raise ShardDamagedError("; ".join(altered))
        with engine_errors():
            engine = EdgeShard.load(str(folder))
            count = engine.info().points_count
        if count != manifest.rows:
            raise ShardDamagedError(f"{folder} has {count} points, its manifest says {manifest.rows}")
    except BaseException:
        lock.release()
        raise
    return Shard(engine, manifest, lock)


def read_manifest(folder: Path) -> Manifest:
    try:
        manifest = from_dict(Manifest, json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ShardDamagedError(f"{folder / MANIFEST}: {error}") from error
    if manifest.format != FORMAT:
        raise ShardDamagedError(f"{folder} has format {manifest.format}, not {FORMAT}")
    return manifest


def list_files(folder: Path) -> dict[str, list[int]]:
    """Size and crc32 of every file of a shard. The engine leaves their contents as they are when it only reads."""
    names = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, LOCK))
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, _crc32(path)] for path in names}


def altered_files(folder: Path, manifest: Manifest, *, up_to_bytes: int | None = None) -> list[str]:
    """What differs from the manifest; the contents of files beyond ``up_to_bytes`` are not looked at."""
    problems = []
    for name, (size, checksum) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            problems.append(f"{path}: missing or of another size")
        elif (up_to_bytes is None or size <= up_to_bytes) and _crc32(path) != checksum:
            problems.append(f"{path}: its checksum does not match")
    return problems


def _crc32(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = crc32(block, checksum)
    return checksum


def engine_config(width: int, *, has_graph: bool) -> EdgeConfig:
    """Four-bit codes in memory, scanned; above a few hundred thousand rows a graph over them.

    The vectors themselves are kept in half precision, on disk: the engine needs them to build, and we never rescore
    with them. No write-ahead log: the shard is whole when its manifest is there, and never written again.
    """
    edges = _GRAPH_EDGES if has_graph else 0
    return EdgeConfig(
        vectors={
            DENSE: EdgeVectorParams(width, Distance.Dot, memory=Memory.Cold, datatype=VectorStorageDatatype.Float16)
        },
        hnsw_config=HnswIndexConfig(m=edges, ef_construct=_GRAPH_EFFORT, full_scan_threshold=10_000),
        quantization_config=TurboQuantQuantizationConfig(bits=TurboQuantBitSize.Bits4, memory=Memory.Pinned),
        optimizers=EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1),
        wal_enabled=False,
    )
