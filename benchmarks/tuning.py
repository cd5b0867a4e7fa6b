"""What choosing settings on labelled queries gains on queries that had no part in it, on published sets.

    python benchmarks/tuning.py --data DIR --kept FOLDER
    python benchmarks/tuning.py --data DIR --kept FOLDER --sets cacm xquad-en --chunks

Each document, its title and text together, is indexed with the defaults, and ``tune`` chooses by five-fold nested
cross-validation. Differences are of held-out nDCG@10 to the defaults, with their intervals at 95 %. --chunks also tries
chunk sizes, for which the documents are embedded again in each size. FOLDER keeps indexes and what was tried.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from labelled_sets import RETRIEVAL_SETS, read_retrieval_set
from reporting import Row, at_least, parser, print_settings, print_table

import likewise as lw
from likewise.evaluating.tuning import Gain, LabelledQueries, Tuning, tune


def main() -> None:
    arguments = _arguments()
    print_settings({"folds": 5, "seed": 0}, as_json=arguments.json)
    for name in arguments.sets:
        found = _tuned(arguments, name)
        title = f"{name}: {found.measure}, {found.queries} queries; {found.verdict}"
        print_table(title, list(_rows(found)), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--kept", type=Path, required=True, help="where indexes and what was tried are kept")
    options.add_argument("--sets", nargs="*", default=["cranfield"], choices=RETRIEVAL_SETS)
    options.add_argument("--chunks", action="store_true", help="also chunk sizes")
    return options.parse_args()


def _tuned(arguments: argparse.Namespace, name: str) -> Tuning:
    one = read_retrieval_set(arguments.data, name)
    documents = [lw.Document(id=id, text=text) for id, text in one.documents.items()]
    path = arguments.kept / name
    with lw.Index(path, precision="int8") as index:
        index.add(documents)
        index.configure(lw.SearchSettings(marks=False))  # in the queries quotes name titles
    qrels = {
        id: {document: grade for document, grade in one.qrels[id].items() if document in one.documents}
        for id in one.queries
    }
    labels = LabelledQueries(texts=one.queries, qrels=qrels, spans={})
    again = documents if arguments.chunks else ()
    return tune(path, labels, documents=again, folder=arguments.kept / "tried")


def _rows(found: Tuning) -> Iterator[Row]:
    for one in found.axes:
        yield {
            "setting": one.name,
            "now": one.now,
            "chosen": one.chosen,
            "agreeing": one.agreeing,
            **_gained(one.alone),
        }
    all_folds = {"setting": "all", "now": "", "chosen": "", "agreeing": ""}
    yield {**all_folds, **_gained(found.gain), **at_least(round(found.gain.difference.estimate, 4), 0)}


def _gained(gain: Gain) -> Row:
    return {
        "before": round(gain.before, 4),
        "after": round(gain.after, 4),
        "gain": round(gain.difference.estimate, 4),
        "low": round(gain.difference.low, 4),
        "high": round(gain.difference.high, 4),
        "p": round(gain.p_value, 4),
    }


if __name__ == "__main__":
    main()
