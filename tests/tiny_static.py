"""Static model folders in every published form, small and of seeded random numbers."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tiny_model import WORDS, write_tokenizer

WIDTH = 12
TEXTS = [
    "abc",
    "a",
    "abc defgh abc",
    "h g zzz 日本 a",
    "",
    "zzz",
    "[UNK] a [SEP]",
    "B A\tg\n",
    "a\x0bb c\x85d",
    "ab " * 40,
]
FORMS = {  # name -> dtype of the table, whether tokens share rows, whether they weigh, whether vectors have unit length
    "plain": ("float32", False, False, True),
    "half": ("float16", False, False, False),
    "eight_bits": ("int8", True, True, True),
    "weighted": ("float32", False, True, False),
}


def tensors(form: str, *, seed: int = 3) -> dict[str, np.ndarray]:
    """What model2vec's file of that form holds."""
    dtype, mapped, weighted, _ = FORMS[form]
    random = np.random.default_rng(seed)
    table = random.normal(size=(9 if mapped else len(WORDS), WIDTH))
    made = {"embeddings": np.rint(table * 40).astype(np.int8) if dtype == "int8" else table.astype(dtype)}
    if mapped:
        made["mapping"] = random.integers(0, 9, len(WORDS))
    if weighted:
        made["weights"] = random.uniform(0.1, 2, len(WORDS)).astype(np.float32)
    return made


def write_model2vec(folder: Path, form: str = "plain", **config: object) -> Path:
    """A folder as model2vec writes it, but without ``modules.json``."""
    folder.mkdir(parents=True)
    values = {"model_type": "model2vec", "normalize": FORMS[form][3], "max_length": None} | config
    (folder / "config.json").write_text(json.dumps(values))
    save_file(tensors(form), folder / "model.safetensors")
    write_tokenizer(folder / "tokenizer.json")
    return folder


def write_static(folder: Path, *, path: str = "0_StaticEmbedding", normalise: bool = True) -> Path:
    """A folder as sentence-transformers writes it."""
    kinds = [("StaticEmbedding", path)] + [("Normalize", "1_Normalize")] * normalise
    types = [(place, f"sentence_transformers.models.{kind}") for kind, place in kinds]
    chain = [{"idx": i, "name": str(i), "path": place, "type": kind} for i, (place, kind) in enumerate(types)]
    (folder / path).mkdir(parents=True)
    (folder / "modules.json").write_text(json.dumps(chain))
    save_file({"embedding.weight": tensors("plain")["embeddings"]}, folder / path / "model.safetensors")
    write_tokenizer(folder / path / "tokenizer.json")
    return folder
