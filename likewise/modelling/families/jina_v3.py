"""Jina's third: XLM-RoBERTa with rotary positions and an adapter for each task (Sturua 2024, arXiv:2409.10173).

An adapter adds a product of two narrow matrices to each weight (Hu et al. 2021, arXiv:2106.09685). Which task's is used
is the key ``default_task`` of ``config.json``, null for the network without any; ``for_role`` sets it. So a model has
two networks where queries and documents have a task each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, bert, module_keys, nomic_bert, read_settings
from likewise.modelling.families.nomic_bert import RotarySettings
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import Scope
from likewise.modelling.positions import declared_rotary
from likewise.types import Role

A = TypeVar("A")
_TASKS: Mapping[Role, str] = {"query": "retrieval.query", "document": "retrieval.passage"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JinaV3Settings:
    """The keys of ``config.json`` that shape the network."""

    network: RotarySettings
    lora_adaptations: tuple[str, ...] = ()  # tasks, in the order of the adapters; empty: there are none
    lora_rank: int = 4
    lora_alpha: float = 1.0
    default_task: str | None = None

    def __post_init__(self) -> None:
        if self.default_task is not None and self.default_task not in self.lora_adaptations:
            known = ", ".join(self.lora_adaptations) or "none"
            raise ModelError(
                f"config.json asks for the task {self.default_task!r}; the model has adapters for: {known}"
            )


def settings(config: Mapping[str, Any]) -> JinaV3Settings:
    """The settings of a published ``config.json``, with adapters or, as transformers has it, without."""
    theta, scaling = declared_rotary(config, base=config.get("rotary_emb_base") or 20_000.0)
    fixed = {"gated": False, "up_bias": True, "rope_theta": theta, "rope_scaling": scaling}
    only = {"position_embedding_type": ("rotary", None)}
    network = read_settings(RotarySettings, {"layer_norm_eps": 1e-5, **config, **fixed}, only=only)
    adapters = {"network": network, "lora_adaptations": tuple(config.get("lora_adaptations") or ())}
    return read_settings(JinaV3Settings, {**config, **adapters})


def for_role(config: Mapping[str, Any], role: Role) -> dict[str, Any]:
    """The ``config.json`` of the network that a role's texts go through: with the role's task, if the model has it."""
    has_it = _TASKS.get(role) in (config.get("lora_adaptations") or ())
    return {**config, **({"default_task": _TASKS[role]} if has_it else {})}


def keys(settings: JinaV3Settings) -> dict[str, str]:
    """Our names to the published ones; transformers writes them so too, without adapters."""
    found = module_keys({"norm": "emb_ln"})
    tables = {"tokens": "embeddings.word_embeddings", "segments": "embeddings.token_type_embeddings"}
    found |= {ours: f"{theirs}.weight" for ours, theirs in tables.items()}
    linear = {
        "attention.qkv": "mixer.Wqkv",
        "attention.output": "mixer.out_proj",
        "feed_forward.up": "mlp.fc1",
        "feed_forward.down": "mlp.fc2",
    }
    norms = {"attention.norm": "norm1", "feed_forward.norm": "norm2"}
    places = [(f"layers.{i}", f"encoder.layers.{i}") for i in range(settings.network.num_hidden_layers)]
    for here, there in places:
        found |= {f"{here}.{ours}": f"{there}.{theirs}" for ours, theirs in module_keys(linear | norms).items()}
    if settings.lora_adaptations:
        maps = {f"{here}.{ours}": f"{there}.{theirs}" for here, there in places for ours, theirs in linear.items()}
        for ours, theirs in (tables | maps).items():
            found[ours if ours in tables else f"{ours}.weight"] = f"{theirs}.parametrizations.weight.original"
            found |= {f"{ours}.lora_{x.lower()}": f"{theirs}.parametrizations.weight.0.lora_{x}" for x in "AB"}
    return found


def forward(ops: Ops[A], weights: Weights, settings: JinaV3Settings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, fold(settings, weights))
    more = _more(scope, settings, inputs.ids) if "tokens.lora_a" in scope else None
    return nomic_bert.encode(
        scope, settings.network, nomic_bert.embed(scope, settings.network, inputs, more=more), inputs
    )


def fold(settings: JinaV3Settings, weights: Weights) -> Weights:
    """The weights with the task's products added in place of all adapters.

    The tokens' table, most of the weights, stays as it is, and its adapters with it.
    """
    found = {name: tensor for name, tensor in weights.items() if ".lora_" not in name}
    if settings.default_task is None:
        return found
    for name in [name.removesuffix(".lora_a") for name in weights if name.endswith(".lora_a")]:
        a, b = weights[f"{name}.lora_a"], weights[f"{name}.lora_b"]
        if name == "tokens":
            found |= {"tokens.lora_a": a, "tokens.lora_b": b}
            continue
        task, scale = _task(settings)
        into = name if name == "segments" else f"{name}.weight"
        found[into] = weights[into] + (a[task] @ b[task] if name == "segments" else b[task] @ a[task]) * scale
    return found


def _more(scope: Scope[A], settings: JinaV3Settings, ids: A) -> A:
    """What the task adds to the embedded tokens: (B, T, D)."""
    ops, (task, scale) = scope.ops, _task(settings)
    narrow = ops.lookup(scope["tokens.lora_a"][task], ids)  # (B, T, rank)
    return ops.matmul(narrow, ops.constant(scope["tokens.lora_b"][task] * scale))


def _task(settings: JinaV3Settings) -> tuple[int, float]:
    """The place of the task's adapter, and what its products are multiplied with."""
    return settings.lora_adaptations.index(str(settings.default_task)), settings.lora_alpha / settings.lora_rank


def masked_language_keys(settings: JinaV3Settings) -> dict[str, str]:
    """The head that guesses masked tokens; its last weights are the token table's."""
    nomic_bert.refuse_own_table(settings.network)
    table = {"head.dense": "lm_head.dense", "head.norm": "lm_head.layer_norm"}
    return module_keys(table) | {"head.bias": "lm_head.bias"}


def masked_language(ops: Ops[A], weights: Weights, settings: JinaV3Settings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    return bert.score_vocabulary(Scope(ops, weights), states, "gelu", epsilon=settings.network.layer_norm_eps)


def classification_keys(_settings: JinaV3Settings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    return module_keys({"head.pooler": "classifier.dense", "head.classifier": "classifier.out_proj"})


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=bert.classification),
}
PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    fold=fold,
    heads=HEADS,
    width=lambda settings: int(settings.network.hidden_size),
)
