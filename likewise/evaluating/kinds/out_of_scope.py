"""Out-of-scope intents: whether requests that no intent covers are told from those that one does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError, SettingError
from likewise.evaluating.forms import Numbers, unit
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.kinds.classification import labels_of
from likewise.evaluating.ordering import auroc
from likewise.evaluating.subjects import Subject
from likewise.types import Ids, Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScopeSettings:
    """Which requests are outside, and when one is refused."""

    outside: str = "oos"  # the label of requests that no intent covers
    held_out: Sequence[str] = ()  # labels that are taken for outside too: not learned from, only asked
    refused_share: float = 0.05  # of known requests that may be refused, which sets the threshold

    def __post_init__(self) -> None:
        if not 0 < self.refused_share < 1:
            raise SettingError(f"refused_share is {self.refused_share}; it must be between 0 and 1")


def _score(rows: Rows, settings: OutOfScopeSettings, subject: Subject) -> Outcome:
    outside = {settings.outside, *settings.held_out}
    train = [row for row in rows["train"] if row.id("label") not in outside]
    if not train:
        raise DataError(f"{rows['train'][0].place} and after: every row is held out")
    known, asked = labels_of(train), np.array([row.id("label") for row in rows["test"]])
    inside = ~np.isin(asked, list(outside))
    if inside.all() or not inside.any():
        raise DataError(
            f"{rows['test'][0].place} and after: {'no' if inside.all() else 'every'} request is out of scope; expected "
            f"some with the label {settings.outside!r} or one of held_out, and some without"
        )
    vectors = unit(subject.vectors([row.text("text") for row in train], "plain"))
    nearest, confidence = _nearest(unit(subject.vectors([row.text("text") for row in rows["test"]], "plain")), vectors)
    refused = confidence < np.quantile(_nearest_other(vectors), settings.refused_share)
    return Outcome(
        metric="auroc",
        metrics={
            "auroc": auroc(inside.astype(int), confidence),
            "accuracy_inside": float((known[nearest] == asked)[inside].mean()),
            "refused_outside": float(refused[~inside].mean()),
            "refused_inside": float(refused[inside].mean()),
        },
        items=confidence.tolist(),
        statistic="auroc",
        gold=inside.astype(int).tolist(),
    )


def _nearest(asked: Vectors, known: Vectors) -> tuple[Ids, Numbers]:
    """The row of ``known`` with the greatest cosine, and that cosine: the nearest neighbour (Larson et al. 2019)."""
    cosines = asked @ known.T  # (Q, N)
    best: NDArray[Any] = cosines.argmax(axis=1)
    return best, cosines[np.arange(len(best)), best].astype(np.float64)


def _nearest_other(vectors: Vectors) -> Numbers:
    """The greatest cosine of each row with another one."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    return cosines.max(axis=1).astype(np.float64)


PLUGIN = Kind(
    needs="vectors",
    tables={"train": Columns(required=("text", "label")), "test": Columns(required=("text", "label"))},
    settings=OutOfScopeSettings,
    score=_score,
)
