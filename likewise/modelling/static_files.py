"""Static models on disk: a table of token vectors beside a tokenizer, as two programs write them.

sentence-transformers has the table as ``embedding.weight``, in a folder that ``modules.json`` calls StaticEmbedding.
model2vec has it as ``embeddings``, where tokens may share rows (``mapping``) and weigh (``weights``); what
``config.json`` says counts, and tokens that the vocabulary lacks are passed over. A table has no maximum length of its
own; where the files declare none, there is none, though model2vec then cuts at 512.
"""

import json
from pathlib import Path
from typing import Any

from likewise.errors import ArtifactError, ModelError
from likewise.modelling.tensors import read_tensors
from likewise.safetensors_file import Array

TABLES = ("embedding.weight", "embeddings")
MODEL2VEC = "model2vec"


def is_model2vec(folder: Path, config: dict[str, Any]) -> bool:
    """Whether a folder without ``modules.json`` is model2vec's, whose older ones do not say so."""
    kind = config.get("model_type")
    return kind == MODEL2VEC or (kind is None and TABLES[1] in read_tensors(folder).values)


def static_config(folder: Path, declared: dict[str, Any]) -> dict[str, Any]:
    """The settings of the family ``static``, for a folder that holds the table.

    Args:
        folder: With ``model.safetensors`` in it.
        declared: Its ``config.json``; empty if there is none.

    Raises:
        ModelError: There is no table in it.
        ArtifactError: Its tensors do not fit each other.
    """
    tensors = read_tensors(folder).values
    table = next((name for name in TABLES if name in tensors), "")
    if not table or tensors[table].ndim != 2:
        raise ModelError(
            f"{folder} is declared to hold a table of token vectors, but its tensors are "
            f"{', '.join(sorted(tensors)) or 'none'}; expected {' or '.join(TABLES)} of two axes"
        )
    mapping, weights = (tensors.get(name) if table == TABLES[1] else None for name in ("mapping", "weights"))
    rows, width = tensors[table].shape
    _check_mapping(folder, mapping, rows)
    tokens = rows if mapping is None else len(mapping)
    if weights is not None and weights.shape != (tokens,):
        raise ArtifactError(f"{folder} has weights of shape {weights.shape}, expected ({tokens},): one a token")
    return {
        "model_type": "static",
        "vocab_size": tokens,
        "hidden_size": width,
        "table": table,
        "mapped": mapping is not None,
        "weighted": weights is not None,
        "max_length": _cut_by_tokenizer(folder) if table == TABLES[0] else declared.get("max_length"),
    }


def _cut_by_tokenizer(folder: Path) -> int | None:
    """The tokens that sentence-transformers cuts texts to, which for a table is what its tokenizer says."""
    path = folder / "tokenizer.json"
    try:
        truncation = json.loads(path.read_text(encoding="utf-8")).get("truncation") or {}
        found: int | None = truncation.get("max_length")
    except (OSError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{path} can't be read as a tokenizer: {error}") from error
    return found


def _check_mapping(folder: Path, mapping: Array | None, rows: int) -> None:
    if mapping is None:
        return
    if mapping.ndim != 1 or mapping.dtype.kind not in "iu":
        raise ArtifactError(f"{folder} has a mapping of {mapping.dtype} {mapping.shape}, expected whole numbers (V,)")
    if len(mapping) and not 0 <= int(mapping.min()) <= int(mapping.max()) < rows:
        raise ArtifactError(f"{folder} maps tokens to rows up to {mapping.max()}, where there are {rows} from 0")
