"""Whether memory grows while very many short texts stream through the encoder.

    python benchmarks/memory.py --texts 1000000

Texts are made as they are asked for: a few words of two sentences and a number, so no two are alike. Prints the
resident size on the way, and the slope of a line through it after the first tenth. Linux only.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from invented_files import SENTENCES
from reporting import Row, at_most, parser, print_settings, print_table

import likewise as lw

MOST_MIB = 32.0  # that a line through the sizes may rise over all texts: what an allocator keeps by chance
_STATE = Path("/proc/self/statm")


def main() -> None:
    arguments = _arguments()
    settings = {"texts": arguments.texts, "precision": arguments.precision}
    print_settings(settings, as_json=arguments.json)
    rows = _sizes(arguments)
    print_table("Resident size on the way", rows, as_json=arguments.json)
    print_table("Growth", [_growth(rows, arguments.texts)], as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--texts", type=int, default=1_000_000)
    options.add_argument("--every", type=int, default=50_000)
    options.add_argument("--precision", default="int8", choices=("float32", "int8"))
    return options.parse_args()


def _sizes(arguments: argparse.Namespace) -> list[Row]:
    encoder = lw.load("all-MiniLM-L6-v2", precision=arguments.precision)
    started, done, tokens, due = time.perf_counter(), 0, 0, arguments.every
    rows: list[Row] = []
    for encoded in encoder.stream(_texts(arguments.texts), role="document", overflow="truncate"):
        done += len(encoded.vectors)
        tokens += int(encoded.tokens.sum())
        if done >= due or done == arguments.texts:
            due += arguments.every
            per_s = done / (time.perf_counter() - started)
            mean = round(tokens / done, 1)
            rows.append({"texts": done, "resident_mib": _resident_mib(), "mean_tokens": mean, "texts_per_s": per_s})
            print(f"{done} texts", file=sys.stderr)
    return rows


def _texts(count: int) -> Iterator[str]:
    words = [line.split() for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    chance = random.Random(0)
    for number in range(count):
        left, right = chance.choice(words), chance.choice(words)
        yield " ".join([*left[: chance.randint(1, 2)], *right[-1:], str(number)])


def _growth(rows: list[Row], texts: int) -> Row:
    settled = [row for row in rows if float(row["texts"]) > texts / 10]
    slope = 0.0
    if len(settled) > 1:
        slope = float(np.polyfit(_column(settled, "texts"), _column(settled, "resident_mib"), 1)[0])
    whole = slope * texts
    return {"kib_per_1000_texts": slope * 1024 * 1000, "mib_over_all_texts": whole, **at_most(whole, MOST_MIB)}


def _column(rows: list[Row], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def _resident_mib() -> float:
    pages = int(_STATE.read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


if __name__ == "__main__":
    main()
