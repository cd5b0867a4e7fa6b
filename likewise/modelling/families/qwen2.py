"""Qwen2: Llama's network with biases, and windows in its upper layers (Yang et al. 2024, arXiv:2407.10671)."""

from collections.abc import Mapping
from typing import Any

from likewise.modelling.families import Family, llama, read_settings

_FIRST_WINDOW = 28  # the layer from which on there are windows, if there are any and config.json does not say


def settings(config: Mapping[str, Any]) -> llama.LlamaSettings:
    """The settings of a published ``config.json``."""
    found = {"attention_bias": True, "output_bias": False, "mlp_bias": False}
    return read_settings(llama.LlamaSettings, llama.completed(config) | upper_windows(config) | found)


def upper_windows(config: Mapping[str, Any]) -> dict[str, Any]:
    """The windows of each layer."""
    size = config.get("sliding_window") if config.get("use_sliding_window") else None
    first = config.get("max_window_layers", _FIRST_WINDOW)
    layers = range(config["num_hidden_layers"])
    kinds = config.get("layer_types") or [llama.SLIDING if size and i >= first else llama.FULL for i in layers]
    return {"windows": llama.windows(config, kinds, size=size)}


PLUGIN = Family(
    settings=settings,
    keys=llama.keys,
    forward=llama.forward,
    most_tokens=llama.most_tokens,
    heads=llama.HEADS,
)
