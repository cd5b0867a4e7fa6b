"""DistilBERT: half of BERT's layers, and no segments (Sanh et al. 2019, arXiv:1910.01108)."""

from collections.abc import Mapping
from typing import Any, TypeVar

from likewise.modelling.families import Family, Head, bert, read_settings
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope

A = TypeVar("A")

_NAMES = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "hidden_act": "activation",
}
_EMBEDDINGS = {ours: theirs for ours, theirs in bert.EMBEDDINGS.items() if ours != "segments"}
_LAYER = {
    "attention.query": "attention.q_lin",
    "attention.key": "attention.k_lin",
    "attention.value": "attention.v_lin",
    "attention.output": "attention.out_lin",
    "attention.norm": "sa_layer_norm",
    "feed_forward.up": "ffn.lin1",
    "feed_forward.down": "ffn.lin2",
    "feed_forward.norm": "output_layer_norm",
}


def settings(config: Mapping[str, Any]) -> bert.BertSettings:
    """The settings of a published ``config.json``."""
    return read_settings(bert.BertSettings, config, names=_NAMES)


def keys(settings: bert.BertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return _EMBEDDINGS | bert.layer_keys(settings.num_hidden_layers, _LAYER, published="transformer.layer")


def masked_language_keys(settings: bert.BertSettings) -> dict[str, str]:
    """The head that guesses masked tokens."""
    table = {"head.dense": "vocab_transform", "head.norm": "vocab_layer_norm"}
    return bert.vocabulary_keys(settings, table, bias="vocab_projector.bias")


def classification_keys(_settings: bert.BertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return bert.with_biases({"head.pooler": "pre_classifier", "head.classifier": "classifier"})


def classification(ops: Ops[A], weights: Weights, _settings: bert.BertSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    return bert.score_first(Scope(ops, weights), states, inputs.mask, "relu")


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=bert.masked_language),
    "classification": Head(keys=classification_keys, forward=classification),
}
PLUGIN = Family(settings=settings, keys=keys, forward=bert.forward, heads=HEADS)
