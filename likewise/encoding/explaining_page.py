"""One page that draws a text's way to its vector; it needs no network and no other file."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from likewise.encoding.explaining import Comparison, Trace, focus
from likewise.modelling.ops import Array

_TEMPLATE = Path(__file__).parent / "explaining.html"
_MOST_TOKENS = 64  # of which attention is drawn: it grows with their square


def page(model: str, chain: str, traces: Sequence[Trace], alike: Comparison | None, *, token: str | None) -> str:
    """The page as HTML. Attention over more than 64 tokens is left out of it, which the page then does not draw."""
    data = {
        "model": model,
        "chain": chain,
        "texts": [_text(one, token) for one in traces],
        "alike": None if alike is None else asdict(alike),
    }
    whole = json.dumps(data, allow_nan=False).replace("<", "\\u003c")  # so that no text can end the script
    return _TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", whole)


def _text(one: Trace, token: str | None) -> dict[str, Any]:
    drawn = len(one.ids) <= _MOST_TOKENS
    return {
        "text": one.text,
        "pieces": one.pieces,
        "ids": one.ids.tolist(),
        "lookup": _rounded(one.lookup),
        "lookup_norm": _rounded(np.linalg.norm(one.lookup, axis=1)),
        "place_norm": None if one.places is None else _rounded(np.linalg.norm(one.places, axis=1)),
        "attention": _rounded(one.attention) if drawn else [],
        "focus": focus(one, token),
        "shares": _rounded(one.shares),
        "vector": _rounded(one.vector),
        "norm": float(np.linalg.norm(one.vector)),
    }


def _rounded(values: Array) -> Any:
    return np.round(values.astype(np.float64), 4).tolist()
