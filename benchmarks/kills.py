"""Kills indexing at random moments, again and again, and looks whether the index survives.

    python benchmarks/kills.py --rounds 30 --documents 2000

A run without a kill gives the index to compare with, and how long indexing takes. Then a process that indexes the same
files is started over and over on one index; each time it is killed (SIGKILL to its process group) after a random while,
so that the kills fall on the start, the middle and the end. Just before each kill the documents that a reader sees are
noted: they are acknowledged, and must all be there afterwards, in an index that verifies and can be searched. A run
that comes to its end before it is killed must have made the index to compare with, row by row; then another is begun.

With few documents, whose indexing is a few commits, use --longest-share 1. --engine-threshold has the search engine's
index built, and its building killed, with fewer documents than it takes by default.
"""

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from invented_files import paragraphs, write_files
from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.storing import StoreSettings, open_store

DATABASE = "store.sqlite3"
_SCRIPT = """
import sys, likewise as lw
from likewise.storing import StoreSettings
with lw.Index(sys.argv[2], store=StoreSettings(engine_threshold=int(sys.argv[3]))) as index:
    index.add(lw.read(sys.argv[1]))
"""
# All that an index says, whatever the numbers of its rows are; times of looking at files left out.
_ROWS = """
SELECT d.id, d.source, d.metadata, d.content_hash, d.file, c.text, c.start, c.end, c.heading,
       v.embedded_hash, w.terms, w.counts, w.tokens, v.vector
FROM documents d LEFT JOIN chunks c ON c.document = d.number
LEFT JOIN vectors v ON v.chunk = c.number LEFT JOIN words w ON w.chunk = c.number ORDER BY d.id, c.start, c.number
"""
_OTHER_ROWS = (
    "SELECT path, size_bytes, sha256 FROM files ORDER BY path",
    "SELECT term, chunks FROM terms WHERE chunks > 0 ORDER BY term",
    "SELECT documents, chunks, tokens, width FROM state",
    "SELECT name, value FROM settings WHERE name <> 'canaries' ORDER BY name",
)


@dataclass(frozen=True, slots=True)
class Round:
    """One kill, and what was found after it."""

    after_s: float
    documents: int  # acknowledged when it came
    problems: list[str]


@dataclass(slots=True)
class Trial:
    """What is indexed, by which command, and what must come out."""

    files: Path
    reference: Path
    duration_s: float
    engine_threshold: int
    finished: list[str] = field(default_factory=list)  # for each run that came to its end, how it compares

    def start(self, index: Path) -> subprocess.Popen[bytes]:
        """Begin indexing, in a process group of its own."""
        command = [sys.executable, "-c", _SCRIPT, str(self.files), str(index), str(self.engine_threshold)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)

    def finish(self, index: Path) -> None:
        """Index to the end and compare."""
        process = self.start(index)
        _, errors = process.communicate()
        self.ended(process.returncode, errors, index)

    def ended(self, code: int, errors: bytes, index: Path) -> None:
        """Note how a run that came to its end compares; one that failed by itself ends everything."""
        if code:
            raise SystemExit(f"a run that was not killed failed: {errors.decode()[-800:]}")
        self.finished.append(compare(index, self.reference))


def main() -> int:
    arguments = _arguments()
    chance = random.Random(arguments.seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder / "files", paragraphs(arguments.data, seed=0), files=arguments.documents, seed=0)
        trial = _reference(folder, arguments.engine_threshold)
        rounds: list[Round] = []
        index = folder / "index-0"
        longest_s = arguments.longest_share * trial.duration_s
        while len(rounds) < arguments.rounds:
            outcome = _one_round(trial, index, chance.uniform(0, longest_s))
            if outcome:
                rounds.append(outcome)
            else:
                index = folder / f"index-{len(trial.finished)}"
        trial.finish(index)
    return _report(arguments, trial, rounds)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--documents", type=int, default=2000)
    options.add_argument("--data", type=Path, help="the folder of published sets; without it, sentences of the tests")
    options.add_argument("--engine-threshold", type=int, default=StoreSettings().engine_threshold)
    options.add_argument(
        "--longest-share", type=float, default=0.2, help="how long a run may live, in times of an uninterrupted one"
    )
    options.add_argument("--seed", type=int, default=0)
    return options.parse_args()


def _reference(folder: Path, engine_threshold: int) -> Trial:
    lw.load("all-MiniLM-L6-v2")  # so that a first compilation does not count
    trial = Trial(folder / "files", folder / "reference", 0.0, engine_threshold)
    started = time.perf_counter()
    trial.finish(trial.reference)
    trial.duration_s = time.perf_counter() - started
    trial.finished.clear()
    return trial


def _one_round(trial: Trial, index: Path, after_s: float) -> Round | None:
    """Index, kill, look; None if the run came to its end before."""
    process = trial.start(index)
    try:
        _, errors = process.communicate(timeout=after_s)
        trial.ended(process.returncode, errors, index)
        return None
    except subprocess.TimeoutExpired:
        acknowledged = _visible(index)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return Round(after_s, len(acknowledged), _problems(index, acknowledged))


def _visible(index: Path) -> dict[str, bytes]:
    """Documents that a reader sees, with the hash of their content."""
    if not (index / DATABASE).is_file():
        return {}
    with open_store(index, mode="read") as store:
        ids = [id for path in store.files() for id in store.documents_of(path)]
        return store.document_hashes(ids)


def _problems(index: Path, acknowledged: dict[str, bytes]) -> list[str]:
    if not (index / DATABASE).is_file():
        return ["the index is gone"] if acknowledged else []
    found = []
    with lw.Index(index) as opened:
        found += opened.verify()
        if len(opened) and not opened.search("a note about water", k=3):
            found.append("a search finds nothing")
    now = _visible(index)
    lost = [id for id, content in acknowledged.items() if now.get(id) != content]
    return [*found, *([f"{len(lost)} acknowledged documents are lost"] if lost else [])]


def compare(index: Path, reference: Path) -> str:
    """Says "equal bit for bit", or what differs between all rows of two indexes."""
    ours, theirs = _rows(index, _ROWS), _rows(reference, _ROWS)
    if [row[:-1] for row in ours] != [row[:-1] for row in theirs]:
        return f"rows differ: {len(ours)} against {len(theirs)}"
    for query in _OTHER_ROWS:
        if _rows(index, query) != _rows(reference, query):
            return f"rows differ: {query}"
    if ours == theirs:
        return "equal bit for bit"
    pairs = [(np.frombuffer(a[-1], "<f4"), np.frombuffer(b[-1], "<f4")) for a, b in zip(ours, theirs, strict=True)]
    return f"equal but for vectors, by at most {max(float(np.abs(a - b).max()) for a, b in pairs):.2g}"


def _rows(index: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(index / DATABASE)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _report(arguments: argparse.Namespace, trial: Trial, rounds: list[Round]) -> int:
    bad = [one for one in rounds if one.problems]
    unequal = [text for text in trial.finished if not text.startswith("equal")]
    spread = np.quantile([one.documents for one in rounds], (0, 0.25, 0.5, 0.75, 1)).astype(int).tolist()
    made_by: Row = {
        "documents": arguments.documents,
        "uninterrupted_s": round(trial.duration_s, 2),
        "engine_threshold": arguments.engine_threshold,
        "acknowledged_at_kills_0_25_50_75_100": str(spread),
    }
    print_settings(made_by, as_json=arguments.json)
    rows: list[Row] = [
        {"what": "good reopenings", "value": f"{len(rounds) - len(bad)} of {len(rounds)}", "met": not bad}
    ]
    late = sum(one.documents > 0 for one in rounds)
    rows.append({"what": "of them with documents acknowledged before", "value": str(late), "met": late > 0})
    rows += [{"what": "finished index", "value": text, "met": text.startswith("equal")} for text in trial.finished]
    rows += [{"what": f"killed after {one.after_s:.2f} s", "value": "; ".join(one.problems)} for one in bad]
    print_table(f"{len(rounds)} kills", rows, as_json=arguments.json)
    return 1 if bad or unequal else 0


if __name__ == "__main__":
    sys.exit(main())
