"""What a probe is, what it finds, and how sure that is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.encoder import DenseEncoder
from likewise.errors import DataError
from likewise.evaluating._arguments import Numbers
from likewise.evaluating.significance import Interval, statistic_interval
from likewise.evaluating.subjects import Cut, EncoderSubject
from likewise.registry import Table
from likewise.types import Ids, Vectors

_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a probe measures with."""

    encoder: DenseEncoder  # as it is, for what depends on how it is called
    subject: EncoderSubject[Vectors]  # the same, which encodes no text twice and counts what it cuts
    data: Path | None  # the folder that data sets lie in
    seed: int

    def folder(self) -> Path:
        """Where data sets lie.

        Raises:
            DataError: None was named.
        """
        if self.data is None:
            raise DataError("this probe measures with a data set: say in which folder the sets lie (--data)")
        return self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a probe counted, item by item.

    The figure is the sum of the values over that of the baselines; of baselines of 1 it is the mean.

    Raises:
        DataError: What is perfect is no more than what is indifferent.
    """

    measure: str  # what the figure is
    perfect: float  # what the figure is of a model that does all of it right
    indifferent: float  # and of one that lacks what is asked about
    values: Numbers  # (N,)
    groups: Sequence[int] | Ids  # (N,) items that may come out alike, as those of one template: they are drawn together
    baselines: Numbers = ()  # (N,) none for 1
    parts: Sequence[str] = ()  # (N,) the part that each item is of, where there are several
    facts: Mapping[str, float] = field(default_factory=dict)  # more that is worth knowing
    cuts: Mapping[str, Cut] = field(default_factory=dict)  # what was cut for a part, where that differs
    reading: str  # a sentence on what the figure says

    def __post_init__(self) -> None:
        if not self.indifferent < self.perfect:
            raise DataError(
                f"one that lacks what is asked about would reach {self.indifferent:.3f}, and a perfect one "
                f"{self.perfect:.3f}: with this model and these texts nothing can be told"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The figure of some of the items."""

    name: str
    interval: Interval
    items: int
    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a probe found out about a model."""

    probe: str
    measure: str  # what the figure is
    interval: Interval  # the figure, and where it may lie, other items of the same kind being as likely
    perfect: float  # what the figure is of a model that does all of it right
    indifferent: float  # and of one that lacks what is asked about
    items: int
    groups: int  # that the items fall into; the interval draws these
    parts: Sequence[Part]
    facts: Mapping[str, float]
    reading: str  # a sentence on what the figure says
    cut: Cut  # what the model had no room for

    @property
    def share(self) -> float:
        """How far the figure is from indifferent, 0, to perfect, 1; below 0 if it is worse than indifferent."""
        return (self.interval.estimate - self.indifferent) / (self.perfect - self.indifferent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A probe that found nothing, and why."""

    probe: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One way to look at a model."""

    measure: Callable[[Bench], Measured]
    files: Sequence[str]  # below the folder of data sets; none if it brings its own texts

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.measure.__doc__ or "").strip().partition("\n")[0]


PROBES: Table[Probe] = Table("probe")

_Measure = Callable[[Bench], Measured]


def add_probe(name: str, *, files: Sequence[str] = ()) -> Callable[[_Measure], _Measure]:
    """Make a function a probe of this name.

    Args:
        name: Of the probe.
        files: What it reads below the folder of data sets.
    """

    def keep(measure: _Measure) -> _Measure:
        PROBES.add(name)(Probe(measure=measure, files=files))
        return measure

    return keep


def find(name: str, bench: Bench) -> Finding:
    """What one probe finds.

    Raises:
        UnknownNameError: No such probe.
        DataError: A file of it is missing or damaged, or there is nothing to tell from.
    """
    bench.subject.take_cut()  # of a probe before that failed
    measured = PROBES.find(name).measure(bench)
    cuts = {**measured.cuts, "": bench.subject.take_cut()}
    groups = np.asarray(measured.groups)
    everything = np.ones(len(groups), bool)
    marks = {part: np.array([one == part for one in measured.parts]) for part in dict.fromkeys(measured.parts)}
    return Finding(
        probe=name,
        measure=measured.measure,
        interval=_interval(measured, everything, bench.seed),
        perfect=measured.perfect,
        indifferent=measured.indifferent,
        items=len(groups),
        groups=len(np.unique(groups)),
        parts=[
            Part(
                name=part,
                interval=_interval(measured, mark, bench.seed),
                items=int(mark.sum()),
                cut=measured.cuts.get(part, Cut(0, 0, 0)),
            )
            for part, mark in marks.items()
        ],
        facts=measured.facts,
        reading=measured.reading,
        cut=Cut(
            sum(one.texts for one in cuts.values()),
            sum(one.cut for one in cuts.values()),
            sum(one.tokens for one in cuts.values()),
            all(one.counted for one in cuts.values()),
        ),
    )


def _interval(measured: Measured, mark: NDArray[np.bool_], seed: int) -> Interval:
    """The figure of the marked items (N,), whose groups are drawn anew."""
    values = np.asarray(measured.values, np.float64)[mark]
    baselines = np.asarray(measured.baselines, np.float64)[mark] if len(measured.baselines) else np.ones(len(values))
    names, groups = np.unique(np.asarray(measured.groups)[mark], return_inverse=True)
    sums, wholes = (np.bincount(groups, weights=one) for one in (values, baselines))  # (G,) each
    found = statistic_interval(lambda rows: sums[rows].sum() / wholes[rows].sum(), len(names), level=_LEVEL, seed=seed)
    return _widened(found, len(names)) if found.low == found.high else found


def _widened(found: Interval, count: int) -> Interval:
    """An interval of groups that all came out alike, of figures in 0 to 1, which resampling can't tell from certainty.

    If a share p of all groups is otherwise, the chance that none of n drawn ones is is (1 - p)^n; of the p for which
    that is what the level leaves over, all may be at either end (Clopper and Pearson 1934, of 0 of n).
    """
    other = 1 - (1 - found.level) ** (1 / count)
    value = found.estimate
    return Interval(
        estimate=value, low=value - other * max(value, 0), high=value + other * max(1 - value, 0), level=found.level
    )
