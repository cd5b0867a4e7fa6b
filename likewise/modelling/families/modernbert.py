"""ModernBERT: rotary positions, local and global attention, gated pre-norm layers (Warner 2024, arXiv:2412.13663)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, module_keys, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import VOCABULARY, Scope, activation, gated_halves, rotate, split_heads, thirds
from likewise.modelling.pooling import POOLINGS
from likewise.modelling.positions import rotary

A = TypeVar("A")
_LOCAL, _GLOBAL = "sliding_attention", "full_attention"
_THETAS = {_LOCAL: ("local_rope_theta", 10_000.0), _GLOBAL: ("global_rope_theta", 160_000.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModernBertSettings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    layer_types: tuple[str, ...]  # for each layer "sliding_attention" or "full_attention"
    rope_parameters: Mapping[str, Mapping[str, Any]]  # for each of these
    local_attention: int = 128  # tokens that a layer with sliding attention looks at, half of them on each side
    hidden_activation: str = "gelu"
    norm_eps: float = 1e-5
    norm_bias: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    tie_word_embeddings: bool = True
    decoder_bias: bool = True
    classifier_bias: bool = False
    classifier_activation: str = "gelu"
    classifier_pooling: str = "cls"

    def __post_init__(self) -> None:
        activation(self.hidden_activation)
        activation(self.classifier_activation)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is no multiple of {self.num_attention_heads} heads")
        if len(self.layer_types) != self.num_hidden_layers or set(self.layer_types) - set(_THETAS):
            raise ModelError(
                f"config.json has layer_types={list(self.layer_types)}; expected {self.num_hidden_layers} of "
                f"{' or '.join(_THETAS)}"
            )


def settings(config: Mapping[str, Any]) -> ModernBertSettings:
    """The settings of a published ``config.json``, in the spelling of 2024 or of transformers 5."""
    every = config.get("global_attn_every_n_layers") or 3
    layers = range(int(config.get("num_hidden_layers", 0)))
    types = config.get("layer_types") or [_LOCAL if i % every else _GLOBAL for i in layers]
    found = {"layer_types": tuple(types), "rope_parameters": {kind: _rope(config, kind) for kind in _THETAS}}
    only = {"classifier_pooling": ("cls", "mean")}
    return read_settings(ModernBertSettings, {**config, **found}, only=only)


def _rope(config: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Theta and scaling of one kind of layers."""
    key, default = _THETAS[kind]
    scaling = (config.get("rope_parameters") or {}).get(kind) or config.get("rope_scaling") or {}
    return {"rope_theta": config.get(key) or default, **scaling}


def keys(settings: ModernBertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    linear = {"attention.qkv": "attn.Wqkv", "attention.output": "attn.Wo"}
    gated = {"feed_forward.gate_up": "mlp.Wi", "feed_forward.down": "mlp.Wo"}
    found = {"tokens": "embeddings.tok_embeddings.weight"}
    found |= module_keys({"norm": "embeddings.norm", "final_norm": "final_norm"}, bias=settings.norm_bias)
    for i in range(settings.num_hidden_layers):
        norms = {"attention.norm": "attn_norm", "feed_forward.norm": "mlp_norm"}
        if i == 0:  # what it would normalise comes straight from a norm
            del norms["attention.norm"]
        of_layer = module_keys(norms, bias=settings.norm_bias) | module_keys(linear, bias=settings.attention_bias)
        of_layer |= module_keys(gated, bias=settings.mlp_bias)
        found |= {f"layers.{i}.{ours}": f"layers.{i}.{theirs}" for ours, theirs in of_layer.items()}
    return found


def forward(ops: Ops[A], weights: Weights, settings: ModernBertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    width = settings.hidden_size // settings.num_attention_heads
    turns = {}
    for kind in sorted(set(settings.layer_types)):
        rope = settings.rope_parameters[kind]
        tables = rotary(settings.max_position_embeddings, width, base=float(rope["rope_theta"]), scaling=rope)
        turns[kind] = ops.first_rows(tables[0], inputs.ids), ops.first_rows(tables[1], inputs.ids)  # (T, 1, d) each
    x = scope.layer_norm("norm", ops.embed(scope["tokens"], inputs.ids), epsilon=settings.norm_eps)
    for i, kind in enumerate(settings.layer_types):
        window = settings.local_attention // 2 if kind == _LOCAL else None
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask, turns[kind], window)
    return scope.layer_norm("final_norm", x, epsilon=settings.norm_eps)


def _layer(scope: Scope[A], settings: ModernBertSettings, x: A, mask: A, turns: tuple[A, A], window: int | None) -> A:
    """Attention and feed-forward, each normalised before and then added."""
    ops, heads, epsilon = scope.ops, settings.num_attention_heads, settings.norm_eps
    width = settings.hidden_size // heads
    normed = scope.layer_norm("attention.norm", x, epsilon=epsilon) if "attention.norm.weight" in scope else x
    fused = scope.linear("attention.qkv", normed, site="attention.input")
    q, k, v = (split_heads(ops, part, heads) for part in thirds(ops, fused, settings.hidden_size))
    q, k = (rotate(ops, part, *turns, width=width) for part in (q, k))
    how = Attention(heads=heads, groups=heads, scale=width**-0.5, window=window)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"))
    x = ops.add(x, scope.linear("attention.output", mixed, site="attention.mixed"))
    normed = scope.layer_norm("feed_forward.norm", x, epsilon=epsilon)
    function = activation(settings.hidden_activation)
    return ops.add(x, gated_halves(scope, normed, function, both="feed_forward.gate_up", down="feed_forward.down"))


def _head_keys(settings: ModernBertSettings) -> dict[str, str]:
    dense = module_keys({"head.dense": "head.dense"}, bias=settings.classifier_bias)
    return dense | module_keys({"head.norm": "head.norm"}, bias=settings.norm_bias)


def _head(scope: Scope[A], settings: ModernBertSettings, x: A) -> A:
    x = scope.ops.apply(scope.linear("head.dense", x), activation(settings.classifier_activation))
    return scope.layer_norm("head.norm", x, epsilon=settings.norm_eps)


def masked_language_keys(settings: ModernBertSettings) -> dict[str, str]:
    """The head that guesses masked tokens; its last weights are the token table's unless config.json unties them."""
    found = _head_keys(settings)
    if not settings.tie_word_embeddings:
        found["head.decoder.weight"] = "decoder.weight"
    return found | ({"head.decoder.bias": "decoder.bias"} if settings.decoder_bias else {})


def masked_language(ops: Ops[A], weights: Weights, settings: ModernBertSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    table = weights["tokens" if settings.tie_word_embeddings else "head.decoder.weight"]
    x = _head(Scope(ops, weights), settings, states)
    return ops.linear(x, table, weights.get("head.decoder.bias"), site=VOCABULARY)


def classification_keys(settings: ModernBertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return _head_keys(settings) | module_keys({"head.classifier": "classifier"})


def classification(ops: Ops[A], weights: Weights, settings: ModernBertSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    scope = Scope(ops, weights)
    pooled = POOLINGS.find(settings.classifier_pooling)(ops, states, inputs.mask)  # (B, D)
    return scope.linear("head.classifier", _head(scope, settings, pooled))


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=classification),
}
PLUGIN = Family(settings=settings, keys=keys, forward=forward, heads=HEADS)
