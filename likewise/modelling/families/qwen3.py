"""Qwen3: Llama's network with normalised queries and keys (Yang et al. 2025, arXiv:2505.09388)."""

from collections.abc import Mapping
from typing import Any

from likewise.modelling.families import Family, llama, qwen2, read_settings

_HEAD_DIM = 128  # where config.json does not say


def settings(config: Mapping[str, Any]) -> llama.LlamaSettings:
    """The settings of a published ``config.json``."""
    known = llama.completed({"head_dim": _HEAD_DIM, **config}) | qwen2.upper_windows(config)
    bias = config.get("attention_bias", False)
    return read_settings(llama.LlamaSettings, known | {"output_bias": bias, "mlp_bias": False, "head_norms": True})


PLUGIN = Family(
    settings=settings,
    keys=llama.keys,
    forward=llama.forward,
    most_tokens=llama.most_tokens,
    heads=llama.HEADS,
)
