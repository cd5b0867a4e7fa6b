"""Read and write a model folder as sentence-transformers publishes it; nothing in it is guessed.

The folder holds ``modules.json`` (the chain), ``config.json``, ``model.safetensors`` or shards, the tokenizer's files,
a folder for each module after the first, and optionally ``sentence_bert_config.json`` and
``config_sentence_transformers.json``.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from likewise.errors import ModelError
from likewise.modelling.chain import Chain, Link, read_chain, read_json
from likewise.modelling.families import FAMILIES, Family, family_name, prefix_of, rename
from likewise.modelling.ops import Array
from likewise.modelling.tensors import read_tensors, refuse_remote_code, weight_files, write_tensors
from likewise.types import Role

TOKENIZER_FILES = (
    "tokenizer.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
)
# How published files name the prompt of each role, most particular first.
_ROLES: Mapping[Role, tuple[str, ...]] = {
    "query": ("query", "search_query", "retrieval-query", "retrieval.query", "retrieval_query"),
    "document": ("document", "passage", "corpus", "search_document", "retrieval-document", "retrieval.passage"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a model folder declares."""

    folder: Path
    architecture: str  # the family's name
    config: Mapping[str, Any]
    chain: Chain
    max_tokens: int  # with the special tokens
    similarity: str
    prompts: Mapping[str, str] = field(default_factory=dict)  # role -> text put in front
    declared: Mapping[str, Any] = field(default_factory=dict)  # config_sentence_transformers.json

    @property
    def family(self) -> Family:
        return FAMILIES.get(self.architecture)

    @property
    def settings(self) -> Any:
        """The family's settings."""
        return self.family.settings(self.config)

    @property
    def dimension(self) -> int:
        """Of a vector, or of a token's vector, or the vocabulary, or the number of labels."""
        if self.chain.head == "classification":
            return labels(self.config)
        width = int(self.config["vocab_size"]) if self.chain.head else self.family.width(self.settings)
        for link in self.chain.links:
            width = link.step.width(width)
        return width

    @property
    def pooling(self) -> str:
        """Everything after the network in words, such as "mean" or "cls+mean → Dense"."""
        return self.chain.describe()

    def keys(self) -> dict[str, str]:
        """Our names of the network's tensors to the published ones, without the prefix."""
        return self.family.keys(self.settings)

    def head_keys(self) -> dict[str, str]:
        """Our names of the head's tensors to the published ones, which have no prefix."""
        if self.chain.head is None:
            return {}
        heads = self.family.heads
        if self.chain.head not in heads:
            raise ModelError(f"the {self.architecture} family has no {self.chain.head} head here")
        return heads[self.chain.head].keys(self.settings)

    def weights(self) -> dict[str, Array]:
        """All tensors under our names, float32.

        Raises:
            ArtifactError: A file is damaged.
            ModelError: One lacks a tensor.
        """
        tensors = read_tensors(self.folder).as_float32()
        found = rename(tensors, self.keys())
        if head := self.head_keys():
            found |= rename(tensors, head, prefixes=("",))
        for i, link in enumerate(self.chain.links):
            if keys := link.step.keys():
                of_step = rename(read_tensors(self.folder / link.path).as_float32(), keys, prefixes=("",))
                found |= {f"steps.{i}.{ours}": tensor for ours, tensor in of_step.items()}
        return found


def labels(config: Mapping[str, Any]) -> int:
    """How many scores a classification head gives."""
    named = config.get("id2label") or config.get("label2id")
    return int(config.get("num_labels") or (len(named) if named else 2))


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read what ``folder`` declares about itself; the weights are not opened.

    Raises:
        ModelError: A file is missing, or the model does not declare its pooling or its maximum length.
        UnknownNameError: It is of a family or pooling that is not known.
    """
    if not folder.is_dir():
        raise ModelError(f"no model folder {str(folder)!r}")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json: it is not a model folder, or was not downloaded whole")
    config = read_json(folder / "config.json")
    declared = read_json(folder / "config_sentence_transformers.json", optional=True)
    chain = read_chain(folder, config, declared)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(
            f"{folder} has no tokenizer.json, nor another tokenizer file: {', '.join(TOKENIZER_FILES[1:])}"
        )
    weight_files(folder)  # refuses a folder that has none, or has them as a pickle
    name = family_name(config)
    if name not in FAMILIES.names():
        refuse_remote_code(config, folder)
    family = FAMILIES.get(name)
    checkpoint = Checkpoint(
        folder=folder,
        architecture=name,
        config=config,
        chain=chain,
        max_tokens=_max_tokens(folder, config, family),
        similarity=declared.get("similarity_fn_name") or "cosine",
        prompts=_prompts(declared),
        declared=declared,
    )
    _ = checkpoint.dimension  # refuses what the family can't run, and modules that don't fit each other
    return checkpoint


def write_checkpoint(checkpoint: Checkpoint, weights: Mapping[str, Array], target: Path) -> None:
    """Write a model folder that others can read: the published files, with ``weights`` (under our names) in it.

    Every tensor keeps the dtype and the name that it was published with.

    Raises:
        ModelError: ``target`` exists.
    """
    if target.exists():
        raise ModelError(f"{target} exists; name a folder that does not")
    target.mkdir(parents=True)
    for path in sorted(checkpoint.folder.iterdir()):
        if path.suffix in (".json", ".txt", ".model", ".md") and not path.name.endswith(".index.json"):
            shutil.copyfile(path, target / path.name)
    published = read_tensors(checkpoint.folder)
    prefix = prefix_of(published.values, checkpoint.keys())
    names = {ours: prefix + theirs for ours, theirs in checkpoint.keys().items()} | checkpoint.head_keys()
    values = {theirs: weights[ours] for ours, theirs in names.items()}
    write_tensors(target, values, dtypes=_dtypes(published.dtypes, values), metadata=published.metadata)
    for i, link in enumerate(checkpoint.chain.links):
        _write_step(checkpoint.folder / link.path, link, weights, target / link.path, place=f"steps.{i}")


def _write_step(source: Path, link: Link, weights: Mapping[str, Array], target: Path, *, place: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if (source / "config.json").is_file():
        shutil.copyfile(source / "config.json", target / "config.json")
    if keys := link.step.keys():
        published = read_tensors(source)
        values = {theirs: weights[f"{place}.{ours}"] for ours, theirs in keys.items()}
        write_tensors(target, values, dtypes=_dtypes(published.dtypes, values), metadata=published.metadata)


def _dtypes(published: Mapping[str, str], values: Mapping[str, Array]) -> dict[str, str]:
    return {name: published[name] for name in values}


def _max_tokens(folder: Path, config: Mapping[str, Any], family: Family) -> int:
    declared = read_json(folder / "sentence_bert_config.json", optional=True).get("max_seq_length")
    tokenizer = read_json(folder / "tokenizer_config.json", optional=True).get("model_max_length")
    places = family.most_tokens(config)
    if not isinstance(declared, int) and isinstance(tokenizer, int | float) and 3 <= tokenizer < 1_000_000:
        declared = int(tokenizer)  # tokenizers without a limit write an astronomic number
    found = min(one for one in (declared, places, 1 << 62) if isinstance(one, int))
    if not 3 <= found < 1 << 62:
        raise ModelError(
            f'{folder} declares no maximum length: add {{"max_seq_length": 512}} to sentence_bert_config.json'
        )
    return found


def _prompts(declared: Mapping[str, Any]) -> dict[str, str]:
    """The prompt of each role; a model that names a default prompt uses it where a role has none of its own."""
    named = {name.lower(): text for name, text in (declared.get("prompts") or {}).items()}
    default = named.get(str(declared.get("default_prompt_name")).lower(), "")
    found = {role: next((named[name] for name in names if name in named), default) for role, names in _ROLES.items()}
    return {role: text for role, text in found.items() if text}
