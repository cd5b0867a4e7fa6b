"""Search quality on published sets, in float32 and int8 side by side.

    python benchmarks/retrieval.py --data DIR --stsb
    python benchmarks/retrieval.py --data DIR --sets cranfield cacm
    python benchmarks/retrieval.py --data DIR --precisions int8 --indexes FOLDER

Each document, its title and text together, is one chunk. nDCG@10 is the mean over all judged queries, by the
reference implementation (pip install pytrec-eval-terrier). --stsb adds the rank correlation (Spearman) of cosines with
people's scores of alikeness. --queries N takes the first N queries of each set only, for a quick look. --indexes keeps
the indexes for another run. The last table is of the last precision: what hybrid search gains over the better of the
two retrievers alone.
"""

import argparse
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytrec_eval
from labelled_sets import RETRIEVAL_SETS, Qrels, RetrievalSet, read_retrieval_set, read_table
from numpy.typing import NDArray
from reporting import Row, at_least, at_most, parser, print_settings, print_table

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.types import Hit, Mode

MODES: tuple[Mode, ...] = ("dense", "lexical", "hybrid")
TARGETS = {
    ("cranfield", "dense"): 0.39,
    ("cacm", "dense"): 0.40,
    ("cranfield", "hybrid"): 0.42,
    ("cacm", "hybrid"): 0.48,
}
MOST_LOST = 0.5  # per cent that int8 may lose to be the default
DEPTH = 100  # hits asked for; the measure looks at ten

Run = dict[str, list[Hit]]  # query -> hits, best first


def main() -> None:
    arguments = _arguments()
    made_by: Row = {"depth": DEPTH, "chunks": "whole documents, at most 256 tokens read"}
    print_settings(made_by, as_json=arguments.json)
    gains: list[Row] = []
    for name in arguments.sets:
        one = read_retrieval_set(arguments.data, name, most_queries=arguments.queries)
        title = f"{name}: nDCG@10, {len(one.documents)} documents, {len(one.queries)} queries"
        scores = {precision: _scores(one, precision, arguments.indexes) for precision in arguments.precisions}
        print_table(title, _quality(name, scores), as_json=arguments.json)
        last = scores[arguments.precisions[-1]]
        gains.append({"set": name, "gain": round(last["hybrid"] - max(last["dense"], last["lexical"]), 4)})
    found = [float(row["gain"]) for row in gains]
    gains += [{"set": "worst", "gain": min(found)}, {"set": "mean", "gain": round(float(np.mean(found)), 4)}]
    print_table("Hybrid search against the better retriever", gains, as_json=arguments.json)
    if arguments.stsb:
        print_table("STS Benchmark, English test: Spearman", _alikeness(arguments.data), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--sets", nargs="*", default=RETRIEVAL_SETS, choices=RETRIEVAL_SETS)
    options.add_argument("--stsb", action="store_true", help="also the STS Benchmark")
    options.add_argument("--queries", type=int, help="the first so many of each set; all by default")
    options.add_argument("--precisions", nargs="*", default=["float32", "int8"], choices=["float32", "int8"])
    options.add_argument("--indexes", type=Path, help="where indexes are kept, or taken from if they are there")
    return options.parse_args()


def _quality(name: str, scores: dict[str, dict[str, float]]) -> list[Row]:
    """Each mode in the precisions, side by side."""
    rows: list[Row] = []
    for mode in MODES:
        row: Row = {"mode": mode, **{precision: round(found[mode], 4) for precision, found in scores.items()}}
        if len(scores) > 1:
            change = 100 * (scores["int8"][mode] / scores["float32"][mode] - 1)
            row |= {"change_percent": round(change, 2), "kept": bool(change >= -MOST_LOST)}
        target = TARGETS.get((name, mode))
        row |= at_least(min(found[mode] for found in scores.values()), target) if target else {}
        rows.append(row)
    return rows


def _scores(one: RetrievalSet, precision: str, kept: Path | None) -> dict[str, float]:
    with nullcontext(kept) if kept else TemporaryDirectory() as folder:
        path = Path(folder) / (one.name if precision == "int8" else f"{one.name}-{precision}")
        with index_whole(one, path, precision) as index:
            return {mode: ndcg(run_queries(index, one.queries, mode), one.qrels) for mode in MODES}


def index_whole(one: RetrievalSet, path: Path, precision: str) -> lw.Index:
    """An index in which each document is one chunk."""
    index = lw.Index(path, precision=precision, chunks=ChunkSettings(way="whole", prepend_heading=False))
    index.add(lw.Document(id=id, text=text) for id, text in one.documents.items())
    return index


def run_queries(index: lw.Index, queries: dict[str, str], mode: Mode) -> Run:
    """The best hits of each query, in which quotes are text: they name titles, and stand around words used oddly."""
    settings = lw.SearchSettings(marks=False)
    return {id: index.search(text, k=DEPTH, mode=mode, settings=settings) for id, text in queries.items()}


def ndcg(run: Run, qrels: Qrels) -> float:
    """Mean nDCG@10 over all queries of ``run``; one without hits counts 0."""
    evaluator = pytrec_eval.RelevanceEvaluator({id: qrels[id] for id in run}, {"ndcg_cut.10"})
    # Descending whole numbers in place of scores, because the evaluator orders ties in its own way.
    ranked = {id: {hit.document_id: float(-rank) for rank, hit in enumerate(hits)} for id, hits in run.items()}
    found = evaluator.evaluate({id: hits for id, hits in ranked.items() if hits})
    return sum(scores["ndcg_cut_10"] for scores in found.values()) / len(run)


def _alikeness(data: Path) -> list[Row]:
    table = list(read_table(data / "stsb" / "en_test.tsv.gz"))
    people = np.array([float(row["score"]) for row in table])
    found = {}
    for precision in ("float32", "int8"):
        encoder = lw.load("all-MiniLM-L6-v2", precision=precision)
        left = encoder.encode([row["sentence1"] for row in table], role="document")
        right = encoder.encode([row["sentence2"] for row in table], role="document")
        found[precision] = spearman((left * right).sum(axis=1), people)
    lost = 100 * (1 - found["int8"] / found["float32"])
    rounded = {precision: round(value, 4) for precision, value in found.items()}
    return [{"pairs": len(table), **rounded, "lost_percent": round(lost, 2), **at_most(lost, MOST_LOST)}]


def spearman(left: NDArray[np.floating], right: NDArray[np.floating]) -> float:
    """Correlation of ranks, those of equal values being their mean."""
    return float(np.corrcoef(_ranks(left), _ranks(right))[0, 1])


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[which]


if __name__ == "__main__":
    main()
