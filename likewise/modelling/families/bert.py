"""BERT: learned positions and post-norm transformer layers (Devlin et al. 2018, arXiv:1810.04805)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, read_settings
from likewise.modelling.ops import Attention, Function, Inputs, Ops, Weights
from likewise.modelling.parts import VOCABULARY, Scope, activation, split_heads

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class BertSettings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    first_position: int = 0  # row of the position table where texts begin
    tie_word_embeddings: bool = True  # whether a head scores the vocabulary with the table of tokens

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


def with_biases(table: Mapping[str, str]) -> dict[str, str]:
    """A weight and a bias for each name of a table."""
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in table.items() for kind in ("weight", "bias")}


def layer_keys(layers: int, table: Mapping[str, str], *, published: str) -> dict[str, str]:
    """Weights and biases of each layer; ``published`` is such as "encoder.layer"."""
    return with_biases(
        {f"layers.{i}.{ours}": f"{published}.{i}.{theirs}" for i in range(layers) for ours, theirs in table.items()}
    )


def keys(settings: BertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return EMBEDDINGS | layer_keys(settings.num_hidden_layers, LAYER, published="encoder.layer")


def forward(ops: Ops[A], weights: Weights, settings: BertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    return encode(scope, settings, embed(scope, settings, inputs), inputs.mask)


def embed(scope: Scope[A], settings: BertSettings, inputs: Inputs[A]) -> A:
    """Token, position and, where there are any, segment together, normalised: (B, T, D)."""
    ops, places = scope.ops, scope["positions"][settings.first_position :]
    if inputs.segments is None and "segments" in scope:  # one segment, so segment 0 is added to all
        places = places + scope["segments"][0]
    where = ops.lookup(places, ops.positions(inputs.mask))
    if inputs.segments is not None:
        where = ops.add(where, ops.lookup(scope["segments"], inputs.segments))
    x = ops.add(ops.embed(scope["tokens"], inputs.ids), where)
    return scope.layer_norm("norm", x, epsilon=settings.layer_norm_eps)


def encode(scope: Scope[A], settings: BertSettings, x: A, mask: A, *, bias: A | None = None) -> A:
    """All layers over embedded tokens (B, T, D); ``bias`` is added to the scores of each: (H, T, T)."""
    for i in range(settings.num_hidden_layers):
        x = layer(scope.inside(f"layers.{i}"), settings, x, mask, bias=bias)
    return x


def layer(scope: Scope[A], settings: BertSettings, x: A, mask: A, *, bias: A | None = None) -> A:
    """Attention and feed-forward, each added and then normalised."""
    heads = settings.num_attention_heads
    q, k, v = project(scope, settings, x)
    how = Attention(heads=heads, groups=heads, scale=(settings.hidden_size // heads) ** -0.5)
    mixed = scope.ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"), bias=bias)
    return finish(scope, settings, x, mixed)


def project(scope: Scope[A], settings: BertSettings, x: A) -> tuple[A, A, A]:
    """Query, key and value of tokens (B, T, D), each (B, T, H, d)."""
    parts = (scope.linear(f"attention.{name}", x, site="attention.input") for name in ("query", "key", "value"))
    q, k, v = (split_heads(scope.ops, part, settings.num_attention_heads) for part in parts)
    return q, k, v


def finish(scope: Scope[A], settings: BertSettings, x: A, mixed: A) -> A:
    """What a layer does after its attention gave ``mixed`` (B, T, D) for tokens x."""
    ops, epsilon = scope.ops, settings.layer_norm_eps
    update = scope.linear("attention.output", mixed, site="attention.mixed")
    x = scope.layer_norm("attention.norm", ops.add(x, update), epsilon=epsilon)
    inner = ops.apply(scope.linear("feed_forward.up", x, site="feed_forward.input"), activation(settings.hidden_act))
    update = scope.linear("feed_forward.down", inner, site="feed_forward.inner")
    return scope.layer_norm("feed_forward.norm", ops.add(x, update), epsilon=epsilon)


def vocabulary_keys(settings: BertSettings, table: Mapping[str, str], *, bias: str) -> dict[str, str]:
    """The tensors of ``score_vocabulary``: ``table`` names the dense map and the norm, ``bias`` that of the scores.

    Raises:
        ModelError: The head has a table of its own. Published files leave open which bias it goes with.
    """
    if not settings.tie_word_embeddings:
        raise ModelError("config.json says tie_word_embeddings=False; a head with its own token table is not known")
    return with_biases(table) | {"head.bias": bias}


def score_vocabulary(scope: Scope[A], states: A, function: Function, *, epsilon: float) -> A:
    """Scores of the vocabulary for states (B, T, D), by the table that tokens are looked up in: (B, T, V)."""
    ops = scope.ops
    x = ops.apply(scope.linear("head.dense", states), function)
    x = scope.layer_norm("head.norm", x, epsilon=epsilon)
    return ops.linear(x, scope["tokens"], scope["head.bias"], site=VOCABULARY)


def score_first(scope: Scope[A], states: A, mask: A, function: Function) -> A:
    """Scores of the labels for states (B, T, D), from each text's first token: (B, labels), without an activation."""
    ops = scope.ops
    first = ops.token(states, mask, "first")  # (B, D)
    return scope.linear("head.classifier", ops.apply(scope.linear("head.pooler", first), function))


def masked_language_keys(settings: BertSettings) -> dict[str, str]:
    """The head that guesses masked tokens."""
    table = {"head.dense": "cls.predictions.transform.dense", "head.norm": "cls.predictions.transform.LayerNorm"}
    return vocabulary_keys(settings, table, bias="cls.predictions.bias")


def masked_language(ops: Ops[A], weights: Weights, settings: BertSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    function, epsilon = activation(settings.hidden_act), settings.layer_norm_eps
    return score_vocabulary(Scope(ops, weights), states, function, epsilon=epsilon)


def classification_keys(_settings: BertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return with_biases({"head.pooler": "bert.pooler.dense", "head.classifier": "classifier"})


def classification(ops: Ops[A], weights: Weights, _settings: BertSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    return score_first(Scope(ops, weights), states, inputs.mask, "tanh")


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=classification),
}
PLUGIN = Family(settings=settings, keys=keys, forward=forward, heads=HEADS, segments=True)
