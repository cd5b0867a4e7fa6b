"""GPT-2: learned positions, pre-norm layers, tokens that see those before them alone (Radford et al. 2019).

Its linear maps are published transposed, inputs first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, Head, llama, read_settings
from likewise.modelling.ops import Attention, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation, split_heads, thirds

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpt2Settings:
    """The keys of ``config.json`` that shape the network."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    is_causal: bool = True

    def __post_init__(self) -> None:
        activation(self.activation_function)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(f"n_embd {self.hidden_size} is no multiple of {self.num_attention_heads} heads")

    def scale(self, layer: int) -> float:
        """What the products of attention are multiplied with."""
        scale = (self.hidden_size // self.num_attention_heads) ** -0.5 if self.scale_attn_weights else 1.0
        return scale / (layer + 1) if self.scale_attn_by_inverse_layer_idx else scale


_PUBLISHED = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head"}
_LAYER = {
    "attention.norm": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.output": "attn.c_proj",
    "feed_forward.norm": "ln_2",
    "feed_forward.up": "mlp.c_fc",
    "feed_forward.down": "mlp.c_proj",
}


def settings(config: Mapping[str, Any]) -> Gpt2Settings:
    """The settings of a published ``config.json``."""
    llama.refuse_unsaid_direction(config)
    return read_settings(Gpt2Settings, config, names=_PUBLISHED, only={"add_cross_attention": False})


def keys(settings: Gpt2Settings) -> dict[str, str]:
    """Our names to the published ones."""
    table = {"norm": "ln_f"}
    for i in range(settings.num_hidden_layers):
        table |= {f"layers.{i}.{ours}": f"h.{i}.{theirs}" for ours, theirs in _LAYER.items()}
    pairs = {f"{our}.{kind}": f"{their}.{kind}" for our, their in table.items() for kind in ("weight", "bias")}
    return {"tokens": "wte.weight", "positions": "wpe.weight"} | pairs


def forward(ops: Ops[A], weights: Weights, settings: Gpt2Settings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    scope = Scope(ops, weights)
    where = ops.lookup(scope["positions"], ops.positions(inputs.mask))
    x = ops.add(ops.embed(scope["tokens"], inputs.ids), where)
    for i in range(settings.num_hidden_layers):
        x = _layer(scope.inside(f"layers.{i}"), settings, x, inputs.mask, settings.scale(i))
    return scope.layer_norm("norm", x, epsilon=settings.layer_norm_epsilon)


def _layer(scope: Scope[A], settings: Gpt2Settings, x: A, mask: A, scale: float) -> A:
    """Attention and feed-forward, each normalised before and then added."""
    ops, heads, epsilon = scope.ops, settings.num_attention_heads, settings.layer_norm_epsilon
    fused = _map(scope, "attention.qkv", scope.layer_norm("attention.norm", x, epsilon=epsilon))
    q, k, v = (split_heads(ops, part, heads) for part in thirds(ops, fused, settings.hidden_size))
    how = Attention(heads=heads, groups=heads, scale=scale, causal=settings.is_causal)
    mixed = ops.attention(q, k, v, mask, how, site=scope.full("attention.output.input"))
    x = ops.add(x, _map(scope, "attention.output", mixed))
    inner = _map(scope, "feed_forward.up", scope.layer_norm("feed_forward.norm", x, epsilon=epsilon))
    inner = ops.apply(inner, activation(settings.activation_function))
    return ops.add(x, _map(scope, "feed_forward.down", inner))


def _map(scope: Scope[A], part: str, x: A) -> A:
    """``x @ weight + bias``."""
    weight, bias = scope[f"{part}.weight"].T, scope[f"{part}.bias"]
    return scope.ops.linear(x, weight, bias, site=scope.full(f"{part}.input"))


PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    most_tokens=lambda config: config.get("n_positions"),
    heads={"classification": Head(keys=llama.classification_keys, forward=llama.classification)},
)
