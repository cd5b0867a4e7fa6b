"""Retrieval: which documents answer a query, among all of them."""

from likewise.evaluating.kinds import Kind, Outcome, Rows
from likewise.evaluating.kinds._judging import JUDGED, RankingSettings, judge, read_judged, search_all
from likewise.evaluating.subjects import Subject


def score(rows: Rows, settings: RankingSettings, subject: Subject) -> Outcome:
    """Rank all documents for each query, and hold the rankings against the judgements."""
    judged = read_judged(rows, unknown_documents=settings.unknown_documents)
    run = search_all(judged, subject, settings.depth)
    return judge(run, judged.qrels, settings.names, notes=judged.notes)


PLUGIN = Kind(needs="search", tables=JUDGED, settings=RankingSettings, score=score)
