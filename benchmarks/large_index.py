"""Searching a large index: every row, or candidates from the search engine's index beside them.

    python benchmarks/large_index.py --data DIR --chunks 100000

The meanings of WordNet's words, one document each, are indexed without the engine (threshold out of reach) and
searched; then its index is built and the same queries are asked again. Recall@10 is the share of the ten hits of the
exact search that the other finds. Queries are the examples that WordNet gives, encoded beforehand for the rows named
dense and lexical; the hybrid rows are ``Index.search`` with everything that it does.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from labelled_sets import glosses, read_objects
from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.encoding.lexical import Analyzer, WordCounts
from likewise.storing import StoreSettings, open_store
from likewise.types import Ids, Vectors

Q = TypeVar("Q")

_NEVER = StoreSettings(engine_threshold=10**9)
_DEPTH = 100  # what Index asks of each retriever


@dataclass(frozen=True, slots=True)
class Queries:
    """Texts to ask, and what both retrievers need of them."""

    texts: list[str]
    vectors: Vectors  # (Q, D)
    words: list[WordCounts]


@dataclass(frozen=True, slots=True)
class Measured:
    """Hits and times of all queries, by one retriever."""

    found: list[Ids]
    first_ms: float  # with the opening of the index, and what it loads
    ms: list[float]


def main() -> None:
    arguments = _arguments()
    queries = _queries(arguments.data, arguments.queries)
    with TemporaryDirectory() as name:
        folder = Path(name) / "index"
        seconds = _build(folder, arguments.data, arguments.chunks)
        exact = _measure_all(folder, queries)
        started = time.perf_counter()
        with open_store(folder, mode="write", settings=StoreSettings(engine_threshold=1)) as store:
            built, chunks = store.optimize(), len(store)
        building = time.perf_counter() - started
        beside = _measure_all(folder, queries)
        # Blocks, not lengths: the engine's files are sparse.
        megabytes = sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) / 1e6
    if not built:
        raise SystemExit("the engine's index was not built: see 'likewise doctor'")
    settings: Row = {"chunks": chunks, "queries": len(queries.texts), "precision": "int8", "depth": _DEPTH}
    times = {"indexing_s": round(seconds, 1), "engine_building_s": round(building, 1), "disk_mb": round(megabytes)}
    print_settings({**settings, **times}, as_json=arguments.json)
    rows = [row for way in exact for row in _rows(way, exact[way], beside[way])]
    print_table(f"{chunks} chunks", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--chunks", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=200)
    return options.parse_args()


def _queries(data: Path, count: int) -> Queries:
    synsets = read_objects(data / "wordnet_glosses" / "synsets.jsonl.gz")
    examples = [synset["examples"][0] for synset in synsets if synset["examples"]]
    texts = examples[:: max(1, len(examples) // count)][:count]
    vectors = lw.load("all-MiniLM-L6-v2").encode(texts, role="query", overflow="truncate")
    return Queries(texts, vectors, Analyzer().count(texts))


def _build(folder: Path, data: Path, count: int) -> float:
    lines = list(islice(glosses(data), count))
    started = time.perf_counter()
    with lw.Index(folder, chunks=ChunkSettings(way="whole"), store=_NEVER) as index:
        index.add(lw.Document(id=str(number), text=line) for number, line in enumerate(lines))
    return time.perf_counter() - started


def _measure_all(folder: Path, queries: Queries) -> dict[str, Measured]:
    """Each retriever on an index that was just opened."""
    with open_store(folder, mode="read") as store:

        def by_meaning(vector: Vectors) -> Ids:
            return store.search_dense(vector, k=_DEPTH).ids

        dense = _measure(by_meaning, list(queries.vectors))
    with open_store(folder, mode="read") as store:

        def by_words(words: WordCounts) -> Ids:
            return store.search_lexical(words.terms, words.counts.astype(np.float32), k=_DEPTH).ids

        lexical = _measure(by_words, queries.words)
    with lw.Index(folder) as index:

        def by_both(text: str) -> Ids:
            return np.array([hit.chunk_id for hit in index.search(text, k=10)], np.int64)

        hybrid = _measure(by_both, queries.texts)
    return {"dense": dense, "lexical": lexical, "hybrid": hybrid}


def _measure(search: Callable[[Q], Ids], asked: Sequence[Q]) -> Measured:
    found, ms = [], []
    for one in asked:
        started = time.perf_counter()
        found.append(search(one))
        ms.append(1000 * (time.perf_counter() - started))
    return Measured(found, ms[0], ms[1:])


def _rows(way: str, exact: Measured, beside: Measured) -> list[Row]:
    """Both ways of one retriever, and how much sooner the second is."""
    rows: list[Row] = []
    for name, one in (("every row", exact), ("engine beside", beside)):
        shares = [_recall(theirs, ours) for theirs, ours in zip(exact.found, one.found, strict=True)]
        median = statistics.median(one.ms)
        rows.append(
            {
                "retriever": way,
                "search": name,
                "median_ms": median,
                "p95_ms": float(np.quantile(one.ms, 0.95)),
                "first_ms": one.first_ms,
                "recall@10": float(np.mean(shares)),
                "times_faster": round(statistics.median(exact.ms) / median, 2),
            }
        )
    return rows


def _recall(exact: Ids, found: Ids) -> float:
    """Share of the ten best that were found; 1 if there was nothing to find."""
    best = exact[:10]
    return float(np.isin(best, found[:10]).mean()) if len(best) else 1.0


if __name__ == "__main__":
    main()
