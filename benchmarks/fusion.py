"""What the constants of likewise/searching/fusion.py were chosen by: reciprocal rank fusion with others in their place.

    python benchmarks/fusion.py --data DIR

Columns: nDCG@10 on each published set (documents whole, int8), and on the questions about the example handbook the
mean reciprocal rank of the right file, apart for questions that share few words with the answer and those that
share the same. "least_gain" is the worst set's distance to the better of its two retrievers alone. The chosen pair is
marked.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
from labelled_sets import RETRIEVAL_SETS, RetrievalSet, read_retrieval_set
from reporting import Row, Value, parser, print_settings, print_table
from retrieval import DEPTH, Run, index_whole, ndcg, run_queries

import likewise as lw
from likewise.searching.fusion import CONSTANT, WEIGHTS, reciprocal_rank
from likewise.storing import Ranking
from likewise.types import Hit

CONSTANTS, LEXICAL_WEIGHTS = (1, 3, 5, 10, 20, 60), (0.5, 0.6, 0.8, 1.0)
EXAMPLES = Path(__file__).parent.parent / "examples"

Measure: TypeAlias = Callable[[Run], Mapping[str, float]]
Fuse: TypeAlias = Callable[[list[Hit], list[Hit]], list[Hit]]


@dataclass(frozen=True, slots=True)
class Case:
    """What both retrievers found for the queries of one set, and how a fusion of them is scored."""

    dense: Run
    lexical: Run
    measure: Measure


def main() -> None:
    arguments = _arguments()
    print_settings({"depth": DEPTH, "precision": "int8"}, as_json=arguments.json)
    cases = [_published(arguments.data, name, arguments.queries) for name in arguments.sets]
    cases.append(_handbook())
    print_table("Reciprocal rank fusion", _rows(cases), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--sets", nargs="*", default=RETRIEVAL_SETS, choices=RETRIEVAL_SETS)
    options.add_argument("--queries", type=int, help="the first so many of each set; all by default")
    return options.parse_args()


def _rows(cases: list[Case]) -> list[Row]:
    dense = _scores(cases, lambda dense, _: dense)
    lexical = _scores(cases, lambda _, lexical: lexical)
    best = {name: max(dense[name], lexical[name]) for name in dense}
    rows: list[Row] = [_row("dense alone", "", dense, best), _row("lexical alone", "", lexical, best)]
    for constant in CONSTANTS:
        for weight in LEXICAL_WEIGHTS:
            scores = _scores(cases, _fuser(constant, weight))
            chosen = (constant, weight) == (CONSTANT, WEIGHTS["lexical"])
            rows.append(_row(str(constant), str(weight), scores, best) | {"chosen": "*" if chosen else ""})
    return rows


def _row(constant: str, weight: str, scores: Mapping[str, float], best: Mapping[str, float]) -> dict[str, Value]:
    gains = [scores[name] - best[name] for name in scores]
    rounded = {name: round(score, 4) for name, score in scores.items()}
    return {"constant": constant, "lexical_weight": weight, **rounded, "least_gain": round(min(gains), 4)}


def _scores(cases: list[Case], fuse: Fuse) -> dict[str, float]:
    found: dict[str, float] = {}
    for case in cases:
        found |= case.measure({id: fuse(case.dense[id], case.lexical[id]) for id in case.dense})
    return found


def _fuser(constant: float, weight: float) -> Fuse:
    def fuse(dense: list[Hit], lexical: list[Hit]) -> list[Hit]:
        hits = {hit.chunk_id: hit for hit in dense + lexical}
        rankings = {"dense": _ranking(dense), "lexical": _ranking(lexical)}
        weights = {"dense": 1.0, "lexical": weight}
        fused = reciprocal_rank(rankings, k=DEPTH, weights=weights, constant=constant)
        return [hits[chunk] for chunk in fused.ids.tolist()]

    return fuse


def _ranking(hits: list[Hit]) -> Ranking:
    return Ranking(
        np.array([hit.chunk_id for hit in hits], np.int64), np.array([hit.score for hit in hits], np.float32)
    )


def _published(data: Path, name: str, most_queries: int | None) -> Case:
    one: RetrievalSet = read_retrieval_set(data, name, most_queries=most_queries)
    with TemporaryDirectory() as folder, index_whole(one, Path(folder) / "index", "int8") as index:
        dense, lexical = (run_queries(index, one.queries, mode) for mode in ("dense", "lexical"))
    return Case(dense, lexical, lambda run: {name: ndcg(run, one.qrels)})


def _handbook() -> Case:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = {str(number): json.loads(line) for number, line in enumerate(lines)}
    texts = {id: question["question"] for id, question in questions.items()}
    with TemporaryDirectory() as folder, lw.Index(Path(folder) / "index", precision="int8") as index:
        index.add(lw.read(EXAMPLES / "handbook"))
        dense, lexical = (run_queries(index, texts, mode) for mode in ("dense", "lexical"))

    def measure(run: Run) -> dict[str, float]:
        found = {id: _reciprocal_rank_of_file(run[id], question["file"]) for id, question in questions.items()}
        return {
            f"handbook_{words}": float(np.mean([found[id] for id, q in questions.items() if q["words"] == words]))
            for words in ("few", "same")
        }

    return Case(dense, lexical, measure)


def _reciprocal_rank_of_file(hits: list[Hit], right: Any) -> float:
    """One over the place of the first right file among the files found, each counted once; 0 if it is not there."""
    wanted = [right] if isinstance(right, str) else right
    files = list(dict.fromkeys(hit.source.partition("#")[0] for hit in hits))
    return next((1 / place for place, file in enumerate(files, 1) if file.endswith(tuple(wanted))), 0.0)


if __name__ == "__main__":
    main()
