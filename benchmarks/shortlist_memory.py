"""Memory of a million vectors searched by a shortlist, with recall, beside HNSW over float32.

    python benchmarks/shortlist_memory.py --vectors FOLDER --rows 1000000 --kept SCRATCH

FOLDER is that of ``recall.py``. Rows beyond those in it are copies of them with noise of a third of their length, so
that each has near neighbours as a chunk has; recall is against the products with all rows. A process of its own opens
the codes and a map of the vectors, and answers each query by a shortlist that is scored again. Anonymous memory is its
own, and every search looks at all codes; file-backed memory is what the system holds of its files, codes and vectors,
and may drop. Both are counted beyond what the process took before it opened them.

hnswlib (M 16, float32) does the same in a process of its own, if it is installed. A million rows take it half an hour
of one core: --kept keeps the vectors and both structures in a folder, where another run takes them from, and
--graph-rows builds it of the first so many rows alone, whose memory is then multiplied and whose recall is left out.
"""

import argparse
import json
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from reporting import Row, at_least, parser, print_settings, print_table

from likewise.storing.exact import DenseRows, rank_dense
from likewise.storing.proposing import Proposer, draft_of, open_proposer
from likewise.storing.shortlists import Shortlist
from likewise.types import Ids, Vectors

K = 10
EFFORTS = (100, 200, 400)
GRAPH_EFFORTS = (32, 64, 128, 256)
TARGET_RECALL = 0.97
TARGET_SHARE = 8  # of what HNSW takes, one in so many at most
PEER = "hnswlib"
_BUILD_EFFORT = 100  # hnswlib's ef_construction
_BLOCK = 50_000
_NOISE = 1 / 3

Search = Callable[[Vectors], Ids]


def main() -> None:
    arguments = _arguments()
    if arguments.inside:
        for row in _graph_rows(arguments) if arguments.inside == PEER else _shortlist_rows(arguments):
            print(json.dumps(row), flush=True)
        return
    print_settings({"rows": arguments.rows, "k": K, "shortlist": arguments.shortlist}, as_json=arguments.json)
    with nullcontext(arguments.kept) if arguments.kept else TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder, arguments)
        rows = _in_child(folder, arguments, arguments.shortlist)
        if find_spec(PEER) is not None:
            graph = _in_child(folder, arguments, PEER)
            most = float(graph[0]["anonymous_mb"])
            rows = [{**row, **_share(row, most)} for row in rows] + graph
    print_table("memory", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--vectors", type=Path, required=True, help="the folder with texts.npy and queries.npy")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument("--shortlist", default="binary")
    options.add_argument("--graph-rows", type=int, help="that hnswlib gets; all by default")
    options.add_argument("--kept", type=Path, help="a folder that keeps what is made for another run")
    options.add_argument("--inside", help=argparse.SUPPRESS)
    return options.parse_args()


def _prepare(folder: Path, arguments: argparse.Namespace) -> None:
    """Vectors, queries with their true best, and codes, as far as they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "best.npy").is_file():
        vectors = _written(folder, np.load(arguments.vectors / "texts.npy", mmap_mode="r"), arguments.rows)
        queries = np.load(arguments.vectors / "queries.npy")[: arguments.queries]
        np.save(folder / "queries.npy", queries)
        np.save(folder / "best.npy", _true_best(queries, vectors))
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    if len(vectors) != arguments.rows:
        raise SystemExit(f"{folder} has {len(vectors)} rows, not {arguments.rows}: name another folder")
    codes = folder / arguments.shortlist
    if not codes.is_dir():
        draft = draft_of(vectors, Shortlist(precision=arguments.shortlist))
        draft.add(np.arange(len(vectors)))
        codes.mkdir()
        draft.write(codes)


def _in_child(folder: Path, arguments: argparse.Namespace, which: str) -> list[Row]:
    command = [sys.executable, __file__, "--inside", which, "--vectors", str(folder), "--rows", str(arguments.rows)]
    given = ["--graph-rows", str(arguments.graph_rows)] if arguments.graph_rows else []
    done = subprocess.run([*command, *given], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _share(row: Row, most: float) -> Row:
    """Of the memory that HNSW takes, with the codes, which every search looks at."""
    share = most / (float(row["anonymous_mb"]) + float(row["codes_mb"]))
    return {"of HNSW": f"1/{share:.0f}", "share_reached": share >= TARGET_SHARE}


def _written(folder: Path, given: Vectors, count: int) -> Vectors:
    """``count`` rows in a file: those given, then noisy copies of them; as a map that can only be read."""
    chance = np.random.default_rng(0)
    made = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (count, given.shape[1]))
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        block = np.asarray(given[rows % len(given)])
        if start >= len(given):
            block = block + chance.standard_normal(block.shape, np.float32) * np.float32(_NOISE / block.shape[1] ** 0.5)
            block /= np.linalg.norm(block, axis=1, keepdims=True)
        made[rows] = block
    made.flush()
    return np.load(folder / "vectors.npy", mmap_mode="r")


def _forgotten(file: Path) -> None:
    """Have the system drop what it has cached of a file, so that what is cached later was asked for."""
    handle = os.open(file, os.O_RDONLY)
    os.fsync(handle)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


def _true_best(queries: Vectors, vectors: Vectors) -> Ids:
    scores = np.concatenate(
        [queries @ vectors[start : start + _BLOCK].T for start in range(0, len(vectors), _BLOCK)], 1
    )
    return np.argsort(-scores, axis=1, kind="stable")[:, :K]


def _shortlist_rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Answer all queries by the shortlist: a row for each effort."""
    folder, precision = arguments.vectors, arguments.inside
    queries, best = np.load(folder / "queries.npy"), np.load(folder / "best.npy")
    before = _memory()
    codes = open_proposer(folder / precision, Shortlist(precision=precision))
    mapped = np.load(folder / "vectors.npy", mmap_mode="r")
    _forgotten(folder / "vectors.npy")
    mapped.base.madvise(mmap.MADV_RANDOM)  # read the rows that are asked for, not their neighbours too
    vectors = np.asarray(mapped)
    size = sum(path.stat().st_size for path in (folder / precision).iterdir()) / 1e6
    for effort in EFFORTS:
        recall, ms = _answered(partial(_scored_again, codes, vectors, effort), queries, best)
        yield {
            "search": f"{precision}, {effort} scored again",
            "recall": recall,
            **at_least(recall, TARGET_RECALL),
            "cpu_ms": ms,
            **_more_than(before),
            "codes_mb": round(size, 1),
        }


def _scored_again(codes: Proposer, vectors: Vectors, effort: int, query: Vectors) -> Ids:
    rows = np.sort(codes.propose(query, effort))
    return rank_dense(DenseRows(rows, vectors[rows]), query, K).ids


def _answered(search: Search, queries: Vectors, best: Ids) -> tuple[float, float]:
    """Recall, and processor milliseconds a query."""
    started = time.process_time()
    found = [search(query) for query in queries]
    taken = time.process_time() - started
    recall = float(np.mean([np.isin(true, ids).mean() for true, ids in zip(best, found, strict=True)]))
    return round(recall, 4), round(1_000 * taken / len(queries), 2)


def _graph_rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """What a graph over the vectors takes and finds: a row for each effort, or one if it has some of the rows alone."""
    folder, count = arguments.vectors, arguments.graph_rows or arguments.rows
    vectors, queries = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    before = _memory()
    index = _graph(folder / f"{PEER}-{count}.bin", vectors[:count])
    taken = {name: round(size * len(vectors) / count, 1) for name, size in _more_than(before).items()}
    if count < len(vectors):
        yield {"search": f"{PEER}, float32, by {count} rows", "anonymous_mb": taken["anonymous_mb"]}
        return
    for effort in GRAPH_EFFORTS:
        index.set_ef(effort)
        recall, ms = _answered(lambda query: index.knn_query(query, K)[0][0], queries, np.load(folder / "best.npy"))
        yield {"search": f"{PEER}, float32, ef {effort}", "recall": recall, "cpu_ms": ms, **taken}


def _graph(file: Path, vectors: Vectors) -> Any:
    """The graph in a file, or made and written there."""
    index = import_module(PEER).Index("ip", vectors.shape[1])
    if file.is_file():
        index.load_index(str(file))
    else:
        index.init_index(len(vectors), M=16, ef_construction=_BUILD_EFFORT, random_seed=1)
        started = time.process_time()
        for start in range(0, len(vectors), _BLOCK):
            index.add_items(vectors[start : start + _BLOCK], num_threads=1)
            note = f"{PEER}: {index.get_current_count()} rows in {time.process_time() - started:.0f} s"
            print(note, file=sys.stderr, flush=True)
        index.save_index(str(file))
    index.set_num_threads(1)
    return index


def _more_than(before: dict[str, float]) -> dict[str, float]:
    now = _memory()
    return {
        "anonymous_mb": round(max(now["RssAnon"] - before["RssAnon"], 0.1), 1),
        "file_backed_mb": round(now["RssFile"] - before["RssFile"], 1),
    }


def _memory() -> dict[str, float]:
    """Resident memory of this process in MB, from Linux."""
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {
        name.rstrip(":"): int(size) / 1e3
        for name, size, *_ in (line for line in lines if line and line[0].startswith("Rss"))
    }


if __name__ == "__main__":
    main()
