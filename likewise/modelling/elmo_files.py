"""ELMo's published files, an options file and weights in HDF5, to a model folder. Needs the ``elmo`` extra."""

import json
from pathlib import Path
from typing import Any

from likewise.artifacts import new_folder
from likewise.errors import ArtifactError, ModelError
from likewise.modelling.chain import read_json
from likewise.modelling.families import elmo
from likewise.modelling.ops import Array
from likewise.modelling.tensors import write_tensors
from likewise.registry import require


def convert_elmo(options: Path, weights: Path, folder: Path, *, pooling: str = "mean", max_tokens: int = 512) -> None:
    """Write a model folder with the published tensors as they are, each named by its path in the HDF5 file.

    Layers are averaged, for the published files have no weights of the mix; see ``families/elmo.py``.

    Args:
        options: Such as ``elmo_2x4096_512_2048cnn_2xhighway_options.json``.
        weights: The ``.hdf5`` file beside it.
        folder: A new one.
        pooling: Word states to a vector. The authors publish none: mean is what most comparisons took.
        max_tokens: Words of a text; the network itself has no limit.

    Raises:
        ModelError: ``folder`` exists, or the options are of a network that is not known here.
        ArtifactError: The HDF5 file is damaged, or not of these options.
        MissingExtraError: h5py is not installed.
    """
    if folder.exists():
        raise ModelError(f"{folder} exists; name a folder that does not")
    config = {**read_json(options), "model_type": "elmo", "layer_mix": "average"}
    settings = elmo.settings(config)
    tensors = _datasets(weights, list(elmo.keys(settings).values()))
    for path, shape in _shapes(settings).items():
        if tensors[path].shape[-len(shape) :] != shape:
            raise ArtifactError(f"{weights} has {path} as {tensors[path].shape}, where {options} means {shape}")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    modules += [{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    files: dict[str, Any] = {
        "config.json": config,
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": max_tokens},
        "characters.json": {"characters_per_word": elmo.CHARACTERS},
        "1_Pooling/config.json": {"pooling_mode": pooling, "word_embedding_dimension": 2 * settings.projection_dim},
    }
    with new_folder(folder) as fresh:
        (fresh / "1_Pooling").mkdir()
        for name, value in files.items():
            (fresh / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        write_tensors(fresh, tensors)


def _datasets(path: Path, names: list[str]) -> dict[str, Array]:
    h5py = require("h5py", feature="ELMo's published weights (HDF5)", extra="elmo")
    try:
        with h5py.File(path, "r") as file:
            if absent := [name for name in names if name not in file]:
                raise ArtifactError(f"{path} lacks {len(absent)} of {len(names)} datasets, first {absent[0]}")
            return {name: file[name][()] for name in names}
    except OSError as error:
        raise ArtifactError(f"{path} can't be read as HDF5: {error}") from error


def _shapes(settings: elmo.ElmoSettings) -> dict[str, tuple[int, ...]]:
    """What ties a file to its options: the last axes of some of its datasets."""
    size, width, features = settings.dim, settings.projection_dim, sum(count for _, count in settings.filters)
    found: dict[str, tuple[int, ...]] = {"CNN_proj/W_proj": (features, width)}
    found |= {f"CNN/W_cnn_{i}": (count,) for i, (_, count) in enumerate(settings.filters)}
    found |= {path: (2 * width, 4 * size) for path in elmo.keys(settings).values() if path.endswith("/W_0")}
    return found
