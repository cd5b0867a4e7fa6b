"""Multilabel classification: all labels of a text, by the vote of its nearest neighbours among a few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.packing import require_count
from likewise.errors import DataError
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.labels import (
    label_ranking_average_precision,
    multilabel_accuracy,
    multilabel_f1,
    multilabel_jaccard,
)
from likewise.evaluating.probes import draw_multilabel_examples, neighbour_label_sets
from likewise.evaluating.subjects import Subject

_METRICS: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": multilabel_accuracy,
    "f1": multilabel_f1,
    "jaccard": multilabel_jaccard,  # MTEB calls it hamming
    "lrap": label_ranking_average_precision,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilabelSettings:
    """MTEB's recipe, without its cut to 3,000 test rows."""

    per_label: int = 8  # texts of each label in a draw, at the least
    draws: int = 10
    seed: int = 42
    neighbours: int = 5

    def __post_init__(self) -> None:
        for name in ("per_label", "draws", "neighbours"):
            require_count(name, getattr(self, name))


def _score(rows: Rows, settings: MultilabelSettings, subject: Subject) -> Outcome:
    train, test = rows["train"], rows["test"]
    own, asked = ([row.ids("labels") for row in some] for some in (train, test))
    classes = sorted({label for labels in asked for label in labels})
    if len(classes) < 2:
        raise DataError(f"{test[0].place} and after: the labels are {classes}; expected two or more")
    expected, known = _marks(asked, classes), _marks(own, classes)
    draws = draw_multilabel_examples(own, per_label=settings.per_label, draws=settings.draws, seed=settings.seed)
    used = np.unique(np.concatenate(draws))
    vectors = subject.vectors([train[i].text("text") for i in used.tolist()], "plain")
    tested = subject.vectors([row.text("text") for row in test], "plain")
    told = [
        neighbour_label_sets(vectors[np.searchsorted(used, draw)], known[draw], tested, k=settings.neighbours)
        for draw in draws
    ]
    return Outcome(
        metric="accuracy",
        metrics={name: float(np.mean([metric(expected, one) for one in told])) for name, metric in _METRICS.items()},
        items=np.mean([(one == expected).all(axis=1) for one in told], axis=0).tolist(),
    )


def _marks(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> NDArray[np.int64]:
    """(N, L), 1 where a label applies."""
    place = {label: i for i, label in enumerate(classes)}
    marks = np.zeros((len(labels), len(classes)), np.int64)
    for row, some in enumerate(labels):
        marks[row, [place[label] for label in some if label in place]] = 1
    return marks


PLUGIN = Kind(
    needs="vectors",
    tables={"train": Columns(required=("text", "labels")), "test": Columns(required=("text", "labels"))},
    settings=MultilabelSettings,
    score=_score,
)
