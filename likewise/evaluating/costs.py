"""What a model costs here: how fast it encodes, and the memory that it takes.

It is measured in a process of its own, whose memory nothing else has grown: ``python -m likewise.evaluating.costs``.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from likewise.encoding.measuring import mixed_texts
from likewise.errors import ModelError
from likewise.evaluating.runner import load_any
from likewise.settings import from_dict, to_dict

_TEXTS = 200
_PASSES = 3
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of one model, on this machine, on all cores that the process may use."""

    texts_per_s: float  # like titles, sentences and passages, some 30 tokens on average
    memory_bytes: int  # by which loading the model and encoding made the process grow; 0 where the system does not say
    dimension: int  # numbers in a vector: of sparse ones, the vocabulary; of pairs, the scores


def measure_costs(name_or_folder: str, *, precision: str = "auto") -> Costs:
    """Load a model in a fresh process, and let it encode.

    Raises:
        ModelError: The process failed; the message is its last line.
    """
    command = [sys.executable, "-m", "likewise.evaluating.costs", name_or_folder, precision]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ModelError(f"measuring {name_or_folder} failed: {last[0]}")
    return from_dict(Costs, json.loads(done.stdout))


def _measure(name_or_folder: str, precision: str) -> Costs:
    before = _peak_bytes()
    _, output, model = load_any(name_or_folder, precision=precision)
    texts = mixed_texts(_TEXTS)
    run = _scoring(model, texts) if output == "scores" else _encoding(model, texts)
    run()  # warms up
    taken = [_seconds(run) for _ in range(_PASSES)]
    return Costs(
        texts_per_s=_TEXTS / statistics.median(taken),
        memory_bytes=_peak_bytes() - before,
        dimension=model.contract.dimension,
    )


def _encoding(model: Any, texts: list[str]) -> Callable[[], object]:
    return lambda: model.encode(texts, role="document", overflow="truncate")


def _scoring(model: Any, texts: list[str]) -> Callable[[], object]:
    pairs = list(zip(texts, reversed(texts), strict=True))
    return lambda: model.score(pairs, overflow="truncate")


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _peak_bytes() -> int:
    """The most memory that this process has had; 0 where the system does not count it."""
    if _STATUS.is_file():  # what getrusage says of a process on Linux may be its parent's
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    if find_spec("resource") is None:
        return 0
    resource: Any = import_module("resource")  # of Unix alone
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(to_dict(_measure(*sys.argv[1:]))))
