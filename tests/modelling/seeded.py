"""Checkpoints of seeded random weights in the published format, of any family, from a configuration alone.

``tests/golden/families/NAME.json`` is a list of cases: ``config`` is a small published config.json, and what
``tests/golden/make_families.py`` adds: the ``shapes`` of the published tensors. Beside it lies NAME.npz with what the
reference gave.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tiny_model import write_tokenizer

GOLDEN = Path(__file__).parent.parent / "golden" / "families"
SHORT, LONG = 12, 90  # tokens of the padded batch, and of the long text


@dataclass(frozen=True)
class Case:
    family: str
    name: str
    config: dict
    shapes: dict
    expected: dict  # "right", "left": (3, 12, D) for the padded batches; "long": (1, T, D)

    def __str__(self) -> str:
        return self.name


def cases() -> list[Case]:
    return [case for path in sorted(GOLDEN.glob("*.json")) for case in cases_of(path.stem)]


def cases_of(family: str) -> list[Case]:
    described = json.loads((GOLDEN / f"{family}.json").read_text())
    with np.load(GOLDEN / f"{family}.npz") as expected:
        arrays = dict(expected)
    return [
        Case(
            family,
            one["name"],
            one["config"],
            one["shapes"],
            {kind: arrays[f"{one['name']}.{kind}"] for kind in ("right", "left", "long")},
        )
        for one in described
    ]


def seeded_tensors(shapes: dict) -> dict[str, np.ndarray]:
    """The weights of a case: the same for the same shapes, whatever made them."""
    made = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        random = np.random.default_rng([7, number])
        is_norm = len(shape) == 1 and name.endswith("weight") and ("norm" in name.lower() or "_ln" in name)
        value = random.uniform(0.5, 1.5, shape) if is_norm else random.normal(scale=0.25, size=shape)
        made[name] = value.astype(np.float32)
    return made


def batches(config: dict) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ids and mask of three texts padded on the right, the same padded on the left, and of one long text."""
    random = np.random.default_rng(11)
    letters = config.get("char_cnn", {})  # of networks that read the characters of words
    word = (letters["max_characters_per_token"],) if letters else ()
    known = letters.get("n_characters") or config["vocab_size"]
    rows = [random.integers(5, known, (length, *word)) for length in (SHORT, 5, 1)]
    padding = config.get("pad_token_id") or 0
    ids, mask = np.full((2, 3, SHORT, *word), padding, np.int64), np.zeros((2, 3, SHORT), np.int64)
    for i, row in enumerate(rows):
        ids[0, i, : len(row)], mask[0, i, : len(row)] = row, 1
        ids[1, i, SHORT - len(row) :], mask[1, i, SHORT - len(row) :] = row, 1
    long = random.integers(5, known, (1, config.get("test_long", LONG), *word))
    return {"right": (ids[0], mask[0]), "left": (ids[1], mask[1]), "long": (long, np.ones(long.shape[:2], np.int64))}


def write_case(case: Case, folder: Path, *, pooling: str = "mean") -> Path:
    """The case as a sentence-transformers folder, with a tokenizer that is only there to be there."""
    (folder / "1_Pooling").mkdir(parents=True)
    chain = [{"idx": 0, "path": "", "type": "x.Transformer"}, {"idx": 1, "path": "1_Pooling", "type": "x.Pooling"}]
    files = {"config.json": case.config, "modules.json": chain, "1_Pooling/config.json": {"pooling_mode": pooling}}
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 128}))
    save_file(seeded_tensors(case.shapes), folder / "model.safetensors")
    write_tokenizer(folder / "tokenizer.json")
    return folder
