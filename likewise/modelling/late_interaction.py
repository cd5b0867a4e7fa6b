"""What a model with a vector for each token declares about queries and documents, wherever it says so."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likewise.errors import ModelError
from likewise.modelling.chain import read_json
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.steps import MultiVectorMask

_PADDED_TO = 32  # tokens of a query in the published ColBERT models, where a file does not say it


@dataclass(frozen=True, slots=True)
class Expansion:
    """Queries are filled up with mask tokens, whose vectors count too (Khattab and Zaharia 2020, arXiv:2004.12832)."""

    length: int  # tokens of a query afterwards, special ones counted
    attend: bool  # whether other tokens look at those
    cut: bool  # whether a longer query is cut to ``length``
    token: str | None  # None: the tokenizer's mask token


@dataclass(frozen=True, slots=True, kw_only=True)
class LateInteraction:
    """How texts become tokens with a vector each."""

    query_tokens: int | None  # the most of a query; None: as many as the network takes
    document_tokens: int | None
    expansion: Expansion | None
    skipped: tuple[str, ...]  # tokens without a vector
    skips_queries: bool
    prompts: Mapping[str, str]  # role -> marker or text put in front


def read_late_interaction(checkpoint: Checkpoint) -> LateInteraction:
    """Read it from modules.json and sentence_bert_config.json, or as PyLate or Stanford's ColBERT write it.

    Raises:
        ModelError: A query expansion that is not known.
    """
    if (checkpoint.folder / "modules.json").is_file():
        return _from_modules(checkpoint)
    return _from_metadata(read_json(checkpoint.folder / "artifact.metadata", optional=True))


def _from_modules(checkpoint: Checkpoint) -> LateInteraction:
    declared = checkpoint.declared
    kept: dict[str, Any] = {**declared, **_network(checkpoint.folder)}
    masks = [link.step for link in checkpoint.chain.links if isinstance(link.step, MultiVectorMask)]
    mask = masks[0] if masks else MultiVectorMask(tuple(declared.get("skiplist_words") or ()), False)
    prompts = {}
    for role in ("query", "document"):
        prefix, prompt = declared.get(f"{role}_prefix") or "", checkpoint.prompts.get(role, "")
        prompts[role] = prefix + prompt.removeprefix(prefix)
    expansion = _expansion(kept)
    return LateInteraction(
        query_tokens=kept.get("query_length"),
        document_tokens=kept.get("document_length"),
        expansion=expansion,
        skipped=mask.skipped,
        skips_queries=mask.skips_queries,
        prompts=prompts,
    )


def _network(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(folder / "sentence_bert_config.json", optional=True)
    return found


def _expansion(kept: Mapping[str, Any]) -> Expansion | None:
    if "query_expansion" in kept:
        given = kept["query_expansion"]
        if given is None:
            return None
        if given.get("strategy") not in ("fixed", "min") or not isinstance(given.get("length"), int):
            raise ModelError(f"query_expansion is {given}; known are the strategies fixed and min, with a length")
        cut = given["strategy"] == "fixed"
        return Expansion(given["length"], bool(given.get("attend")), cut, given.get("token"))
    older = ("do_query_expansion", "attend_to_expansion_tokens", "query_prefix", "query_length", "skiplist_words")
    if kept.get("do_query_expansion") is False or not any(key in kept for key in older):
        return None
    length = int(kept.get("query_length") or _PADDED_TO)
    return Expansion(length, bool(kept.get("attend_to_expansion_tokens")), cut=True, token=None)


def _from_metadata(metadata: Mapping[str, Any]) -> LateInteraction:
    """Stanford's artifact.metadata; what it leaves out is as in their published models."""
    markers = {"query": "query_token_id", "document": "doc_token_id"}
    defaults = {"query": "[unused0]", "document": "[unused1]"}
    length = int(metadata.get("query_maxlen") or _PADDED_TO)
    punctuation = tuple(string.punctuation) if metadata.get("mask_punctuation", True) else ()
    return LateInteraction(
        query_tokens=length,
        document_tokens=metadata.get("doc_maxlen"),
        expansion=Expansion(length, bool(metadata.get("attend_to_mask_tokens")), cut=True, token=None),
        skipped=punctuation,
        skips_queries=False,
        prompts={role: str(metadata.get(key) or defaults[role]) for role, key in markers.items()},
    )
