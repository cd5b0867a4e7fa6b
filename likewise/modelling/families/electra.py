"""ELECTRA: BERT's network over narrower embeddings (Clark et al. 2020, arXiv:2003.10555)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.modelling.families import Family, Head, bert
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectraSettings:
    """The keys of ``config.json`` that shape the network."""

    network: bert.BertSettings
    embedding_size: int

    @property
    def projects(self) -> bool:
        """Whether embeddings are mapped to the width of the network."""
        return self.embedding_size != self.network.hidden_size


def settings(config: Mapping[str, Any]) -> ElectraSettings:
    """The settings of a published ``config.json``."""
    return ElectraSettings(network=bert.settings(config), embedding_size=config.get("embedding_size", 128))


def keys(settings: ElectraSettings) -> dict[str, str]:
    """Our names to the published ones."""
    project = bert.with_biases({"project": "embeddings_project"}) if settings.projects else {}
    return bert.keys(settings.network) | project


def forward(ops: Ops[A], weights: Weights, settings: ElectraSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    x = bert.embed(scope, settings.network, inputs)
    x = scope.linear("project", x) if settings.projects else x
    return bert.encode(scope, settings.network, x, inputs.mask)


def masked_language_keys(settings: ElectraSettings) -> dict[str, str]:
    """The head that guesses masked tokens; generators have it."""
    table = {"head.dense": "generator_predictions.dense", "head.norm": "generator_predictions.LayerNorm"}
    return bert.vocabulary_keys(settings.network, table, bias="generator_lm_head.bias")


def masked_language(ops: Ops[A], weights: Weights, settings: ElectraSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    return bert.score_vocabulary(Scope(ops, weights), states, "gelu", epsilon=settings.network.layer_norm_eps)


def classification_keys(_settings: ElectraSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return bert.with_biases({"head.pooler": "classifier.dense", "head.classifier": "classifier.out_proj"})


def classification(ops: Ops[A], weights: Weights, _settings: ElectraSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    return bert.score_first(Scope(ops, weights), states, inputs.mask, "gelu")


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=classification),
}
PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    width=lambda settings: int(settings.network.hidden_size),
    heads=HEADS,
    segments=True,
)
