"""Models against each other, or against what was saved before: which differences are more than chance."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Literal, TypeAlias

from likewise.errors import ArtifactError, LikewiseError, SettingError, StorageError
from likewise.evaluating.scores import Score, compare, from_json, to_json
from likewise.evaluating.significance import PairedTest, falls, holm

ALPHA = 0.05  # two-sided; the gate looks one way, at half of it
_NORMAL = NormalDist()
_SPREADS = 2 * _NORMAL.inv_cdf(0.975)  # standard errors in an interval of 95 %
Place: TypeAlias = tuple[str, str]  # model, task


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A score without its items, as ``likewise eval --json`` prints it."""

    model: str
    task: str
    metric: str
    score: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate beside its baseline, on one task."""

    baseline: str  # which model
    score: float  # the baseline's
    test: PairedTest
    p_value: float  # two-sided, corrected for all comparisons that were made
    verdict: Literal["better", "worse", "same"]  # same: no more than chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All comparisons that could be made."""

    by_place: Mapping[Place, Comparison]
    fallen: Sequence[Place]  # worse by more than chance, over all comparisons together: what a gate stops at
    new: Sequence[str]  # what the baseline has no score on
    left_out: Sequence[str]  # what could not be compared though both have it, and why


def save_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write scores with their items, a line each; ``read_baseline`` takes them back.

    Raises:
        StorageError: The file can't be written.
    """
    try:
        path.write_text("".join(to_json(score) + "\n" for score in scores), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"can't write {path}: {error.strerror}") from error


def read_baseline(path: Path) -> list[Score | Figure]:
    """Scores of before: as ``save_scores`` wrote them, or the lines of ``likewise eval --json``.

    Raises:
        ArtifactError: The file can't be read, or has other lines.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} can't be read: {error}") from error
    found = [_read_line(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise ArtifactError(f"{path} has no score to compare with")
    return found


def compare_all(candidates: Sequence[Score], baseline: Sequence[Score | Figure]) -> Compared:
    """Each score beside the baseline's on the same task.

    A baseline of several models gives each candidate the one of its own name. P-values are corrected together, by
    Holm's method: the more comparisons, the clearer a difference must be.
    """
    tests: dict[Place, tuple[Score | Figure, PairedTest]] = {}
    new: list[str] = []
    left_out: list[str] = []
    for candidate in candidates:
        before = _counterpart(candidate, baseline)
        if before is None:
            new.append(f"{candidate.task} of {candidate.model}")
            continue
        try:
            tests[candidate.model, candidate.task] = before, _tested(before, candidate)
        except LikewiseError as error:
            left_out.append(f"{candidate.task} of {candidate.model}: {error}")
    if not tests:
        return Compared(by_place={}, fallen=[], new=new, left_out=left_out)
    raised = holm([test.p_value for _, test in tests.values()])
    by_place = {
        place: _comparison(before, test, float(p_value))
        for (place, (before, test)), p_value in zip(tests.items(), raised, strict=True)
    }
    names = {f"{model}\0{task}": (model, task) for model, task in tests}
    fallen = falls({name: tests[place][1] for name, place in names.items()})
    return Compared(by_place=by_place, fallen=[names[name] for name in fallen], new=new, left_out=left_out)


def _comparison(before: Score | Figure, test: PairedTest, p_value: float) -> Comparison:
    verdict: Literal["better", "worse", "same"] = "same"
    if p_value <= ALPHA:
        verdict = "better" if test.difference > 0 else "worse"
    return Comparison(baseline=before.model, score=before.score, test=test, p_value=p_value, verdict=verdict)


def _counterpart(candidate: Score, baseline: Sequence[Score | Figure]) -> Score | Figure | None:
    of_task = [one for one in baseline if one.task == candidate.task]
    if len({one.model for one in baseline}) > 1:
        of_task = [one for one in of_task if one.model == candidate.model]
    return of_task[-1] if of_task else None


def _tested(before: Score | Figure, candidate: Score) -> PairedTest:
    if isinstance(before, Score):
        return compare(before, candidate)
    if before.metric != candidate.metric:
        raise SettingError(f"the baseline's metric is {before.metric}, this one's {candidate.metric}")
    return _unpaired(before, candidate)


def _unpaired(before: Figure, candidate: Score) -> PairedTest:
    """A test of two figures by their intervals, as if they were of different texts: it sees large differences alone."""
    difference = candidate.score - before.score
    spreads = ((one.interval[1] - one.interval[0]) / _SPREADS for one in (before, candidate))
    error = sum(spread**2 for spread in spreads) ** 0.5
    certain = 0.5 if difference == 0 else float(difference > 0)
    fall = _NORMAL.cdf(difference / error) if error else certain
    return PairedTest(difference=difference, p_value=2 * min(fall, 1 - fall), p_fall=fall, p_rise=1 - fall, exact=False)


def _read_line(line: str, place: str) -> Score | Figure:
    try:
        values = json.loads(line)
        if "items" in values:
            return from_json(line)
        low, high = values["interval"]
        return Figure(
            model=str(values["model"]),
            task=str(values["task"]),
            metric=str(values["metric"]),
            score=float(values["score"]),
            interval=(float(low), float(high)),
        )
    except (ValueError, KeyError, TypeError, LikewiseError) as error:
        raise ArtifactError(f"{place} is no score of likewise eval: {error}") from error
