"""What a model's vectors hold, and what throws them off: all probes in one table.

    python benchmarks/robustness.py --data DIR

Each probe has a figure, the interval that it lies in at 95 %, what a model would get that lacks what is asked about
(indifferent) or does all of it right (perfect), and the share of the way between these. Below a probe are its parts.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.evaluating.robustness import Failure, Finding, probe, probe_names
from likewise.evaluating.significance import Interval
from likewise.evaluating.subjects import Cut


def main() -> None:
    arguments = _arguments()
    encoder = lw.load(arguments.model, precision=arguments.precision)
    settings = {"model": arguments.model, "precision": encoder.contract.precision, "seed": arguments.seed}
    print_settings(settings, as_json=arguments.json)
    names = arguments.probes or probe_names(arguments.data)
    rows: list[Row] = []
    findings: list[Finding] = []
    started = time.perf_counter()
    for result in probe(encoder, names, data=arguments.data, seed=arguments.seed):
        taken, started = time.perf_counter() - started, time.perf_counter()
        if isinstance(result, Failure):
            raise SystemExit(f"{result.probe}: {result.reason}")
        findings.append(result)
        rows += _rows(result, taken)
    print_table(f"Probes of {arguments.model}", rows, as_json=arguments.json)
    facts: list[Row] = [
        {"probe": one.probe, "what": name, "value": value} for one in findings for name, value in one.facts.items()
    ]
    print_table("Beside these", facts, as_json=arguments.json)
    readings: list[Row] = [{"probe": one.probe, "figure": one.measure, "reading": one.reading} for one in findings]
    print_table("How to read them", readings, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="folder of published sets; without it some probes are left out")
    options.add_argument("--model", default=DEFAULT_MODEL)
    options.add_argument("--precision", default="auto")
    options.add_argument("--probes", nargs="*", metavar="NAME", help="all whose data is there if none is named")
    options.add_argument("--seed", type=int, default=0)
    return options.parse_args()


def _rows(found: Finding, taken_s: float) -> Iterator[Row]:
    ends = {"indifferent": found.indifferent, "perfect": found.perfect, "share": found.share}
    yield {"probe": found.probe, **_figure(found.interval), **ends, **_items(found.items, found.cut), "s": taken_s}
    for part in found.parts:
        yield {"probe": f"  {part.name}", **_figure(part.interval), **_items(part.items, part.cut)}


def _figure(interval: Interval) -> Row:
    return {"figure": interval.estimate, "low": interval.low, "high": interval.high}


def _items(items: int, cut: Cut) -> Row:
    return {"items": items, "texts_cut": cut.cut, "tokens_dropped": cut.tokens}


if __name__ == "__main__":
    main()
