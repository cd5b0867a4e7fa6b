"""Chunk retrieval: how much of the passages that answer a question is in the chunks found for it, and how much else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from likewise.chunking import ChunkSettings, chunk, embedded_text
from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.spans import Span, span_iou, span_precision, span_recall
from likewise.evaluating.subjects import Subject
from likewise.types import Document

_METRICS: Mapping[str, Callable[[Sequence[Span], Sequence[Span]], float]] = {
    "iou": span_iou,
    "recall": span_recall,
    "precision": span_precision,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRetrievalSettings:
    """How documents are cut, and how many chunks are found."""

    k: int = 5
    way: str = "text"
    max_tokens: int = 200
    overlap_tokens: int = 0

    def __post_init__(self) -> None:
        require_count("k", self.k)
        _ = self.chunks

    @property
    def chunks(self) -> ChunkSettings:
        return ChunkSettings(way=self.way, max_tokens=self.max_tokens, overlap_tokens=self.overlap_tokens)


def _score(rows: Rows, settings: ChunkRetrievalSettings, subject: Subject) -> Outcome:
    spans, texts = _cut(_documents(rows), settings.chunks, subject)
    gold = _gold(rows, {span.document for span in spans})
    found = subject.search(list(gold), texts, settings.k)
    retrieved = [[spans[i] for i in ids if i >= 0] for ids in found.ids.tolist()]
    values = {
        name: [metric(some, wanted) for some, wanted in zip(retrieved, gold.values(), strict=True)]
        for name, metric in _METRICS.items()
    }
    return Outcome(
        metric="iou",
        metrics={name: float(np.mean(some)) for name, some in values.items()},
        items=values["iou"],
        notes=[f"{len(texts)} chunks of at most {settings.max_tokens} tokens, {settings.k} found for each question"],
    )


def _documents(rows: Rows) -> dict[str, str]:
    documents: dict[str, str] = {}
    for row in rows["documents"]:
        if row.id("id") in documents:
            raise DataError(f"{row.place}: the id {row.id('id')!r} is there already; ids must differ")
        documents[row.id("id")] = row.text("text")
    return documents


def _cut(documents: Mapping[str, str], settings: ChunkSettings, subject: Subject) -> tuple[list[Span], list[str]]:
    """All chunks: where they are, and what is embedded for each."""
    if subject.tokenizer is None:
        raise SettingError(f"{subject.name} has no tokenizer to measure chunks with")
    spans, texts = [], []
    for id, text in documents.items():
        for one in chunk(Document(id=id, text=text), offsets=subject.tokenizer.offsets, settings=settings):
            spans.append(Span(id, one.start, one.end))
            texts.append(embedded_text(one, settings=settings))
    return spans, texts


def _gold(rows: Rows, known: set[str]) -> dict[str, list[Span]]:
    """The passages that answer each question. A row is a passage: those of one question have its text."""
    found: dict[str, list[Span]] = {}
    for row in rows["passages"]:
        document = row.id("document")
        if document not in known:
            raise DataError(f"{row.place}: no document has the id {document!r}")
        passage = Span(document, row.whole("start"), row.whole("end"))
        found.setdefault(row.text("question"), []).append(passage)
    return found


PLUGIN = Kind(
    needs="search",
    tables={
        "documents": Columns(required=("id", "text")),
        "passages": Columns(required=("question", "document", "start", "end")),
    },
    settings=ChunkRetrievalSettings,
    score=_score,
)
