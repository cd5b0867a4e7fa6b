"""Mistral: Llama's network with a sliding window (Jiang et al. 2023, arXiv:2310.06825)."""

from collections.abc import Mapping
from typing import Any

from likewise.modelling.families import Family, llama, read_settings


def settings(config: Mapping[str, Any]) -> llama.LlamaSettings:
    """The settings of a published ``config.json``."""
    known, size = llama.completed(config), config.get("sliding_window")
    kinds = [llama.SLIDING if size else llama.FULL] * len(known["windows"])
    found = {"windows": llama.windows(config, kinds, size=size), "attention_bias": False, "mlp_bias": False}
    return read_settings(llama.LlamaSettings, known | found)


PLUGIN = Family(
    settings=settings,
    keys=llama.keys,
    forward=llama.forward,
    most_tokens=llama.most_tokens,
    heads=llama.HEADS,
)
