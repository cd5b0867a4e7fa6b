"""Nomic BERT: BERT with rotary positions and gated layers, or experts (Nussbaum et al. 2024, arXiv:2402.01613).

The experts are those of Nussbaum and Duderstadt 2025, arXiv:2502.07972.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.experts import experts
from likewise.modelling.families import Family, Head, bert, module_keys, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import VOCABULARY, Scope, activation, gated, gated_halves, rotate, split_heads, thirds
from likewise.modelling.positions import declared_rotary, rotary

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotarySettings:
    """What shapes a network of post-norm layers with rotary positions: Nomic's, and GTE's and Jina's third."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    rope_theta: float
    rope_scaling: Mapping[str, Any] | None = None
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    type_vocab_size: int = 1  # 0: there are no segments
    gated: bool = True
    attention_bias: bool = True
    up_bias: bool = False
    down_bias: bool = True
    num_experts: int = 0
    moe_top_k: int = 0
    moe_every_n_layers: int = 0  # of so many layers the second has experts; 0: none has
    tie_word_embeddings: bool = True  # whether a head scores the vocabulary with the table of tokens
    new_names: bool = False  # whether heads are named as transformers names them

    def __post_init__(self) -> None:
        activation(self.hidden_act)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is no multiple of {self.num_attention_heads} heads")
        if self.moe_every_n_layers and not 0 < self.moe_top_k <= self.num_experts:
            raise ModelError(f"config.json sends each token to {self.moe_top_k} of {self.num_experts} experts")

    def has_experts(self, layer: int) -> bool:
        return self.moe_every_n_layers > 0 and layer % self.moe_every_n_layers == 1


_PUBLISHED = {  # our setting -> the key in the files of Nomic
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
    "rope_theta": "rotary_emb_base",
    "layer_norm_eps": "layer_norm_epsilon",
    "attention_bias": "qkv_proj_bias",
    "up_bias": "mlp_fc1_bias",
    "down_bias": "mlp_fc2_bias",
}
_ONLY = {
    "prenorm": (False, None),
    "use_rms_norm": (False, None),
    "parallel_block": (False, None),
    "causal": (False, None),
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": (False, None),
    "rotary_emb_scale_base": None,
    "scale_attn_weights": (True, None),
    "scale_attn_by_inverse_layer_idx": (False, None),
    "num_shared_experts": (0, None),
    "expert_choice_router": (False, None),
    "moe_normalize_expert_weights": (False, None),
    "activation_function": ("gelu", "swiglu", "geglu", "glu"),
}
_GATES = {"swiglu": "silu", "geglu": "gelu", "glu": "sigmoid"}


def settings(config: Mapping[str, Any]) -> RotarySettings:
    """The settings of a published ``config.json``, in the spelling of Nomic's files or of transformers."""
    if "n_embd" in config:
        function = config.get("activation_function", "gelu")
        extra = {"gated": function in _GATES, "hidden_act": _GATES.get(function, function)}
        return read_settings(RotarySettings, {**config, **extra}, names=_PUBLISHED, only=_ONLY)
    theta, scaling = declared_rotary(config, base=1000.0)
    fixed = {"attention_bias": False, "up_bias": False, "down_bias": False, "new_names": True}
    acts = {"hidden_act": "silu", "type_vocab_size": 2} | dict(config)
    head_dim = int(config.get("hidden_size", 0)) // int(config.get("num_attention_heads", 1))
    rope = {"rope_theta": theta, "rope_scaling": scaling}
    return read_settings(RotarySettings, acts | rope | fixed, only={"head_dim": (head_dim, None)})


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """Where frequencies change with the length of a batch, only up to the length at which they begin to."""
    found = config.get("n_positions", config.get("max_position_embeddings"))
    trained = config.get("max_trained_positions")
    return min(found, trained) if config.get("rotary_scaling_factor") and trained and found else found


def keys(settings: RotarySettings) -> dict[str, str]:
    """Our names to the published ones; transformers writes them as Nomic does."""
    found = {"tokens": "embeddings.word_embeddings.weight"} | module_keys({"norm": "emb_ln"})
    if settings.type_vocab_size:
        found["segments"] = "embeddings.token_type_embeddings.weight"
    for i in range(settings.num_hidden_layers):
        of_layer = module_keys({"attention.norm": "norm1", "feed_forward.norm": "norm2"})
        linear = {"attention.qkv": "attn.Wqkv", "attention.output": "attn.out_proj"}
        of_layer |= module_keys(linear, bias=settings.attention_bias)
        of_layer |= _EXPERTS if settings.has_experts(i) else _feed_forward_keys(settings)
        found |= {f"layers.{i}.{ours}": f"encoder.layers.{i}.{theirs}" for ours, theirs in of_layer.items()}
    return found


_EXPERTS = {
    "feed_forward.router.weight": "mlp.router.layer.weight",
    "feed_forward.up.weight": "mlp.experts.mlp.w1",
    "feed_forward.down.weight": "mlp.experts.mlp.w2",
    "feed_forward.bias": "mlp.experts.bias",
}


def _feed_forward_keys(settings: RotarySettings) -> dict[str, str]:
    up = {"feed_forward.gate": "mlp.fc12", "feed_forward.up": "mlp.fc11"}
    up = up if settings.gated else {"feed_forward.up": "mlp.fc1"}
    return module_keys(up, bias=settings.up_bias) | module_keys(
        {"feed_forward.down": "mlp.fc2"}, bias=settings.down_bias
    )


def forward(ops: Ops[A], weights: Weights, settings: RotarySettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    return encode(scope, settings, embed(scope, settings, inputs), inputs)


def embed(scope: Scope[A], settings: RotarySettings, inputs: Inputs[A], *, more: A | None = None) -> A:
    """Token, segment and whatever ``more`` (B, T, D) together, normalised: (B, T, D)."""
    ops, x = scope.ops, scope.ops.embed(scope["tokens"], inputs.ids)
    if "segments" in scope:
        table = scope["segments"]
        x = ops.add(x, ops.constant(table[0]) if inputs.segments is None else ops.lookup(table, inputs.segments))
    x = x if more is None else ops.add(x, more)
    return scope.layer_norm("norm", x, epsilon=settings.layer_norm_eps)


def encode(scope: Scope[A], settings: RotarySettings, x: A, inputs: Inputs[A]) -> A:
    """All layers over embedded tokens (B, T, D)."""
    width = settings.hidden_size // settings.num_attention_heads
    tables = rotary(settings.max_position_embeddings, width, base=settings.rope_theta, scaling=settings.rope_scaling)
    turns = scope.ops.first_rows(tables[0], inputs.ids), scope.ops.first_rows(tables[1], inputs.ids)  # (T, 1, d) each
    for i in range(settings.num_hidden_layers):
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask, turns)
    return x


def _layer(scope: Scope[A], settings: RotarySettings, x: A, mask: A, turns: tuple[A, A]) -> A:
    """Attention and feed-forward, each added and then normalised."""
    ops, heads, epsilon = scope.ops, settings.num_attention_heads, settings.layer_norm_eps
    width = settings.hidden_size // heads
    fused = scope.linear("attention.qkv", x, site="attention.input")
    q, k, v = (split_heads(ops, part, heads) for part in thirds(ops, fused, settings.hidden_size))
    q, k = (rotate(ops, part, *turns, width=width) for part in (q, k))
    how = Attention(heads=heads, groups=heads, scale=width**-0.5)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.mixed"))
    update = scope.linear("attention.output", mixed, site="attention.mixed")
    x = scope.layer_norm("attention.norm", ops.add(x, update), epsilon=epsilon)
    update = _feed_forward(scope.inside("feed_forward"), settings, x)
    return scope.layer_norm("feed_forward.norm", ops.add(x, update), epsilon=epsilon)


def _feed_forward(scope: Scope[A], settings: RotarySettings, x: A) -> A:
    """What the layer has of experts, a gate of its own, a gate fused with what it opens, or neither."""
    function = activation(settings.hidden_act)
    if "router.weight" in scope:
        return experts(scope, x, function, top=settings.moe_top_k)
    if "gate.weight" in scope:
        return gated(scope, x, function, gate="gate", up="up", down="down")
    if "up_gate.weight" in scope:
        return gated_halves(scope, x, function, both="up_gate", down="down", gate_first=False)
    return scope.linear("down", scope.ops.apply(scope.linear("up", x), function))


def refuse_own_table(settings: RotarySettings) -> None:
    """Refuse a head that scores the vocabulary with a table of its own.

    Raises:
        ModelError: ``config.json`` says that it does.
    """
    if not settings.tie_word_embeddings:
        raise ModelError("config.json says tie_word_embeddings=False; a head with its own token table is not known")


def masked_language_keys(settings: RotarySettings) -> dict[str, str]:
    """The head that guesses masked tokens; its last weights are the token table's."""
    refuse_own_table(settings)
    bias = settings.up_bias or settings.new_names
    found = module_keys({"head.dense": "cls.predictions.transform.dense"}, bias=bias)
    found |= module_keys({"head.norm": "cls.predictions.transform.layer_norm"})
    last = "cls.predictions.bias" if settings.new_names else "cls.predictions.decoder.bias"
    return found | ({"head.bias": last} if bias else {})


def masked_language(ops: Ops[A], weights: Weights, settings: RotarySettings, states: A, _inputs: Inputs[A]) -> A:
    """A score for each token of the vocabulary: (B, T, D) to (B, T, V)."""
    scope = Scope(ops, weights)
    function = activation(settings.hidden_act) if settings.hidden_act != "sigmoid" else "gelu"
    x = ops.apply(scope.linear("head.dense", states), function)
    x = scope.layer_norm("head.norm", x, epsilon=settings.layer_norm_eps)
    return ops.linear(x, scope["tokens"], weights.get("head.bias"), site=VOCABULARY)


def classification_keys(settings: RotarySettings) -> dict[str, str]:
    """The head that scores a text or a pair of texts."""
    prefix = "nomic_bert" if settings.new_names else "bert"
    return module_keys({"head.pooler": f"{prefix}.pooler.dense", "head.classifier": "classifier"})


HEADS = {
    "masked_language": Head(keys=masked_language_keys, forward=masked_language),
    "classification": Head(keys=classification_keys, forward=bert.classification),
}
PLUGIN = Family(settings=settings, keys=keys, forward=forward, heads=HEADS, most_tokens=most_tokens, segments=True)
