"""Whether queries that are made of documents rank models as labelled queries do.

    python benchmarks/advice.py --data DIR --models NAME...

The documents are the example handbook, and published sets whose documents have titles, which become headings. Beside
words alone and each model, the first components of its vectors compete: 1/3, 1/6, 1/12 and 1/24 of them, which are
worse and worse. Of both rankings the scores (nDCG@10) are printed, and how well they agree over all contestants and
over models alone. Documents that no query is about are left out beyond --passages, to save time.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from labelled_sets import read_objects, read_retrieval_set
from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.packed_search import Rankings
from likewise.evaluating.agreement import pearson, spearman
from likewise.evaluating.forms import unit
from likewise.evaluating.runner import open_subject
from likewise.evaluating.samples import Labelled, Sample, SampleSettings, Searching, sample_of
from likewise.evaluating.subjects import EncoderSubject
from likewise.evaluating.words import WordSearch
from likewise.types import Document

SETS = ("cacm", "cranfield", "msmarco_dl_sample")
EXAMPLES = Path(__file__).parents[1] / "examples"
PARTS = (1, 3, 6, 12, 24)


@dataclass(frozen=True, slots=True)
class First:
    """The first components of a model's vectors."""

    subject: EncoderSubject
    count: int

    def search(self, queries: Sequence[str], documents: Sequence[str], k: int) -> Rankings:
        left, right = (
            unit(self.subject.vectors(texts, role)[:, : self.count])
            for texts, role in ((queries, "query"), (documents, "document"))
        )
        scores = left @ right.T  # (Q, N)
        ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return Rankings(ids, np.take_along_axis(scores, ids, axis=1))


def main() -> None:
    arguments = _arguments()
    settings = SampleSettings(most_passages=arguments.passages)
    print_settings({"passages": arguments.passages, "queries": arguments.queries}, as_json=arguments.json)
    contestants = dict(_contestants(arguments.models))
    agreements: list[Row] = []
    for name in ("handbook", *(arguments.sets if arguments.data else ())):
        documents, labelled = _handbook() if name == "handbook" else _published(arguments.data, name, arguments.queries)
        samples = sample_of(documents, labelled, settings=settings), sample_of(documents, settings=settings)
        rows = list(_scores(contestants, *samples))
        print_table(f"{name}: {samples[0].name}, {samples[1].name}", rows, as_json=arguments.json)
        agreements.append({"set": name, **_agreement(rows, "all"), **_agreement(rows[1:], "models")})
    print_table("Agreement of labelled and made", agreements, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="the folder of published sets; without it the handbook alone")
    options.add_argument("--models", nargs="+", default=[DEFAULT_MODEL], metavar="NAME")
    options.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    options.add_argument("--passages", type=int, default=1000)
    options.add_argument("--queries", type=int, default=100, help="labelled ones of a published set, at the most")
    return options.parse_args()


def _contestants(models: Sequence[str]) -> Iterator[tuple[str, Searching]]:
    yield WordSearch.name, WordSearch()
    for model in models:
        subject = open_subject(model)
        if not isinstance(subject, EncoderSubject) or subject.output != "dense":
            raise SystemExit(f"{model} is no dense encoder")
        for part in PARTS:
            count = subject.contract.dimension // part
            yield f"{Path(model).name} {count}", First(subject, count)


def _handbook() -> tuple[list[Document], list[Labelled]]:
    root = EXAMPLES / "handbook"
    documents, labelled = list(lw.read(root)), []
    for line in (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        files = [str(root / file) for file in ([row["file"]] if isinstance(row["file"], str) else row["file"])]
        ids = [one.id for one in documents if one.id.partition("#")[0] in files]
        labelled.append(Labelled(row["question"], ids))
    return documents, labelled


def _published(data: Path, name: str, most: int) -> tuple[list[Document], list[Labelled]]:
    read = read_retrieval_set(data, name, most_queries=most)
    documents = [
        Document(
            id=str(row["id"]),
            text=f"# {row['title']}\n\n{row['text']}" if row["title"] else row["text"],
            format="markdown",
        )
        for row in read_objects(data / name / "docs.jsonl.gz")
        if str(row["id"]) in read.documents
    ]
    found = [
        Labelled(text, [one for one, grade in read.qrels[id].items() if grade > 0 and one in read.documents])
        for id, text in read.queries.items()
    ]
    return documents, [one for one in found if one.documents]


def _scores(contestants: dict[str, Searching], labelled: Sample, made: Sample) -> Iterator[Row]:
    for name, contestant in contestants.items():
        yield {"contestant": name, "labelled": labelled.score(contestant).value, "made": made.score(contestant).value}


def _agreement(rows: Sequence[Row], of: str) -> Row:
    left, right = ([float(row[column]) for row in rows] for column in ("labelled", "made"))
    return {f"Spearman, {of}": spearman(left, right), f"Pearson, {of}": pearson(left, right)}


if __name__ == "__main__":
    main()
