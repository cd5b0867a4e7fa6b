"""A ranking made less alike, less repetitive or fresher."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError
from likewise.storing import Ranking
from likewise.types import Metadata, Vectors

_DAY_S = 86_400
_YEARS = range(1000, 3000)  # numbers that are a year rather than seconds since 1970


def relevance(ranking: Ranking, *, reranked: int = 0) -> NDArray[np.float64]:
    """The scores of a ranking between 1 and 0, whatever their scale: (K,).

    Where the first ``reranked`` have scores of another scale than the rest, these fill the upper half.
    """
    scores = ranking.scores.astype(np.float64)
    if not 0 < reranked < len(scores):
        return _unit(scores)
    return np.concatenate([0.5 + _unit(scores[:reranked]) / 2, _unit(scores[reranked:]) / 2])


def maximal_marginal_relevance(
    relevances: NDArray[np.float64], vectors: Vectors, *, k: int, diversity: float
) -> list[int]:
    """Of a ranking the places of k hits that are relevant and unlike each other, in the order of their choice.

    Carbonell and Goldstein 1998: each time the hit with the greatest ``(1 - diversity) * relevance - diversity * (its
    greatest cosine to one that is chosen already)``.

    Args:
        relevances: (K,) between 0 and 1, best first.
        vectors: (K, D) of unit length.
        k: How many at most.
        diversity: 0 keeps the order, 1 looks at unlikeness alone.
    """
    alike = np.zeros(len(relevances))  # (K,) greatest cosine to a chosen one; nothing is chosen yet
    free = np.ones(len(relevances), bool)
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevances)):
        worth = np.where(free, (1 - diversity) * relevances - diversity * alike, -np.inf)
        best = int(worth.argmax())  # the first of equals: ties go to the better ranked
        free[best] = False
        cosines = vectors @ vectors[best]
        alike = np.maximum(alike, cosines) if chosen else cosines.astype(np.float64)
        chosen.append(best)
    return chosen


def without_near_duplicates(vectors: Vectors, *, at_least: float) -> list[int]:
    """The places (K,) whose vector has no cosine of ``at_least`` or more with that of a better one that is kept."""
    kept: list[int] = []
    for place, vector in enumerate(vectors):
        if not kept or float((vectors[kept] @ vector).max()) < at_least:
            kept.append(place)
    return kept


def at_most_each(documents: Sequence[Hashable], most: int) -> list[int]:
    """The places of a ranking left when each document has no more than ``most`` of them."""
    seen: dict[Hashable, int] = {}
    kept = []
    for place, document in enumerate(documents):
        seen[document] = seen.get(document, 0) + 1
        if seen[document] <= most:
            kept.append(place)
    return kept


def ages_days(metadata: Sequence[Metadata], field: str, now: datetime) -> NDArray[np.float64]:
    """How old each is by its field: (K,), 0 for what lies in the future and infinite for what has no date.

    Raises:
        SettingError: A field that is there and is no date.
    """
    return np.array([_age_days(_value(one, field), field, now) for one in metadata])


def decayed(
    relevances: NDArray[np.float64], ages: NDArray[np.float64], *, half_life_days: float
) -> tuple[list[int], NDArray[np.float64]]:
    """Relevance that halves with every half-life: the places of a ranking in its order, ties as they were, and it."""
    faded = relevances * np.exp2(-ages / half_life_days)
    order = np.argsort(-faded, kind="stable")
    return order.tolist(), faded[order]


def _unit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(scores):
        return scores
    finite = np.where(np.isfinite(scores), scores, scores[np.isfinite(scores)].min(initial=0.0))
    span = finite.max() - finite.min()
    return (finite - finite.min()) / span if span > 0 else np.ones(len(scores))


def _value(metadata: Metadata, field: str) -> Any:
    if field in metadata:
        return metadata[field]
    inner: Any = metadata
    for part in field.split("."):
        inner = inner.get(part) if isinstance(inner, Mapping) else None
    return inner


def _date(value: str | float) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime(int(value), 1, 1, tzinfo=UTC) if value in _YEARS else datetime.fromtimestamp(value, UTC)


def _age_days(value: Any, field: str, now: datetime) -> float:
    if value is None:
        return np.inf
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("neither text nor number")
        when = _date(value)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingError(
            f"the field {field!r} holds {value!r}, which is no date: age is told by ISO dates ('2026-11-25'), "
            f"years, or seconds since 1970 ({error})"
        ) from None
    return max((now - when.replace(tzinfo=when.tzinfo or UTC)).total_seconds() / _DAY_S, 0.0)
