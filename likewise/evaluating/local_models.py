"""The models that are on this machine, and what each costs: disk, time, and the texts that it reads only in part."""

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from likewise.encoding.catalogue import KNOWN_MODELS, find_known
from likewise.encoding.finding import Found, read_surroundings
from likewise.encoding.hub_cache import cached_models, wanted_files
from likewise.evaluating.languages import declared_languages
from likewise.modelling.chain import Kind as Output

_TIMED, _PASSES = 32, 3
_LONGEST_TOKEN = 40  # characters: of a longer text only the beginning is read, to see whether it fits


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a user may want to know of a model beside how good it is."""

    output: Output
    licence: str | None  # as declared; None if it is not
    languages: Sequence[str]  # as its model card declares them; none if it does not
    size_bytes: int  # of the files that are read
    dimension: int  # numbers in a vector: of sparse ones the vocabulary, of token vectors those of one token
    max_tokens: int
    passages_cut: float | None  # the share of the user's passages that it reads only in part; None if it is not known
    documents_cut: float | None  # the same of whole documents
    texts_per_s: float  # of the user's passages, here, on all cores that the process may use


def local_models(*, hub_cache: Path | None = None) -> list[str]:
    """Names of the models that a package or the hub's cache brings, those of packages first.

    Whether they can be loaded, and give what a task needs, is not looked at.

    Args:
        hub_cache: The hub's cache; where the environment says if None.
    """
    packaged = [model.name for model in KNOWN_MODELS.values() if model.folder()]
    cached = cached_models(read_surroundings(hub_cache=hub_cache).hub_cache)
    return packaged + [name for name in cached if (known := find_known(name)) is None or known.name not in packaged]


def model_facts(
    found: Found, output: Output, model: Any, *, passages: Sequence[str], documents: Sequence[str]
) -> ModelFacts:
    """What is known of a model, and what is measured of it on a user's texts.

    Args:
        found: Where it is.
        output: What it gives.
        model: Itself, loaded.
        passages: What it is to encode; at least one.
        documents: What they were cut from, whole; may be none.
    """
    return ModelFacts(
        output=output,
        licence=found.licence,
        languages=declared_languages(found.folder),
        size_bytes=size_bytes(found.folder),
        dimension=model.contract.dimension,
        max_tokens=model.contract.max_tokens,
        passages_cut=_share_cut(model, output, passages),
        documents_cut=_share_cut(model, output, documents),
        texts_per_s=_speed(model, output, passages),
    )


def size_bytes(folder: Path) -> int:
    """Of the files of a model's folder that could be read here; not of copies in other formats."""
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sum((folder / name).stat().st_size for name in wanted_files(files))


def _share_cut(model: Any, output: Output, texts: Sequence[str]) -> float | None:
    if output not in ("dense", "sparse") or not texts:  # others have limits that hang on the role, or on the pair
        return None
    limit, prompt = model.contract.max_tokens, model.contract.prompt("document")
    counts = model.tokenizer.count([prompt + text[: _LONGEST_TOKEN * limit] for text in texts])
    return float(np.mean(counts > limit))


def _speed(model: Any, output: Output, passages: Sequence[str]) -> float:
    """Texts a second, of pairs if it reads pairs: the median of some passes over the same few, after one to warm up."""
    texts = random.Random(0).choices(passages, k=_TIMED)
    pairs = list(zip(texts, reversed(texts), strict=True))
    taken = []
    for _ in range(_PASSES + 1):
        started = time.perf_counter()
        if output == "scores":
            model.score(pairs, overflow="truncate")
        else:
            model.encode(texts, role="document", overflow="truncate")
        taken.append(time.perf_counter() - started)
    return _TIMED / statistics.median(taken[1:])
