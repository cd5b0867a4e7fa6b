"""Memory of a million vectors searched by a shortlist, with recall, beside HNSW over float32.

    python benchmarks/shortlist_memory.py --vectors FOLDER --rows 1000000

FOLDER is that of ``recall.py``. Rows beyond those in it are copies of them with noise of a third of their length, so
that each has near neighbours as a chunk has; recall is against the products with all rows. A process of its own opens
the codes and a map of the vectors, and answers each query by a shortlist that is scored again. Anonymous memory is its
own, and every search looks at all codes; file-backed memory is what the system holds of its files, codes and vectors,
and may drop. Both are counted beyond what the process took before it opened them. hnswlib's memory is measured with the
rows of FOLDER, and multiplied.
"""

import argparse
import json
import mmap
import os
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from reporting import Row, at_least, parser, print_settings, print_table

from likewise.storing.exact import DenseRows, rank_dense
from likewise.storing.proposing import draft_of, open_proposer
from likewise.storing.shortlists import Shortlist
from likewise.types import Ids, Vectors

K = 10
EFFORTS = (100, 200, 400)
TARGET_RECALL = 0.97
_BLOCK = 50_000
_NOISE = 1 / 3


def main() -> None:
    arguments = _arguments()
    if arguments.inside:
        _ask(arguments.inside, arguments.shortlist)
        return
    print_settings({"rows": arguments.rows, "k": K, "shortlist": arguments.shortlist}, as_json=arguments.json)
    with TemporaryDirectory(dir=arguments.scratch) as name:
        folder = Path(name)
        vectors = _written(folder, np.load(arguments.vectors / "texts.npy", mmap_mode="r"), arguments.rows)
        queries = np.load(arguments.vectors / "queries.npy")[: arguments.queries]
        np.save(folder / "queries.npy", queries)
        np.save(folder / "best.npy", _true_best(queries, vectors))
        _forgotten(folder / "vectors.npy")
        # Codes are made of the file again: what is cached by that is dropped once more before it is asked.
        draft_of(np.load(folder / "vectors.npy", mmap_mode="r"), Shortlist(precision=arguments.shortlist)).write(folder)
        command = [sys.executable, __file__, "--inside", str(folder), "--shortlist", arguments.shortlist]
        done = subprocess.run([*command, "--vectors", name], capture_output=True, text=True, check=True)
        rows: list[Row] = [json.loads(line) for line in done.stdout.splitlines()]
    if find_spec("hnswlib") is not None:
        rows.append(_hnswlib(arguments.vectors, arguments.rows))
        most = float(rows[-1]["anonymous_mb"])
        held = [float(row["anonymous_mb"]) + float(row.get("codes_mb", 0)) for row in rows]
        rows = [{**row, "of HNSW": f"1/{most / own:.0f}"} for row, own in zip(rows, held, strict=True)]
    print_table("memory", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--vectors", type=Path, required=True, help="the folder with texts.npy and queries.npy")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument("--shortlist", default="binary")
    options.add_argument("--scratch", type=Path, help="where the files are written; the system's folder by default")
    options.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    return options.parse_args()


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


def _ask(folder: Path, precision: str) -> None:
    """Answer all queries, and print a line for each effort."""
    queries, best = np.load(folder / "queries.npy"), np.load(folder / "best.npy")
    before = _memory()
    codes = open_proposer(folder, Shortlist(precision=precision))
    mapped = np.load(folder / "vectors.npy", mmap_mode="r")
    _forgotten(folder / "vectors.npy")
    mapped.base.madvise(mmap.MADV_RANDOM)  # read the rows that are asked for, not their neighbours too
    vectors = np.asarray(mapped)
    for effort in EFFORTS:
        shares, started = [], time.process_time()
        for query, true in zip(queries, best, strict=True):
            rows = np.sort(codes.propose(query, effort))
            found = rank_dense(DenseRows(rows, vectors[rows]), query, K).ids
            shares.append(np.isin(true, found).mean())
        taken, now = time.process_time() - started, _memory()
        recall = float(np.mean(shares))
        row = {
            "search": f"{precision}, {effort} scored again",
            "recall": round(recall, 4),
            **at_least(round(recall, 4), TARGET_RECALL),
            "cpu_ms": round(1_000 * taken / len(queries), 2),
            "anonymous_mb": round(max(now["RssAnon"] - before["RssAnon"], 0.1), 1),
            "file_backed_mb": round(now["RssFile"] - before["RssFile"], 1),
            "codes_mb": round(sum(path.stat().st_size for path in folder.glob("codes*")) / 1e6, 1),
        }
        print(json.dumps(row), flush=True)


def _hnswlib(folder: Path, rows: int) -> Row:
    """What a graph over the given vectors takes, multiplied."""
    vectors = np.load(folder / "texts.npy")
    before = _memory()
    index = import_module("hnswlib").Index("ip", vectors.shape[1])
    index.init_index(len(vectors), M=16, ef_construction=40)  # the memory is the same with any
    index.add_items(vectors, num_threads=1)
    taken = (_memory()["RssAnon"] - before["RssAnon"]) * rows / len(vectors)
    return {"search": "hnswlib, float32, M 16", "anonymous_mb": round(taken, 1)}


def _memory() -> dict[str, float]:
    """Resident memory of this process in MB, from Linux."""
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {
        name.rstrip(":"): int(size) / 1e3
        for name, size, *_ in (line for line in lines if line and line[0].startswith("Rss"))
    }


if __name__ == "__main__":
    main()
