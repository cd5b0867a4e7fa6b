"""Classification: what a logistic regression learns from the vectors of a few labelled texts, or of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.packing import require_count
from likewise.errors import DataError
from likewise.evaluating.data_files import Row
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.labels import f1
from likewise.evaluating.probes import draw_examples, regression_labels
from likewise.evaluating.subjects import Subject
from likewise.types import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationSettings:
    """MTEB's recipe, unless all rows are to be learned from."""

    per_label: int = 8  # texts of each label in a draw; 0 takes all rows, once
    draws: int = 10
    seed: int = 42
    most_steps: int = 100  # of the regression

    def __post_init__(self) -> None:
        require_count("draws", self.draws)
        require_count("most_steps", self.most_steps)
        require_count("per_label", self.per_label + 1)


def _score(rows: Rows, settings: ClassificationSettings, subject: Subject) -> Outcome:
    train, test = rows["train"], rows["test"]
    known, asked = labels_of(train), np.array([row.id("label") for row in test])
    draws = _draws(known, settings)
    used = np.unique(np.concatenate(draws))  # what no draw needs is not encoded
    vectors = subject.vectors([train[i].text("text") for i in used.tolist()], "plain")
    tested = subject.vectors([row.text("text") for row in test], "plain")
    told = []
    for draw in draws:
        own = np.searchsorted(used, draw)
        told.append(regression_labels(vectors[own], known[draw], tested, most_steps=settings.most_steps))
    right = np.mean([one == asked for one in told], axis=0)  # (Q,) in which share of draws each text was told right
    strangers = sorted(set(asked.tolist()) - set(known.tolist()))
    return Outcome(
        metric="accuracy",
        metrics={
            "accuracy": float(right.mean()),
            "f1": float(np.mean([f1(asked, one) for one in told])),
            "f1_weighted": float(np.mean([f1(asked, one, average="weighted") for one in told])),
        },
        items=right.tolist(),
        notes=[f"{len(strangers)} labels are tested and never learned: {', '.join(strangers[:5])}"] * bool(strangers),
    )


def labels_of(rows: Sequence[Row]) -> NDArray[Any]:
    """The labels (N,) of rows to learn from: at least two classes."""
    labels = [row.id("label") for row in rows]
    if len(set(labels)) == 1:
        raise DataError(
            f"{rows[0].place} and after: all {len(rows)} rows have the label {labels[0]!r}; expected two classes"
        )
    return np.array(labels)


def _draws(labels: NDArray[Any], settings: ClassificationSettings) -> list[Ids]:
    if not settings.per_label:
        return [np.arange(len(labels))]
    return draw_examples(labels, per_label=settings.per_label, draws=settings.draws, seed=settings.seed)


PLUGIN = Kind(
    needs="vectors",
    tables={"train": Columns(required=("text", "label")), "test": Columns(required=("text", "label"))},
    settings=ClassificationSettings,
    score=_score,
)
