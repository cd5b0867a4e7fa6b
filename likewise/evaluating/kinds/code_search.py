"""Code search: which function does what a query in words asks for."""

from likewise.evaluating.kinds import Kind
from likewise.evaluating.kinds._judging import JUDGED, RankingSettings
from likewise.evaluating.kinds.retrieval import score

PLUGIN = Kind(
    needs="search",
    tables=JUDGED,
    settings=RankingSettings,
    score=score,
    defaults={"metric": "mrr", "metrics": ("mrr@10", "ndcg@10", "recall@10", "hit_rate@1")},
)
