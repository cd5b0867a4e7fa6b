"""Words as places on a map of two dimensions, drawn as a picture or as a page that can be moved and searched."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError, ShapeError
from likewise.registry import require
from likewise.safetensors_file import new_file
from likewise.types import Vectors

Method: TypeAlias = Literal["pca", "tsne", "umap"]

METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")
FORMS = (".png", ".html")
_FEWEST = 3  # words that a map makes sense of
_WIDTH, _HEIGHT = 1200, 900  # pixels
_PERPLEXITY, _NEIGHBOURS = 30, 15  # the libraries' own defaults, lowered where there are too few words
_EXTRA = "maps"


def place(vectors: Vectors, *, method: Method = "pca", seed: int = 0) -> NDArray[np.float64]:
    """Places of vectors on a map; what is near by cosine stays near as far as two dimensions allow.

    Args:
        vectors: (N, D) float32, of any length: they are made unit vectors.
        method: "pca" keeps the directions of greatest variance, so that far apart means different; "tsne" (van der
            Maaten and Hinton 2008) and "umap" (McInnes et al. 2018, arXiv:1802.03426) keep neighbours together, and
            their distances between groups mean little.
        seed: Of "tsne" and "umap".

    Returns:
        (N, 2) float64.

    Raises:
        SettingError: There is no such method.
        ShapeError: Fewer than 3 vectors.
        MissingExtraError: The library is not installed.
    """
    if method not in METHODS:
        raise SettingError(f"no method {method!r} of placing words; expected one of {', '.join(METHODS)}")
    if len(vectors) < _FEWEST:
        raise ShapeError(f"{len(vectors)} vectors make no map; give {_FEWEST} or more")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, np.where(lengths > 0, lengths, 1))
    feature = f"a map by {method}"
    if method == "pca":
        fit: Any = require("sklearn.decomposition", feature=feature, extra=_EXTRA).PCA(2, svd_solver="full")
    elif method == "tsne":
        manifold: Any = require("sklearn.manifold", feature=feature, extra=_EXTRA)
        perplexity = min(_PERPLEXITY, (len(units) - 1) / 3)
        fit = manifold.TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    else:
        neighbours = min(_NEIGHBOURS, len(units) - 1)
        # Of few words its usual start, by eigenvectors, has fewer than it needs.
        start = "random" if len(units) <= _NEIGHBOURS else "spectral"
        umap: Any = require("umap", feature=feature, extra=_EXTRA)
        fit = umap.UMAP(n_neighbors=neighbours, metric="cosine", init=start, random_state=seed, n_jobs=1)
    return np.asarray(fit.fit_transform(units), np.float64)


def draw(
    words: Sequence[str], places: NDArray[np.float64], to: Path, *, groups: Sequence[str] = (), title: str = ""
) -> None:
    """Draw a map: a picture (``.png``), or a page (``.html``) that needs no network and no other file.

    The page can be dragged and zoomed, names a word under the pointer, and shows what is typed into its field.

    Args:
        words: N words.
        places: (N, 2).
        to: Where; what is there is replaced.
        groups: A name for each word, which chooses its colour; all the same if empty.
        title: Above the map.

    Raises:
        SettingError: The name ends in neither.
        ShapeError: There are not as many places as words.
        MissingExtraError: The library is not installed.
        StorageError: The disk refused.
    """
    if to.suffix not in FORMS:
        raise SettingError(f"{to} is to be a map; expected a name that ends in {' or '.join(FORMS)}")
    if places.shape != (len(words), 2):
        raise ShapeError(f"places have shape {places.shape}, expected ({len(words)}, 2)")
    converter: Any = require("vl_convert", feature="drawing a map", extra=_EXTRA)
    page = to.suffix == ".html"
    chart = json.dumps(_chart(words, places, groups or [""] * len(words), title, page=page), ensure_ascii=False)
    if page:
        drawn: bytes = converter.vegalite_to_html(chart, bundle=True).encode()
    else:
        drawn = converter.vegalite_to_png(chart, scale=2)
    with new_file(to) as file:
        file.write(drawn)


def _chart(
    words: Sequence[str], places: NDArray[np.float64], groups: Sequence[str], title: str, *, page: bool
) -> dict[str, Any]:
    """The map as Vega-Lite describes charts."""
    rows = [
        {"word": word, "x": round(float(x), 4), "y": round(float(y), 4), "group": group}
        for word, (x, y), group in zip(words, places, groups, strict=True)
    ]
    axes = {
        name: {"field": name, "type": "quantitative", "scale": {"zero": False, "padding": 30}, "axis": None}
        for name in ("x", "y")
    }
    legend = {"legend": {"title": None, "orient": "top"} if len(set(groups)) > 1 else None}
    encoding: dict[str, Any] = axes | {
        "color": {"field": "group", "type": "nominal", "sort": None, "scale": {"scheme": "dark2"}} | legend,
        "tooltip": [{"field": "word"}],
    }
    chart: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title,
        "width": _WIDTH,
        "height": _HEIGHT,
        "background": "white",
        "config": {"view": {"stroke": "#ddd"}, "font": "sans-serif"},
        "data": {"values": rows},
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "circle", "size": 24}},
            {"mark": {"type": "text", "dy": -8, "fontSize": 11}, "encoding": {"text": {"field": "word"}}},
        ],
    }
    if page:
        moved = {"name": "moved", "select": "interval", "bind": "scales"}
        chart["params"] = [{"name": "find", "value": "", "bind": {"input": "text", "name": "Find a word: "}}]
        chart["layer"][0]["params"] = [moved]
        shown = {"test": "find == '' || indexof(lower(datum.word), lower(find)) >= 0", "value": 1}
        encoding["opacity"] = {"condition": shown, "value": 0.08}
    return chart
