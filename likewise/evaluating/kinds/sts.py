"""Semantic similarity (STS): whether pairs of texts are as alike as people find them."""

from dataclasses import dataclass

from likewise.evaluating.agreement import pearson, spearman
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.subjects import PairSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class StsSettings:
    """There is nothing to set."""


def _score(rows: Rows, _settings: StsSettings, subject: PairSubject) -> Outcome:
    pairs = rows["pairs"]
    gold = [row.number("score") for row in pairs]
    found = subject.likenesses([row.text("left") for row in pairs], [row.text("right") for row in pairs])
    return Outcome(
        metric="spearman",
        metrics={"spearman": spearman(gold, found), "pearson": pearson(gold, found)},
        items=found.tolist(),
        statistic="spearman",
        gold=gold,
    )


PLUGIN = Kind(
    needs="pairs",
    tables={"pairs": Columns(required=("left", "right", "score"))},
    settings=StsSettings,
    score=_score,
)
