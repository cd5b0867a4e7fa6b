"""Checkpoints with heads, of seeded random weights; as ``seeded.py``, with tests/golden/heads and make_heads.py."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from seeded import GOLDEN, seeded_tensors
from tiny_model import write_tokenizer

HEADS = GOLDEN.parent / "heads"


@dataclass(frozen=True)
class HeadCase:
    name: str
    head: str  # "masked_language" or "classification"
    config: dict
    shapes: dict
    expected: dict  # "texts", and "pairs" where segments count: (3, T, V) or (3, labels)

    def __str__(self) -> str:
        return self.name


def head_cases(folder: Path = HEADS) -> list[HeadCase]:
    return [case for path in sorted(folder.glob("*.json")) for case in _cases_of(path)]


def _cases_of(path: Path) -> list[HeadCase]:
    with np.load(path.with_suffix(".npz")) as expected:
        arrays = dict(expected)
    found = []
    for one in json.loads(path.read_text()):
        kinds = ("texts", "pairs") if one["segments"] else ("texts",)
        scores = {kind: arrays[f"{one['name']}.{kind}"] for kind in kinds}
        found.append(HeadCase(one["name"], one["head"], one["config"], one["shapes"], scores))
    return found


def pairs(mask: np.ndarray) -> np.ndarray:
    """Segments (B, T) for a mask (B, T): the second half of the real tokens is a second text."""
    place = mask.cumsum(axis=1)  # from 1
    return ((2 * place > mask.sum(axis=1, keepdims=True) + 1) & (mask > 0)).astype(np.int64)


def write_head_case(case: HeadCase, folder: Path) -> Path:
    """The case as a published folder: a cross-encoder of the time before modules.json, or a SPLADE model."""
    folder.mkdir()
    files = {"config.json": case.config, "sentence_bert_config.json": {"max_seq_length": 60}}
    if case.head == "masked_language":
        steps = [("", "x.MLMTransformer"), ("1_SpladePooling", "x.SpladePooling")]
        files["modules.json"] = [{"idx": i, "path": path, "type": kind} for i, (path, kind) in enumerate(steps)]
        files["1_SpladePooling/config.json"] = {"pooling_strategy": "max", "activation_function": "relu"}
    for name, value in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    save_file(seeded_tensors(case.shapes), folder / "model.safetensors")
    write_tokenizer(folder / "tokenizer.json")
    return folder
