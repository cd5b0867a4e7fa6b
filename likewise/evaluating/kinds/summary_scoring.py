"""Summarisation scoring: whether summaries rank by their likeness to good ones as people rank them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from likewise.errors import DataError
from likewise.evaluating.agreement import pearson, spearman
from likewise.evaluating.data_files import Row
from likewise.evaluating.forms import Numbers
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.subjects import PairSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryScoringSettings:
    """There is nothing to set."""


@dataclass(frozen=True, slots=True)
class _Document:
    """One text's summaries."""

    human: Sequence[str]
    machine: Sequence[str]
    scores: Sequence[float]  # people's, of each machine summary


def _score(rows: Rows, _settings: SummaryScoringSettings, subject: PairSubject) -> Outcome:
    documents = [_read(row) for row in rows["documents"]]
    found = _nearness(documents, subject)
    kept = [  # as in MTEB: where all are alike, there is no order to compare
        (document.scores, near)
        for document, near in zip(documents, found, strict=True)
        if len(set(document.scores)) > 1 and len(set(near.tolist())) > 1
    ]
    if not kept:
        raise DataError(f"{rows['documents'][0].place} and after: no text has summaries that differ in their scores")
    ranks = [spearman(scores, near) for scores, near in kept]
    return Outcome(
        metric="spearman",
        metrics={
            "spearman": float(np.mean(ranks)),
            "pearson": float(np.mean([pearson(scores, near) for scores, near in kept])),
        },
        items=ranks,
        notes=[f"{len(documents) - len(kept)} texts without an order left out"] * (len(kept) < len(documents)),
    )


def _read(row: Row) -> _Document:
    found = _Document(row.texts("human"), row.texts("machine"), row.numbers("scores"))
    if not found.human or not found.machine or len(found.machine) != len(found.scores):
        raise DataError(
            f"{row.place}: {len(found.human)} human summaries, {len(found.machine)} others and {len(found.scores)} "
            "scores; expected at least one of each, and a score for each of the others"
        )
    return found


def _nearness(documents: Sequence[_Document], subject: PairSubject) -> list[Numbers]:
    """Of each machine summary, the likeness to the human one that it is most like."""
    pairs = [(mine, theirs) for one in documents for mine in one.machine for theirs in one.human]
    alike = subject.likenesses([mine for mine, _ in pairs], [theirs for _, theirs in pairs])
    found, start = [], 0
    for one in documents:
        end = start + len(one.machine) * len(one.human)
        found.append(alike[start:end].reshape(len(one.machine), len(one.human)).max(axis=1))
        start = end
    return found


PLUGIN = Kind(
    needs="pairs",
    tables={"documents": Columns(required=("human", "machine", "scores"))},
    settings=SummaryScoringSettings,
    score=_score,
)
