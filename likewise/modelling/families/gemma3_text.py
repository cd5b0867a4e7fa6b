"""Gemma 3: Llama's network with more norms, and local and global layers (Kamath et al. 2025, arXiv:2503.19786).

EmbeddingGemma (Vera et al. 2025, arXiv:2509.20354) is the same with tokens that see both sides.
"""

from collections.abc import Mapping
from typing import Any

from likewise.modelling.families import Family, llama, read_settings

_EVERY = 6  # the last of so many layers is global, where config.json does not say
_SIZE = 4096  # of a window
_THETAS = {llama.FULL: ("rope_theta", 1_000_000.0), llama.SLIDING: ("rope_local_base_freq", 10_000.0)}
_DEFAULTS = {"head_dim": 256, "num_key_value_heads": 4}


def settings(config: Mapping[str, Any]) -> llama.LlamaSettings:
    """The settings of a published ``config.json``."""
    if "use_bidirectional_attention" in config:
        both = config["use_bidirectional_attention"] or not config.get("is_causal", True)
        config = {**config, "is_causal": not both}
    known = llama.completed({**_DEFAULTS, **config, "rope_parameters": None})
    found = {
        "hidden_act": config.get("hidden_activation", "gelu_pytorch_tanh"),
        "turns": _turns(config, llama.FULL),
        "local_turns": _turns(config, llama.SLIDING),
        "windows": _windows(config),
        "scale": config.get("query_pre_attn_scalar", 256) ** -0.5,
        "output_bias": config.get("attention_bias", False),
        "mlp_bias": False,
        "head_norms": True,
        "after_norms": True,
        "norm_offset": 1.0,
        "token_scale": known["hidden_size"] ** 0.5,
    }
    return read_settings(llama.LlamaSettings, known | found, only={"attn_logit_softcapping": None})


def _turns(config: Mapping[str, Any], kind: str) -> llama.Turns:
    """Those of one kind of layers, in the new spelling or the old one, which scales those of global layers alone."""
    key, default = _THETAS[kind]
    scaling = (config.get("rope_parameters") or {}).get(kind)
    if scaling is None and kind == llama.FULL:
        scaling = config.get("rope_scaling")
    theta = (scaling or {}).get("rope_theta") or config.get(key) or default
    return llama.Turns(theta=float(theta), scaling=llama.with_length(scaling, config))


def _windows(config: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The windows of each layer. Where tokens see both sides, the published size is that of both together."""
    every = config.get("sliding_window_pattern") or config.get("_sliding_window_pattern") or _EVERY
    layers = range(config["num_hidden_layers"])
    kinds = config.get("layer_types") or [llama.SLIDING if (i + 1) % every else llama.FULL for i in layers]
    size = config.get("sliding_window", _SIZE)
    both = size and config.get("use_bidirectional_attention")
    return llama.windows(config, kinds, size=size // 2 if both else size)


PLUGIN = Family(
    settings=settings,
    keys=llama.keys,
    forward=llama.forward,
    most_tokens=llama.most_tokens,
    heads=llama.HEADS,
)
