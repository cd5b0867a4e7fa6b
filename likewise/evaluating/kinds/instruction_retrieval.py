"""Instruction retrieval: whether a ranking follows what a query's instruction says is relevant (FollowIR)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from likewise.errors import DataError
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.kinds._judging import JUDGED, RankingSettings, judge, read_judged, row_id, search_all
from likewise.evaluating.ranking import Run
from likewise.evaluating.subjects import Subject

_P_MRR = "p-mrr"


@dataclass(frozen=True, slots=True)
class _Change:
    """Two wordings of one query's instruction, and the documents that are relevant by one of them only."""

    before: str  # query ids
    after: str
    documents: Sequence[str]


def _score(rows: Rows, settings: RankingSettings, subject: Subject) -> Outcome:
    judged = read_judged(rows, unknown_documents=settings.unknown_documents)
    run = search_all(judged, subject, settings.depth)
    outcome = judge(run, judged.qrels, settings.names, notes=judged.notes)
    if "changes" not in rows:
        return outcome
    shifts = {change.before: _shift(run, change) for change in _changes(rows, judged.queries)}
    return replace(
        outcome,
        metric=_P_MRR,
        metrics={_P_MRR: float(np.mean(list(shifts.values()))), **outcome.metrics},
        items=list(shifts.values()),
        ids=list(shifts),
    )


def _changes(rows: Rows, queries: Mapping[str, str]) -> list[_Change]:
    documents: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows["changes"]:
        pair = row_id(row, "before"), row_id(row, "after")
        if unknown := [id for id in pair if id not in queries]:
            raise DataError(f"{row.place}: no judged query has the id {unknown[0]!r}")
        documents[pair] += row.ids("document")
    return [_Change(before, after, some) for (before, after), some in documents.items()]


def _shift(run: Run, change: _Change) -> float:
    """p-MRR of a query (Weller et al. 2024, arXiv:2403.15246, eq. 1).

    -1 to 1; above 0 if documents that the changed instruction rules out fell.
    """
    before, after = (
        {id: rank for rank, id in enumerate(_order(run[one]), start=1)} for one in (change.before, change.after)
    )
    values = []
    for document in change.documents:
        first, then = before.get(document, len(before) + 1), after.get(document, len(after) + 1)
        values.append(then / first - 1 if first >= then else 1 - first / then)
    return float(np.mean(values))


def _order(scores: Mapping[str, float]) -> list[str]:
    """Documents as trec_eval orders them: equal scores by descending id."""
    return sorted(scores, key=lambda id: (scores[id], id), reverse=True)


PLUGIN = Kind(
    needs="search",
    tables={**JUDGED, "changes": Columns(required=("before", "after", "document"), needed=False)},
    settings=RankingSettings,
    score=_score,
    defaults={"metrics": ("ndcg@5", "map", "recall@100")},
)
