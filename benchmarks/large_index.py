"""A large index as ``likewise plan`` predicts it and as it is, and the first queries of a fresh process.

    OMP_NUM_THREADS=1 python benchmarks/large_index.py --vectors FOLDER --chunks 100000

FOLDER holds ``texts.npy`` and ``queries.npy``, as for ``recall.py``, and beside them ``texts.jsonl`` and
``queries.jsonl``, with "text" a line. They become an index like any other, but that vectors are not computed again. It
is searched without a shard and with one of each shortlist, by processes that each ask one retriever for everything.

Times are the processor's. Memory is what a process has more after all queries than before it opened the index:
anonymous memory is its own; file-backed memory, codes and vectors that it has touched, the system may drop. A plan's
"memory" is for both in an exact search, and for the codes in the others; its "mapped" is for vectors behind them.
Recall@10 is against the search without a shard.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.encoding.lexical import Analyzer
from likewise.storing import Changes, ChunkRow, DocumentRow, Shortlist, StoreSettings, open_store
from likewise.storing.proposing import usable_precisions
from likewise.storing.shortlists import CodePrecision
from likewise.types import Ids, Vectors

Q = TypeVar("Q")

RETRIEVERS = ("dense", "lexical", "hybrid")
_EXACT = "exact"
_NEVER = StoreSettings(engine_threshold=10**9)
_COMMIT = 5_000
_DEPTH = 100  # what Index asks of each retriever


def main() -> None:
    arguments = _arguments()
    if arguments.inside:
        print(json.dumps(_asked(arguments.inside, arguments)))
        return
    planned = _planned(arguments)
    with TemporaryDirectory(dir=arguments.scratch) as name:
        folder = Path(name) / "index"
        seconds = _fill(folder, arguments)
        actual = {_EXACT: {"disk_mb": _megabytes(folder), "build_s": 0.0, **_found(folder, arguments)}}
        for precision in arguments.shortlists:
            built = _build(folder, precision)
            actual[precision] = {"disk_mb": _megabytes(folder), "build_s": built, **_found(folder, arguments)}
    settings: Row = {"chunks": arguments.chunks, "queries": arguments.queries, "commits_s": round(seconds, 1)}
    print_settings(settings, as_json=arguments.json)
    rows = [row for way in actual for row in _beside(way, planned[way], actual[way])]
    print_table("the plan and the index", rows, as_json=arguments.json)
    print_table("searching", [row for way in actual for row in _searches(way, actual)], as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--vectors", type=Path, required=True, help="the folder of vectors and texts")
    options.add_argument("--chunks", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument("--shortlists", nargs="*", default=usable_precisions(), help="precisions; all by default")
    options.add_argument("--scratch", type=Path, help="where the index is built; the system's folder by default")
    options.add_argument("--inside", help=argparse.SUPPRESS)
    options.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    return options.parse_args()


def _planned(arguments: argparse.Namespace) -> dict[str, Row]:
    """What ``likewise plan`` says of texts as long, by way."""
    start = "import sys; from likewise.cli import main; sys.exit(main())"
    texts = _texts(arguments.vectors / "texts.jsonl", arguments.chunks)
    characters = round(statistics.mean(map(len, texts)))
    given = ["--characters", str(characters)] + [
        option for one in arguments.shortlists for option in ("--precision", one)
    ]
    command = [sys.executable, "-c", start, "plan", "--chunks", str(arguments.chunks), *given, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["way"]: row for row in rows}


def _texts(path: Path, count: int) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()[:count]]


def _fill(folder: Path, arguments: argparse.Namespace) -> float:
    """Make the index, and commit the given vectors with their texts and words; gives the seconds of the commits."""
    texts = _texts(arguments.vectors / "texts.jsonl", arguments.chunks)
    vectors, analyzer = np.load(arguments.vectors / "texts.npy", mmap_mode="r"), Analyzer("english")
    whole = ChunkSettings(way="whole")
    with lw.Index(folder, chunks=whole, analyzer="english", store=_NEVER) as index:  # its settings, with one document
        index.add([lw.Document(id="first", text="An index begins with a document.")])
        index.delete(["first"])
    taken = 0.0
    with open_store(folder, mode="write", settings=_NEVER) as store:
        for start in range(0, len(texts), _COMMIT):
            rows = _rows(texts[start : start + _COMMIT], vectors[start : start + _COMMIT], analyzer, start)
            started = time.process_time()
            store.commit(Changes(documents=rows))
            taken += time.process_time() - started
    return taken


def _rows(texts: Sequence[str], vectors: Vectors, analyzer: Analyzer, start: int) -> list[DocumentRow]:
    chunks = [
        ChunkRow(
            text=text,
            start=0,
            end=len(text),
            heading=(),
            embedded_hash=number.to_bytes(16, "little"),
            vector=np.asarray(vector),
            terms=words.terms,
            counts=words.counts,
            stems=words.stems,
            tokens=words.length,
        )
        for number, (text, vector, words) in enumerate(zip(texts, vectors, analyzer.count(texts), strict=True), start)
    ]
    return [
        DocumentRow(id=str(number), source="", metadata={}, content_hash=b"", file=None, chunks=[chunk])
        for number, chunk in enumerate(chunks, start)
    ]


def _build(folder: Path, precision: CodePrecision) -> float:
    """Processor seconds of building a shard."""
    settings = StoreSettings(engine_threshold=1, shortlist=Shortlist(precision=precision))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open_store(folder, mode="write", settings=settings) as store:
        if not store.optimize():
            raise SystemExit("the shard was not built: see the warning above")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _found(folder: Path, arguments: argparse.Namespace) -> Row:
    """What each retriever needs, in a process of its own."""
    made = {}
    for retriever in RETRIEVERS:
        command = [sys.executable, __file__, "--inside", retriever, "--index", str(folder)]
        given = ["--vectors", str(arguments.vectors), "--queries", str(arguments.queries)]
        done = subprocess.run([*command, *given], check=True, stdout=subprocess.PIPE, text=True)
        made[retriever] = json.loads(done.stdout)
    return made


def _asked(retriever: str, arguments: argparse.Namespace) -> Row:
    texts, k = _texts(arguments.vectors / "queries.jsonl", arguments.queries), _DEPTH
    vectors, words = np.load(arguments.vectors / "queries.npy")[: len(texts)], Analyzer("english").count(texts)
    before, started = _memory(), time.process_time()
    if retriever == "hybrid":
        index = lw.Index(arguments.index)
        len(index)  # opens it
        opened = time.process_time() - started
        found, ms = _timed(lambda text: np.array([hit.chunk_id for hit in index.search(text, k=10)], np.int64), texts)
    else:
        store = open_store(arguments.index, mode="read")
        opened = time.process_time() - started
        if retriever == "dense":
            found, ms = _timed(lambda vector: store.search_dense(vector, k=k).ids, vectors)
        else:
            found, ms = _timed(
                lambda one: store.search_lexical(one.terms, one.counts.astype(np.float32), k=k).ids, words
            )
    now = _memory()
    return {
        "opened_ms": 1_000 * opened,
        "first_ms": ms[0],
        "median_ms": statistics.median(ms[1:]),
        "p95_ms": float(np.quantile(ms[1:], 0.95)),
        "anonymous_mb": now["RssAnon"] - before["RssAnon"],
        "file_backed_mb": now["RssFile"] - before["RssFile"],
        "found": [ids[:10].tolist() for ids in found],
    }


def _timed(search: Callable[[Q], Ids], asked: Sequence[Q]) -> tuple[list[Ids], list[float]]:
    found, ms = [], []
    for one in asked:
        started = time.process_time()
        found.append(search(one))
        ms.append(1_000 * (time.process_time() - started))
    return found, ms


def _beside(way: str, planned: Row, actual: Row) -> list[Row]:
    """A row for each figure of a plan."""
    dense = actual["dense"]
    memory = dense["anonymous_mb"] + dense["file_backed_mb"]
    pairs = {
        "memory and mapped, MB": (planned["memory_mb"] + planned["mapped_mb"], memory),
        "disk, MB": (planned["disk_mb"], actual["disk_mb"]),
        "building, s": (planned["build_s"], actual["build_s"]),
        "a query, ms": (planned["query_ms"], dense["median_ms"]),
    }
    return [
        {"way": way, "what": what, "planned": round(said, 2), "is": round(true, 2), "planned/is": round(said / true, 2)}
        for what, (said, true) in pairs.items()
        if true
    ]


def _searches(way: str, actual: dict[str, Row]) -> list[Row]:
    rows: list[Row] = []
    for retriever in RETRIEVERS:
        one, exact = actual[way][retriever], actual[_EXACT][retriever]
        figures = {name: round(value, 2) for name, value in one.items() if name != "found"}
        shares = [_recall(best, ours) for best, ours in zip(exact["found"], one["found"], strict=True)]
        rows.append({"shard": way, "retriever": retriever, **figures, "recall@10": round(float(np.mean(shares)), 4)})
    return rows


def _recall(best: Sequence[int], found: Sequence[int]) -> float:
    """Share of the best that were found; 1 if there was nothing to find."""
    return len({*best} & {*found}) / len(best) if best else 1.0


def _memory() -> dict[str, float]:
    """Resident memory of this process in MB, from Linux."""
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {line[0].rstrip(":"): int(line[1]) / 1e3 for line in lines if line and line[0].startswith("Rss")}


if __name__ == "__main__":
    main()
