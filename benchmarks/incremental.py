"""What indexing again costs when nothing, or little, has changed.

    python benchmarks/incremental.py --data DIR --files 2000

Seeded Markdown files of 2 to 6 paragraphs are indexed for the first time, again with nothing changed, and again after
ten of them were edited: once in this process, once with the command, whose start is then part of every run.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from invented_files import paragraphs, write_files
from reporting import Row, at_most, parser, print_settings, print_table

import likewise as lw

MOST_PERCENT = 3.0
_EDITED = 10
_SETTLING_S = 2.5  # files younger than two seconds are read again, as they may change within one tick of the clock


def main() -> None:
    arguments = _arguments()
    print_settings({"files": arguments.files, "repeats": arguments.repeats}, as_json=arguments.json)
    pool = paragraphs(arguments.data, seed=arguments.seed)
    for way, run in (("in process", _in_process), ("the command", _command)):
        with TemporaryDirectory() as folder:
            files = write_files(Path(folder) / "files", pool, files=arguments.files, seed=arguments.seed)
            time.sleep(_SETTLING_S)
            rows = _rows(files, partial(run, Path(folder) / "files", Path(folder) / "index"), arguments)
        print_table(f"Indexing {arguments.files} files, {way}", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="the folder of published sets; without it, sentences of the tests")
    options.add_argument("--files", type=int, default=2000)
    options.add_argument("--repeats", type=int, default=3, help="runs with nothing changed")
    options.add_argument("--seed", type=int, default=0)
    return options.parse_args()


def _rows(files: list[Path], run: Callable[[], None], arguments: argparse.Namespace) -> list[Row]:
    lw.load("all-MiniLM-L6-v2")  # so that a first compilation is in no run
    first = _seconds(run)
    again = statistics.median(_seconds(run) for _ in range(arguments.repeats))
    for path in files[:: max(1, len(files) // _EDITED)][:_EDITED]:
        path.write_text(path.read_text(encoding="utf-8") + "\nA line that was not there before.\n", encoding="utf-8")
    edited = _seconds(run)
    percent = 100 * again / first
    return [
        {"run": "first", "seconds": first, "percent_of_first": 100.0},
        {"run": "nothing changed", "seconds": again, "percent_of_first": percent, **at_most(percent, MOST_PERCENT)},
        {"run": f"{_EDITED} files edited", "seconds": edited, "percent_of_first": 100 * edited / first},
    ]


def _seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _in_process(files: Path, index: Path) -> None:
    with lw.Index(index) as opened:
        opened.add(lw.read(files))


def _command(files: Path, index: Path) -> None:
    start = "import sys; from likewise.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "index", str(files), "--to", str(index), "--json"]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
