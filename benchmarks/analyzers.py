"""BM25 by analyzer: nDCG@10 in twelve languages and on the English sets, and beside bm25s on the same words.

    python benchmarks/analyzers.py --data DIR

In XQuAD a question asks for its paragraph among the 240 of its language. (pip install bm25s pytrec-eval-terrier)
"""

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import bm25s
import numpy as np
import pytrec_eval
from labelled_sets import RetrievalSet, read_retrieval_set
from reporting import Row, parser, print_settings, print_table

from likewise.encoding.lexical import Analyzer, chosen_analyzer
from likewise.evaluating.words import WordSearch

K = 10
LANGUAGES = {
    "ar": "arabic", "de": "german", "el": "greek", "en": "english", "es": "spanish", "hi": "hindi",
    "ro": "romanian", "ru": "russian", "th": "plain", "tr": "turkish", "vi": "plain", "zh": "plain",
}  # fmt: skip


def main() -> None:
    arguments = _arguments()
    print_settings({"k1": 1.2, "b": 0.75, "bm25s": bm25s.__version__}, as_json=arguments.json)
    rows = [_row(one, LANGUAGES[one.name.removeprefix("xquad-")]) for one in _xquad(arguments.data)]
    print_table("XQuAD: nDCG@10", rows, as_json=arguments.json)
    english = ("cranfield", "cacm", "msmarco_dl_sample", "cosqa")
    rows = [_row(read_retrieval_set(arguments.data, name), "english") for name in english]
    print_table("English sets: nDCG@10", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    return options.parse_args()


def _row(one: RetrievalSet, language: str) -> Row:
    documents, queries = list(one.documents.values()), list(one.queries.values())
    row: Row = {"set": one.name, "queries": len(queries), "auto": chosen_analyzer("auto", documents).name}
    for title, name in (("plain_words", "plain"), ("as_english", "english"), ("as_its_own", language)):
        row[title] = round(_ndcg(one, WordSearch(analyzer=name).search(queries, documents, K).ids), 4)
    row["bm25s_same_words"] = round(_ndcg(one, _theirs(Analyzer(language), queries, documents)), 4)
    return row


def _theirs(analyzer: Analyzer, queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
    peer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    peer.index([analyzer.words(text) for text in documents], show_progress=False)
    found = np.full((len(queries), K), -1)
    for row, query in enumerate(queries):
        if words := analyzer.words(query):
            ids, scores = peer.retrieve([words], k=K, show_progress=False)
            # Theirs pad with documents that share no word, and order ties in their own way.
            order = [
                int(id)
                for id, score in sorted(zip(ids[0], -scores[0], strict=True), key=lambda x: (x[1], x[0]))
                if score
            ]
            found[row, : len(order)] = order
    return found


def _ndcg(one: RetrievalSet, found: np.ndarray) -> float:
    names, run = list(one.documents), {}
    for id, ranked in zip(one.queries, found, strict=True):
        run[id] = {names[place]: float(-rank) for rank, place in enumerate(ranked.tolist()) if place >= 0}
    evaluator = pytrec_eval.RelevanceEvaluator({id: one.qrels[id] for id in run}, {"ndcg_cut.10"})
    scores = evaluator.evaluate({id: ranked for id, ranked in run.items() if ranked})
    return sum(score["ndcg_cut_10"] for score in scores.values()) / len(run)


def _xquad(data: Path) -> Iterator[RetrievalSet]:
    by_language = defaultdict(list)
    with gzip.open(data / "xquad" / "paragraphs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            paragraph = json.loads(line)
            by_language[paragraph["lang"]].append(paragraph)
    for language, paragraphs in sorted(by_language.items()):
        documents = {str(one["para_id"]): one["context"] for one in paragraphs}
        asked = [(qa, str(one["para_id"])) for one in paragraphs for qa in one["qas"]]
        queries = {str(qa["id"]): qa["question"] for qa, _ in asked}
        qrels = {str(qa["id"]): {paragraph: 1} for qa, paragraph in asked}
        yield RetrievalSet(f"xquad-{language}", documents, queries, qrels)


if __name__ == "__main__":
    main()
