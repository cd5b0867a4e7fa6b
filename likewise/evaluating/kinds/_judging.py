"""Documents, queries and judgements, read and checked; and the metrics of a run over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError
from likewise.evaluating.data_files import Row
from likewise.evaluating.kinds import Columns, Outcome, Rows
from likewise.evaluating.ranking import Qrels, Run, ranking_metric
from likewise.evaluating.subjects import Subject

JUDGED: Mapping[str, Columns] = {
    "documents": Columns(required=("text",), optional=("id", "group")),
    "queries": Columns(required=("text",), optional=("id", "group", "instruction", "category")),
    "qrels": Columns(required=(), optional=("query", "document", "grade", "group")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSettings:
    """How rankings are made and scored."""

    metric: str = "ndcg@10"
    metrics: Sequence[str] = ("ndcg@10", "map", "mrr@10", "recall@100", "precision@10", "hit_rate@10")
    depth: int = 1000  # documents ranked for each query, as in MTEB
    unknown_documents: Literal["error", "keep"] = "error"  # in qrels; kept ones are never found, as with trec_eval

    def __post_init__(self) -> None:
        for name in (self.metric, *self.metrics):
            ranking_metric(name)
        require_count("depth", self.depth)
        if self.unknown_documents not in ("error", "keep"):
            raise SettingError(f"unknown_documents is {self.unknown_documents!r}; it must be 'error' or 'keep'")

    @property
    def names(self) -> list[str]:
        """All metrics, each once, the main one first."""
        return list(dict.fromkeys((self.metric, *self.metrics)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A collection with judgements. A group's queries are asked of its documents alone; most have one group."""

    documents: Mapping[str, str]
    queries: Mapping[str, str]  # those that are judged
    qrels: Qrels
    groups: Mapping[str, tuple[Sequence[str], Sequence[str]]]  # group → ids of its documents and queries
    notes: Sequence[str]


def read_judged(rows: Rows, *, unknown_documents: str = "error") -> Judged:
    """The collection in a task's tables.

    Queries without a line in the judgements are left out, as trec_eval does; those with no relevant document stay, and
    score 0, as it does too.

    Raises:
        DataError: An id that is there twice, a judgement of an unknown query or, if that is an error, document.
    """
    documents, queries = _by_id(rows["documents"]), _by_id(rows["queries"])
    qrels = _qrels(rows["qrels"], queries, documents, unknown_documents)
    asked = {id: row for id, row in queries.items() if id in qrels}
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for place, some in enumerate((documents, asked)):
        for id, row in some.items():
            groups.setdefault(_group(row), ([], []))[place].append(id)
    for group, (documents_of, queries_of) in groups.items():
        if queries_of and not documents_of:
            raise DataError(f"{asked[queries_of[0]].place}: the group {group!r} has queries and no documents")
    return Judged(
        documents={id: row.text("text") for id, row in documents.items()},
        queries={id: _query_text(row) for id, row in asked.items()},
        qrels={id: qrels[id] for id in asked},
        groups=groups,
        notes=_notes(queries, qrels, documents),
    )


def search_all(judged: Judged, subject: Subject, depth: int) -> Run:
    """The best documents for each query, of its group."""
    run: dict[str, dict[str, float]] = {}
    for documents, queries in judged.groups.values():
        if not queries:
            continue
        found = subject.search(
            [judged.queries[id] for id in queries], [judged.documents[id] for id in documents], depth
        )
        names = np.array(documents, dtype=object)
        for query, ids, scores in zip(queries, found.ids, found.scores, strict=True):
            kept = ids >= 0
            run[query] = dict(zip(names[ids[kept]], scores[kept].tolist(), strict=True))
    return run


def judge(run: Run, qrels: Qrels, names: Sequence[str], *, notes: Sequence[str] = ()) -> Outcome:
    """Metrics of a run by their names, of which the first is the main one; items are the queries."""
    values = {name: ranking_metric(name)(run, qrels) for name in names}
    main = values[names[0]]
    return Outcome(
        metric=names[0],
        metrics={name: float(np.mean(list(one.values()))) for name, one in values.items()},
        items=list(main.values()),
        ids=list(main),
        notes=notes,
    )


def qualified(row: Row, id: str) -> str:
    """An id that no other group has."""
    group = _group(row)
    return f"{group}/{id}" if group else id


def row_id(row: Row, name: str = "id") -> str:
    """The id of a row in its group: the column of that name, or its place in the table."""
    return qualified(row, row.id(name) if name in row.columns else str(row.ordinal))


def _group(row: Row) -> str:
    return row.id("group") if "group" in row.columns else ""


def _by_id(rows: Sequence[Row]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        id = row_id(row)
        if id in found:
            raise DataError(f"{row.place}: the id {id!r} is there already, at {found[id].place}; ids must differ")
        found[id] = row
    return found


def _qrels(
    rows: Sequence[Row], queries: Mapping[str, Row], documents: Mapping[str, Row], unknown: str
) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for row in rows:
        query = row_id(row, "query")
        if query not in queries:
            raise DataError(f"{row.place}: no query has the id {query!r}; every judgement needs its query")
        grade = row.whole("grade") if "grade" in row.columns else 1
        judged = qrels.setdefault(query, {})
        named = row.ids("document") if "document" in row.columns else [str(row.ordinal)]
        for document in (qualified(row, id) for id in named):
            if document not in documents and unknown == "error":
                raise DataError(
                    f"{row.place}: no document has the id {document!r}. If judged documents may be missing, set "
                    "unknown_documents = 'keep' in the task's [settings]: they count as never found, as with trec_eval"
                )
            if document in judged:
                raise DataError(f"{row.place}: document {document!r} is judged twice for query {query!r}")
            judged[document] = grade
    return qrels


def _query_text(row: Row) -> str:
    """A query, with its instruction behind it if it has one, as in MTEB."""
    text = row.text("text")
    return f"{text} {row.text('instruction')}" if "instruction" in row.columns else text


def _notes(queries: Mapping[str, Row], qrels: Qrels, documents: Mapping[str, Row]) -> list[str]:
    unjudged = sum(id not in qrels for id in queries)
    barren = sum(not any(grade > 0 for grade in judged.values()) for judged in qrels.values())
    unknown = len({id for judged in qrels.values() for id in judged} - set(documents))
    counts = {
        "queries without judgements left out": unjudged,
        "queries without a relevant document, which score 0": barren,
        "judged documents that are not there, never found": unknown,
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
