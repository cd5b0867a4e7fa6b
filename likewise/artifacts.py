"""Saved things: folders with a manifest and checksums, written under another name and renamed when whole."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from likewise.errors import ArtifactError, StorageError

MANIFEST = "manifest.json"
_BLOCK_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A fresh folder beside ``target`` that takes its name when the block ends well, and is gone otherwise.

    If another process put ``target`` there meanwhile, its folder stays and ours is dropped.

    Raises:
        StorageError: The disk refused.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise StorageError(f"can't write to {target.parent}: {error.strerror}") from error
    try:
        yield fresh
        try:
            fresh.rename(target)
        except OSError as error:
            if not target.is_dir():
                raise StorageError(f"can't write {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_manifest(folder: Path, *, kind: str, version: int, values: Mapping[str, Any]) -> None:
    """Write ``manifest.json``: kind, format version, values and the size of every other file in the folder."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    sizes = {name: path.stat().st_size for name, path in sorted(files.items()) if name != MANIFEST}
    manifest = {"kind": kind, "version": version, "sizes": sizes, **values}
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path, *, kind: str, version: int) -> dict[str, Any]:
    """The manifest of a saved folder.

    Raises:
        ArtifactError: It is missing, damaged, of another kind or version, or a file it names is missing or cut short.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = manifest["kind"], manifest["version"]
        sizes = manifest["sizes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} can't be read: {error}") from error
    if found != (kind, version):
        raise ArtifactError(f"{path} is a {found[0]} of version {found[1]}, expected a {kind} of version {version}")
    for name, size in sizes.items():
        if not (folder / name).is_file() or (folder / name).stat().st_size != size:
            raise ArtifactError(f"{folder / name} is missing or not {size} bytes long")
    return manifest
