"""How soon a fresh process answers one query, what it spends the time on, and what ``import likewise`` costs.

    python benchmarks/cold_query.py --peer-python PEER/bin/python

Ours is ``likewise search INDEX QUERY`` over an index of the example handbook; the peer is cold_query_peer.py over the
same chunks, whose vectors it finds in a file. Both have the files in the system's cache and what they compile in their
own. The two run in turns, each in a process of its own; wall time, the median counts.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from reporting import Row, at_least, at_most, parser, print_settings, print_table

import likewise as lw
from likewise.chunking import chunk, embedded_text
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS

HERE = Path(__file__).parent
HANDBOOK = HERE.parent / "examples" / "handbook"
QUERY = "how do I get back into my account"
TIMES_SOONER, IMPORT_MS = 8, 100
_SHOWN_PACKAGES = 12
_IMPORT_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


def main() -> None:
    arguments = _arguments()
    print_settings({"query": QUERY, "repeats": arguments.repeats}, as_json=arguments.json)
    with TemporaryDirectory() as folder:
        ours = _our_command(Path(folder))
        peer = _peer_command(Path(folder), arguments.peer_python) if arguments.peer_python else None
        print_table("One query, fresh process", _queries(ours, peer, arguments.repeats), as_json=arguments.json)
        print_table("What ours imports, by package", _imports(ours), as_json=arguments.json)
    print_table("Imports alone", _import_alone(arguments.repeats), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--peer-python", type=Path, help="the interpreter of the peer's environment; none: ours alone")
    options.add_argument("--repeats", type=int, default=9)
    return options.parse_args()


def _our_command(folder: Path) -> list[str]:
    with lw.Index(folder / "index") as index:
        index.add(lw.read(HANDBOOK))
    # As the installed command does, but findable whatever the environment's folders are called.
    start = "import sys; from likewise.cli import main; sys.exit(main())"
    return [sys.executable, "-c", start, "search", str(folder / "index"), QUERY]


def _peer_command(folder: Path, python: Path) -> list[str]:
    encoder = lw.load(DEFAULT_MODEL, precision="float32")
    documents = lw.read(HANDBOOK)
    chunks = [piece for document in documents for piece in chunk(document, offsets=encoder.tokenizer.offsets)]
    texts = [embedded_text(piece) for piece in chunks]
    np.save(folder / "vectors.npy", encoder.encode(texts, role="document", overflow="truncate"))
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    files = [str(KNOWN_MODELS[DEFAULT_MODEL].folder()), str(folder / "vectors.npy"), str(folder / "texts.json")]
    return [str(python), str(HERE / "cold_query_peer.py"), *files, QUERY]


def _queries(ours: list[str], peer: list[str] | None, repeats: int) -> list[Row]:
    commands = {"likewise search": ours} | ({"sentence-transformers": peer} if peer else {})
    took: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            seconds = _seconds(command)
            if turn:  # the first one warms the disk's cache
                took[name].append(seconds)
    rows: list[Row] = [
        {"what": name, "median_s": statistics.median(found), "least_s": min(found), "most_s": max(found)}
        for name, found in took.items()
    ]
    if peer:
        ratio = statistics.median(took["sentence-transformers"]) / statistics.median(took["likewise search"])
        rows.append({"what": "times sooner", "median_s": round(ratio, 2), **at_least(ratio, TIMES_SOONER)})
    return rows


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def _imports(command: list[str]) -> list[Row]:
    """Milliseconds that the modules of each package took to load themselves, most first."""
    timed = [command[0], "-X", "importtime", *command[1:]]
    log = subprocess.run(timed, check=True, capture_output=True, text=True).stderr
    packages: Counter[str] = Counter()
    for microseconds, module in _IMPORT_LINE.findall(log):
        root = module.partition(".")[0]
        packages["the standard library" if root in sys.stdlib_module_names else root] += int(microseconds)
    rows: list[Row] = [{"package": "all", "ms": packages.total() / 1000}]
    return rows + [{"package": name, "ms": spent / 1000} for name, spent in packages.most_common(_SHOWN_PACKAGES)]


def _import_alone(repeats: int) -> list[Row]:
    """What an import adds to a bare interpreter, and which modules of others it loads."""
    bare_modules = _modules("pass")
    rows: list[Row] = []
    for statement in ("import likewise", "from likewise import Index", "from likewise import load"):
        bare, full = [], []
        for _ in range(repeats):
            bare.append(_seconds([sys.executable, "-c", "pass"]))
            full.append(_seconds([sys.executable, "-c", statement]))
        added = 1000 * (statistics.median(full) - statistics.median(bare))
        loaded = ", ".join(sorted(_modules(statement) - bare_modules - {"likewise"})) or "none"
        rows.append({"statement": statement, "ms": round(added, 1), "modules_of_others": loaded})
    light = at_most(float(rows[0]["ms"]), IMPORT_MS)
    met = bool(light["met"]) and rows[0]["modules_of_others"] == "none"
    rows[0] = {**rows[0], "target": f"{light['target']}, none", "met": met}
    return rows


def _modules(statement: str) -> set[str]:
    """Top-level modules outside the standard library that are loaded after a statement."""
    script = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    return {name for name in shown.split() if name not in sys.stdlib_module_names and not name.startswith("__")}


if __name__ == "__main__":
    main()
