"""Search by words against bm25s: queries per second on one core, and whether both find the same.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/bm25.py --texts texts.jsonl --queries queries.jsonl

Each file holds a JSON object with "text" a line. All sides get the words that our analyzer makes, analysed beforehand,
and are asked one query at a time, as a server asks; bm25s in its Lucene variant with both of its back ends, and once
more with all queries in one call. Ours goes through the store: its transaction, its lock, its look at what changed.
(pip install bm25s numba)
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import bm25s
import numpy as np
from reporting import Row, at_least, parser, print_settings, print_table

from likewise.encoding.lexical import Analyzer, WordCounts
from likewise.storing import Changes, ChunkRow, DocumentRow, open_store
from likewise.types import Ids, Vectors

Found = tuple[Ids, Vectors]  # of one query: chunks, best first, and their scores

K, K1, B = 10, 1.2, 0.75
_COMMIT = 5_000
_REPEATS = 7


def main() -> None:
    arguments = _arguments()
    texts, analyzer = _texts(arguments.texts)[: arguments.chunks], Analyzer()
    questions = [text for text in _texts(arguments.queries) if analyzer.words(text)]
    asked, counted = [analyzer.words(text) for text in questions], analyzer.count(questions)
    with TemporaryDirectory() as folder:
        _fill(Path(folder) / "index", texts, analyzer)
        with open_store(Path(folder) / "index", mode="read") as store:

            def ours(one: WordCounts) -> Found:
                ranking = store.search_lexical(one.terms, one.counts.astype(np.float32), k=K, bm25=(K1, B))
                return ranking.ids - 1, ranking.scores

            started = time.perf_counter()
            ours(counted[0])
            first_ms = round(1000 * (time.perf_counter() - started))
            words = [analyzer.words(text) for text in texts]
            peers = {name: _peer(name, words) for name in ("numpy", "numba")}
            rows = _rows(ours, counted, asked, peers)
    print_settings(
        {"chunks": len(texts), "queries": len(asked), "k": K, "first_query_ms": first_ms}, as_json=arguments.json
    )
    print_table("BM25, queries per second of processor time", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--texts", type=Path, required=True, help="the corpus, a chunk each")
    options.add_argument("--queries", type=Path, required=True)
    options.add_argument("--chunks", type=int, default=100_000, help="the first so many of the corpus")
    return options.parse_args()


def _texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def _fill(folder: Path, texts: Sequence[str], analyzer: Analyzer) -> None:
    vector = np.ones(1, np.float32)
    with open_store(folder, mode="write") as store:
        for start in range(0, len(texts), _COMMIT):
            some = texts[start : start + _COMMIT]
            rows = [
                ChunkRow(
                    text=text,
                    start=0,
                    end=len(text),
                    heading=(),
                    embedded_hash=bytes(16),
                    vector=vector,
                    terms=words.terms,
                    counts=words.counts,
                    stems=words.stems,
                    tokens=words.length,
                )
                for text, words in zip(some, analyzer.count(some), strict=True)
            ]
            documents = [
                DocumentRow(id=str(start + n), source="", metadata={}, content_hash=b"", file=None, chunks=[row])
                for n, row in enumerate(rows)
            ]
            store.commit(Changes(documents=documents))


def _peer(backend: str, documents: list[list[str]]) -> bm25s.BM25:
    peer = bm25s.BM25(method="lucene", k1=K1, b=B, backend=backend)
    peer.index(documents, show_progress=False)
    return peer


def _rows(
    ours: Callable[[WordCounts], Found],
    counted: Sequence[WordCounts],
    asked: list[list[str]],
    peers: dict[str, bm25s.BM25],
) -> list[Row]:
    """All take turns, so that what else the machine does meets all of them."""

    def one_by_one(peer: bm25s.BM25) -> list[Found]:
        found = [peer.retrieve([words], k=K, show_progress=False, n_threads=1) for words in asked]
        return [(ids[0], scores[0]) for ids, scores in found]

    def at_once(peer: bm25s.BM25) -> list[Found]:
        return list(zip(*peer.retrieve(asked, k=K, show_progress=False, n_threads=1), strict=True))

    ways: dict[str, Callable[[], list[Found]]] = {"likewise, through the store": lambda: [ours(one) for one in counted]}
    for name, peer in peers.items():
        ways[f"bm25s {name}, one by one"] = partial(one_by_one, peer)
        ways[f"bm25s {name}, in one call"] = partial(at_once, peer)
    found = {name: way() for name, way in ways.items() for _ in range(4)}  # compiles, fills caches
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_REPEATS):
        for name, way in ways.items():
            started = time.process_time()
            way()
            seconds[name].append(time.process_time() - started)
    first, *others = ways
    rows: list[Row] = []
    for name in ways:
        rate = len(asked) / median(seconds[name])
        row: Row = {"way": name, "queries_per_s": round(rate)}
        if name in others:
            same = np.mean([_equal(a, b) for a, b in zip(found[first], found[name], strict=True)])
            times = median(seconds[name]) / median(seconds[first])
            row |= {"same_hits": float(same), "ours_times_faster": round(times, 2), **at_least(times, 1.0)}
        rows.append(row)
    return rows


def _equal(ours: Found, theirs: Found) -> bool:
    """Whether both have the same scores, and the same chunks up to ties with the last; theirs are padded with 0."""
    real = theirs[1] > 0
    ids, scores = theirs[0][real], theirs[1][real]
    if len(scores) != len(ours[1]) or not np.allclose(scores, ours[1], rtol=1e-5):
        return False
    above = scores > scores.min(initial=np.inf) * (1 + 1e-5)
    return set(ids[above].tolist()) <= set(ours[0].tolist())


if __name__ == "__main__":
    main()
