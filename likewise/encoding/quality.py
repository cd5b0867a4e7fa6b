"""What a network of smaller weights saves and costs: size, speed, and how near it stays to float32."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.compiled import Running
from likewise.encoding.contract import Contract
from likewise.encoding.labelled_pairs import LabelledPairs, rank_correlation
from likewise.encoding.measuring import cosines, take_turns
from likewise.encoding.models import Progress, Source, find_checkpoint, load, open_model
from likewise.encoding.multi_vector import load_multi_vector, max_sim, max_sim_scores
from likewise.encoding.scoring import CrossEncoder, load_scorer
from likewise.encoding.sparse import SparseVector, load_sparse
from likewise.errors import ModelError, SettingError
from likewise.modelling.chain import Kind
from likewise.types import Vectors

NEAREST = 10  # neighbours of a text that are compared
_EXACT = "float32"
_LOADERS: Mapping[Kind, Callable[..., Any]] = {
    "dense": load,
    "sparse": load_sparse,
    "multi_vector": load_multi_vector,
    "scores": load_scorer,
}
Models = Mapping[str, Any]  # precision -> what its loader gave
Pass = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How near a precision stays to float32. None stands where models of its kind have no such thing."""

    cosine_mean: float | None = None  # of each vector with float32's; of a sparse one, over the vocabulary
    cosine_least: float | None = None
    neighbours_kept: float | None = None  # of each text's ten nearest, the share that is among float32's ten
    order_kept: float | None = None  # of a scorer: Spearman's correlation of its scores with float32's
    spearman: float | None = None  # of its scores for labelled pairs with theirs; None without pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One precision of a model beside float32."""

    precision: str
    size_bytes: int  # of the network as it is kept and loaded: weights and graph
    size_share: float  # of float32's
    texts_per_s: float  # of the processor's time; of a scorer, pairs
    speedup: float  # times float32's
    quality: Quality


def compare_precisions(
    name_or_folder: str | Path,
    precisions: Sequence[str],
    texts: Sequence[str],
    *,
    pairs: LabelledPairs | None = None,
    repeats: int = 3,
    source: Source = Source(),
    progress: Progress = lambda _: None,
) -> list[Compared]:
    """Measure a model in float32 and in other precisions, on the cores that this process has.

    All texts are read as documents, and cut where they do not fit the model. The time is the median of ``repeats``
    passes over the texts, in which the precisions take turns. Vectors are compared by cosine, or by the dot product
    where the model says so; several vectors of a text by late interaction.

    Args:
        name_or_folder: As in ``likewise.load``.
        precisions: To compare; float32 comes first whether it is among them or not.
        texts: What to time and compare; doubles are left out. Of a scorer, so many pairs are timed.
        pairs: Pairs of texts that people scored. A scorer needs them; of the others they give one figure more.
        repeats: Timed passes.
        source: Where the model may come from.
        progress: Told, in a sentence, before anything that takes seconds.

    Raises:
        SettingError: Too few texts, no pairs for a scorer, or a precision that there is not.
        ModelError: A scorer of several labels, or what ``likewise.load`` raises.
        LikewiseError: What ``likewise.load`` raises.
    """
    found, checkpoint = find_checkpoint(name_or_folder, source=source, progress=progress)
    kind, texts = checkpoint.chain.kind, list(dict.fromkeys(texts))
    _check(found.name, checkpoint.dimension, kind, texts, pairs)
    models: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for name in dict.fromkeys((_EXACT, *precisions)):
        opened = open_model(name_or_folder, kind, Running("auto", name), source=source, progress=progress)
        sizes[name] = len(opened.engine.export())
        models[name] = _LOADERS[kind](name_or_folder, precision=name, source=source)
    if pairs is not None and kind == "scores":
        quality, passes, count = _scorers(models, pairs, len(texts), progress)
    else:
        quality, passes, count = _encoders(models, texts, pairs, progress)
    taken = take_turns(passes, repeats=repeats, progress=progress)
    return [
        Compared(
            precision=name,
            size_bytes=sizes[name],
            size_share=sizes[name] / sizes[_EXACT],
            texts_per_s=count / taken[name].cpu_s,
            speedup=taken[_EXACT].cpu_s / taken[name].cpu_s,
            quality=quality[name],
        )
        for name in models
    ]


def _check(name: str, dimension: int, kind: Kind, texts: Sequence[str], pairs: LabelledPairs | None) -> None:
    if kind == "scores" and dimension > 1:
        raise ModelError(f"{name} gives {dimension} labels for a pair, which have no one order that could be compared")
    if kind == "scores" and pairs is None:
        raise SettingError(f"{name} scores pairs of texts, so it is compared on such pairs: name a file of them")
    if len(texts) < NEAREST + 2:
        raise SettingError(
            f"there are {len(texts)} different texts; to compare the {NEAREST} nearest of each it takes at least "
            f"{NEAREST + 2}, and some hundreds to tell much"
        )


def _encoders(
    models: Models, texts: Sequence[str], pairs: LabelledPairs | None, progress: Progress
) -> tuple[dict[str, Quality], dict[str, Pass], int]:
    """What is found of encoders, what is to be timed, and of how many texts that is."""
    passes: dict[str, Pass] = {}
    quality: dict[str, Quality] = {}
    for name, model in models.items():
        progress(f"encoding {len(texts):,} texts in {name}")
        encode = passes[name] = partial(model.encode, texts, role="document", overflow="truncate")
        vectors = [_matrix(one, model.contract) for one in encode()]
        nearest = _nearest(vectors)
        if name == _EXACT:
            exact, expected = np.concatenate(vectors), nearest
        alike = cosines(exact, np.concatenate(vectors))
        quality[name] = Quality(
            cosine_mean=float(alike.mean()),
            cosine_least=float(alike.min()),
            neighbours_kept=float(np.mean([np.isin(*both).mean() for both in zip(nearest, expected, strict=True)])),
            spearman=None if pairs is None else _agreement(name, model, pairs, progress),
        )
    return quality, passes, len(texts)


def _agreement(name: str, model: Any, pairs: LabelledPairs, progress: Progress) -> float:
    progress(f"encoding {len(pairs.scores):,} pairs in {name}")
    found = model.encode([*pairs.left, *pairs.right], role="document", overflow="truncate")
    both = zip(found[: len(pairs.left)], found[len(pairs.left) :], strict=True)
    scores = [max_sim(_matrix(left, model.contract), _matrix(right, model.contract)) for left, right in both]
    return rank_correlation(scores, pairs.scores)


def _scorers(
    models: Mapping[str, CrossEncoder], pairs: LabelledPairs, most: int, progress: Progress
) -> tuple[dict[str, Quality], dict[str, Pass], int]:
    every = list(zip(pairs.left, pairs.right, strict=True))
    quality: dict[str, Quality] = {}
    for name, model in models.items():
        progress(f"scoring {len(every):,} pairs in {name}")
        scores = model.score(every, overflow="truncate")[:, 0]
        if name == _EXACT:
            exact = scores
        quality[name] = Quality(
            order_kept=rank_correlation(exact, scores), spearman=rank_correlation(scores, pairs.scores)
        )
    timed = every[:most]
    return quality, {name: partial(one.score, timed, overflow="truncate") for name, one in models.items()}, len(timed)


def _matrix(found: Vectors | SparseVector, contract: Contract) -> Vectors:
    """What a text gave as the rows that ``max_sim`` compares, which of one row each is their dot product."""
    if isinstance(found, SparseVector):
        spread = np.zeros((1, contract.dimension), np.float32)
        spread[0, found.terms] = found.weights
        return spread
    if found.ndim > 1:
        return found
    length = 1.0 if contract.similarity == "dot" else max(float(np.linalg.norm(found)), 1e-12)
    return found[None] / np.float32(length)


def _nearest(texts: Sequence[Vectors]) -> NDArray[np.int64]:
    """The texts that are nearest to each one, itself left out: (N, NEAREST). Ties go to the lower number."""
    scores = max_sim_scores(texts, texts)  # (N, N)
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
