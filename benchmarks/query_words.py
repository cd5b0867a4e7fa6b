"""What a question's words may be beside themselves: misspelt ones taken for others, and the words of first hits (RM3).

    python benchmarks/query_words.py --data DIR
    python benchmarks/query_words.py --data DIR --indexes FOLDER

nDCG@10, documents whole, with one setting off and on and the others as by default. Spelling is measured by words alone,
RM3 in hybrid mode too. "planted" are the same queries with one edit (a letter changed, left out, put in, or two that
changed places) in the word that the fewest documents have, of those of at least four letters, so that no document has
it any more; queries without such a word are left out. "gain" is the mean difference by query with its 95 % interval
(bootstrap), "changed" for how many queries there is one. --indexes keeps the indexes for another run.
(pip install pytrec-eval-terrier)
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytrec_eval
from labelled_sets import RETRIEVAL_SETS, RetrievalSet, read_retrieval_set
from reporting import Row, parser, print_settings, print_table
from retrieval import index_whole

import likewise as lw
from likewise.encoding.lexical import WORD, Analyzer
from likewise.searching.settings import SearchSettings
from likewise.types import Mode

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIRST = 10  # hits that lend their words, as published
PLAIN = SearchSettings(marks=False)  # in the queries quotes name titles, and stand around words used oddly
MODES: tuple[Mode, ...] = ("lexical", "hybrid")
_SAMPLES = 2_000

Scores = Mapping[str, float]  # nDCG@10 by query


def main() -> None:
    arguments = _arguments()
    print_settings({"precision": "int8", "k1": 1.2, "b": 0.75, "expansion": FIRST}, as_json=arguments.json)
    spelling: list[Row] = []
    expansion: list[Row] = []
    for name in arguments.sets:
        one = read_retrieval_set(arguments.data, name)
        kept = nullcontext(arguments.indexes) if arguments.indexes else TemporaryDirectory()
        with kept as folder, index_whole(one, Path(folder) / name, "int8") as index:
            spelling += _spelling(one, index)
            expansion += _expansion(one, index)
    print_table("Words that no text has, taken for those spelt alike: nDCG@10", spelling, as_json=arguments.json)
    print_table("The words of the first hits (RM3): nDCG@10", expansion, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--sets", nargs="*", default=RETRIEVAL_SETS, choices=RETRIEVAL_SETS)
    options.add_argument("--indexes", type=Path, help="where indexes are kept, or taken from if they are there")
    return options.parse_args()


def _spelling(one: RetrievalSet, index: lw.Index) -> list[Row]:
    rows: list[Row] = []
    for kind, queries in {"clean": one.queries, "planted": _planted(one)}.items():
        before = _ndcg(one, {id: one.queries[id] for id in queries}, index, "lexical", PLAIN)
        off = _ndcg(one, queries, index, "lexical", PLAIN)
        on = _ndcg(one, queries, index, "lexical", replace(PLAIN, fuzzy=True))
        row: Row = {"set": one.name, "queries": kind, "count": len(queries), "without_typos": _mean(before)}
        rows.append({**row, **_compared(off, on)})
    return rows


def _planted(one: RetrievalSet) -> dict[str, str]:
    """Queries with one edit in their rarest word."""
    analyzer, chance = Analyzer(), Random(0)
    chunks = Counter(stem for text in one.documents.values() for stem in set(analyzer.words(text)))
    found: dict[str, str] = {}
    for id, query in one.queries.items():
        words = [m for m in WORD.finditer(query) if len(m[0]) > 3 and (s := analyzer.words(m[0])) and chunks[s[0]]]
        if not words:
            continue
        rarest = min(words, key=lambda match: chunks[analyzer.words(match[0])[0]])
        for _ in range(20):
            edited = _edited(rarest[0], chance)
            if not any(chunks[stem] for stem in analyzer.words(edited)) and analyzer.words(edited):
                found[id] = query[: rarest.start()] + edited + query[rarest.end() :]
                break
    return found


def _edited(word: str, chance: Random) -> str:
    place, letter = chance.randrange(len(word) - 1), chance.choice(LETTERS)
    kind = chance.choice(("change", "leave out", "put in", "swap"))
    if kind == "change":
        return word[:place] + letter + word[place + 1 :]
    if kind == "leave out":
        return word[:place] + word[place + 1 :]
    if kind == "put in":
        return word[:place] + letter + word[place:]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _expansion(one: RetrievalSet, index: lw.Index) -> list[Row]:
    rows: list[Row] = []
    for mode in MODES:
        off = _ndcg(one, one.queries, index, mode, PLAIN)
        on = _ndcg(one, one.queries, index, mode, replace(PLAIN, expansion=FIRST))
        rows.append({"set": one.name, "mode": mode, "queries": len(one.queries), **_compared(off, on)})
    return rows


def _compared(off: Scores, on: Scores) -> Row:
    differences = np.array([on[id] - off[id] for id in off])
    chance = np.random.default_rng(0)
    means = differences[chance.integers(len(differences), size=(_SAMPLES, len(differences)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    mean = float(differences.mean())
    return {
        "off": _mean(off),
        "on": _mean(on),
        "gain": f"{mean:+.4f} ({low:+.4f} to {high:+.4f})",
        "changed": int(np.count_nonzero(differences)),
    }


def _mean(scores: Scores) -> float:
    return round(float(np.mean(list(scores.values()))), 4)


def _ndcg(
    one: RetrievalSet, queries: Mapping[str, str], index: lw.Index, mode: Mode, settings: SearchSettings
) -> dict[str, float]:
    run = {id: index.search(text, mode=mode, settings=settings) for id, text in queries.items()}
    evaluator = pytrec_eval.RelevanceEvaluator({id: one.qrels[id] for id in run}, {"ndcg_cut.10"})
    # Descending whole numbers in place of scores, because the evaluator orders ties in its own way.
    ranked = {id: {hit.document_id: float(-rank) for rank, hit in enumerate(hits)} for id, hits in run.items() if hits}
    found = evaluator.evaluate(ranked)
    return {id: found[id]["ndcg_cut_10"] if id in found else 0.0 for id in run}


if __name__ == "__main__":
    main()
