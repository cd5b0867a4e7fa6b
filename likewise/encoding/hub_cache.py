"""The hub's cache on this machine, read without the hub's library and without a socket.

``models--organisation--name/refs/<revision>`` holds a commit, ``snapshots/<commit>/`` the files of it: links into
``blobs/``, of the model or of the whole cache, or the files themselves where links can't be made. Newer clients also
keep ``trees/<commit>.json``, which lists what was published.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likewise.errors import ArtifactError, SettingError
from likewise.modelling.tensors import INDEX, WEIGHTS

COMMIT = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./-]{0,199}", re.ASCII)
_MODULE_FOLDER = re.compile(r"(\w+_)?\d+_\w+")  # as 1_Pooling; other folders hold copies in other formats
_WEIGHTS_NAME = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_READ_SUFFIXES = (".json", ".txt", ".model", ".md")
_NEEDED_NAMES = {
    "added_tokens.json",
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    INDEX,
}
_VOCABULARY = re.compile(r"vocab\.txt|vocab\.json|merges\.txt|.+\.model")  # read where there is no tokenizer.json
_NEEDED_BY_KIND = {
    "Pooling": ("config.json",),
    "Dense": ("config.json", WEIGHTS),
    "Transformer": ("config.json", WEIGHTS),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model's files at one commit."""

    folder: Path
    commit: str


def find_snapshot(cache: Path, repository: str, revision: str) -> Snapshot | None:
    """What the cache holds of a model at a branch, tag or commit; whether it is whole is for ``missing_files`` to say.

    Raises:
        SettingError: ``revision`` could be none of the three.
        ArtifactError: The cache is damaged, or a file of the snapshot is a link out of the cache.
    """
    place = _place(cache, repository)
    commit = revision if COMMIT.fullmatch(revision) else _resolve(_reference(place, revision))
    folder = place / "snapshots" / (commit or "none")
    if not folder.is_dir():
        return None
    _check_links(folder, cache)
    return Snapshot(folder, folder.name)


def keep_revision(cache: Path, repository: str, revision: str, commit: str) -> None:
    """Write down which commit a branch or tag is, so that the next look needs no hub."""
    if not COMMIT.fullmatch(revision):
        reference = _reference(_place(cache, repository), revision)
        reference.parent.mkdir(parents=True, exist_ok=True)
        fresh = reference.with_name(f".{reference.name}.{os.getpid()}")
        fresh.write_text(commit, encoding="ascii")
        fresh.replace(reference)


def cached_models(cache: Path) -> list[str]:
    """The models that the cache holds something of, sorted."""
    if not cache.is_dir():
        return []
    folders = (path.name.split("--") for path in cache.glob("models--*") if (path / "snapshots").is_dir())
    return sorted("/".join(parts[1:]) for parts in folders)


def missing_files(snapshot: Path) -> list[str]:
    """What must be there for the model to give the vectors its authors meant, and is not.

    Where the hub's listing is kept, each file of it that decides about vectors; else what the modules need.

    Raises:
        ArtifactError: ``modules.json`` or an index of shards is damaged.
    """
    wanted = set(_listed(snapshot)) | set(_needed(snapshot))
    return sorted(name for name in wanted if not (snapshot / name).is_file())


def wanted_files(names: Iterable[str]) -> list[str]:
    """Those of a repository's files that could be read here: never a pickle, never Python, no copy in other formats."""
    wanted = []
    for name in sorted(names):
        folder, _, base = name.rpartition("/")
        readable = base.endswith(_READ_SUFFIXES) or _WEIGHTS_NAME.fullmatch(base)
        if readable and (not folder or _MODULE_FOLDER.fullmatch(folder)):
            wanted.append(name)
    return wanted


def deciding_files(names: Iterable[str]) -> list[str]:
    """Those of the wanted files that decide about vectors."""
    return [name for name in wanted_files(names) if _is_needed(name) or _VOCABULARY.fullmatch(name)]


def _is_needed(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base in _NEEDED_NAMES or _WEIGHTS_NAME.fullmatch(base) is not None


def _place(cache: Path, repository: str) -> Path:
    return cache / f"models--{repository.replace('/', '--')}"


def _reference(place: Path, revision: str) -> Path:
    if not _REVISION.fullmatch(revision):
        raise SettingError(f"revision is {revision!r:.80}; expected a branch, a tag, or a commit of 40 hex digits")
    return place / "refs" / revision


def _resolve(reference: Path) -> str | None:
    if not reference.is_file():
        return None
    commit = reference.read_text(encoding="utf-8", errors="replace").strip()
    if not COMMIT.fullmatch(commit):
        raise ArtifactError(f"{reference} holds {commit!r:.60}, expected a commit: remove the file and load again")
    return commit


def _check_links(folder: Path, cache: Path) -> None:
    inside = cache.resolve()
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent) / name for name in (*folders, *files)):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise ArtifactError(f"{path} is a link out of the cache, to {path.resolve()}: remove {folder}")


def _listed(snapshot: Path) -> list[str]:
    listing = snapshot.parent.parent / "trees" / f"{snapshot.name}.json"
    if not listing.is_file():
        return []
    found = _json(listing)
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, dict):
        return []
    # Other programs fetch a vocabulary only if they read it.
    return [name for name in deciding_files(files) if _is_needed(name) or "tokenizer.json" not in files]


def _needed(snapshot: Path) -> list[str]:
    modules = _json(snapshot / "modules.json") if (snapshot / "modules.json").is_file() else []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ArtifactError(f"{snapshot / 'modules.json'} is no list of modules: download it again")
    kinds = [(str(m.get("path") or ""), str(m.get("type")).rpartition(".")[2]) for m in modules] or [
        ("", "Transformer")
    ]
    needed = []
    for place, kind in kinds:
        prefix = f"{place}/" if place else ""
        names = [f"{prefix}{name}" for name in _NEEDED_BY_KIND.get(kind, ())]
        index = snapshot / f"{prefix}{INDEX}"
        if index.is_file() and f"{prefix}{WEIGHTS}" in names and not (snapshot / f"{prefix}{WEIGHTS}").is_file():
            names.remove(f"{prefix}{WEIGHTS}")
            names += [f"{prefix}{shard}" for shard in _shards(index)]
        needed += names
    return needed


def _shards(index: Path) -> list[str]:
    found = _json(index)
    places = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(places, dict):
        raise ArtifactError(f"{index} has no weight_map of tensors to files: download it again")
    return sorted({str(name) for name in places.values()})


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} can't be read ({error}): download it again") from error
