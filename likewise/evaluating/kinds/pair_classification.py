"""Pair classification: whether two texts say the same, told by how alike they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from likewise.errors import DataError
from likewise.evaluating.data_files import Row
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.labels import average_precision, best_accuracy, best_f1
from likewise.evaluating.subjects import PairSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class PairClassificationSettings:
    """How pairs are marked."""

    positive: str = "1"  # the label of pairs that belong together; all others do not


def _score(rows: Rows, settings: PairClassificationSettings, subject: PairSubject) -> Outcome:
    pairs = rows["pairs"]
    marks = _marks(pairs, settings.positive)
    found = subject.likenesses([row.text("left") for row in pairs], [row.text("right") for row in pairs])
    f1 = best_f1(marks, found)
    return Outcome(
        metric="ap",
        metrics={
            "ap": average_precision(marks, found),
            "accuracy": best_accuracy(marks, found).value,
            "f1": f1.value,
            "precision": f1.precision,
            "recall": f1.recall,
        },
        items=found.tolist(),
        statistic="average_precision",
        gold=marks,
    )


def _marks(pairs: Sequence[Row], positive: str) -> list[int]:
    marks = [int(row.id("label") == positive) for row in pairs]
    if len(set(marks)) == 1:
        raise DataError(
            f"{pairs[0].place} and after: {'all' if marks[0] else 'none'} of {len(pairs)} pairs have the label "
            f"{positive!r}; expected two classes. The setting 'positive' says which label marks pairs that belong "
            "together"
        )
    return marks


PLUGIN = Kind(
    needs="pairs",
    tables={"pairs": Columns(required=("left", "right", "label"))},
    settings=PairClassificationSettings,
    score=_score,
)
