"""The weights of a model folder: in one safetensors file, or in shards that an index names.

What could run code, a pickle or a Python file beside the weights, is never opened.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256 as new_sha256
from pathlib import Path, PurePath
from typing import Any

from likewise.artifacts import sha256
from likewise.errors import ArtifactError, ModelError, SettingError
from likewise.safetensors_file import (
    MAX_HEADER_BYTES,
    Array,
    Tensors,
    new_file,
    read_file,
    size_bytes,
    stored_dtypes,
    unreadable,
    without_twins,
    write_file,
)

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD_NAME = re.compile(r"[\w.-]{1,200}\.safetensors", re.ASCII)  # a plain name: it can't lead out of the folder
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_FOREIGN = (".h5", ".msgpack", ".onnx", ".gguf", ".npz", ".tflite")


def read_tensors(folder: Path) -> Tensors:
    """All tensors of a model folder: of ``model.safetensors``, or of the shards that its index names.

    float32 is not copied but mapped, so a large model costs memory only as it is used.

    Raises:
        ModelError: There are no safetensors in the folder, but perhaps a pickle, which is refused; or a dtype that
            numpy can't hold.
        ArtifactError: A file or a tensor is missing, damaged, or outside the folder.
    """
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return read_file(weight_files(folder)[0])
    places = _weight_map(folder)
    shards = {path.name: read_file(path) for path in weight_files(folder)}
    if absent := [name for name, shard in places.items() if name not in shards[shard].values]:
        raise unreadable(
            folder / places[absent[0]],
            f"it lacks {absent[0]!r}, which {INDEX} promises ({len(absent)} of {len(places)} tensors are missing)",
        )
    return Tensors(
        values={name: shards[shard].values[name] for name, shard in places.items()},
        dtypes={name: shards[shard].dtypes[name] for name, shard in places.items()},
        metadata={key: text for _, shard in sorted(shards.items()) for key, text in shard.metadata.items()},
    )


def write_tensors(
    folder: Path,
    values: Mapping[str, Array],
    *,
    dtypes: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    shard_bytes: int | None = None,
) -> list[Path]:
    """Write ``model.safetensors`` into an existing folder, or shards and their index; the same values, the same bytes.

    Args:
        folder: It may hold other files, but no weights yet.
        values: Arrays by name.
        dtypes: Published dtype by name; the array's own for those not named. Between floating-point dtypes values are
            rounded to the nearest, ties to even (into BF16 by way of float32).
        metadata: Text by name, kept in each file; ``{"format": "pt"}`` if None, which other readers look for.
        shard_bytes: The most bytes of tensors a file holds, unless one tensor is larger; all in one file if None.

    Returns:
        The files that hold tensors, in order.

    Raises:
        SettingError: An array can't be written as asked: another kind of number, or too large for the dtype.
        ModelError: The folder holds weights already.
        StorageError: The disk refused; no file is half written, and there is no index until all shards are there.
    """
    for name in (WEIGHTS, INDEX):
        if (folder / name).exists():
            raise ModelError(f"{folder} holds weights already ({name}): write into a new folder, or remove them first")
    kinds = stored_dtypes(values, dtypes)
    shards = _shards({name: size_bytes(values[name], kinds[name]) for name in sorted(values)}, shard_bytes)
    names = [f"model-{i:05}-of-{len(shards):05}.safetensors" for i in range(1, len(shards) + 1)]
    names = [WEIGHTS] if len(shards) == 1 else names
    kept = {"format": "pt"} if metadata is None else metadata
    for file_name, shard in zip(names, shards, strict=True):
        write_file(folder / file_name, {name: values[name] for name in shard}, dtypes=kinds, metadata=kept)
    if len(shards) > 1:
        places = {name: file_name for file_name, shard in zip(names, shards, strict=True) for name in shard}
        total = sum(size_bytes(values[name], kinds[name]) for name in values)
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
        with new_file(folder / INDEX) as file:
            file.write((json.dumps(index, indent=2) + "\n").encode())
    return [folder / name for name in names]


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder, sorted; they are looked for, not opened.

    Raises:
        ModelError: There are none; a pickle in their place is named, with the way to convert it.
        ArtifactError: The index is damaged, or a shard is missing or lies outside the folder.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return [_shard(folder, name) for name in sorted(set(_weight_map(folder).values()))]
    raise ModelError(_what_is_there_instead(folder))


def weights_digest(folder: Path) -> str:
    """What identifies the weights of a folder: hex sha256 of the file, or of the sorted lines "name sha256" of shards.

    Raises:
        ModelError, ArtifactError: As ``weight_files``.
    """
    return combine_digests({path.name: sha256(path) for path in weight_files(folder)})


def combine_digests(digests: Mapping[str, str]) -> str:
    """What ``weights_digest`` gives for files of these names and sha256."""
    if list(digests) == [WEIGHTS]:
        return digests[WEIGHTS]
    return new_sha256("".join(f"{name} {digest}\n" for name, digest in sorted(digests.items())).encode()).hexdigest()


def refuse_remote_code(config: Mapping[str, Any], folder: Path) -> None:
    """Refuse a model that can be run only by the Python files published with it.

    No ``.py`` file of a model folder is ever imported here; call this where no family of our own runs the model.

    Raises:
        ModelError: ``config.json`` has an ``auto_map``, which names such files.
    """
    if not (auto_map := config.get("auto_map")):
        return
    wanted = sorted({str(value) for value in auto_map.values()}) if isinstance(auto_map, Mapping) else [str(auto_map)]
    raise ModelError(
        f"{folder / 'config.json'} of type {config.get('model_type')!r} runs only with Python code from its authors "
        f"({', '.join(wanted)}), and code from model folders is never run here. Use a model of a family that "
        "`likewise models` lists, or encode with the authors' own code and index the vectors"
    )


def _weight_map(folder: Path) -> dict[str, str]:
    """Tensor → shard, from the index."""
    path = folder / INDEX
    try:
        if path.stat().st_size > MAX_HEADER_BYTES:
            raise ValueError(f"it is over {MAX_HEADER_BYTES} bytes long")
        found = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=without_twins)
        places = found["weight_map"]
        if not places or not all(isinstance(shard, str) for shard in places.values()):
            raise ValueError("its weight_map is empty or does not name a file for each tensor")
    except OSError as error:
        raise ArtifactError(f"{path} can't be read: {error.strerror}") from error
    except RecursionError as error:
        raise unreadable(path, "it is nested too deeply") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise unreadable(path, f"no weight_map of tensors to files ({error})") from error
    return dict(places)


def _shard(folder: Path, name: str) -> Path:
    path = folder / name
    if not _SHARD_NAME.fullmatch(name):
        raise ArtifactError(
            f"{folder / INDEX} names {name!r:.200} as a shard; expected a file beside it, *.safetensors"
        )
    if not path.is_file():
        raise ArtifactError(f"{path} is missing, which {INDEX} names: download it again")
    real = path.resolve()
    if not any(real.is_relative_to(allowed) for allowed in _allowed(folder.resolve())):
        raise ArtifactError(f"{path} is a link out of its folder, to {real}: put a copy there instead")
    return path


def _allowed(folder: Path) -> Iterator[Path]:
    """Where the shards of a folder may lie: in it, or, in a snapshot of the hub's cache, among the cache's blobs."""
    yield folder
    for place in (folder, *folder.parents):
        snapshots = place.parent
        if snapshots.name == "snapshots" and snapshots.parent.name.startswith("models--"):
            yield snapshots.parent / "blobs"
            yield snapshots.parent.parent / "blobs"


def _what_is_there_instead(folder: Path) -> str:
    if not folder.is_dir():
        return f"no model folder {str(folder)!r}"
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    if message := pickle_message(folder, names):
        return message
    foreign = [name for name in names if name.endswith(_FOREIGN)]
    instead = f", and {foreign[0]} is not read here: publish the weights as safetensors" if foreign else ""
    return f"{folder} has no {WEIGHTS}{instead}"


def pickle_message(folder: PurePath | str, names: Sequence[str]) -> str | None:
    """Why a model whose files are ``names`` is refused, and how to convert it; None if no pickle is among them."""
    pickles = [name for name in names if name.endswith(_PICKLES)]
    chosen = [name for name in pickles if name.startswith("pytorch_model")] or pickles
    if not chosen:
        return None
    others = f" (and {len(chosen) - 1} more like it)" if len(chosen) > 1 else ""
    recipe = (
        f"import torch, safetensors.torch as s; t = {{}}; [t.update(torch.load(n, weights_only=True)) for n in {chosen}"
        f"]; s.save_file({{k: v.contiguous().clone() for k, v in t.items()}}, '{WEIGHTS}', {{'format': 'pt'}})"
    )
    return (
        f"{folder}/{chosen[0]}{others} is a pickle, which can run code: convert it, if you trust its authors, "
        f'where torch is installed, in its folder: python -c "{recipe}"'
    )


def _shards(sizes: Mapping[str, int], most: int | None) -> list[list[str]]:
    """Names in the same order, cut before the tensor that would make a shard larger than ``most`` bytes."""
    if most is not None and most < 1:
        raise SettingError(f"shard_bytes is {most}; expected at least 1")
    shards: list[list[str]] = [[]]
    filled = 0
    for name, size in sizes.items():
        if most is not None and shards[-1] and filled + size > most:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += size
    return shards
