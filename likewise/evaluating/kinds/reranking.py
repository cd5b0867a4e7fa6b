"""Reranking: the order of a few documents that another search proposed for each query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.kinds._judging import JUDGED, Judged, judge, qualified, read_judged, row_id
from likewise.evaluating.ranking import Run, ranking_metric
from likewise.evaluating.subjects import PairSubject
from likewise.evaluating.words import WordSearch

_SOURCES = ("table", "judged", "bm25")
_Candidates = Mapping[str, Sequence[str]]  # query id → document ids


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankingSettings:
    """Which documents are reranked, and how the order is scored."""

    metric: str = "map"  # MTEB's
    metrics: Sequence[str] = ("mrr@10", "ndcg@10")
    candidates: str = "judged"  # "table": of the task's, such as a TREC run; "judged": in qrels; "bm25": by words
    depth: int = 100  # candidates of "bm25"
    unknown_documents: str = "error"

    def __post_init__(self) -> None:
        for name in (self.metric, *self.metrics):
            ranking_metric(name)
        require_count("depth", self.depth)
        if self.candidates not in _SOURCES:
            raise SettingError(f"candidates is {self.candidates!r}; it must be one of {', '.join(_SOURCES)}")


def _score(rows: Rows, settings: RerankingSettings, subject: PairSubject) -> Outcome:
    judged = read_judged(rows, unknown_documents=settings.unknown_documents)
    names = list(dict.fromkeys((settings.metric, *settings.metrics)))
    run = _rerank(judged, _candidates(rows, judged, settings), subject)
    return judge(run, judged.qrels, names, notes=judged.notes)


def _candidates(rows: Rows, judged: Judged, settings: RerankingSettings) -> _Candidates:
    if ("candidates" in rows) != (settings.candidates == "table"):
        raise SettingError("a task has a table of candidates if, and only if, its setting is candidates = 'table'")
    if settings.candidates == "table":
        return _proposed(rows, judged)
    if settings.candidates == "judged":
        return {id: [one for one in grades if one in judged.documents] for id, grades in judged.qrels.items()}
    names = list(judged.documents)
    found = WordSearch().search(list(judged.queries.values()), list(judged.documents.values()), settings.depth)
    return {id: [names[i] for i in row if i >= 0] for id, row in zip(judged.queries, found.ids.tolist(), strict=True)}


def _proposed(rows: Rows, judged: Judged) -> _Candidates:
    found: dict[str, list[str]] = {id: [] for id in judged.queries}
    for row in rows["candidates"]:
        query = row_id(row, "query")
        for document in (qualified(row, id) for id in row.ids("document")):
            if document not in judged.documents:
                raise DataError(f"{row.place}: no document has the id {document!r}")
            if query in found:  # others are not judged
                found[query].append(document)
    return found


def _rerank(judged: Judged, candidates: _Candidates, subject: PairSubject) -> Run:
    pairs = [(query, document) for query, some in candidates.items() for document in dict.fromkeys(some)]
    scores = subject.relevances(
        [judged.queries[query] for query, _ in pairs], [judged.documents[document] for _, document in pairs]
    )
    run: dict[str, dict[str, float]] = {query: {} for query in candidates}
    for (query, document), value in zip(pairs, scores.tolist(), strict=True):
        run[query][document] = value
    return run


PLUGIN = Kind(
    needs="pairs",
    tables={**JUDGED, "candidates": Columns(required=("query", "document"), optional=("group",), needed=False)},
    settings=RerankingSettings,
    score=_score,
)
