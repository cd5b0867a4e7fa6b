"""What models are ranked on: a user's own documents, with labelled queries or with made ones, or a task file."""

import os
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from likewise.chunking import embedded_text
from likewise.encoding.packed_search import Rankings
from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError, UnknownNameError
from likewise.evaluating.data_files import Row, read_records
from likewise.evaluating.kinds import KINDS, Outcome
from likewise.evaluating.kinds._judging import judge
from likewise.evaluating.known_items import Passage, cut_passages, distinct, make_known_items
from likewise.evaluating.ranking import Qrels
from likewise.evaluating.subjects import Need
from likewise.evaluating.task_files import read_task, rows_of
from likewise.reading import Reading, read
from likewise.types import Document

METRICS = ("ndcg@10", "mrr@10", "hit_rate@5")
_COLUMNS = {"query": "query", "relevant": "relevant"}
_TEXT_COLUMNS = ("text", "left", "right", "question", "a", "human", "machine")  # of task files: what models read
_DEPTH = 1000  # passages ranked for each query
_LEAST_MADE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """How much of a large folder is taken, and which part."""

    most_passages: int = 1000  # drawn at random; those of documents that answer labelled queries always stay
    most_queries: int = 200  # made ones
    seed: int = 0

    def __post_init__(self) -> None:
        require_count("most_passages", self.most_passages)
        require_count("most_queries", self.most_queries)


class Searching(Protocol):
    """A model or another way of searching."""

    def search(self, queries: Sequence[str], documents: Sequence[str], k: int) -> Rankings:
        """The best k documents for each query."""
        ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """A query, and the documents that answer it."""

    query: str
    documents: Sequence[str]  # ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What models are ranked on."""

    name: str
    needs: Need  # what of a model
    score: Callable[[Any], Outcome]  # of what gives that
    passages: Sequence[str]  # what models read
    documents: Sequence[str]  # what these were cut from, whole; none if they were not
    notes: Sequence[str]  # what a reader of the scores should know


def read_sample(
    path: Path, *, kind: str, queries: Path | None = None, settings: SampleSettings = SampleSettings()
) -> Sample:
    """A sample of a user's own.

    Args:
        path: A folder or file of documents, or a task file (``.toml``) with labels.
        kind: Of the user's task, one of ``KINDS``.
        queries: JSON lines ``{"query": ..., "relevant": [path or id of a document, ...]}``; without them queries are
            made of the documents.
        settings: How much is taken.

    Raises:
        UnknownNameError: No such kind.
        SettingError: Queries for what is no retrieval, or a task file of another kind.
        ReadingError: There is nothing at ``path``.
        DataError: No document, too few to compare models on, or a query that names an unknown one.
    """
    if kind not in KINDS.names():
        raise UnknownNameError("task kind", kind, KINDS.names())
    if path.suffix == ".toml":
        return _of_task(path, kind, queries)
    if queries is not None and kind != "retrieval":
        raise SettingError(
            f"--queries label documents for retrieval, not for {kind}: label a sample in a task file and give it as "
            "--sample task.toml"
        )
    reading = read(path)
    documents = list(reading)
    skipped = _skipped(reading)
    if not documents:
        raise DataError(f"{path} has no document to rank models on{''.join(f'. {line}' for line in skipped)}")
    labelled = read_queries(queries, documents) if queries else ()
    sample = sample_of(documents, labelled, kind=kind, settings=settings)
    return replace(sample, notes=[*sample.notes, *skipped])


def sample_of(
    documents: Sequence[Document],
    labelled: Sequence[Labelled] = (),
    *,
    kind: str = "retrieval",
    settings: SampleSettings = SampleSettings(),
) -> Sample:
    """A sample of documents, with labelled queries or, if there are none, with made ones.

    Args:
        documents: To search in; with labelled queries at least two.
        labelled: Queries whose documents are all among them.
        kind: Of the user's task: made queries say what they can tell of it.
        settings: How much is taken.

    Raises:
        DataError: Too few to compare models on, or a labelled document is not there.
    """
    passages = cut_passages(documents)
    if labelled:
        return _labelled(passages, documents, labelled, settings)
    return _made(distinct(passages), documents, kind, settings)


def read_queries(path: Path, documents: Sequence[Document]) -> list[Labelled]:
    """Labelled queries of a file of JSON lines.

    A document is named by its id, or by the path of its file: as it is from here, or below the folder of documents.
    A file of many documents, such as a table, stands for all of them.

    Raises:
        DataError: A line that is no query, or names a document that is not there; fewer than two queries.
    """
    named: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        for name in _names(document):
            named[name].append(document.id)
    found = []
    for number, values in read_records(path, "jsonl"):
        row = Row(f"{path}, line {number}", number, values, _COLUMNS)
        query, wanted = row.text("query"), row.ids("relevant")
        if not query.strip() or not wanted:
            raise DataError(f"{row.place}: a query must have a text, and at least one relevant document")
        ids = [_named(name, named, row.place) for name in wanted]
        found.append(Labelled(query, list(dict.fromkeys(id for some in ids for id in some))))
    if len(found) < 2:
        raise DataError(f"{path} has {len(found)} queries; chance can't be told from fewer than two, and 50 are better")
    return found


def _names(document: Document) -> set[str]:
    below = str(document.metadata.get("path", document.id))  # the folder that was read
    file, mark, number = document.id.partition("#")
    return {document.id, document.source, file, below, f"{below}{mark}{number}"}


def _named(name: str, named: Mapping[str, Sequence[str]], place: str) -> Sequence[str]:
    for known in (name, os.path.normpath(name), os.path.normpath(Path(name).absolute())):
        if known in named:
            return named[known]
    short = [known for known in named if not Path(known).is_absolute()]
    raise DataError(f"{place}: {UnknownNameError('document', name, short)}")


def _labelled(
    passages: Sequence[Passage],
    documents: Sequence[Document],
    labelled: Sequence[Labelled],
    settings: SampleSettings,
) -> Sample:
    """Documents are searched: each counts by its best passage."""
    if len(documents) < 2:
        raise DataError("the sample has one document, which every search finds; give at least two")
    relevant = {id for one in labelled for id in one.documents}
    if unknown := sorted(relevant - {one.id for one in documents}):
        raise DataError(f"a labelled query names {unknown[0]!r}, and no document has that id")
    kept = _drawn(passages, settings, needed=relevant)
    texts, items = [embedded_text(one.chunk) for one in kept], [one.document for one in kept]
    qrels = {str(number): dict.fromkeys(one.documents, 1) for number, one in enumerate(labelled, start=1)}
    queries = [one.query for one in labelled]
    return Sample(
        name=f"{len(queries)} labelled queries",
        needs="search",
        score=lambda subject: _score(subject, queries, texts, items, qrels),
        passages=texts,
        documents=_whole(kept, documents),
        notes=_counts(kept, passages, documents),
    )


def _made(passages: Sequence[Passage], documents: Sequence[Document], kind: str, settings: SampleSettings) -> Sample:
    """Passages are searched, each without what became a query."""
    kept = _drawn(passages, settings, needed=set())
    made = make_known_items(kept, most=settings.most_queries, seed=settings.seed)
    if len(made.queries) < _LEAST_MADE:
        raise DataError(
            f"only {len(made.queries)} queries could be made of {len(documents)} documents in {len(passages)} "
            f"passages, and models can't be compared on fewer than {_LEAST_MADE}: give more documents, or labelled "
            "queries (--queries)"
        )
    items = [str(number) for number in range(len(kept))]
    qrels = {str(number): {str(passage): 1 for passage in some} for number, some in enumerate(made.relevant, start=1)}
    return Sample(
        name=f"{len(made.queries)} made queries",
        needs="search",
        score=lambda subject: _score(subject, made.queries, made.texts, items, qrels),
        passages=made.texts,
        documents=_whole(kept, documents),
        notes=[*_counts(kept, passages, documents), *_what_made_queries_tell(kind)],
    )


def _what_made_queries_tell(kind: str) -> list[str]:
    lines = [
        "No labels were given: queries are headings and sentences taken out of your passages, which are to be found "
        "without them. They tell models that are far apart on your subject, language and lengths.",
        "They can't tell how models do with people's own questions, which are in other words than your documents: "
        "scores are no forecast of those, models that are close may come in another order, and BM25 may look better "
        "than it is. 50 labelled queries (--queries) tell more.",
    ]
    if kind != "retrieval":
        lines.append(f"Made queries measure retrieval alone. For {kind} the order may be another: label a sample.")
    return lines


def _score(
    subject: Searching, queries: Sequence[str], texts: Sequence[str], items: Sequence[str], qrels: Qrels
) -> Outcome:
    """Search all texts; what a text counts as (its item) has the score of the best of them."""
    found = subject.search(queries, texts, min(_DEPTH, len(texts)))
    run: dict[str, dict[str, float]] = {}
    for name, ids, scores in zip(qrels, found.ids.tolist(), found.scores.tolist(), strict=True):
        best = run.setdefault(name, {})
        for number, score in zip(ids, scores, strict=True):
            if number >= 0:
                best.setdefault(items[number], score)
    return judge(run, qrels, METRICS)


def _of_task(path: Path, kind: str, queries: Path | None) -> Sample:
    task = read_task(path)
    if task.kind != kind:
        raise SettingError(f"{path} is a task of {task.kind}, not of {kind}: say --task {task.kind}")
    if queries is not None:
        raise SettingError(f"{path} names its queries itself: leave --queries out")
    rows, plugin = rows_of(task, None), KINDS.get(kind)
    texts = [row.text(name) for table in rows.values() for row in table for name in _TEXT_COLUMNS if row.has(name)]
    return Sample(
        name=task.name,
        needs=plugin.needs,
        score=lambda subject: plugin.score(rows, task.settings, subject),
        passages=list(dict.fromkeys(texts)),
        documents=(),
        notes=[],
    )


def _drawn(passages: Sequence[Passage], settings: SampleSettings, *, needed: set[str]) -> list[Passage]:
    """So many passages at random, in their order; those of needed documents always."""
    free = [number for number, one in enumerate(passages) if one.document not in needed]
    room = max(0, settings.most_passages - (len(passages) - len(free)))
    left = set(free) - set(random.Random(settings.seed).sample(free, min(room, len(free))))
    return [one for number, one in enumerate(passages) if number not in left]


def _whole(kept: Sequence[Passage], documents: Sequence[Document]) -> list[str]:
    """The texts of the documents that passages are of."""
    ids = {one.document for one in kept}
    return [one.text for one in documents if one.id in ids]


def _counts(kept: Sequence[Passage], passages: Sequence[Passage], documents: Sequence[Document]) -> list[str]:
    if len(kept) == len(passages):
        return [f"{len(documents):,} documents in {len(passages):,} passages."]
    return [
        f"{len(kept):,} of {len(passages):,} passages, drawn at random, of {len(documents):,} documents: with fewer to "
        "confuse, scores are higher than over all of them."
    ]


def _skipped(reading: Reading) -> list[str]:
    if not reading.report.skipped:
        return []
    first = reading.report.skipped[0]
    return [f"{len(reading.report.skipped)} could not be read, the first, {first.path}: {first.reason}"]
