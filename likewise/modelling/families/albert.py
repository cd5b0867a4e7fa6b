"""ALBERT: BERT's layers, few and used again and again, over narrower embeddings (Lan et al. 2019, arXiv:1909.11942)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, bert
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation

A = TypeVar("A")

_LAYER = {
    "attention.query": "attention.query",
    "attention.key": "attention.key",
    "attention.value": "attention.value",
    "attention.output": "attention.dense",
    "attention.norm": "attention.LayerNorm",
    "feed_forward.up": "ffn",
    "feed_forward.down": "ffn_output",
    "feed_forward.norm": "full_layer_layer_norm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbertSettings:
    """The keys of ``config.json`` that shape the network."""

    network: bert.BertSettings
    groups: int  # of layers that differ
    layers_in_group: int

    def __post_init__(self) -> None:
        if not 1 <= self.groups <= self.network.num_hidden_layers:
            raise ModelError(f"num_hidden_groups {self.groups} for {self.network.num_hidden_layers} layers: none fits")

    def group_of(self, layer: int) -> int:
        """Groups follow each other, each used for as many layers as the others."""
        return layer * self.groups // self.network.num_hidden_layers


def settings(config: Mapping[str, Any]) -> AlbertSettings:
    """The settings of a published ``config.json``."""
    groups, inside = config.get("num_hidden_groups", 1), config.get("inner_group_num", 1)
    return AlbertSettings(network=bert.settings(config), groups=groups, layers_in_group=inside)


def _layers(settings: AlbertSettings) -> Iterator[tuple[str, str]]:
    """Where each layer's weights are: our name and the published one."""
    for group in range(settings.groups):
        for i in range(settings.layers_in_group):
            yield f"groups.{group}.{i}", f"encoder.albert_layer_groups.{group}.albert_layers.{i}"


def keys(settings: AlbertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    table = {"project": "encoder.embedding_hidden_mapping_in"}
    for place, published in _layers(settings):
        table |= {f"{place}.{ours}": f"{published}.{theirs}" for ours, theirs in _LAYER.items()}
    return bert.EMBEDDINGS | bert.with_biases(table)


def forward(ops: Ops[A], weights: Weights, settings: AlbertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    x = scope.linear("project", bert.embed(scope, settings.network, inputs))
    for layer in range(settings.network.num_hidden_layers):
        for i in range(settings.layers_in_group):
            place = scope.inside(f"groups.{settings.group_of(layer)}.{i}")
            x = bert.layer(place, settings.network, x, inputs.mask)
    return x


def masked_language_keys(settings: AlbertSettings) -> dict[str, str]:
    """The head that guesses masked tokens."""
    table = {"head.dense": "predictions.dense", "head.norm": "predictions.LayerNorm"}
    return bert.vocabulary_keys(settings.network, table, bias="predictions.bias")


def masked_language(ops: Ops[A], weights: Weights, settings: AlbertSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    function, epsilon = activation(settings.network.hidden_act), settings.network.layer_norm_eps
    return bert.score_vocabulary(Scope(ops, weights), states, function, epsilon=epsilon)


def classification_keys(_settings: AlbertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return bert.with_biases({"head.pooler": "albert.pooler", "head.classifier": "classifier"})


def classification(ops: Ops[A], weights: Weights, _settings: AlbertSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    return bert.score_first(Scope(ops, weights), states, inputs.mask, "tanh")


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
