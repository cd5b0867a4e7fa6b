"""Models as folders that other programs run: ONNX, OpenVINO, or as sentence-transformers publishes them."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import openvino

from likewise import __version__
from likewise.artifacts import new_folder, sha256, write_manifest
from likewise.encoding.compiled import contract_of
from likewise.encoding.contract import Contract
from likewise.encoding.export_notes import published_name, write_notes
from likewise.encoding.finding import Found
from likewise.encoding.models import Progress, Source, find_checkpoint
from likewise.encoding.quantisation import ranges_of
from likewise.errors import LikewiseError, ModelError, SettingError, StorageError, UnknownNameError
from likewise.modelling.chain import read_json
from likewise.modelling.checkpoints import Checkpoint, write_checkpoint
from likewise.modelling.network import to_onnx
from likewise.modelling.ops import Weights, onnx_file
from likewise.modelling.ops.onnx_int4 import Int4Weights
from likewise.modelling.ops.onnx_weights import UNSATURATED, FloatWeights, Int8Form, Int8Weights, WeightForm
from likewise.modelling.tensors import INDEX
from likewise.settings import to_dict
from likewise.tokenizing import open_tokenizer

KIND, VERSION = "exported model", 1
PRECISIONS = ("float32", "int8", "int4")
INLINE_BYTES = 1_000_000_000  # of weights: a model file must stay under 2 GiB, and tied tables are in it twice
_DECLARING = (".json", ".txt", ".model", ".metadata")  # of published files, those that say how to use the network
_LEGAL = ("license*", "licence*", "notice*")
_SETTINGS = "config_sentence_transformers.json"
Writer = Callable[[Found, Checkpoint, Contract, Path], None]  # the last is an empty folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    name: str  # of the model
    revision: str | None  # the commit, if it came from the hub
    folder: Path
    to: str  # the format
    contract: Contract  # what the vectors of the exported model can be compared with
    files: Mapping[str, int]  # name -> bytes


def export_model(
    name_or_folder: str | Path,
    folder: Path,
    *,
    to: str,
    precision: str = "float32",
    source: Source = Source(),
    progress: Progress = lambda _: None,
) -> Exported:
    """Write a model, of whatever kind, as a folder that other programs run.

    Args:
        name_or_folder: As in ``likewise.load``.
        folder: What to write; nothing may be there. It is there whole, or not at all.
        to: "onnx" (``model.onnx``, and ``model.onnx_data`` beside it where that would be too large), "openvino"
            (``openvino_model.xml`` and ``.bin``), or "sentence-transformers" (the published form). The first two hold
            the tokenizer and the settings too, so that sentence-transformers can open them with a backend of that name.
        precision: Of the network: "float32", "int8" or "int4" (weights in groups of 32, all else in float32); the
            published form keeps the precision of its tensors.
        source: Where the model may come from.
        progress: Told, in a sentence, before anything that takes seconds.

    Raises:
        UnknownNameError: No model, no family or no format of that name.
        SettingError: The format does not have the precision.
        ModelError: ``folder`` exists, or the model can't be had or used.
        ArtifactError: The model is damaged.
        StorageError: The disk refused.
    """
    if to not in FORMATS:
        raise UnknownNameError("format to export to", to, FORMATS)
    known = PRECISIONS if to != "sentence-transformers" else PRECISIONS[:1]
    if precision not in known:
        raise SettingError(f"precision is {precision!r}; exporting to {to} it must be {', '.join(known)}")
    if folder.exists():
        raise ModelError(f"{folder} exists; name a folder that does not")
    found, checkpoint = find_checkpoint(name_or_folder, source=source, progress=progress)
    progress(f"exporting {published_name(found)} to {to} ({precision})")
    contract = contract_of(checkpoint, precision=precision)
    try:
        with new_folder(folder) as fresh:
            fresh.rmdir()  # it was made for us alone; what is published is made as any folder is
            FORMATS[to](found, checkpoint, contract, fresh)
            _sign(fresh, found, contract, to=to)
    except LikewiseError:
        raise
    except OSError as error:
        raise StorageError(f"can't write {folder}: {error.strerror or error}") from error
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return Exported(
        name=found.name,
        revision=found.revision,
        folder=folder,
        to=to,
        contract=contract,
        files=dict(sorted(sizes.items())),
    )


def _to_onnx(found: Found, checkpoint: Checkpoint, contract: Contract, fresh: Path) -> None:
    _copy_declarations(checkpoint, fresh)
    _record(checkpoint, contract, fresh / "model.onnx")
    write_notes(fresh, found, checkpoint, contract, to="onnx")


def _to_openvino(found: Found, checkpoint: Checkpoint, contract: Contract, fresh: Path) -> None:
    _copy_declarations(checkpoint, fresh)
    recorded = fresh / "recorded.onnx"
    _record(checkpoint, contract, recorded)
    openvino.save_model(openvino.Core().read_model(recorded), fresh / "openvino_model.xml", compress_to_fp16=False)
    for path in fresh.glob(f"{recorded.name}*"):
        path.unlink()
    write_notes(fresh, found, checkpoint, contract, to="openvino")


def _to_published(_found: Found, checkpoint: Checkpoint, _contract: Contract, fresh: Path) -> None:
    write_checkpoint(checkpoint, checkpoint.weights(), fresh)
    _copy_legal(checkpoint, fresh)
    _declare_prompts(checkpoint, fresh)


FORMATS: Mapping[str, Writer] = {"onnx": _to_onnx, "openvino": _to_openvino, "sentence-transformers": _to_published}


def _record(checkpoint: Checkpoint, contract: Contract, path: Path) -> None:
    """Write the network as ONNX, its large constants in a file beside it if there is much of them."""
    weights = checkpoint.folded_weights()
    form, states = _form(checkpoint, weights, contract), checkpoint.chain.kind == "dense"
    if sum(value.nbytes for value in weights.values()) <= INLINE_BYTES:
        path.write_bytes(to_onnx(checkpoint, weights, form=form, with_states=states))
        return
    data = path.with_name(f"{path.name}_data")
    with data.open("wb") as file:
        keep = onnx_file.DataFile(file, data.name).tensor
        model = to_onnx(checkpoint, weights, form=form, keep=keep, with_states=states)
    path.write_bytes(model)


def _form(checkpoint: Checkpoint, weights: Weights, contract: Contract) -> WeightForm:
    if contract.precision == "float32":
        return FloatWeights()
    if contract.precision == "int4":
        return Int4Weights()
    ranges = ranges_of(checkpoint, weights, open_tokenizer(checkpoint.network), weights_hash=contract.weights)
    return Int8Weights(
        ranges, Int8Form(largest=UNSATURATED)
    )  # right on any processor, as nobody knows which it will be


def _copy_declarations(checkpoint: Checkpoint, fresh: Path) -> None:
    """The published files but the network's weights and the model card: settings, tokenizer, steps, licence."""
    chain = checkpoint.chain
    steps = {link.path for link in chain.links} | {chain.query_weights}
    for place in sorted({"", chain.network, *steps}):
        suffixes = (*_DECLARING, ".safetensors") if place and place != chain.network else _DECLARING
        (fresh / place).mkdir(parents=True, exist_ok=True)
        for path in sorted((checkpoint.folder / place).glob("*")):
            if path.is_file() and path.suffix in suffixes and path.name not in (INDEX, "manifest.json"):
                shutil.copyfile(path, fresh / place / path.name)
    _copy_legal(checkpoint, fresh)
    _declare_prompts(checkpoint, fresh)


def _copy_legal(checkpoint: Checkpoint, fresh: Path) -> None:
    for path in checkpoint.folder.iterdir():
        if path.is_file() and any(path.match(pattern) for pattern in (*_LEGAL, *map(str.upper, _LEGAL))):
            shutil.copyfile(path, fresh / path.name)


def _declare_prompts(checkpoint: Checkpoint, fresh: Path) -> None:
    """Prompts that are known of the model but not in its files get into them."""
    declared = read_json(fresh / _SETTINGS, optional=True)
    if checkpoint.prompts and not declared.get("prompts"):
        prompts = {role: checkpoint.prompts.get(role, "") for role in ("query", "document")}
        (fresh / _SETTINGS).write_text(json.dumps({**declared, "prompts": prompts}, indent=2) + "\n", encoding="utf-8")


def _sign(fresh: Path, found: Found, contract: Contract, *, to: str) -> None:
    values = {
        "made_by": f"likewise {__version__}",
        "format": to,
        "precision": contract.precision,
        "name": published_name(found),
        "revision": found.revision,
        "licence": found.licence,
        "contract": to_dict(contract),
        "sha256": {
            path.relative_to(fresh).as_posix(): sha256(path) for path in sorted(fresh.rglob("*")) if path.is_file()
        },
    }
    write_manifest(fresh, kind=KIND, version=VERSION, values=values)
