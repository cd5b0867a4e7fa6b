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
from likewise.modelling.chain import Chain, read_chain, read_json
from likewise.modelling.families import FAMILIES, FOREIGN, Family, family_name, names_in, rename
from likewise.modelling.ops import Array, Weights
from likewise.modelling.static_files import static_config
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
QUERY_WEIGHTS = "query_weights"  # (V,): what a token of a query weighs, for sparse models whose queries need no network
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
    def network(self) -> Path:
        """The folder that holds the network and its tokenizer; nearly always ``folder`` itself."""
        return self.folder / self.chain.network

    @property
    def reads_segments(self) -> bool:
        """Whether the network is told which of two texts a token is of; some were trained without that."""
        named = read_json(self.network / "tokenizer_config.json", optional=True).get("model_input_names")
        told = named is None or "token_type_ids" in named
        return self.chain.kind == "scores" and self.family.segments and told

    @property
    def family(self) -> Family:
        """Its family, or FOREIGN if there is none here."""
        return FAMILIES.get(self.architecture) if self.architecture in FAMILIES.names() else FOREIGN

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
        tensors = read_tensors(self.network).as_float32()
        found = rename(tensors, self.keys())
        if head := self.head_keys():
            found |= rename(tensors, head, prefixes=("",))
        for i, link in enumerate(self.chain.links):
            if keys := link.step.keys():
                of_step = rename(read_tensors(self.folder / link.path).as_float32(), keys, prefixes=("",))
                found |= {f"steps.{i}.{ours}": tensor for ours, tensor in of_step.items()}
        if self.chain.query_weights:
            found[QUERY_WEIGHTS] = read_tensors(self.folder / self.chain.query_weights).as_float32()["weight"]
        return found

    def folded_weights(self) -> Weights:
        """The tensors to run with: what a forward pass would do with weights alone is done; not those to write.

        Raises:
            ArtifactError: A file is damaged.
            ModelError: One lacks a tensor.
        """
        return self.family.fold(self.settings, self.weights())


def labels(config: Mapping[str, Any]) -> int:
    """How many scores a classification head gives."""
    named = config.get("id2label") or config.get("label2id")
    return int(config.get("num_labels") or (len(named) if named else 2))


def read_checkpoint(folder: Path, *, foreign: bool = False) -> Checkpoint:
    """Read what ``folder`` declares about itself; the weights are not opened.

    Args:
        folder: The model's.
        foreign: Whether its network may be one that has no family here.

    Raises:
        ModelError: A file is missing, or the model does not declare its pooling or its maximum length.
        UnknownNameError: It is of a family or pooling that is not known.
    """
    if not folder.is_dir():
        raise ModelError(f"no model folder {str(folder)!r}")
    described = any((folder / name).is_file() for name in ("config.json", "router_config.json"))
    chain = read_chain(folder) if described or (folder / "modules.json").is_file() else None
    if chain is None or not (described or chain.static):
        raise ModelError(f"{folder} has no config.json: it is not a model folder, or was not downloaded whole")
    declared = read_json(folder / "config_sentence_transformers.json", optional=True)
    whole, folder = folder, folder / chain.network
    config = read_json(folder / "config.json", optional=chain.static)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(
            f"{folder} has no tokenizer.json, nor another tokenizer file: {', '.join(TOKENIZER_FILES[1:])}"
        )
    weight_files(folder)  # refuses a folder that has none, or has them as a pickle
    config = static_config(folder, config) if chain.static else config
    name = family_name(config)
    if name not in FAMILIES.names():
        refuse_remote_code(config, folder)
    family = FOREIGN if foreign and name not in FAMILIES.names() else FAMILIES.get(name)
    checkpoint = Checkpoint(
        folder=whole,
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
    for path in sorted(checkpoint.folder.rglob("*")):
        if path.suffix in (".json", ".txt", ".model", ".md", ".metadata") and not path.name.endswith(".index.json"):
            place = target / path.relative_to(checkpoint.folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    named = {checkpoint.network: _published(checkpoint)}
    for i, link in enumerate(checkpoint.chain.links):
        if link.step.keys():
            of_step = {f"steps.{i}.{ours}": theirs for ours, theirs in link.step.keys().items()}
            named.setdefault(checkpoint.folder / link.path, {}).update(of_step)
    if checkpoint.chain.query_weights:
        named[checkpoint.folder / checkpoint.chain.query_weights] = {QUERY_WEIGHTS: "weight"}
    for folder, names in named.items():
        published = read_tensors(folder)
        values = {theirs: weights[ours] for ours, theirs in names.items()}
        dtypes = {theirs: published.dtypes[theirs] for theirs in values}
        place = target / folder.relative_to(checkpoint.folder)
        write_tensors(place, values, dtypes=dtypes, metadata=published.metadata)


def _published(checkpoint: Checkpoint) -> dict[str, str]:
    """Our names of the network's and its head's tensors to those in the file."""
    tensors = read_tensors(checkpoint.network).values
    return names_in(tensors, checkpoint.keys()) | names_in(tensors, checkpoint.head_keys(), prefixes=("",))


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
