"""The compile cache: a checkpoint's network, ready to run on this processor, under the user's cache folder.

A network is looked up by the identity of the checkpoint's files (path, size, time), the precision, the engine and the
processor. So nothing is hashed or compiled twice, and a touched file, another engine or another machine makes a new
entry.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

from likewise import __version__
from likewise.artifacts import new_folder, read_manifest, sha256, write_manifest
from likewise.encoding.contract import Contract
from likewise.encoding.engine import Engine, compile_network, describe_engine, import_network, uses_half
from likewise.errors import ArtifactError, LikewiseError, StorageError
from likewise.modelling.checkpoints import TOKENIZER, WEIGHTS, Checkpoint
from likewise.settings import from_dict, to_dict

logger = logging.getLogger(__name__)

_KIND, _VERSION = "compiled network", 3  # raise it whenever the recorded graph changes
_BLOB = "network.blob"
Progress = Callable[[str], None]


def open_network(checkpoint: Checkpoint, *, precision: str, cache: Path, progress: Progress) -> tuple[Engine, Contract]:
    """The network and the contract of a checkpoint, from the cache if it is there, else compiled and kept.

    Args:
        checkpoint: What to compile.
        precision: "float32" or "int8".
        cache: The folder of all compiled networks; if it can't be written to, the work is done again next time.
        progress: Told, in a sentence, before anything that takes seconds.
    """
    folder = cache / _key(checkpoint, precision)
    if folder.is_dir():
        try:
            return _load(folder, precision)
        except (LikewiseError, KeyError) as error:  # a manifest can be whole and lack what this version keeps in it
            logger.warning("compiling again: %s", error)
            shutil.rmtree(folder, ignore_errors=True)
    progress(f"preparing {checkpoint.folder.name} ({precision}) for this machine, once")
    contract = _contract(checkpoint, precision)
    engine = compile_network(_record(checkpoint, contract), precision=precision, dimension=contract.dimension)
    try:
        with new_folder(folder) as fresh:
            blob = engine.export()
            (fresh / _BLOB).write_bytes(blob)
            values = {"contract": to_dict(contract), "crc32": crc32(blob)}
            write_manifest(fresh, kind=_KIND, version=_VERSION, values=values)
    except (StorageError, OSError) as error:
        logger.warning("the compiled network is not kept: %s", error)
    return engine, contract


def _load(folder: Path, precision: str) -> tuple[Engine, Contract]:
    manifest = read_manifest(folder, kind=_KIND, version=_VERSION)
    contract = from_dict(Contract, manifest["contract"])
    blob = (folder / _BLOB).read_bytes()
    if crc32(blob) != manifest["crc32"]:  # the engine runs altered weights without complaint
        raise ArtifactError(f"{folder / _BLOB} is not as it was written")
    return import_network(blob, precision=precision, dimension=contract.dimension), contract


def _record(checkpoint: Checkpoint, contract: Contract) -> bytes:
    # Recording is needed once a machine; a query must not pay for its imports.
    from likewise.encoding.quantisation import ranges_of
    from likewise.modelling.network import to_onnx
    from likewise.tokenizing import Tokenizer

    weights = checkpoint.weights()
    ranges = None
    if contract.precision == "int8":
        tokenizer = Tokenizer(checkpoint.folder / TOKENIZER)
        ranges = ranges_of(checkpoint, weights, tokenizer, weights_hash=contract.weights)
    return to_onnx(checkpoint, weights, ranges=ranges, early=not uses_half(contract.precision))


def _contract(checkpoint: Checkpoint, precision: str) -> Contract:
    return Contract(
        architecture=checkpoint.architecture,
        weights=sha256(checkpoint.folder / WEIGHTS),
        tokenizer=sha256(checkpoint.folder / TOKENIZER),
        pooling=checkpoint.pooling,
        normalise=checkpoint.normalise,
        max_tokens=checkpoint.max_tokens,
        dimension=checkpoint.dimension,
        precision=precision,
        prompts=dict(checkpoint.prompts),
        similarity=checkpoint.similarity,
    )


def _key(checkpoint: Checkpoint, precision: str) -> str:
    parts: list[Any] = [precision, describe_engine(), __version__, _VERSION]
    for path in sorted(checkpoint.folder.rglob("*.*")):
        state = path.stat()
        parts.append([str(path.resolve()), state.st_size, state.st_mtime_ns])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
