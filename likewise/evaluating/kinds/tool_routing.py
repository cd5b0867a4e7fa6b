"""Tool routing: which tools a request needs, by their descriptions."""

from dataclasses import replace

import numpy as np

from likewise.evaluating.kinds import Kind, Outcome, Rows
from likewise.evaluating.kinds._judging import JUDGED, RankingSettings, judge, read_judged, search_all
from likewise.evaluating.ranking import recall
from likewise.evaluating.subjects import Subject

_OFFERED = 5  # tools that a router may put before whoever chooses


def _score(rows: Rows, settings: RankingSettings, subject: Subject) -> Outcome:
    judged = read_judged(rows, unknown_documents=settings.unknown_documents)
    run = search_all(judged, subject, settings.depth)
    outcome = judge(run, judged.qrels, settings.names, notes=judged.notes)
    # A request that needs two tools is not served by one of them.
    complete = np.array(list(recall(run, judged.qrels, k=_OFFERED).values())) == 1
    return replace(outcome, metrics={**outcome.metrics, f"complete@{_OFFERED}": float(complete.mean())})


PLUGIN = Kind(
    needs="search",
    tables=JUDGED,
    settings=RankingSettings,
    score=_score,
    defaults={
        "metric": f"recall@{_OFFERED}",
        "metrics": ("hit_rate@1", "ndcg@10", "mrr@10"),  # the first is the accuracy of taking the best tool
        "depth": 100,
    },
)
