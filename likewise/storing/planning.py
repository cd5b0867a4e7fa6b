"""What a store of so many chunks will need, from short measurements on this machine.

A sample is searched and built in each way. What grows with the rows is multiplied; a graph's steps grow with their
logarithm. That is an extrapolation: what no longer fits the processor's caches is slower than it says.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from likewise.errors import SettingError
from likewise.storing.exact import DenseRows, rank_dense
from likewise.storing.measuring_shard import measured
from likewise.storing.promising import probes_for
from likewise.storing.proposing import Draft, draft_of
from likewise.storing.shortlists import CODE_PRECISIONS, GRAPHED, CodePrecision, Shortlist
from likewise.types import Vectors

EFFORT = 96  # length of the shortlist that queries are timed with
_ROWS, _LEAST_ROWS, _QUERIES, _CENTRES = 10_000, 1_000, 50, 100
_MEGA = 1e6
_DATABASE_BYTES = 1_500  # beside the vector: a chunk's text, words, hash and metadata, as in docs/benchmarks.md
_OWN_BYTES = 12  # number and checksum of a row

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one way of searching needs for some number of chunks."""

    way: str  # "exact", or the precision of the shortlist
    chunks: int
    memory_mb: float  # to be held, or mapped and touched by every search
    mapped_mb: float  # vectors on the disk of which a search reads a few rows; the system may keep them or not
    disk_mb: float  # with the database
    build_s: float  # of processor time: several cores share it
    query_ms: float  # on one core
    measured_rows: int  # of the sample that times were measured on


def plan(
    chunks: int,
    *,
    width: int,
    precisions: Sequence[CodePrecision] = CODE_PRECISIONS,
    progress: Progress = lambda _: None,
) -> Iterator[Plan]:
    """Predict what ``chunks`` vectors of ``width`` dimensions need, exactly and with a shortlist of each precision.

    Raises:
        SettingError: A number below 1.
    """
    if chunks < 1 or width < 1:
        raise SettingError(f"a plan is for at least one chunk and one dimension, got {chunks} and {width}")
    sample = _clustered(min(_ROWS, max(chunks, _LEAST_ROWS)), width)
    vectors_mb, database_mb = chunks * 4 * width / _MEGA, chunks * (4 * width + _DATABASE_BYTES) / _MEGA
    progress("measuring exact search")
    yield Plan(
        way="exact",
        chunks=chunks,
        memory_mb=vectors_mb,
        mapped_mb=0.0,
        disk_mb=database_mb,
        build_s=0.0,
        query_ms=_exact_ms(sample) * chunks / len(sample),
        measured_rows=len(sample),
    )
    for precision in precisions:
        progress(f"measuring {precision}")
        yield _with_shortlist(Shortlist(precision=precision), chunks, sample)


def _with_shortlist(shortlist: Shortlist, chunks: int, sample: Vectors) -> Plan:
    width, times = sample.shape[1], chunks / len(sample)
    deeper = math.log2(max(chunks, 2)) / math.log2(len(sample)) if shortlist.precision in GRAPHED else 1.0
    started = time.process_time()
    draft = draft_of(sample, shortlist)
    promises = measured(draft, sample, sample[:0])
    seconds = time.process_time() - started
    curve = next(iter(promises.curves.values()))
    probing = sum(
        us * probes_for(effort, curve.probes) / _MEGA
        for effort, us in zip(curve.efforts, promises.list_us, strict=True)
    )
    looking = deeper if shortlist.precision in GRAPHED else times  # a scan looks at every row
    codes_mb = _code_bytes(draft) * times / _MEGA
    return Plan(
        way=shortlist.precision,
        chunks=chunks,
        memory_mb=codes_mb,
        mapped_mb=chunks * (4 * width + _OWN_BYTES) / _MEGA,
        disk_mb=chunks * (8 * width + _DATABASE_BYTES + _OWN_BYTES) / _MEGA + codes_mb,
        build_s=(seconds - probing) * times * deeper + probing * looking,
        query_ms=promises.list_us[_place(EFFORT, curve.efforts)] * looking / 1_000,
        measured_rows=len(sample),
    )


def _place(effort: int, efforts: Sequence[int]) -> int:
    """Where an effort is among those measured, or the last: with that one, all was found already."""
    return min(int(np.searchsorted(efforts, effort)), len(efforts) - 1)


def _code_bytes(draft: Draft) -> int:
    with tempfile.TemporaryDirectory() as folder:
        draft.write(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def _exact_ms(sample: Vectors) -> float:
    rows, taken = DenseRows(np.arange(len(sample)), sample), []
    for query in sample[:_QUERIES]:
        started = time.process_time()
        rank_dense(rows, query, 10)
        taken.append(1_000 * (time.process_time() - started))
    return float(np.median(taken))


def _clustered(count: int, width: int) -> Vectors:
    """Unit vectors around centres, as texts of some topics give."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((_CENTRES, width))
    vectors = centres[chance.integers(0, _CENTRES, count)] + chance.standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
