"""Which shard is in use, when a new one pays, and getting it built."""

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from likewise.errors import MissingExtraError, StorageError
from likewise.storing.shortlists import Shortlist
from likewise.types import Vectors

if TYPE_CHECKING:
    from likewise.storing.shard import Shard

SHARDS = "shard"  # folder inside the store's
_WORTH_REBUILDING = 0.25  # of the shard's rows
_REMOVALS, _PAUSE_S = 5, 0.1  # attempts to delete a shard that another process may be closing
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    shortlist: Shortlist
    past_queries: int  # how many of the last are kept, and measured with


class ShardHolder:
    """Keeps the shard in use open, for as long as it is the one in use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / SHARDS
        self._name = ""
        self._shard: Shard | None = None
        self.damaged = False  # whether the shard in use can't be opened

    def current(self, name: str) -> "Shard | None":
        """The open shard ``name``; None if there is none or it is damaged: then search exactly."""
        if name != self._name:
            self.close()
            self._name = name
            self._shard = self._open(name) if name else None
        return self._shard

    def is_outdated(self, connection: sqlite3.Connection, shortlist: Shortlist | None) -> bool:
        """Whether a new shard is due: there is none or another shortlist, or too many rows are new or gone."""
        name, chunks = connection.execute("SELECT shard, chunks FROM state").fetchone()
        shard = self.current(name)
        if shard is None or shortlist not in (None, shard.manifest.shortlist) or not self._has_codes(shard):
            return True
        manifest = shard.manifest
        new = connection.execute("SELECT count(*) FROM chunks WHERE number > ?", (manifest.last_chunk,)).fetchone()[0]
        gone = manifest.rows - (chunks - new)
        return new + gone > _WORTH_REBUILDING * manifest.rows

    def _has_codes(self, shard: "Shard") -> bool:
        """Whether its codes can be used, which nobody may have looked at so far."""
        try:
            shard.codes()
        except shard.failure as error:
            self.give_up(error)
            return False
        return True

    def _open(self, name: str) -> "Shard | None":
        module = import_module("likewise.storing.shard")  # which small stores never need
        try:
            return module.open_shard(self._folder / name)
        except module.ShardDamagedError as error:
            _log.warning("the copy for searching can't be used and will be built again: %s", error)
            self.damaged = True
        return None

    def give_up(self, reason: Exception) -> None:
        """Stop using the open shard after an error; exact search serves until a new one is built."""
        if isinstance(reason, MissingExtraError):
            _log.warning("searching exactly, which is slower: %s", reason)
        else:
            _log.warning("the copy for searching failed and will be built again: %s", reason)
        self._shard, self.damaged = None, True

    def close(self) -> None:
        self._shard, self._name, self.damaged = None, "", False


def build_in_child(folder: Path, name: str, settings: BuildSettings) -> bool:
    """Build shard ``name`` in a process of its own; on failure log why and go on without."""
    command = [sys.executable, "-m", "likewise.storing.shard_building", str(folder), name, json.dumps(asdict(settings))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        _log.warning("can't start a process to build the copy for searching: %s", error)
        return False
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        _log.warning("building the copy for searching failed (%d): %s", done.returncode, last[0])
    return done.returncode == 0


def measure_again(folder: Path, past: Vectors) -> bool:
    """Measure the shard in ``folder`` with past queries (M, D), if many of them are new; says whether it did."""
    module = import_module("likewise.storing.measuring_shard")
    return module.measure_again(folder, past)


def remove_others(folder: Path, kept: str, *, strict: bool = False) -> None:
    """Delete every shard but ``kept``. A process that still has one open goes on until its next search.

    Raises:
        StorageError: With ``strict``, if one can't be deleted; otherwise it is left for the next time.
    """
    shards = folder / SHARDS
    for path in sorted(shards.iterdir()) if shards.is_dir() else ():
        if path.name == kept:
            continue
        problem = _remove(path)
        if problem and strict:
            raise StorageError(f"{path}, an outdated copy of the index, can't be deleted: {problem}") from problem
        if problem:
            _log.debug("%s is left for later: %s", path, problem)


def _remove(path: Path) -> OSError | None:
    problem = None
    for _ in range(_REMOVALS):
        try:
            shutil.rmtree(path)
        except OSError as error:  # most likely another process is just closing it, which writes small files
            problem = error
            time.sleep(_PAUSE_S)
        else:
            return None
    return problem


def altered(folder: Path, name: str) -> list[str]:
    """What is wrong with the files of shard ``name``; nothing is if there is none."""
    if not name:
        return []
    module = import_module("likewise.storing.shard")
    try:
        return module.altered(folder / SHARDS / name)
    except module.ShardDamagedError as error:
        return [str(error)]
