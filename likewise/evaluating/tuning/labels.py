"""A user's own queries with what answers them, read and checked: whole documents, or stretches of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from likewise.errors import DataError, SettingError, UnknownNameError
from likewise.evaluating.data_files import Record, Row, open_text, read_records
from likewise.evaluating.ranking import Qrels
from likewise.evaluating.spans import Span
from likewise.evaluating.tuning.listing import Listing

_ID, _TEXT = ("id", "_id"), ("text", "query", "question")
_RELEVANT, _SPANS = "relevant", "spans"
_KNOWN = (*_ID, *_TEXT, _RELEVANT, _SPANS)
_SPAN_KEYS = ("document", "start", "end")
_QRELS = {
    "query": ("query", "query_id", "query-id", "qid"),
    "document": ("document", "doc_id", "document_id", "corpus-id", "corpus_id", "docid"),
    "grade": ("grade", "relevance", "score", "rel", "label"),
}
_TREC = re.compile(r"\S+\s+\S+\s+\S+\s+-?\d+\s*")
_QUITE_NEAR = 0.8  # a key so like one of ours is a slip


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQueries:
    """Queries by id, and for each either graded documents or the spans that answer it.

    Raises:
        DataError: No query, or one of them without an answer of the one kind that all have.
    """

    texts: Mapping[str, str]
    qrels: Qrels  # empty where spans are the answers
    spans: Mapping[str, Sequence[Span]]  # empty where documents are
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        answers = self.spans or self.qrels
        if bool(self.spans) == bool(self.qrels) or not self.texts or set(answers) != set(self.texts):
            raise DataError("each query needs its answers, all of one kind: qrels of documents, or spans of documents")


def read_labels(queries: Path, qrels: Path | None, listing: Listing) -> LabelledQueries:
    """Queries of a file of JSON lines, with their answers.

    A line is ``{"id": …, "text": …}``; ``_id``, ``query`` and ``question`` are understood too. Its answers are in the
    qrels, or in the line: ``"relevant"``, a list of documents, or ``"spans"``, a list of
    ``{"document": …, "start": …, "end": …}`` in characters. A document is named by its id, or by the path of its file.

    Args:
        queries: The file, gzipped or not.
        qrels: Judgements: a table with a header, as BEIR has them too, or in TREC's format of four fields. None if
            the lines have their answers.
        listing: What the index holds.

    Raises:
        DataError: A line that is no query, an id that is there twice, a query or document that is unknown, a span out
            of its document, or no query that is judged.
        SettingError: Answers both in the qrels and in the lines.
    """
    rows = [_row(f"{queries}, line {number}", values) for number, values in read_records(queries, "jsonl")]
    if not rows:
        raise DataError(f'{queries} holds no query; expected lines such as {{"id": "1", "text": "…"}}')
    texts = _texts(rows)
    kinds = {name for name in (_RELEVANT, _SPANS) for row in rows if row.has(name)}
    if qrels is not None:
        if kinds:
            raise SettingError(f"{queries} has answers ({min(kinds)!r}) in its lines: leave the qrels out, or those")
        return _judged(texts, _read_qrels(qrels, texts, listing), rows)
    if len(kinds) != 1:
        what = "both 'relevant' and 'spans'" if kinds else "no answers"
        raise DataError(f"{queries} has {what} in its lines: give qrels, or one of them in each line")
    ids = [_id(row) for row in rows]
    if kinds == {_SPANS}:
        spans = {id: _spans(row, listing) for id, row in zip(ids, rows, strict=True)}
        return LabelledQueries(texts=texts, qrels={}, spans=spans, notes=_extra(rows))
    found = {id: _relevant(row, listing) for id, row in zip(ids, rows, strict=True)}
    return LabelledQueries(texts=texts, qrels=found, spans={}, notes=_extra(rows))


def _row(place: str, values: Mapping[str, Any]) -> Row:
    for key in values:
        near = get_close_matches(key, _KNOWN, n=1, cutoff=_QUITE_NEAR)
        if key not in _KNOWN and near:
            raise DataError(f"{place} has the key {key!r}. Did you mean {near[0]!r}?")
    columns = {name: name for name in (_RELEVANT, _SPANS)}
    for name, keys in (("id", _ID), ("text", _TEXT)):
        found = [key for key in keys if key in values]
        if len(found) > 1:
            raise DataError(f"{place} has both {found[0]!r} and {found[1]!r}; one of them is enough")
        if found:
            columns[name] = found[0]
    return Row(place, 0, values, columns)


def _id(row: Row) -> str:
    """The id of a query; that of one without is its place, which nothing else has."""
    return row.id("id") if "id" in row.columns else row.place


def _texts(rows: Sequence[Row]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for row in rows:
        if "text" not in row.columns:
            raise DataError(f"{row.place} has no query: expected a key {_TEXT[0]!r}, got {sorted(row.values)}")
        if not row.text("text").strip():
            raise DataError(f"{row.place}: the query is blank")
        if _id(row) in texts:
            raise DataError(f"{row.place}: the id {_id(row)!r} is there already; ids must differ")
        texts[_id(row)] = row.text("text")
    return texts


def _judged(texts: Mapping[str, str], qrels: Qrels, rows: Sequence[Row]) -> LabelledQueries:
    """The queries that have judgements; the others are left out, as trec_eval does."""
    asked = {id: text for id, text in texts.items() if id in qrels}
    barren = sum(not any(grade > 0 for grade in qrels[id].values()) for id in asked)
    counts = {
        "queries without judgements left out": len(texts) - len(asked),
        "queries without a relevant document, which score 0": barren,
    }
    notes = [f"{count} {what}" for what, count in counts.items() if count]
    return LabelledQueries(texts=asked, qrels={id: qrels[id] for id in asked}, spans={}, notes=[*notes, *_extra(rows)])


def _read_qrels(path: Path, texts: Mapping[str, str], listing: Listing) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for row in _qrels_rows(path):
        query, named = row.id("query"), row.id("document")
        if query not in texts:
            raise DataError(f"{row.place}: no query has the id {query!r}; every judgement needs its query")
        judged = qrels.setdefault(query, {})
        for document in listing.documents_named(named, row.place):
            if document in judged:
                raise DataError(f"{row.place}: document {named!r} is judged twice for query {query!r}")
            judged[document] = row.whole("grade") if "grade" in row.columns else 1
    if not qrels:
        raise DataError(f"{path} holds no judgement: expected a line for each query and document that answers it")
    return qrels


def _qrels_rows(path: Path) -> list[Row]:
    with open_text(path) as file:
        first = file.readline()
    if _TREC.fullmatch(first):
        columns = {"query": "query", "document": "document", "grade": "grade"}
        return _placed(path, list(read_records(path, "trec_qrels")), columns)
    records = list(read_records(path, "csv" if path.name.removesuffix(".gz").endswith(".csv") else "tsv"))
    keys = list(records[0][1]) if records else []
    columns = {name: key for name, known in _QRELS.items() for key in keys if key in known}
    if records and not {"query", "document"} <= set(columns):
        raise DataError(
            f"{path}: can't tell which columns are query and document among {keys}; expected a header such as "
            "query_id, doc_id, relevance, or TREC's four fields without one"
        )
    return _placed(path, records, columns)


def _placed(path: Path, records: Sequence[Record], columns: Mapping[str, str]) -> list[Row]:
    return [Row(f"{path}, line {number}", number, values, columns) for number, values in records]


def _relevant(row: Row, listing: Listing) -> dict[str, int]:
    named = row.ids(_RELEVANT) if row.has(_RELEVANT) else []
    if not named:
        raise DataError(f"{row.place}: the query has no relevant document; leave it out, or say which answers it")
    return {document: 1 for name in named for document in listing.documents_named(name, row.place)}


def _spans(row: Row, listing: Listing) -> list[Span]:
    given = row.values.get(_SPANS)
    if not isinstance(given, list) or not given:
        raise row.wrong(_SPANS, given, f"a list of objects with {', '.join(_SPAN_KEYS)}")
    return [_span(row, one, listing) for one in given]


def _span(row: Row, given: Any, listing: Listing) -> Span:
    if not isinstance(given, dict) or not set(_SPAN_KEYS) <= set(given):
        raise row.wrong(_SPANS, given, f"objects with {', '.join(_SPAN_KEYS)}")
    for key in given:
        if key not in _SPAN_KEYS:
            raise DataError(f"{row.place}: {UnknownNameError('key of a span', key, _SPAN_KEYS)}")
    inner = Row(row.place, 0, given, {key: key for key in _SPAN_KEYS})
    named = listing.documents_named(inner.id("document"), row.place)
    if len(named) != 1:
        raise DataError(
            f"{row.place}: {inner.id('document')!r} is a file of {len(named)} documents: name one by its id"
        )
    document, start, end = named[0], inner.whole("start"), inner.whole("end")
    length = listing.length(document)
    if not 0 <= start < end <= length:
        raise DataError(
            f"{row.place}: a span goes from {start} to {end} in {document!r}, which has {length} characters; expected "
            "0 <= start < end within it"
        )
    return Span(document, start, end)


def _extra(rows: Sequence[Row]) -> list[str]:
    """A word on keys that nothing was read from."""
    extra = sorted({key for row in rows for key in row.values if key not in _KNOWN})
    return [f"keys of the queries that say nothing here: {', '.join(extra)}"] if extra else []
