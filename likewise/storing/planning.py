"""What a store of so many chunks will need, from short measurements on this machine.

A sample is searched and built in each way. What grows with the rows is multiplied; a graph's steps grow with their
logarithm, and its lists as docs/benchmarks.md measured. That is an extrapolation: what no longer fits the processor's
caches is slower than it says, and texts differ in how long a list their recall needs.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from likewise.errors import SettingError
from likewise.storing.dense_search import RECALL
from likewise.storing.exact import DenseRows, rank_dense
from likewise.storing.measuring_shard import measured
from likewise.storing.promising import EFFORTS, Promises, probes_for
from likewise.storing.proposing import Draft, draft_of
from likewise.storing.shortlists import CODE_PRECISIONS, GRAPHED, CodePrecision, Shortlist
from likewise.types import Vectors

DEPTH = 100  # nearest that are looked for, as an index does
_ROWS, _LEAST_ROWS, _QUERIES, _CENTRES = 10_000, 1_000, 50, 100
_REPEATS = 6  # 92 MB of vectors of 384 dimensions
_MEGA = 1e6
# A graph's list of the same recall gets longer by this power of the rows, and a list of one length dearer by that: of
# ten times as many texts 2.5 times and twice, as more of the graph is far from the processor.
_LONGER, _DEARER = 0.4, 0.3
CHARACTERS = 500  # of a chunk's text, where nothing else is said
# What chunks of 170 to 1,000 characters took; docs/benchmarks.md has the figures.
_ROW_BYTES, _TEXT_BYTES = 300, 1.6  # of the database beside the vector: for a chunk, and for a character with its words
_OWN_BYTES, _WORD_BYTES = 28, 0.5  # of a shard: numbers, checksum and length of a row, and words for a character

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
    query_ms: float  # on one core, for the nearest DEPTH at the usual recall
    measured_rows: int  # of the sample that times were measured on


def plan(
    chunks: int,
    *,
    width: int,
    characters: int = CHARACTERS,
    precisions: Sequence[CodePrecision] = CODE_PRECISIONS,
    progress: Progress = lambda _: None,
) -> Iterator[Plan]:
    """Predict what a store needs, searched exactly and by a shortlist of each precision.

    Args:
        chunks: How many there will be.
        width: Of their vectors.
        characters: Of their texts, on average; only the disk depends on it.
        precisions: Of the shortlists.
        progress: Told what is being measured.

    Raises:
        SettingError: A number below 1.
    """
    if min(chunks, width, characters) < 1:
        raise SettingError(
            f"a plan is for at least one chunk, one dimension and one character, got {chunks}, {width} and {characters}"
        )
    sample = _clustered(min(_ROWS, max(chunks, _LEAST_ROWS)), width)
    vectors_mb = chunks * 4 * width / _MEGA
    copied_mb = vectors_mb + chunks * (_OWN_BYTES + _WORD_BYTES * characters) / _MEGA
    progress("measuring exact search")
    exact = Plan(
        way="exact",
        chunks=chunks,
        memory_mb=vectors_mb,
        mapped_mb=0.0,
        disk_mb=vectors_mb + chunks * (_ROW_BYTES + _TEXT_BYTES * characters) / _MEGA,
        build_s=0.0,
        query_ms=_exact_row_ms(sample, chunks) * chunks,
        measured_rows=len(sample),
    )
    yield exact
    for precision in precisions:
        progress(f"measuring {precision}")
        yield _with_shortlist(Shortlist(precision=precision), exact, sample, copied_mb=copied_mb)


def _with_shortlist(shortlist: Shortlist, exact: Plan, sample: Vectors, *, copied_mb: float) -> Plan:
    """A plan from that of the same chunks without one; ``copied_mb`` is the size of a shard without its codes."""
    chunks, times = exact.chunks, exact.chunks / len(sample)
    graphed = shortlist.precision in GRAPHED
    deeper = math.log2(max(chunks, 2)) / math.log2(len(sample)) if graphed else 1.0
    started = time.process_time()
    draft = draft_of(sample, shortlist)
    promises = measured(draft, sample, sample[:0])
    seconds = time.process_time() - started
    curve = next(iter(promises.curves.values()))
    grown = _grown(promises.list_us, times, graphed=graphed)
    asked = [probes_for(effort, curve.probes) / _MEGA for effort in curve.efforts]
    probing, then = np.dot(asked, promises.list_us), np.dot(asked, grown)
    codes_mb = _code_bytes(draft) * times / _MEGA
    return replace(
        exact,
        way=shortlist.precision,
        memory_mb=codes_mb,
        mapped_mb=exact.memory_mb,
        disk_mb=exact.disk_mb + copied_mb + codes_mb,
        build_s=float((seconds - probing) * times * deeper + then),
        query_ms=min(exact.query_ms, _list_ms(replace(promises, list_us=grown), times, graphed=graphed)),
    )


def _grown(list_us: Sequence[float], times: float, *, graphed: bool) -> list[float]:
    """What lists will take where there are so many times the rows; to score one takes as long as it did."""
    if graphed:
        return [us * times**_DEARER for us in list_us]
    scan = list_us[0]  # the shortest list is little but the look at all codes
    return [us + scan * (times - 1) for us in list_us]


def _list_ms(promises: Promises, times: float, *, graphed: bool) -> float:
    """What a list of the usual recall takes where there are so many times the sample's rows; inf if none will do."""
    choice = promises.choose(DEPTH, RECALL, within_us=math.inf)
    effort = choice.effort * times ** (_LONGER if graphed else 1) if choice else math.inf
    if effort > EFFORTS[-1]:
        return math.inf
    efforts = next(iter(promises.curves.values())).efforts
    return float(np.interp(effort, efforts, promises.list_us)) / 1_000


def _code_bytes(draft: Draft) -> int:
    with tempfile.TemporaryDirectory() as folder:
        draft.write(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def _exact_row_ms(sample: Vectors, chunks: int) -> float:
    """To score a row; the sample is repeated where there will be more rows than a processor's cache may hold."""
    vectors = np.tile(sample, (min(_REPEATS, max(chunks // len(sample), 1)), 1))
    rows, taken = DenseRows(np.arange(len(vectors)), vectors), []
    for query in sample[:_QUERIES]:
        started = time.process_time()
        rank_dense(rows, query, 10)
        taken.append(1_000 * (time.process_time() - started))
    return float(np.median(taken)) / len(vectors)


def _clustered(count: int, width: int) -> Vectors:
    """Unit vectors around centres, as texts of some topics give."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((_CENTRES, width))
    vectors = centres[chance.integers(0, _CENTRES, count)] + chance.standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
