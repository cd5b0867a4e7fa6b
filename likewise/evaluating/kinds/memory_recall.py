"""Agent memory: whether what was said before, and answers a question, is among the memories that are recalled."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from likewise.evaluating.kinds import Kind, Outcome, Rows
from likewise.evaluating.kinds._judging import JUDGED, RankingSettings, judge, read_judged, row_id, search_all
from likewise.evaluating.subjects import Subject


def _score(rows: Rows, settings: RankingSettings, subject: Subject) -> Outcome:
    judged = read_judged(rows, unknown_documents=settings.unknown_documents)
    run = search_all(judged, subject, settings.depth)
    outcome = judge(run, judged.qrels, settings.names, notes=judged.notes)
    return replace(outcome, metrics={**outcome.metrics, **_by_category(rows, outcome)})


def _by_category(rows: Rows, outcome: Outcome) -> dict[str, float]:
    """The main metric over the questions of each category, where the task says which column has it."""
    category_of = {row_id(row): row.id("category") for row in rows["queries"] if row.has("category")}
    values = defaultdict(list)
    for id, value in zip(outcome.ids, outcome.items, strict=True):
        if id in category_of:
            values[category_of[id]].append(value)
    return {f"{outcome.metric} of category {name}": float(np.mean(values[name])) for name in sorted(values)}


PLUGIN = Kind(
    needs="search",
    tables=JUDGED,
    settings=RankingSettings,
    score=_score,
    defaults={"metric": "recall@10", "metrics": ("recall@5", "ndcg@10", "hit_rate@10"), "depth": 100},
)
