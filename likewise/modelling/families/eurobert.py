"""EuroBERT: Llama's layers, where all tokens see each other (Boizard et al. 2025, arXiv:2503.05500)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.modelling.families import Family, Head, llama, module_keys, read_settings
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import VOCABULARY, Scope
from likewise.modelling.pooling import POOLINGS

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class EuroBertSettings:
    """The keys of ``config.json`` that shape the network and its heads."""

    network: llama.LlamaSettings
    classifier_pooling: str = "late"  # "bos" or "mean": tokens are pooled, then scored; "late": scored, then averaged
    tie_word_embeddings: bool = False
    mlp_bias: bool = False


def settings(config: Mapping[str, Any]) -> EuroBertSettings:
    """The settings of a published ``config.json``."""
    found = llama.completed({"rms_norm_eps": 1e-5, **config, "is_causal": False}, theta=250_000.0)
    network = read_settings(llama.LlamaSettings, found | {"output_bias": config.get("attention_bias", False)})
    pooling = config.get("classifier_pooling") or config.get("clf_pooling") or "late"
    extra = {"network": network, "classifier_pooling": pooling}
    only = {"is_causal": (False, None), "classifier_pooling": ("late", "bos", "mean")}
    return read_settings(EuroBertSettings, {**config, **extra}, only=only)


def keys(settings: EuroBertSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return llama.keys(settings.network)


def forward(ops: Ops[A], weights: Weights, settings: EuroBertSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    return llama.forward(ops, weights, settings.network, inputs)


def masked_language_keys(settings: EuroBertSettings) -> dict[str, str]:
    """The head that guesses masked tokens: one map, the token table's if ``config.json`` ties them."""
    found = {"head.bias": "lm_head.bias"} if settings.mlp_bias else {}
    return found if settings.tie_word_embeddings else found | {"head.decoder.weight": "lm_head.weight"}


def masked_language(ops: Ops[A], weights: Weights, settings: EuroBertSettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    table = weights["tokens" if settings.tie_word_embeddings else "head.decoder.weight"]
    return ops.linear(states, table, weights.get("head.bias"), site=VOCABULARY)


def classification_keys(_settings: EuroBertSettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return module_keys({"head.dense": "dense", "head.classifier": "classifier"})


def classification(ops: Ops[A], weights: Weights, settings: EuroBertSettings, states: A, inputs: Inputs[A]) -> A:
    """Scores before any activation: (B, T, D) to (B, labels)."""
    scope, late = Scope(ops, weights), settings.classifier_pooling == "late"
    pool = POOLINGS.find("cls" if settings.classifier_pooling == "bos" else "mean")
    x = states if late else pool(ops, states, inputs.mask)
    x = scope.linear("head.classifier", ops.apply(scope.linear("head.dense", x), "gelu"))
    return pool(ops, x, inputs.mask) if late else x


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=classification),
}
PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    heads=HEADS,
    width=lambda settings: int(settings.network.hidden_size),
    most_tokens=llama.most_tokens,
)
