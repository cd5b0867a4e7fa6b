"""A shard: a copy of all vectors and words beside the store, laid out for searching, made once and never changed.

It holds the numbers of its chunks, all vectors in a memory map, codes that propose candidates, and the words of chunks
by term. What is still there and what passes a filter is decided from SQLite; rows newer than the shard are searched
beside it. Each vector is held to its checksum before it is first scored. So a shard can be late or lost, but not wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from likewise.errors import MissingExtraError
from likewise.settings import from_dict
from likewise.storing.checked_json import read_checked, write_checked
from likewise.storing.exact import DenseRows
from likewise.storing.postings import WORDS, Postings, read_postings
from likewise.storing.promising import Promises
from likewise.storing.proposing import Proposer, open_proposer
from likewise.storing.shortlists import Shortlist
from likewise.types import Ids, Vectors

FORMAT = 3
MANIFEST, PROMISES = "manifest.json", "recall.json"
IDS, VECTORS, CHECKSUMS = "ids.npy", "vectors.npy", "checksums.npy"
_BLOCK_ROWS = 8_192  # scored at a time when all are
_CHOICES = 256  # of efforts that are remembered


class ShardDamagedError(Exception):
    """The shard can't be used; it is to be built again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    format: int
    last_chunk: int  # every chunk up to this number that was there at the time is in the shard
    rows: int
    width: int
    shortlist: Shortlist
    files: Mapping[str, Sequence[int]]  # name -> size in bytes, crc32

    def write(self, folder: Path) -> None:
        write_checked(folder / MANIFEST, asdict(self))


class Shard:
    """An open shard; any number of processes may have it open."""

    failure = (ShardDamagedError, MissingExtraError)  # here too, for those who do not import this module

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.ids: Ids = _mapped(folder / IDS)  # (N,) ascending
        self.vectors: Vectors = _mapped(folder / VECTORS)  # (N, D)
        self._folder = folder
        self.words = _words(folder)
        self._checksums: NDArray[np.uint32] = _mapped(folder / CHECKSUMS)  # (N,)
        self._checked = np.zeros(manifest.rows, dtype=np.bool_)
        self._codes: Proposer | None = None  # a search by words needs neither them nor the engine
        self.promises = _promises(folder)
        self.choose = lru_cache(_CHOICES)(self.promises.choose)

    def codes(self) -> Proposer:
        """What proposes, checked and opened when it is first asked for.

        Raises:
            ShardDamagedError: It is not as it was written.
            MissingExtraError: What reads it is not installed.
        """
        if self._codes is None:
            _require_whole(self._folder, self.manifest, but=_but_codes(self.manifest))
            self._codes = _opened(self._folder, self.manifest.shortlist)
        return self._codes

    def propose(self, query: Vectors, effort: int) -> Ids:
        """Rows (E,) of about the ``effort`` vectors nearest to ``query`` (D,), best first.

        Raises:
            ShardDamagedError: The engine gave rows that there are not.
        """
        rows = self.codes().propose(query, effort)
        if len(rows) and rows.view(np.uint64).max() >= self.manifest.rows:  # what is below 0 is great as well
            raise ShardDamagedError(f"{self._folder} proposes rows that there are not")
        return rows

    def take(self, rows: Ids) -> DenseRows:
        """Some rows (M,), ascending, as they are in SQLite.

        Raises:
            ShardDamagedError: One does not match its checksum.
        """
        vectors = self.vectors.take(rows, axis=0)
        self._check(rows, vectors)
        return DenseRows(self.ids[rows], vectors)

    def scores(self, query: Vectors, rows: Ids | None = None) -> Vectors:
        """Dot products of some rows (M,), or of all, with ``query`` (D,).

        Raises:
            ShardDamagedError: A row does not match its checksum.
        """
        scores = np.empty(self.manifest.rows if rows is None else len(rows), dtype=np.float32)
        for start in range(0, len(scores), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            some = block if rows is None else rows[block]
            vectors = self.vectors[some]
            self._check(some, vectors)
            np.matmul(vectors, query, out=scores[block])
        return scores

    def measured_again(self, promises: Promises) -> None:
        """Keep what was measured since."""
        promises.write(self._folder / PROMISES)
        self.promises, self.choose = promises, lru_cache(_CHOICES)(promises.choose)

    def _check(self, rows: Ids | slice, vectors: Vectors) -> None:
        """Hold vectors (M, D) to their checksums, each once: the file is not written again."""
        checked = self._checked[rows]
        if checked.all():
            return
        ids, checksums = self.ids[rows].tolist(), self._checksums[rows].tolist()
        for place in np.flatnonzero(~checked).tolist():
            if crc32(vectors[place].data, ids[place]) != checksums[place]:
                raise ShardDamagedError(f"{self._folder / VECTORS}: chunk {ids[place]} does not match its checksum")
        self._checked[rows] = True


def _opened(folder: Path, shortlist: Shortlist) -> Proposer:
    try:
        return open_proposer(folder, shortlist)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ShardDamagedError(f"{folder}: {error}") from error


def _promises(folder: Path) -> Promises:
    try:
        return Promises.read(folder / PROMISES)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ShardDamagedError(f"{folder}: {error}") from error


def _words(folder: Path) -> Postings:
    try:
        return read_postings(folder)
    except (OSError, ValueError) as error:
        raise ShardDamagedError(f"{folder}: {error}") from error


def open_shard(folder: Path) -> Shard:
    """Check and open the shard in ``folder``; vectors and codes are checked when they are used.

    Raises:
        ShardDamagedError: It is missing, incomplete, altered, or not readable by this version.
    """
    if not folder.is_dir():
        raise ShardDamagedError(f"{folder} is missing")
    manifest = read_manifest(folder)
    codes = manifest.files.keys() - _but_codes(manifest)
    _require_whole(folder, manifest, but={VECTORS, *codes})
    return Shard(folder, manifest)


def _but_codes(manifest: Manifest) -> set[str]:
    return {name for name in manifest.files if name in (IDS, VECTORS, CHECKSUMS) or name.startswith(WORDS)}


def _require_whole(folder: Path, manifest: Manifest, *, but: Collection[str]) -> None:
    if altered := altered_files(folder, manifest, but=but):
        raise ShardDamagedError("; ".join(altered))


def read_manifest(folder: Path) -> Manifest:
    try:
        values = read_checked(folder / MANIFEST)
        if (found := values["format"]) == FORMAT:
            return from_dict(Manifest, {**values, "shortlist": from_dict(Shortlist, values["shortlist"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ShardDamagedError(f"{folder / MANIFEST}: {error}") from error
    raise ShardDamagedError(f"{folder} has format {found}, not {FORMAT}")


def list_files(folder: Path) -> dict[str, list[int]]:
    """Size and crc32 of each file of a shard that never changes."""
    names = sorted(path.name for path in folder.iterdir() if path.name not in (MANIFEST, PROMISES))
    return {name: [(folder / name).stat().st_size, _crc32(folder / name)] for name in names}


def altered_files(folder: Path, manifest: Manifest, *, but: Collection[str] = ()) -> list[str]:
    """What differs from the manifest; of the files named in ``but`` only the size is looked at."""
    problems = []
    for name, (size, checksum) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            problems.append(f"{path}: missing or of another size")
        elif name not in but and _crc32(path) != checksum:
            problems.append(f"{path}: its checksum does not match")
    return problems


def altered(folder: Path) -> list[str]:
    """What is damaged in a shard; every file is read.

    Raises:
        ShardDamagedError: What the others are held to is damaged itself.
    """
    manifest = read_manifest(folder)
    problems = altered_files(folder, manifest)
    if not problems:
        _promises(folder)
        _opened(folder, manifest.shortlist)
    return problems


def _mapped(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))  # plain arrays are indexed faster than memory maps
    except (OSError, ValueError) as error:
        raise ShardDamagedError(f"{path}: {error}") from error


def _crc32(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = crc32(block, checksum)
    return checksum
