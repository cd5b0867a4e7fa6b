"""What a model folder says about its tokenizer outside of the vocabulary's own file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likewise.errors import ArtifactError

CONFIG, NAMES, MODEL = "tokenizer_config.json", "special_tokens_map.json", "config.json"
_SWITCHES = ("add_bos_token", "add_eos_token")
_OBEY_SWITCHES = ("CodeLlamaTokenizer", "GemmaTokenizer", "LlamaTokenizer")
# Which class a folder means that names none: the one that goes with its model_type.
_CLASS_OF_MODEL = {
    "bert": "BertTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
    "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer",
    "gemma": "GemmaTokenizer",
    "gemma2": "GemmaTokenizer",
    "gemma3_text": "GemmaTokenizer",
    "gpt2": "GPT2Tokenizer",
    "llama": "LlamaTokenizer",
    "mistral": "LlamaTokenizer",
    "mt5": "T5Tokenizer",
    "roberta": "RobertaTokenizer",
    "t5": "T5Tokenizer",
    "umt5": "T5Tokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """``tokenizer_config.json`` and ``special_tokens_map.json`` of a folder, and its model's type."""

    folder: Path
    config: Mapping[str, Any]
    names: Mapping[str, Any]
    model_type: str

    @property
    def tokenizer_class(self) -> str:
        """The declared class without ``Fast``, or the one that goes with the model's type; empty without either."""
        declared = str(self.config.get("tokenizer_class") or "").removesuffix("Fast")
        return declared if declared not in ("", "PreTrainedTokenizer") else _CLASS_OF_MODEL.get(self.model_type, "")

    @property
    def switches_rule(self) -> bool:
        """Whether ``add_bos_token`` and ``add_eos_token`` are given and decide, whatever ``tokenizer.json`` says."""
        given = any(isinstance(self.config.get(switch), bool) for switch in _SWITCHES)
        return given and self.tokenizer_class in _OBEY_SWITCHES

    def token(self, role: str) -> str | None:
        """The name of the token for a role such as ``pad_token``; None if the folder does not say."""
        value = self.config.get(role) or self.names.get(role)
        value = value.get("content") if isinstance(value, dict) else value
        return value if isinstance(value, str) else None

    def flag(self, name: str, *, default: bool) -> bool:
        """A yes or no of ``tokenizer_config.json``.

        Raises:
            ArtifactError: It is something else.
        """
        value = self.config.get(name)
        if value is not None and not isinstance(value, bool):
            raise ArtifactError(f"{self.folder / CONFIG} says {name} is {value!r}, expected true or false")
        return default if value is None else value

    def switched_templates(self, *, begin: str = "", end: str = "") -> tuple[str, str]:
        """Templates for one text and for two by ``add_bos_token`` (default yes) and ``add_eos_token`` (default no).

        Args:
            begin: The first token if ``bos_token`` is not declared.
            end: The last token if ``eos_token`` is not declared.
        """
        before = self.token("bos_token") or begin if self.flag("add_bos_token", default=True) else ""
        after = self.token("eos_token") or end if self.flag("add_eos_token", default=False) else ""
        left = f"{before} $A {after}"
        right = " ".join(f"{part}:1" for part in (before, "$B", after) if part)
        return left, f"{left} {right}"

    @property
    def has_switches(self) -> bool:
        """Whether the folder says if texts get a first or a last token."""
        return any(isinstance(self.config.get(switch), bool) for switch in _SWITCHES)


def read_declaration(folder: Path) -> Declaration:
    """What the files of a folder declare; each of them may be missing.

    Raises:
        ArtifactError: One is there and is damaged.
    """
    model_type = _read(folder / MODEL).get("model_type")
    return Declaration(folder, _read(folder / CONFIG), _read(folder / NAMES), str(model_type or ""))


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} can't be read: {error}") from error
    if not isinstance(values, dict):
        raise ArtifactError(f"{path} holds no settings: expected an object of JSON")
    return values
