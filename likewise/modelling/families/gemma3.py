"""The text network of Gemma 3 models that see pictures, too (Kamath et al. 2025, arXiv:2503.19786)."""

from collections.abc import Mapping
from typing import Any

from likewise.errors import ModelError
from likewise.modelling.families import Family, gemma3_text, llama


def settings(config: Mapping[str, Any]) -> llama.LlamaSettings:
    """The settings of a published ``config.json``."""
    return gemma3_text.settings(_text(config))


def most_tokens(config: Mapping[str, Any]) -> int | None:
    """As ``llama.most_tokens``."""
    return llama.most_tokens(_text(config))


def _text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("text_config")
    if not isinstance(found, Mapping):
        raise ModelError(
            "config.json has no 'text_config', which shapes the network: complete it from the published file"
        )
    return found


PLUGIN = Family(
    settings=settings,
    keys=llama.keys,
    forward=llama.forward,
    most_tokens=most_tokens,
    heads=llama.HEADS,
)
