"""BERT: learned positions and post-norm transformer layers (Devlin et al. 2018, arXiv:1810.04805)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation, split_heads

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class BertSettings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"

    def __post_init__(self) -> None:
        activation(self.hidden_act)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is no multiple of {self.num_attention_heads} heads")


def settings(config: Mapping[str, Any]) -> BertSettings:
    """The settings of a published ``config.json``."""
    return read_settings(BertSettings, config, only={"position_embedding_type": "absolute", "is_decoder": False})


EMBEDDINGS = {
    "tokens": "embeddings.word_embeddings.weight",
    "positions": "embeddings.position_embeddings.weight",
    "segments": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
LAYER = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention.norm": "attention.output.LayerNorm",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
    "feed_forward.norm": "output.LayerNorm",
}


def layer_keys(layers: int, table: Mapping[str, str], *, published: str) -> dict[str, str]:
    """Weights and biases of each layer; ``published`` is such as "encoder.layer"."""
    return {
        f"layers.{i}.{ours}.{kind}": f"{published}.{i}.{theirs}.{kind}"
        for i in range(layers)
        for ours, theirs in table.items()
        for kind in ("weight", "bias")
    }


def keys(settings: BertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return EMBEDDINGS | layer_keys(settings.num_hidden_layers, LAYER, published="encoder.layer")


def forward(ops: Ops[A], weights: Weights, settings: BertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    return encode(scope, settings, embed(scope, settings, inputs), inputs.mask)


def embed(scope: Scope[A], settings: BertSettings, inputs: Inputs[A], *, first_position: int = 0) -> A:
    """Token, position and segment together, normalised: (B, T, D)."""
    ops, places = scope.ops, scope["positions"][first_position:]
    if inputs.segments is None:  # one segment, so segment 0 is added to all
        where = ops.lookup(places + scope["segments"][0], ops.positions(inputs.mask))
    else:
        segments = ops.lookup(scope["segments"], inputs.segments)
        where = ops.add(ops.lookup(places, ops.positions(inputs.mask)), segments)
    x = ops.add(ops.embed(scope["tokens"], inputs.ids), where)
    return scope.layer_norm("norm", x, epsilon=settings.layer_norm_eps)


def encode(scope: Scope[A], settings: BertSettings, x: A, mask: A) -> A:
    """All layers over embedded tokens (B, T, D)."""
    for i in range(settings.num_hidden_layers):
        x = layer(scope.inside(f"layers.{i}"), settings, x, mask)
    return x


def layer(scope: Scope[A], settings: BertSettings, x: A, mask: A) -> A:
    """Attention and feed-forward, each added and then normalised."""
    ops, heads, epsilon = scope.ops, settings.num_attention_heads, settings.layer_norm_eps
    parts = (scope.linear(f"attention.{name}", x, site="attention.input") for name in ("query", "key", "value"))
    q, k, v = (split_heads(ops, part, heads) for part in parts)
    how = Attention(heads=heads, groups=heads, scale=(settings.hidden_size // heads) ** -0.5)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"))
    update = scope.linear("attention.output", mixed, site="attention.mixed")
    x = scope.layer_norm("attention.norm", ops.add(x, update), epsilon=epsilon)
    inner = ops.apply(scope.linear("feed_forward.up", x, site="feed_forward.input"), activation(settings.hidden_act))
    update = scope.linear("feed_forward.down", inner, site="feed_forward.inner")
    return scope.layer_norm("feed_forward.norm", ops.add(x, update), epsilon=epsilon)


def masked_language_keys(_settings: BertSettings) -> dict[str, str]:
    """The head that guesses masked tokens; its last weights are the token table's."""
    names = {"head.dense": "transform.dense", "head.norm": "transform.LayerNorm"}
    table = {
        f"{ours}.{kind}": f"cls.predictions.{theirs}.{kind}"
        for ours, theirs in names.items()
        for kind in ("weight", "bias")
    }
    return table | {"head.bias": "cls.predictions.bias"}


def masked_language(ops: Ops[A], weights: Weights, settings: BertSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    scope = Scope(ops, weights)
    x = ops.apply(scope.linear("head.dense", states), activation(settings.hidden_act))
    x = scope.layer_norm("head.norm", x, epsilon=settings.layer_norm_eps)
    return ops.linear(x, scope["tokens"], scope["head.bias"], site="head.decoder.input")


def classification_keys(_settings: BertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    names = {"head.pooler": "bert.pooler.dense", "head.classifier": "classifier"}
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in names.items() for kind in ("weight", "bias")}


def classification(ops: Ops[A], weights: Weights, _settings: BertSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    scope = Scope(ops, weights)
    first = ops.token(states, inputs.mask, "first")  # (B, D)
    return scope.linear("head.classifier", ops.apply(scope.linear("head.pooler", first), "tanh"))


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=classification),
}
PLUGIN = Family(settings=settings, keys=keys, forward=forward, heads=HEADS, segments=True)
