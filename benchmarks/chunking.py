"""How much of the passages that answer a question is in the first chunks found, for each way of cutting.

    python benchmarks/chunking.py --data DIR --kept FOLDER
    python benchmarks/chunking.py --data DIR --kept FOLDER --ways auto:200:0 auto:100:0 markdown:200:0

All five corpora of chunking_eval are in one index of its defaults, cut as WAY:MAX_TOKENS:OVERLAP says. Recall,
precision and intersection over union are of characters, as in Smith and Troynikov 2024, of the first k hits;
recall_in_4000 is of the first 4,000 characters found, which compares sizes fairly. FOLDER keeps the indexes.
"""

import argparse
from pathlib import Path

import numpy as np
from labelled_sets import read_objects
from reporting import Row, at_least, parser, print_settings, print_table

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.evaluating.spans import Span
from likewise.evaluating.tuning.labels import LabelledQueries
from likewise.evaluating.tuning.measures import measure_of
from likewise.types import Mode

MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")
WAYS = ("auto:200:0", "auto:200:50", "auto:100:0", "auto:100:50", "markdown:200:0")
DEPTH = 100
LEAST_RECALL = 0.85  # of the default way


def main() -> None:
    arguments = _arguments()
    print_settings({"k": arguments.k, "model": "all-MiniLM-L6-v2, int8"}, as_json=arguments.json)
    labels = _labels(arguments.data)
    documents = [lw.Document(id=one["id"], text=one["text"]) for one in _corpora(arguments.data)]
    rows: list[Row] = []
    made: list[Path] = []
    for way in arguments.ways:
        name, max_tokens, overlap = way.split(":")
        chunks = ChunkSettings(way=name, max_tokens=int(max_tokens), overlap_tokens=int(overlap))
        path = arguments.kept / way.replace(":", "-")
        with lw.Index(path, precision="int8", chunks=chunks) as index:
            index.add(documents, vectors_from=made)
            rows += [_row(index, way, mode, labels, arguments.k) for mode in arguments.modes]
        made.append(path)
    print_table(f"chunking_eval, {len(labels.texts)} questions, k = {arguments.k}", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--kept", type=Path, required=True, help="where the indexes are kept")
    options.add_argument("--ways", nargs="*", default=WAYS, metavar="WAY:MAX_TOKENS:OVERLAP")
    options.add_argument("--modes", nargs="*", default=MODES, choices=MODES)
    options.add_argument("-k", type=int, default=5, help="hits that count")
    return options.parse_args()


def _row(index: lw.Index, way: str, mode: Mode, labels: LabelledQueries, k: int) -> Row:
    settings = lw.SearchSettings(marks=False)  # quotes stand around names and words used oddly
    hits = {id: index.search(text, k=DEPTH, mode=mode, settings=settings) for id, text in labels.texts.items()}
    found = {id: [Span(hit.document_id, hit.start, hit.end) for hit in some] for id, some in hits.items()}
    measures = {name: f"span_{name}@{k}" for name in ("recall", "precision", "iou")}
    measures["recall_in_4000"] = "span_recall_within@4000"
    values = {name: float(measure_of(one, labels)(found).mean()) for name, one in measures.items()}
    size = float(np.mean([span.end - span.start for spans in found.values() for span in spans[:k]]))
    shown = {name: round(value, 4) for name, value in values.items()}
    reached = at_least(values["recall"], LEAST_RECALL) if (way, mode) == ("auto:200:0", "hybrid") else {}
    return {"way": way, "mode": mode, **shown, "characters": round(size), **reached}


def _corpora(data: Path) -> list[dict[str, str]]:
    return list(read_objects(data / "chunking_eval" / "corpora.jsonl.gz"))


def _labels(data: Path) -> LabelledQueries:
    texts, spans = {}, {}
    for number, one in enumerate(read_objects(data / "chunking_eval" / "questions.jsonl.gz")):
        texts[str(number)] = one["question"]
        spans[str(number)] = [
            Span(one["corpus_id"], each["start_index"], each["end_index"]) for each in one["references"]
        ]
    return LabelledQueries(texts=texts, qrels={}, spans=spans)


if __name__ == "__main__":
    main()
