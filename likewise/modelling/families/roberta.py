"""RoBERTa: BERT whose positions start behind the padding id (Liu et al. 2019, arXiv:1907.11692)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from likewise.modelling.families import Family, Head, bert
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope

A = TypeVar("A")


def settings(config: Mapping[str, Any]) -> bert.BertSettings:
    """The settings of a published ``config.json``."""
    return replace(bert.settings(config), first_position=_first_position(config))


def _first_position(config: Mapping[str, Any]) -> int:
    padding = config.get("pad_token_id")
    return 2 if padding is None else int(padding) + 1


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """How many rows of the position table are left for tokens."""
    rows = config.get("max_position_embeddings")
    return None if rows is None else int(rows) - _first_position(config)


def masked_language_keys(settings: bert.BertSettings) -> dict[str, str]:
    """The head that guesses masked tokens."""
    table = {"head.dense": "lm_head.dense", "head.norm": "lm_head.layer_norm"}
    return bert.vocabulary_keys(settings, table, bias="lm_head.bias")


def masked_language(ops: Ops[A], weights: Weights, settings: bert.BertSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    return bert.score_vocabulary(Scope(ops, weights), states, "gelu", epsilon=settings.layer_norm_eps)


def classification_keys(_settings: bert.BertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return bert.with_biases({"head.pooler": "classifier.dense", "head.classifier": "classifier.out_proj"})


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=bert.classification),
}
PLUGIN = Family(settings=settings, keys=bert.keys, forward=bert.forward, most_tokens=most_tokens, heads=HEADS)
