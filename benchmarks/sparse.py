"""Learned sparse vectors through an index: alone, against BM25, and in fusion with different weights.

    python benchmarks/sparse.py --data DIR --sparse MODEL --indexes FOLDER

nDCG@10 on published sets, each document whole, the dense vectors by MiniLM in int8; depth 100, no smoothing but in the
last rows. "brute force" is how far the index's scores are from the dot products of the same vectors, at most.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from fusion import Case, make_case, names_of, ndcg_of
from labelled_sets import RETRIEVAL_SETS, RetrievalSet, read_retrieval_set
from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.encoding.sparse import SparseVector, load_sparse
from likewise.searching.pipeline import combine
from likewise.searching.settings import SearchSettings

WEIGHTS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.06)
OFF = "off brute force"
_CHECKED = 20  # queries that are scored by brute force too


def main() -> None:
    arguments = _arguments()
    print_settings({"precision": "int8", "sparse": arguments.sparse.name}, as_json=arguments.json)
    columns: dict[str, dict[str, float]] = {}
    for name in arguments.sets:
        columns[name] = _scores(read_retrieval_set(arguments.data, name), name, arguments)
    rows: list[Row] = [
        {"search": way, **{name: round(columns[name][way], 4 if way != OFF else 7) for name in columns}}
        for way in columns[arguments.sets[0]]
    ]
    print_table("nDCG@10", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--sparse", type=Path, required=True, help="the folder of a SPLADE model")
    options.add_argument("--indexes", type=Path, required=True, help="where the indexes are kept")
    options.add_argument("--sets", nargs="*", default=["cranfield", "cacm"], choices=RETRIEVAL_SETS)
    return options.parse_args()


def _scores(one: RetrievalSet, name: str, arguments: argparse.Namespace) -> dict[str, float]:
    whole = ChunkSettings(way="whole", prepend_heading=False)
    with lw.Index(arguments.indexes / name, precision="int8", chunks=whole, sparse=arguments.sparse) as index:
        index.add(lw.Document(id=id, text=text) for id, text in one.documents.items())
        case = make_case(index, one.queries, lambda run: {name: ndcg_of(run, one.qrels)})
        found = {
            way: case.measure({id: names_of(case, found.rankings[way]) for id, found in case.found.items()})[name]
            for way in ("dense", "lexical", "sparse")
        }
        found["dense + lexical"] = _fused(case, name, ("dense", "lexical"), {"dense": 1, "lexical": 0.025})
        for weight in WEIGHTS:
            found[f"dense + sparse {weight}"] = _fused(case, name, ("dense", "sparse"), {"dense": 1, "sparse": weight})
        for weight in WEIGHTS:
            weights = {"dense": 1, "lexical": 0.025, "sparse": weight}
            found[f"all, sparse {weight}"] = _fused(case, name, ("dense", "lexical", "sparse"), weights)
        for weight in WEIGHTS:
            weights = {"dense": 1, "lexical": 0.0125, "sparse": weight}
            found[f"all, words .0125, sparse {weight}"] = _fused(case, name, ("dense", "lexical", "sparse"), weights)
        found["all, default"] = _fused(case, name, ("dense", "lexical", "sparse"), {}, SearchSettings())
        found["dense + lexical, default"] = _fused(case, name, ("dense", "lexical"), {}, SearchSettings())
        found[OFF] = _off_brute_force(case, one, arguments.sparse)
    return found


def _fused(
    case: Case,
    name: str,
    retrievers: tuple[str, ...],
    weights: Mapping[str, float],
    settings: SearchSettings = SearchSettings(smoothing=0.0),
) -> float:
    settings = replace(settings, weights=weights)
    run = {
        id: names_of(
            case,
            combine(
                case.tools,
                replace(case.questions[id], settings=settings),
                replace(found, rankings={way: found.rankings[way] for way in retrievers}),
            ),
        )
        for id, found in case.found.items()
    }
    return case.measure(run)[name]


def _off_brute_force(case: Case, one: RetrievalSet, model: Path) -> float:
    """The greatest difference to the products of all vectors, of which the best must be those found."""
    encoder = load_sparse(model)
    documents = [
        _by_term(vector) for vector in encoder.encode([*one.documents.values()], role="document", overflow="truncate")
    ]
    worst = 0.0
    for id, text in list(one.queries.items())[:_CHECKED]:
        (query,) = encoder.encode([text], role="query", overflow="chunk")
        weights = _by_term(query)
        products = sorted((sum(weights.get(t, 0.0) * w for t, w in row.items()) for row in documents), reverse=True)
        scores = case.found[id].rankings["sparse"].scores
        worst = max(worst, float(np.abs(np.array(products[: len(scores)]) - scores).max(initial=0)))
    return worst


def _by_term(vector: SparseVector) -> dict[int, float]:
    return dict(zip(vector.terms.tolist(), vector.weights.tolist(), strict=True))


if __name__ == "__main__":
    main()
