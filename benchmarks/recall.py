"""Whether promised recall is kept, and how fast, beside HNSW of hnswlib and faiss doing the same.

    python benchmarks/recall.py --vectors FOLDER

FOLDER holds ``texts.npy`` (N, D) and ``queries.npy`` (M, D), float32 vectors of unit length; queries are not among the
texts. If it does not, the vectors are made: chunks of 48 words of text_corpus, glosses of WordNet and captions of
Flickr8k from ``--data DIR``, in a random order, the last of them as queries. All searches go through the store, one
query at a time; recall@10 is against the products with all vectors that pass. Times are the processor's, of one thread.
Peers that are not installed are left out.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from labelled_sets import chunk_texts
from reporting import Row, Value, parser, print_settings, print_table

import likewise as lw
from likewise.storing import (
    Changes,
    ChunkRow,
    DocumentRow,
    Filter,
    Shortlist,
    SqliteStore,
    StoreSettings,
    open_store,
    parse_filter,
)
from likewise.types import Ids, Vectors

K = 10
PROMISES = (0.9, 0.95, 0.99)
# Metadata "part" counts from 0 to 999 at random; the last two let through what is alike in meaning.
FILTERS = {"none": "", "50 %": "part < 500", "10 %": "part < 100", "1 %": "part < 10", "0.1 %": "part < 1"}
ALIKE = {"on one side, 50 %": "side < 500", "on one side, 10 %": "side < 100"}
EFFORTS = (16, 24, 32, 40, 48, 64)
Search = Callable[[Vectors], Ids]

_TOLERANCE = 0.01
_ROUNDS = 7
_BATCH = 5_000


def main() -> None:
    arguments = _arguments()
    vectors, queries = _vectors(arguments)
    meta = _metadata(vectors)
    shortlist = Shortlist(precision=arguments.shortlist, dimension=arguments.dimension)
    with TemporaryDirectory(dir=arguments.scratch) as name:
        folder, settings = Path(name) / "index", StoreSettings(shortlist=shortlist, engine_threshold=1)
        built = _build(folder, vectors, meta, settings)
        print_settings({"chunks": len(vectors), "queries": len(queries), "k": K, **built}, as_json=arguments.json)
        everything = np.ones(len(vectors), np.bool_)
        with open_store(folder, mode="read") as store:
            rows = [*_kept(store, vectors, queries, meta, everything)]
            print_table("promises", rows, as_json=arguments.json)
            ways = {**_ours(store), **(_peers(vectors) if arguments.peers else {})}
            print_table("speed", _speed(ways, vectors, queries), as_json=arguments.json)
        alive = np.random.default_rng(2).random(len(vectors)) < 0.5
        with open_store(folder, mode="write", settings=settings) as writer:
            writer.delete([str(row) for row in np.flatnonzero(~alive)])
        with open_store(folder, mode="read") as store:
            rows = [*_kept(store, vectors, queries, meta, alive)]
            print_table("promises after half was deleted", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--vectors", type=Path, required=True, help="a folder for, or with, texts.npy and queries.npy")
    options.add_argument("--data", type=Path, help="the folder of published sets, to make them")
    options.add_argument("--chunks", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=1_000)
    options.add_argument("--shortlist", default="int8", help="float32, float16, int8, binary or product")
    options.add_argument("--dimension", type=int, help="how many of the first dimensions the shortlist compares")
    options.add_argument("--peers", action="store_true", help="build and time hnswlib and faiss too")
    options.add_argument("--scratch", type=Path, help="where the index is built; the system's folder by default")
    return options.parse_args()


def _vectors(arguments: argparse.Namespace) -> tuple[Vectors, Vectors]:
    files = [arguments.vectors / name for name in ("texts.npy", "queries.npy")]
    if not all(file.is_file() for file in files):
        if arguments.data is None:
            raise SystemExit(f"{arguments.vectors} has no vectors: say --data DIR to make them")
        count = arguments.chunks + arguments.queries
        made = lw.load("all-MiniLM-L6-v2").encode(
            chunk_texts(arguments.data, count), role="document", overflow="truncate"
        )
        np.save(files[0], made[: arguments.chunks])
        np.save(files[1], made[arguments.chunks :])
    return np.load(files[0])[: arguments.chunks], np.load(files[1])[: arguments.queries]


def _metadata(vectors: Vectors) -> dict[str, np.ndarray]:
    """A random number below 1,000 for each row, and one that is low on one side of a plane through all vectors."""
    chance = np.random.default_rng(1)
    heights = vectors @ vectors[0]
    return {
        "part": chance.permutation(len(vectors)) * 1_000 // len(vectors),
        "side": np.argsort(np.argsort(heights)) * 1_000 // len(vectors),
    }


def _build(folder: Path, vectors: Vectors, meta: dict[str, np.ndarray], settings: StoreSettings) -> dict[str, Value]:
    with open_store(folder, mode="write", settings=settings) as store:
        for start in range(0, len(vectors), _BATCH):
            rows = range(start, min(start + _BATCH, len(vectors)))
            store.commit(Changes(documents=[_document(row, vectors[row], meta) for row in rows]))
        started = time.perf_counter()
        if not store.optimize():
            raise SystemExit("the shard was not built: see the warning above")
        seconds = time.perf_counter() - started
    megabytes = {path.name: path.stat().st_size / 1e6 for path in (folder / "shard").rglob("*") if path.is_file()}
    return {"build_s": round(seconds, 1), **{f"{name}_mb": round(size, 1) for name, size in megabytes.items()}}


def _document(row: int, vector: Vectors, meta: dict[str, np.ndarray]) -> DocumentRow:
    chunk = ChunkRow(
        text=str(row),
        start=0,
        end=len(str(row)),
        heading=(),
        embedded_hash=row.to_bytes(16, "little"),
        vector=vector,
        terms=np.empty(0, np.uint32),
        counts=np.empty(0, np.uint16),
        stems=(),
        tokens=0,
    )
    values = {name: int(numbers[row]) for name, numbers in meta.items()}
    return DocumentRow(id=str(row), source="", metadata=values, content_hash=b"", file=None, chunks=[chunk])


def _kept(
    store: SqliteStore, vectors: Vectors, queries: Vectors, meta: dict[str, np.ndarray], alive: np.ndarray
) -> Iterator[Row]:
    """Promised and measured recall, with each of the filters."""
    for name, text in {**FILTERS, **ALIKE}.items():
        field, _, below = text.partition(" < ")
        passing = alive & (meta[field] < int(below)) if text else alive
        best = _true_best(queries, vectors, np.flatnonzero(passing))
        for promised in PROMISES:
            where = parse_filter(text) if text else None
            shares, listed, us = _asked(store, queries, best, where=where, promised=promised)
            yield {
                "filter": name,
                "promised": promised,
                "measured": round(float(shares.mean()), 4),
                "kept": bool(shares.mean() >= promised - _TOLERANCE),
                "by lists": f"{listed:.0%}",
                "median_us": round(us),
            }


def _asked(
    store: SqliteStore, queries: Vectors, best: Ids, *, where: Filter | None, promised: float
) -> tuple[np.ndarray, float, float]:
    """Recall of each query, the share that a list answered, and the median time in microseconds."""
    shares, listed, us = [], 0, []
    store.search_dense(queries[0], k=K, where=where, recall=promised)
    for query, true in zip(queries, best, strict=True):
        started = time.process_time()
        found = store.search_dense(query, k=K, where=where, recall=promised)
        us.append(1e6 * (time.process_time() - started))
        if len(found.ids) != len(true):
            raise SystemExit(f"{len(found.ids)} hits of {len(true)}")
        shares.append(np.isin(true, found.ids - 1).mean())  # chunks are counted from 1, in the order of their vectors
        listed += found.recall < 1
    return np.array(shares), listed / len(queries), float(np.median(us))


def _ours(store: SqliteStore) -> dict[str, Search]:
    """Through the store, for promises around 0.95."""
    return {
        f"likewise, promised {promised}": lambda query, promised=promised: (
            store.search_dense(query, k=K, recall=promised).ids - 1
        )
        for promised in (0.85, 0.9, 0.93, 0.95, 0.97, 0.99)
    }


def _peers(vectors: Vectors) -> dict[str, Search]:
    """HNSW with M = 16 and efConstruction = 200, float32, one thread."""
    ways: dict[str, Search] = {}
    for name, build in (("hnswlib", _hnswlib), ("faiss", _faiss)):
        if find_spec(name):
            search = build(vectors)
            ways |= {f"{name}, ef {effort}": partial(search, effort) for effort in EFFORTS}
    return ways


def _speed(ways: dict[str, Search], vectors: Vectors, queries: Vectors) -> list[Row]:
    """All take turns, so that what else the machine does meets all of them."""
    best = _true_best(queries, vectors, np.arange(len(vectors)))
    recalls = {name: _recall([search(query) for query in queries], best) for name, search in ways.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, search in ways.items():
            started = time.process_time()
            for query in queries:
                search(query)
            rates[name].append(len(queries) / (time.process_time() - started))
    return [
        {
            "search": name,
            "recall": round(recalls[name], 4),
            "queries/s": round(float(np.median(rates[name]))),
            "best round": round(max(rates[name])),
        }
        for name in ways
    ]


def _recall(found: Sequence[Ids], best: Ids) -> float:
    return float(np.mean([np.isin(true, one).mean() for true, one in zip(best, found, strict=True)]))


def _hnswlib(vectors: Vectors) -> Callable[[int, Vectors], Ids]:
    index = import_module("hnswlib").Index("ip", vectors.shape[1])
    index.init_index(len(vectors), M=16, ef_construction=200, random_seed=1)
    index.set_num_threads(1)
    index.add_items(vectors, np.arange(len(vectors)))

    def search(effort: int, query: Vectors) -> Ids:
        index.set_ef(effort)
        return index.knn_query(query, K)[0][0].astype(np.int64)

    return search


def _faiss(vectors: Vectors) -> Callable[[int, Vectors], Ids]:
    faiss = import_module("faiss")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.add(vectors)

    def search(effort: int, query: Vectors) -> Ids:
        index.hnsw.efSearch = effort
        return index.search(query[None], K)[1][0]

    return search


def _true_best(queries: Vectors, vectors: Vectors, rows: Ids) -> Ids:
    """(M, min(K, N)) the best of some rows."""
    scores = queries @ vectors[rows].T
    k = min(K, len(rows))
    top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    return rows[top]


if __name__ == "__main__":
    main()
