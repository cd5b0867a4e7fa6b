"""What the defaults of likewise/searching/settings.py were chosen by: ways of fusion, with and without smoothing.

    python benchmarks/fusion.py --data DIR
    python benchmarks/fusion.py --data DIR --indexes FOLDER

Columns: nDCG@10 on each published set (documents whole, int8), and on the questions about the example handbook the
mean reciprocal rank of the right file, apart for questions that share few words with the answer and those that
share the same. "worst" and "mean" are gains over the better of the two retrievers alone, over the published sets. The
default is marked.

The second table leaves each published set out in turn, chooses by the others (the greatest mean gain, less what the
worst falls below 0), and says what the choice gives on the set that was left out: all ways that the first table has,
and among the default's own way alone. --indexes keeps the indexes for another run.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
import pytrec_eval
from labelled_sets import RETRIEVAL_SETS, Qrels, read_retrieval_set
from reporting import Row, Value, parser, print_settings, print_table
from retrieval import index_whole

import likewise as lw
from likewise.encoding.lexical import Analyzer
from likewise.searching.pipeline import Question, Retrieved, Tools, combine, retrieve, wording_for
from likewise.searching.probes import of_question
from likewise.searching.settings import SearchSettings
from likewise.storing import Ranking

EXAMPLES = Path(__file__).parent.parent / "examples"
SMOOTHINGS = (0.0, 0.15, 0.3, 0.45)
WORDS = (0.015, 0.02, 0.025, 0.03, 0.04)  # weights of BM25 beside a cosine
SHARES = (0.3, 0.4, 0.5)  # weights of words where both scores are between 0 and 1

Measure: TypeAlias = Callable[[Mapping[str, list[str]]], Mapping[str, float]]  # names by query, best first


@dataclass(frozen=True, slots=True)
class Case:
    """What both retrievers found for the queries of one set, and how a fusion of it is scored."""

    tools: Tools
    questions: Mapping[str, Question]
    found: Mapping[str, Retrieved]
    names: Mapping[int, str]  # by chunk: the document, or the file
    measure: Measure


def main() -> None:
    arguments = _arguments()
    print_settings({"precision": "int8", "depth": SearchSettings().depth}, as_json=arguments.json)
    scores: dict[str, dict[str, float]] = {}
    for name in (*arguments.sets, "handbook"):
        with nullcontext(arguments.indexes) if arguments.indexes else TemporaryDirectory() as folder:
            _score(name, arguments.data, Path(folder), scores)
    published = list(arguments.sets)
    print_table("Fusion", _rows(scores, published), as_json=arguments.json)
    if len(published) > 1:
        print_table("Leaving one set out", _left_out(scores, published), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--sets", nargs="*", default=RETRIEVAL_SETS, choices=RETRIEVAL_SETS)
    options.add_argument("--indexes", type=Path, help="where indexes are kept, or taken from if they are there")
    return options.parse_args()


def _variants() -> dict[str, SearchSettings]:
    """Everything that is compared, by name; the names of one way begin alike."""
    base = SearchSettings(smoothing=0.0)
    found = {
        f"reciprocal_rank c={constant:g} w={weight}": replace(
            base, fusion="reciprocal_rank", constant=constant, weights={"dense": 1.0, "lexical": weight}
        )
        for constant, weight in ((5.0, 0.6), (5.0, 1.0), (60.0, 1.0))
    }
    for way, weights in (("scores", WORDS), ("convex", SHARES), ("distribution", SHARES)):
        for weight in weights:
            dense = 1.0 if way == "scores" else 1 - weight
            chosen = replace(base, fusion=way, weights={"dense": dense, "lexical": weight})
            found[f"{way} w={weight}"] = chosen
    return {
        f"{name} s={share}": replace(one, smoothing=share)
        for name, one in found.items()
        for share in (SMOOTHINGS if one.fusion == "scores" else (0.0, 0.3))
    }


def _score(name: str, data: Path, folder: Path, scores: dict[str, dict[str, float]]) -> None:
    """Add the figures of one set to those of each variant."""
    if name == "handbook":
        questions = _questions()
        index = lw.Index(folder / name, precision="int8")
        index.add(lw.read(EXAMPLES / "handbook"))
        case = make_case(
            index, {id: one["question"] for id, one in questions.items()}, lambda run: _mrr(run, questions)
        )
    else:
        one = read_retrieval_set(data, name)
        index = index_whole(one, folder / name, "int8")
        case = make_case(index, one.queries, lambda run: {name: ndcg_of(run, one.qrels)})
    for retriever in ("dense", "lexical"):
        run = {id: names_of(case, found.rankings[retriever]) for id, found in case.found.items()}
        scores.setdefault(retriever, {}).update(case.measure(run))
    for variant, settings in _variants().items():
        run = {
            id: names_of(case, combine(case.tools, replace(case.questions[id], settings=settings), found))
            for id, found in case.found.items()
        }
        scores.setdefault(variant, {}).update(case.measure(run))
    index.close()


def make_case(index: lw.Index, queries: Mapping[str, str], measure: Measure) -> Case:
    tools, encoder, analyzer = index.tools(), lw.load("all-MiniLM-L6-v2", precision="int8"), Analyzer()
    questions = {
        id: Question(
            probe=of_question(text, (), analyzer=analyzer, encoder=lambda: encoder, marks=False),
            k=10,
            mode="hybrid",
            where=None,
            settings=SearchSettings(),
        )
        for id, text in queries.items()
    }
    found = {
        id: retrieve(tools, one, wording_for(tools.store, one), depth=one.settings.depth)
        for id, one in questions.items()
    }
    chunks = sorted({chunk for one in found.values() for r in one.rankings.values() for chunk in r.ids.tolist()})
    names = {chunk.id: chunk.document_id.partition("#")[0] for chunk in tools.store.fetch(chunks)}
    return Case(tools, questions, found, names, measure)


def names_of(case: Case, ranking: Ranking) -> list[str]:
    """Documents or files, best first, each once."""
    return list(dict.fromkeys(case.names[chunk] for chunk in ranking.ids.tolist()))


def ndcg_of(run: Mapping[str, list[str]], qrels: Qrels) -> float:
    evaluator = pytrec_eval.RelevanceEvaluator({id: qrels[id] for id in run}, {"ndcg_cut.10"})
    ranked = {id: {name: float(-place) for place, name in enumerate(names)} for id, names in run.items() if names}
    return sum(one["ndcg_cut_10"] for one in evaluator.evaluate(ranked).values()) / len(run)


def _questions() -> dict[str, dict[str, Any]]:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return {str(number): json.loads(line) for number, line in enumerate(lines)}


def _mrr(run: Mapping[str, list[str]], questions: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    def reciprocal(id: str) -> float:
        right = questions[id]["file"]
        wanted = (right,) if isinstance(right, str) else tuple(right)
        return next((1 / place for place, file in enumerate(run[id], 1) if file.endswith(wanted)), 0.0)

    return {
        f"handbook_{words}": float(np.mean([reciprocal(id) for id in run if questions[id]["words"] == words]))
        for words in ("few", "same")
    }


def _gains(scores: Mapping[str, Mapping[str, float]], variant: str, sets: list[str]) -> list[float]:
    return [scores[variant][name] - max(scores["dense"][name], scores["lexical"][name]) for name in sets]


def _rows(scores: Mapping[str, Mapping[str, float]], published: list[str]) -> list[Row]:
    default = replace(SearchSettings(), weights={"dense": 1.0, "lexical": 0.025})
    chosen = next((name for name, settings in _variants().items() if settings == default), "")
    rows: list[Row] = []
    for name, found in scores.items():
        gains = _gains(scores, name, published)
        row: dict[str, Value] = {"fusion": name, **{one: round(score, 4) for one, score in found.items()}}
        row |= {"worst": round(min(gains), 4), "mean": round(float(np.mean(gains)), 4)}
        rows.append(row | {"default": "*" if name == chosen else ""})
    return rows


def _left_out(scores: Mapping[str, Mapping[str, float]], published: list[str]) -> list[Row]:
    rows: list[Row] = []
    for pool in ("", "scores"):
        variants = [name for name in scores if name not in ("dense", "lexical") and name.startswith(pool)]
        for left in published:
            others = [name for name in published if name != left]

            def worth(variant: str, others: list[str] = others) -> float:
                gains = _gains(scores, variant, others)
                return float(np.mean(gains)) + min(0.0, *gains)

            best = max(variants, key=worth)
            gain = round(_gains(scores, best, [left])[0], 4)
            rows.append({"among": pool or "all", "left_out": left, "chosen": best, "gain": gain})
    return rows


if __name__ == "__main__":
    main()
