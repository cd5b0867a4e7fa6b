"""Static models: how fast they encode against model2vec and a network, and how good they are.

    python benchmarks/distilled.py --data DIR --speed FOLDER [--network all-MiniLM-L6-v2]
    python benchmarks/distilled.py --data DIR --quality FOLDER FOLDER ...

The folders hold static models: of ``likewise words distil`` or of model2vec. For speed, all contestants are in this one
process, on one core and on the same files; after a warm-up they pass over all texts in turns, and the medians count, of
the process's time (another program's turn on the core is not in it) and of the clock. The texts are the sentences of
STSb's test split and the abstracts of Cranfield; the network passes over the first of them. It needs model2vec.

For quality each folder is scored by ``likewise eval``'s own code, on the tasks named with --tasks.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from labelled_sets import read_objects, read_table, titled
from model2vec import StaticModel
from reporting import Row, at_least, parser, print_settings, print_table

import likewise
from likewise.cli._options import stay_on_one_core
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.runner import evaluate, open_subject
from likewise.evaluating.scores import Failure
from likewise.evaluating.task_files import read_task

TASKS = ("stsb-en", "banking77", "cranfield")
FASTER_THAN_NETWORK, FASTER_THAN_PEER = 50.0, 1.5
NETWORK_TEXTS = {"short": 300, "long": 40}  # it would take minutes for all
Encode = Callable[[Sequence[str]], object]


@dataclass(slots=True)
class Contestant:
    """What encodes, and how long each pass took for a text."""

    name: str
    encode: Encode
    texts: Sequence[str]
    cpu_us: list[float] = field(default_factory=list)
    wall_us: list[float] = field(default_factory=list)

    def run(self) -> None:
        """One pass over all texts."""
        started, used = time.perf_counter(), time.process_time()
        self.encode(self.texts)
        self.cpu_us.append((time.process_time() - used) * 1e6 / len(self.texts))
        self.wall_us.append((time.perf_counter() - started) * 1e6 / len(self.texts))


def main() -> None:
    arguments = _arguments()
    if arguments.speed:
        stay_on_one_core()
        _compare_speed(arguments)
    if arguments.quality:
        rows = [_quality(folder, arguments) for folder in arguments.quality]
        print_settings({"tasks": " ".join(arguments.tasks)}, as_json=arguments.json)
        print_table("Scores", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--speed", type=Path, help="the folder of a static model, to encode with")
    options.add_argument("--network", default="all-MiniLM-L6-v2", help="what it is compared with, in int8")
    options.add_argument("--repeats", type=int, default=7, help="timed passes of each")
    options.add_argument("--quality", nargs="*", help="folders of static models, or other models, to be scored")
    options.add_argument("--tasks", nargs="*", default=TASKS)
    return options.parse_args()


def _compare_speed(arguments: argparse.Namespace) -> None:
    pairs = list(read_table(arguments.data / "stsb" / "en_test.tsv.gz"))
    kinds = {
        "short": [row[side] for side in ("sentence1", "sentence2") for row in pairs],
        "long": [titled(one) for one in read_objects(arguments.data / "cranfield" / "docs.jsonl.gz")],
    }
    ours, peer = likewise.load(arguments.speed), StaticModel.from_pretrained(arguments.speed, max_length=None)
    network = likewise.load(arguments.network, precision="int8")
    print_settings(
        {"model": str(arguments.speed.name), "repeats": arguments.repeats, "cores": 1}, as_json=arguments.json
    )
    for kind, texts in kinds.items():
        counted = ours.encode_counted(texts, role="document")
        worst = float(np.abs(counted.vectors - np.asarray(peer.encode(texts), np.float32)).max())
        contestants = [
            Contestant("likewise", lambda some: ours.encode(some, role="document"), texts),
            Contestant("model2vec", peer.encode, texts),
            Contestant(
                f"{arguments.network} int8",
                lambda some: network.encode(some, role="document", overflow="truncate"),
                texts[: NETWORK_TEXTS[kind]],
            ),
        ]
        for passes in range(arguments.repeats + 1):
            for one in contestants:
                one.run()
                if not passes:  # the first warms up
                    one.cpu_us.clear()
                    one.wall_us.clear()
        title = f"{len(texts)} {kind} texts of {counted.tokens.mean():.1f} tokens; ours differs by {worst:.1e} at most"
        print_table(title, _speeds(contestants), as_json=arguments.json)


def _speeds(contestants: Sequence[Contestant]) -> list[Row]:
    ours = contestants[0]
    rows: list[Row] = []
    for one, target in zip(contestants, (None, FASTER_THAN_PEER, FASTER_THAN_NETWORK), strict=True):
        cpu, wall = statistics.median(one.cpu_us), statistics.median(one.wall_us)
        row: dict[str, str | int | float | bool] = {
            "contestant": one.name,
            "cpu_us_a_text": cpu,
            "wall_us_a_text": wall,
        }
        if target is not None:
            row["ours_is_faster"] = cpu / statistics.median(ours.cpu_us)
            row |= at_least(cpu / statistics.median(ours.cpu_us), target)
        rows.append(row)
    return rows


def _quality(folder: str, arguments: argparse.Namespace) -> Row:
    subject = open_subject(folder, precision="int8" if not Path(folder).is_dir() else "auto")
    row: dict[str, str | int | float | bool] = {"model": Path(folder).name, "dimension": subject.contract.dimension}
    weights = Path(folder) / "model.safetensors"
    row["MB"] = weights.stat().st_size / 1e6 if weights.is_file() else ""
    scores = []
    for found in evaluate(
        subject, [read_task(name) for name in arguments.tasks], data=arguments.data, kept=Keeper(None)
    ):
        if isinstance(found, Failure):
            raise SystemExit(f"{found.task}: {found.reason}")
        scores.append(found.score)
        row[found.task] = found.score
    subject.close()
    return row | {"mean": statistics.mean(scores)}


if __name__ == "__main__":
    main()
