"""Read a model folder as sentence-transformers publishes it; nothing in it is guessed.

The folder holds ``modules.json`` (the chain), ``config.json``, ``model.safetensors``, ``tokenizer.json``,
``1_Pooling/config.json`` and optionally ``sentence_bert_config.json`` and ``config_sentence_transformers.json``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file

from likewise.errors import ArtifactError, ModelError
from likewise.modelling.families import FAMILIES, Family, Weights, rename
from likewise.modelling.pooling import POOLINGS

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
_POOLING_FLAGS = {  # the older spelling of pooling_mode: one flag for each
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a model folder declares."""

    folder: Path
    architecture: str  # the family's name
    config: Mapping[str, Any]
    pooling: str
    normalise: bool
    max_tokens: int  # with the special tokens
    similarity: str
    prompts: Mapping[str, str] = field(default_factory=dict)  # role -> text put in front

    @property
    def dimension(self) -> int:
        return int(self.config["hidden_size"])

    @property
    def family(self) -> Family:
        return FAMILIES.get(self.architecture)

    def weights(self) -> Weights:
        """All tensors under our names, float32.

        Raises:
            ArtifactError: The file is damaged.
            ModelError: It lacks a tensor.
        """
        path = self.folder / WEIGHTS
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            raise ArtifactError(f"{path} can't be read: {error}") from error
        return rename(tensors, self.family.keys(self.family.settings(self.config)))


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read what ``folder`` declares about itself; the weights are not opened.

    Raises:
        ModelError: A file is missing, or the model does not declare its pooling or its maximum length.
        UnknownNameError: It is of a family or pooling that is not known.
    """
    for name in ("config.json", "modules.json", TOKENIZER):
        if not (folder / name).is_file():
            raise ModelError(_what_is_missing(folder, name))
    if not (folder / WEIGHTS).is_file():
        raise ModelError(_what_is_missing(folder, WEIGHTS))
    config = _json(folder / "config.json")
    pooling, normalise = _chain(folder)
    declared = _json(folder / "config_sentence_transformers.json", optional=True)
    checkpoint = Checkpoint(
        folder=folder,
        architecture=str(config.get("model_type", "")),
        config=config,
        pooling=pooling,
        normalise=normalise,
        max_tokens=_max_tokens(folder, config),
        similarity=declared.get("similarity_fn_name") or "cosine",
        prompts=_prompts(declared.get("prompts") or {}),
    )
    checkpoint.family.settings(config)  # refuses what the family can't run
    return checkpoint


def _chain(folder: Path) -> tuple[str, bool]:
    """Pooling name, and whether vectors are normalised, from ``modules.json`` (old and new type paths alike)."""
    try:
        chain = [(module["type"].rsplit(".", 1)[-1], module["path"]) for module in _json(folder / "modules.json")]
    except (TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder / 'modules.json'} is no list of modules with a type and a path each") from error
    kinds = [kind for kind, _ in chain]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelError(
            f"{folder / 'modules.json'} chains {' → '.join(kinds) or 'nothing'}; "
            "this version runs Transformer → Pooling [→ Normalize] and never guesses a pooling that is not declared"
        )
    pooling = _pooling(_json(folder / chain[1][1] / "config.json"), folder / chain[1][1] / "config.json")
    return pooling, kinds[-1] == "Normalize"


def _pooling(config: Mapping[str, Any], path: Path) -> str:
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode or [])
    modes = modes or [name for flag, name in _POOLING_FLAGS.items() if config.get(flag)]
    if len(modes) != 1:
        raise ModelError(f'{path} declares {modes or "no pooling"}; say one, such as {{"pooling_mode": "mean"}}')
    POOLINGS.find(modes[0])
    return str(modes[0])


def _max_tokens(folder: Path, config: Mapping[str, Any]) -> int:
    declared = _json(folder / "sentence_bert_config.json", optional=True).get("max_seq_length")
    limit = declared or config.get("max_position_embeddings")
    if not isinstance(limit, int) or limit < 3:
        raise ModelError(
            f'{folder} declares no maximum length: add {{"max_seq_length": 512}} to sentence_bert_config.json'
        )
    return limit


def _prompts(declared: Mapping[str, str]) -> dict[str, str]:
    names = {"query": "query", "document": "document", "passage": "document"}
    return {names[name]: text for name, text in declared.items() if name in names and text}


def _what_is_missing(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return f"no model folder {str(folder)!r}"
    if name == WEIGHTS and any(folder.glob("*.bin")):
        return f"{folder} holds its weights as a pickle, which can run code: convert them to {WEIGHTS} and try again"
    hint = ': add [{"idx": 0, "type": "Transformer", "path": ""}, …] so that the pooling is declared'
    return f"{folder} has no {name}{hint if name == 'modules.json' else ''}"


def _json(path: Path, *, optional: bool = False) -> Any:
    if optional and not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read: {error}") from error
