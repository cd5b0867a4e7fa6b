"""Models from the hub, into its cache on this machine. The hub's library is imported when something is downloaded."""

import glob
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from likewise.encoding.catalogue import KNOWN_MODELS
from likewise.encoding.hub_cache import Snapshot, find_snapshot, keep_revision, missing_files, wanted_files
from likewise.encoding.licences import name_licence
from likewise.errors import ArtifactError, ModelError
from likewise.modelling.tensors import pickle_message

_TIMEOUT_S = 20


def fetch(
    repository: str,
    *,
    revision: str,
    cache: Path,
    approve: Callable[[str | None, str], None],
    progress: Callable[[str], None],
) -> Snapshot:
    """Download what can be read of a model: JSON, texts, vocabularies and safetensors; never a pickle, never Python.

    Args:
        repository: "organisation/name".
        revision: A branch, a tag or a commit; which commit it is now is written down in the cache.
        cache: The hub's cache.
        approve: Told the declared licence and the commit before the download; it raises to stop it.
        progress: Told, in a sentence, what is downloaded and how large it is.

    Raises:
        ModelError: No such model or revision, no permission, no connection, or no safetensors in it.
        ArtifactError: What arrived is not whole.
    """
    # Imported here, so that nothing that could open a socket is even loaded where nothing is downloaded.
    hub = import_module("huggingface_hub")
    with _clear_errors(repository, revision):
        info = hub.HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=_TIMEOUT_S)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    wanted = wanted_files(sizes)
    if not any(name.endswith(".safetensors") for name in wanted):
        other = pickle_message(repository, sorted(sizes)) or f"{repository} holds no safetensors"
        raise ModelError(f"{other} (at {info.sha[:12]}; another revision may have them)")
    approve(_licence(info.card_data), info.sha)
    total = sum(sizes[name] for name in wanted) / 1e6
    progress(f"downloading {repository} at {info.sha[:12]}: {len(wanted)} files, {total:,.0f} MB")
    with _clear_errors(repository, revision), _no_bars():
        hub.snapshot_download(
            repository, revision=info.sha, cache_dir=cache, allow_patterns=[glob.escape(name) for name in wanted]
        )
    snapshot = find_snapshot(cache, repository, info.sha)
    missing = missing_files(snapshot.folder) if snapshot else wanted
    if snapshot is None or missing:
        raise ArtifactError(f"{repository} did not arrive whole, {', '.join(missing)} are missing: load it again")
    keep_revision(cache, repository, revision, info.sha)
    return snapshot


def _licence(card: Any) -> str | None:
    found, name = getattr(card, "license", None) or [], getattr(card, "license_name", None)
    return name_licence([found] if isinstance(found, str) else [str(one) for one in found], [str(name)] if name else [])


@contextmanager
def _clear_errors(repository: str, revision: str) -> Iterator[None]:
    errors = import_module("huggingface_hub.errors")
    endpoint = import_module("huggingface_hub.constants").ENDPOINT
    page = f"{endpoint}/{repository}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{repository} is given only to those who accepted its terms: log in and accept them at {page}, "
            "and put an access token into the environment variable HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        near = get_close_matches(repository, [model.published_as for model in KNOWN_MODELS.values()], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ModelError(
            f"the hub shows no model {repository!r}.{hint} If it is private, put an access token into the environment "
            "variable HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{repository} has no revision {revision!r}: see the branches and tags at {page}") from error
    except (OSError, errors.HTTPError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ModelError(
            f"{repository} can't be downloaded from {endpoint}: {reason}. Look to the connection, or "
            "download the model elsewhere and give its folder"
        ) from error


@contextmanager
def _no_bars() -> Iterator[None]:
    """Progress is told to a callback here, so the library draws nothing meanwhile."""
    bars = import_module("huggingface_hub.utils")
    if bars.are_progress_bars_disabled():
        yield
        return
    bars.disable_progress_bars()
    try:
        yield
    finally:
        bars.enable_progress_bars()
