"""DeBERTa v2 and v3: content and distance attend apart (He et al. 2021, arXiv:2006.03654 and arXiv:2111.09543)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, bert, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation
from likewise.modelling.positions import log_buckets

A = TypeVar("A")

_KINDS = ("c2p", "p2c")  # content looks at positions, positions at content
_LAYER = bert.LAYER | {
    "attention.query": "attention.self.query_proj",
    "attention.key": "attention.self.key_proj",
    "attention.value": "attention.self.value_proj",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DebertaSettings:
    """The keys of ``config.json`` that shape the network, beside BERT's."""

    network: bert.BertSettings
    max_position_embeddings: int
    embedding_size: int
    pos_att_type: str | Sequence[str] | None = None
    relative_attention: bool = False
    max_relative_positions: int = -1
    position_buckets: int = -1
    norm_rel_ebd: str = "none"
    share_att_key: bool = False
    position_biased_input: bool = True
    type_vocab_size: int = 0
    conv_kernel_size: int = 0
    conv_act: str = "tanh"
    pooler_hidden_act: str = "gelu"
    legacy: bool = True  # how the head that guesses masked tokens is laid out

    def __post_init__(self) -> None:
        activation(self.conv_act), activation(self.pooler_hidden_act)
        if unknown := set(self.kinds) - set(_KINDS):
            raise ModelError(f"config.json says pos_att_type={sorted(unknown)}; known are {', '.join(_KINDS)}")

    @property
    def kinds(self) -> list[str]:
        """Which of ``_KINDS`` there are; files spell them "p2c|c2p" or as a list."""
        named = self.pos_att_type or []
        return [one.strip().lower() for one in (named.split("|") if isinstance(named, str) else named)]

    @property
    def furthest(self) -> int:
        """The distance beyond which all are alike."""
        return self.max_position_embeddings if self.max_relative_positions < 1 else self.max_relative_positions

    @property
    def span(self) -> int:
        """Half the rows of the table of distances."""
        return self.position_buckets if self.position_buckets > 0 else self.furthest

    @property
    def norms_distances(self) -> bool:
        return self.relative_attention and "layer_norm" in self.norm_rel_ebd.lower()


def settings(config: Mapping[str, Any]) -> DebertaSettings:
    """The settings of a published ``config.json``."""
    network = read_settings(bert.BertSettings, {"layer_norm_eps": 1e-7} | dict(config), only={"conv_groups": 1})
    filled = {"embedding_size": network.hidden_size} | dict(config) | {"network": network}
    return read_settings(DebertaSettings, filled)


def keys(settings: DebertaSettings) -> dict[str, str]:
    """Our names to the published ones."""
    table = {name: bert.EMBEDDINGS[name] for name in ("tokens", "norm.weight", "norm.bias")}
    pairs = {}
    if settings.position_biased_input:
        table["positions"] = bert.EMBEDDINGS["positions"]
    if settings.type_vocab_size > 0:
        table["segments"] = bert.EMBEDDINGS["segments"]
    if settings.embedding_size != settings.network.hidden_size:
        table["project.weight"] = "embeddings.embed_proj.weight"
    if settings.relative_attention:
        table["distances"] = "encoder.rel_embeddings.weight"
    if settings.norms_distances:
        pairs["distances.norm"] = "encoder.LayerNorm"
    if settings.conv_kernel_size > 0:
        pairs |= {"convolution": "encoder.conv.conv", "convolution.norm": "encoder.conv.LayerNorm"}
    layers = bert.layer_keys(settings.network.num_hidden_layers, _layer_table(settings), published="encoder.layer")
    return table | bert.with_biases(pairs) | layers


def _layer_table(settings: DebertaSettings) -> dict[str, str]:
    if settings.share_att_key or not settings.relative_attention:
        return _LAYER
    own = {"c2p": ("distance.key", "pos_key_proj"), "p2c": ("distance.query", "pos_query_proj")}
    return _LAYER | {own[kind][0]: f"attention.self.{own[kind][1]}" for kind in settings.kinds}


def forward(ops: Ops[A], weights: Weights, settings: DebertaSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope, mask = Scope(ops, weights), inputs.mask
    embedded = _embed(scope, settings, inputs)
    far = _far(scope, settings, inputs.ids) if settings.relative_attention else None
    x = embedded
    for i in range(settings.network.num_hidden_layers):
        x = _layer(scope.inside(f"layers.{i}"), settings, x, mask, far)
        if i == 0 and settings.conv_kernel_size > 0:
            x = _convolve(scope, settings, embedded, x, mask)
    return x


def _embed(scope: Scope[A], settings: DebertaSettings, inputs: Inputs[A]) -> A:
    """Tokens and what else there is, normalised: (B, T, D)."""
    ops = scope.ops
    x = ops.embed(scope["tokens"], inputs.ids)
    if settings.position_biased_input:
        x = ops.add(x, ops.lookup(scope["positions"], ops.positions(inputs.mask)))
    if settings.type_vocab_size > 0:
        table = scope["segments"]
        one = ops.constant(table[0]) if inputs.segments is None else ops.lookup(table, inputs.segments)
        x = ops.add(x, one)
    if "project.weight" in scope:
        x = scope.linear("project", x)
    return scope.layer_norm("norm", x, epsilon=settings.network.layer_norm_eps)


@dataclass(frozen=True, slots=True)
class _Far(Generic[A]):
    """Distances, for all layers."""

    rows: A  # (N, D): a vector for each distance that counts
    of_keys: A  # (T, T): the row of a key's distance, for each query
    of_queries: A  # (T, T): the row of a query's distance, for each key


def _far(scope: Scope[A], settings: DebertaSettings, ids: A) -> _Far[A]:
    ops, furthest, span = scope.ops, settings.furthest, settings.span
    behind = np.arange(-furthest, furthest + 1)  # how far the one that looks is behind what it looks at
    if settings.position_buckets > 0:
        behind = log_buckets(furthest, buckets=span, furthest=furthest)
    places = ops.add(ops.distances(ids, limit=furthest), ops.constant(np.array(furthest)))  # (T, T), none negative
    of_keys, of_queries = (ops.lookup(np.clip(span + way, 0, 2 * span - 1), places) for way in (-behind, behind))
    rows = ops.constant(scope["distances"][: 2 * span])
    if settings.norms_distances:
        rows = scope.layer_norm("distances.norm", rows, epsilon=settings.network.layer_norm_eps)
    return _Far(rows, of_keys, of_queries)


def _layer(scope: Scope[A], settings: DebertaSettings, x: A, mask: A, far: _Far[A] | None) -> A:
    """BERT's layer, with distances in its scores."""
    network, heads = settings.network, settings.network.num_attention_heads
    q, k, v = bert.project(scope, network, x)
    scale = (network.hidden_size // heads * (1 + len(settings.kinds))) ** -0.5
    bias = _bias(scope, settings, far, (q, k), scale) if far is not None and settings.kinds else None
    how = Attention(heads=heads, groups=heads, scale=scale)
    mixed = scope.ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"), bias=bias)
    return bert.finish(scope, network, x, mixed)


def _bias(scope: Scope[A], settings: DebertaSettings, far: _Far[A], looking: tuple[A, A], scale: float) -> A:
    """Queries times distances of keys, and keys times distances of queries: (B, H, T, T) (2006.03654, equation 4)."""
    ops = scope.ops
    found = []
    for kind, part, content, index in zip(
        _KINDS, ("key", "query"), looking, (far.of_keys, far.of_queries), strict=True
    ):
        if kind in settings.kinds:
            rows = _rows(scope, settings, far, part, scale)  # (H, d, N)
            products = ops.matmul(ops.transpose(content, (0, 2, 1, 3)), rows)  # (B, H, T, N)
            taken = ops.take_along(products, index)
            found.append(taken if kind == "c2p" else ops.transpose(taken, (0, 1, 3, 2)))
    return found[0] if len(found) == 1 else ops.add(*found)


def _rows(scope: Scope[A], settings: DebertaSettings, far: _Far[A], part: str, scale: float) -> A:
    """Distances as keys or queries, times ``scale``: (H, d, N). Engines fold it into a constant."""
    ops = scope.ops
    name = f"attention.{part}" if settings.share_att_key else f"distance.{part}"
    weight, bias = scope[f"{name}.weight"] * scale, scope[f"{name}.bias"] * scale
    rows = ops.add(ops.matmul(far.rows, ops.constant(weight.T)), ops.constant(bias))  # (N, D)
    return ops.transpose(ops.reshape(rows, (0, settings.network.num_attention_heads, -1)), (1, 2, 0))


def _convolve(scope: Scope[A], settings: DebertaSettings, embedded: A, x: A, mask: A) -> A:
    """The first layer's result x, and a convolution over embedded tokens beside it (2006.03654, the 1.5B model)."""
    ops = scope.ops
    real = ops.transpose(ops.multiply(embedded, ops.real(mask)), (0, 2, 1))  # (B, D, T)
    padding = (settings.conv_kernel_size - 1) // 2
    near = ops.convolve(real, scope["convolution.weight"], scope["convolution.bias"], padding=padding)
    near = ops.apply(ops.transpose(near, (0, 2, 1)), activation(settings.conv_act))
    return scope.layer_norm("convolution.norm", ops.add(x, near), epsilon=settings.network.layer_norm_eps)


def masked_language_keys(settings: DebertaSettings) -> dict[str, str]:
    """The head that guesses masked tokens."""
    place = "cls.predictions.transform" if settings.legacy else "lm_predictions.lm_head"
    table = {"head.dense": f"{place}.dense", "head.norm": f"{place}.LayerNorm"}
    bias = "cls.predictions.bias" if settings.legacy else "lm_predictions.lm_head.bias"
    return bert.vocabulary_keys(settings.network, table, bias=bias)


def masked_language(ops: Ops[A], weights: Weights, settings: DebertaSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    return bert.masked_language(ops, weights, settings.network, states, _inputs)


def classification_keys(_settings: DebertaSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return bert.with_biases({"head.pooler": "pooler.dense", "head.classifier": "classifier"})


def classification(ops: Ops[A], weights: Weights, settings: DebertaSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    return bert.score_first(Scope(ops, weights), states, inputs.mask, activation(settings.pooler_hidden_act))


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
