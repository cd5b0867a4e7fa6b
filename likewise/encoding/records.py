"""What was accepted and seen of models before: one JSON file in the user's data folder."""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import Any

from filelock import FileLock

from likewise.artifacts import sha256
from likewise.encoding.hub_cache import Snapshot, deciding_files
from likewise.errors import ArtifactError

logger = logging.getLogger(__name__)
_VERSION = 1


def is_accepted(path: Path, *, model: str, licence: str) -> bool:
    """Whether this licence of this model was accepted before, at whatever revision."""
    return any((entry["model"], entry["licence"]) == (model, licence) for entry in _read(path)["accepted"])


def accept(path: Path, *, model: str, licence: str, revision: str) -> None:
    """Write down that a licence was accepted, when, and for which revision."""

    def change(records: dict[str, Any]) -> None:
        if not any((entry["model"], entry["licence"]) == (model, licence) for entry in records["accepted"]):
            when = datetime.now(UTC).isoformat(timespec="seconds")
            records["accepted"].append({"model": model, "revision": revision, "licence": licence, "time": when})

    _update(path, change)


def check_unchanged(path: Path, model: str, snapshot: Snapshot, *, progress: Callable[[str], None]) -> dict[str, str]:
    """Hold the files of a commit against what was seen of them before; what is new is written down.

    A file is read only if it is new, or its size or time has changed since it was read last.

    Args:
        path: The file of records.
        model: Its published name.
        snapshot: The files.
        progress: Told before files are read.

    Returns:
        Hex sha256 by name in the snapshot, of the files that decide about vectors.

    Raises:
        ArtifactError: A file is another one than before, though a commit never changes; or, at first sight, it is
            not the one whose digest its name in the cache is.
    """
    key = f"{model}@{snapshot.commit}"
    seen = _read(path)["files"].get(key, {})
    inside = (file.relative_to(snapshot.folder).as_posix() for file in snapshot.folder.rglob("*") if file.is_file())
    states = {name: _state(snapshot.folder / name) for name in deciding_files(inside)}
    if any({**seen.get(name, {}), **state} != seen.get(name) for name, state in states.items()):
        progress(f"checking the files of {model}, once")
    found = {name: _seen_file(snapshot.folder / name, state, seen.get(name)) for name, state in states.items()}
    if found != seen:
        _update(path, lambda records: records["files"].update({key: {**seen, **found}}))
    return {name: str(entry["sha256"]) for name, entry in found.items()}


def _state(path: Path) -> dict[str, int]:
    state = path.stat()
    return {"size_bytes": state.st_size, "mtime_ns": state.st_mtime_ns}


def _seen_file(path: Path, state: dict[str, int], before: dict[str, Any] | None) -> dict[str, Any]:
    if before and {**before, **state} == before:
        return before
    digest = sha256(path)
    if before and before["sha256"] != digest:
        raise ArtifactError(
            f"{path} has changed since it was first used: its sha256 is {digest}, and was {before['sha256']}. "
            "A commit never changes, so remove its folder and download it again"
        )
    if not before:
        _check_name(path, digest)
    return {"sha256": digest, **state}


def _check_name(path: Path, digest: str) -> None:
    """A blob is named by its content: by its sha256 if it is large, else as git names it."""
    blob = path.readlink() if path.is_symlink() else path
    found = digest
    if blob.parent.name == "blobs" and len(blob.name) == 40:
        content = path.read_bytes()
        found = sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if blob.parent.name == "blobs" and len(blob.name) in (40, 64) and blob.name != found:
        raise ArtifactError(f"{path} is damaged: its digest is {found}, expected {blob.name}. Remove it and load again")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {"version": _VERSION, "accepted": [], "files": {}}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["version"] != _VERSION:
            raise ValueError(f"its version is {found['version']!r}, expected {_VERSION}")
        if not all({"model", "licence"} <= set(entry) for entry in found["accepted"]):
            raise ValueError("what was accepted lacks a model or a licence")
        if not all("sha256" in file for files in found["files"].values() for file in files.values()):
            raise ValueError("a file lacks its sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} can't be read ({error}): mend it, or remove it and be asked again") from error
    return dict(found)


def _update(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=10):
            records = _read(path)
            change(records)
            fresh = path.with_name(f".{path.name}.{os.getpid()}")
            fresh.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            fresh.replace(path)
    except OSError as error:  # a read-only home is no reason not to work; it will be asked and read again next time
        logger.warning("%s can't be written: %s", path, error)
