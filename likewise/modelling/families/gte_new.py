"""GTE of 2024, and Arctic Embed M 2: BERT with rotary positions and gates (Zhang et al. 2024, arXiv:2407.19669)."""

from collections.abc import Mapping
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, bert, module_keys, nomic_bert, read_settings
from likewise.modelling.families.nomic_bert import RotarySettings
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation
from likewise.modelling.positions import declared_rotary

A = TypeVar("A")
_ONLY = {
    "position_embedding_type": ("rope", None),
    "pack_qkv": (True, None),
    "layer_norm_type": ("layer_norm", None),
    "logn_attention_scale": (False, None),
}


def settings(config: Mapping[str, Any]) -> RotarySettings:
    """The settings of a published ``config.json``."""
    theta, scaling = declared_rotary(config, base=160_000.0)
    if scaling and scaling.get("mixed_b") is not None:
        raise ModelError(
            f"config.json has mixed_b={scaling['mixed_b']!r} in rope_scaling; this family knows none alone"
        )
    extra = {"rope_theta": theta, "rope_scaling": scaling, "new_names": config.get("model_type") == "gte"}
    return read_settings(RotarySettings, {**config, **extra}, only=_ONLY)


def keys(settings: RotarySettings) -> dict[str, str]:
    """Our names to the published ones; transformers writes them so too."""
    found = {"tokens": "embeddings.word_embeddings.weight"} | module_keys({"norm": "embeddings.LayerNorm"})
    if settings.type_vocab_size:
        found["segments"] = "embeddings.token_type_embeddings.weight"
    of_layer = module_keys(
        {
            "attention.qkv": "attention.qkv_proj",
            "attention.output": "attention.o_proj",
            "attention.norm": "attn_ln",
            "feed_forward.down": "mlp.down_proj",
            "feed_forward.norm": "mlp_ln",
        }
    )
    of_layer["feed_forward.up_gate.weight"] = "mlp.up_gate_proj.weight"
    return found | {
        f"layers.{i}.{ours}": f"encoder.layer.{i}.{theirs}"
        for i in range(settings.num_hidden_layers)
        for ours, theirs in of_layer.items()
    }


def masked_language_keys(settings: RotarySettings) -> dict[str, str]:
    """The head that guesses masked tokens; its last weights are the token table's."""
    nomic_bert.refuse_own_table(settings)
    table = {"head.dense": "lm_head.dense", "head.norm": "lm_head.norm"}
    return module_keys(table) | {"head.bias": "lm_head.decoder.bias"}


def masked_language(ops: Ops[A], weights: Weights, settings: RotarySettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    function, epsilon = activation(settings.hidden_act), settings.layer_norm_eps
    return bert.score_vocabulary(Scope(ops, weights), states, function, epsilon=epsilon)


def classification_keys(settings: RotarySettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    prefix = "gte" if settings.new_names else "new"
    return module_keys({"head.pooler": f"{prefix}.pooler.dense", "head.classifier": "classifier"})


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=bert.classification),
}
PLUGIN = Family(settings=settings, keys=keys, forward=nomic_bert.forward, heads=HEADS, segments=True)
