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
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from likewise import __version__
from likewise.artifacts import new_folder, read_manifest, sha256, write_manifest
from likewise.encoding.contract import Contract
from likewise.encoding.engines import ENGINES, Engine, EngineKind
from likewise.errors import ArtifactError, LikewiseError, StorageError
from likewise.modelling.checkpoints import TOKENIZER_FILES, Checkpoint
from likewise.modelling.tensors import weights_digest
from likewise.settings import from_dict, to_dict

logger = logging.getLogger(__name__)

_KIND, _VERSION = "compiled network", 8  # raise it whenever the recorded graph or the contract changes
_BLOB = "network.blob"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """In what a network runs."""

    engine: str = "openvino"  # a name of ENGINES
    precision: str = "int8"


def open_network(
    checkpoint: Checkpoint, running: Running, *, cache: Path, progress: Progress
) -> tuple[Engine, Contract]:
    """The network and the contract of a checkpoint, from the cache if it is there, else prepared and kept.

    Args:
        checkpoint: What to run.
        running: The engine and the precision.
        cache: The folder of all compiled networks; if it can't be written to, the work is done again next time.
        progress: Told, in a sentence, before anything that takes seconds.
    """
    kind = ENGINES.get(running.engine)
    folder = cache / _key(checkpoint, running)
    if folder.is_dir():
        try:
            blob, contract = _kept(folder)
            return kind.load(blob, checkpoint, contract), contract
        except (LikewiseError, KeyError) as error:  # a manifest can be whole and lack what this version keeps in it
            logger.warning("compiling again: %s", error)
            shutil.rmtree(folder, ignore_errors=True)
    progress(f"preparing the network ({running.precision}) for this machine, once")
    contract = contract_of(checkpoint, precision=running.precision)
    engine = kind.prepare(checkpoint, contract, lambda: _record(checkpoint, contract, kind))
    _keep(folder, engine.export(), contract)
    return engine, contract


def _keep(folder: Path, blob: bytes, contract: Contract) -> None:
    try:
        with new_folder(folder) as fresh:
            (fresh / _BLOB).write_bytes(blob)
            values = {"contract": to_dict(contract), "crc32": crc32(blob)}
            write_manifest(fresh, kind=_KIND, version=_VERSION, values=values)
    except (StorageError, OSError) as error:
        logger.warning("the compiled network is not kept: %s", error)


def _kept(folder: Path) -> tuple[bytes, Contract]:
    manifest = read_manifest(folder, kind=_KIND, version=_VERSION)
    contract = from_dict(Contract, manifest["contract"])
    blob = (folder / _BLOB).read_bytes()
    if crc32(blob) != manifest["crc32"]:  # the engine runs altered weights without complaint
        raise ArtifactError(f"{folder / _BLOB} is not as it was written")
    return blob, contract


def _record(checkpoint: Checkpoint, contract: Contract, kind: EngineKind) -> bytes:
    # Recording is needed once a machine; a query must not pay for its imports.
    from likewise.encoding.quantisation import ranges_of
    from likewise.modelling.network import to_onnx
    from likewise.modelling.ops.onnx_int4 import Int4Weights
    from likewise.modelling.ops.onnx_weights import FloatWeights, Int8Weights
    from likewise.tokenizing import open_tokenizer

    weights = checkpoint.folded_weights()
    if contract.precision == "float32":
        return to_onnx(checkpoint, weights, form=FloatWeights())
    if contract.precision == "int4":
        return to_onnx(checkpoint, weights, form=Int4Weights())
    tokenizer = open_tokenizer(checkpoint.network)
    ranges = ranges_of(checkpoint, weights, tokenizer, weights_hash=contract.weights)
    return to_onnx(checkpoint, weights, form=Int8Weights(ranges, kind.int8()))


def contract_of(checkpoint: Checkpoint, *, precision: str) -> Contract:
    """What the vectors of a checkpoint can be compared with; reads all its weights."""
    return Contract(
        architecture=checkpoint.architecture,
        weights=_weights_hash(checkpoint),
        tokenizer=sha256(next(path for name in TOKENIZER_FILES if (path := checkpoint.network / name).is_file())),
        pooling=checkpoint.pooling,
        normalise=checkpoint.chain.normalise,
        max_tokens=checkpoint.max_tokens,
        dimension=checkpoint.dimension,
        precision=precision,
        prompts=dict(checkpoint.prompts),
        similarity=checkpoint.similarity,
    )


def _weights_hash(checkpoint: Checkpoint) -> str:
    """The digest of the network's weights; where later steps have weights of their own, of all together."""
    network = weights_digest(checkpoint.network)
    steps = [link.path for link in checkpoint.chain.links if link.step.keys() and link.path != checkpoint.chain.network]
    steps += [checkpoint.chain.query_weights] if checkpoint.chain.query_weights else []
    if not steps:
        return network
    return hashlib.sha256(
        "\n".join([network, *(weights_digest(checkpoint.folder / path) for path in steps)]).encode()
    ).hexdigest()


def _key(checkpoint: Checkpoint, running: Running) -> str:
    described = dict(ENGINES.get(running.engine).describe())
    prompts = sorted(checkpoint.prompts.items())  # known ones are not in the files
    parts: list[Any] = [running.precision, running.engine, described, prompts, __version__, _VERSION]
    for path in sorted(checkpoint.folder.rglob("*.*")):
        state = path.stat()
        parts.append([str(path.resolve()), state.st_size, state.st_mtime_ns])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
