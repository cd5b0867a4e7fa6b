"""Results as a table, for a terminal or as Markdown, with what a reader should know beneath it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from likewise.evaluating.comparing import ALPHA, Compared, Comparison
from likewise.evaluating.costs import Costs
from likewise.evaluating.runner import Result
from likewise.evaluating.scores import Failure, Score

_MARKS = {"better": " ▲", "worse": " ▼", "same": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found out."""

    models: Sequence[str]  # in the order that they were asked for
    results: Sequence[Result]
    compared: Compared | None = None
    costs: Mapping[str, Costs] = field(default_factory=dict)  # by model, where they were measured

    @property
    def scores(self) -> list[Score]:
        return [one for one in self.results if isinstance(one, Score)]

    @property
    def failures(self) -> list[Failure]:
        return [one for one in self.results if isinstance(one, Failure)]

    @property
    def tasks(self) -> list[str]:
        """In the order that they were done."""
        return list(dict.fromkeys(one.task for one in self.results))

    def score_of(self, model: str, task: str) -> Score | None:
        return next((one for one in self.scores if (one.model, one.task) == (model, task)), None)

    def comparison_of(self, model: str, task: str) -> Comparison | None:
        return None if self.compared is None else self.compared.by_place.get((model, task))

    @property
    def shared_tasks(self) -> list[str]:
        """Those that every model has a score on."""
        done = {(one.model, one.task) for one in self.scores}
        return [task for task in self.tasks if all((model, task) in done for model in self.models)]

    def mean(self, model: str) -> float | None:
        """Over the shared tasks, each counting alike; None if there are none."""
        values = [one.score for task in self.shared_tasks if (one := self.score_of(model, task))]
        return float(np.mean(values)) if values else None


def as_text(report: Report) -> str:
    """A table with aligned columns."""
    rows = _table(report)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", *remarks(report)]).rstrip()


def as_markdown(report: Report) -> str:
    """A table in Markdown."""
    header, *rows = ([cell.replace("|", "\\|") for cell in row] for row in _table(report))
    lines = [header, ["---"] * len(header), *rows]
    table = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*table, "", *(f"- {one}" for one in remarks(report))]).rstrip()


def cell_of(report: Report, model: str, task: str) -> str:
    """A score with its interval, and a mark if it differs from the baseline's."""
    score = report.score_of(model, task)
    if score is None:
        return "failed" if any((one.model, one.task) == (model, task) for one in report.failures) else "-"
    comparison = report.comparison_of(model, task)
    low, high = score.interval
    mark = "" if comparison is None else _MARKS[comparison.verdict]
    return f"{score.score:.4f} ({low:.3f} to {high:.3f}){mark}"


def remarks(report: Report) -> list[str]:
    """What a reader of the table should know, a line each."""
    lines = ["Scores, and where each may lie at 95 %, other texts of the same kind being as likely."] * bool(
        report.scores
    )
    if report.compared is not None:
        lines += _comparisons(report.compared)
    lines += [line for model in report.models if (line := _cut(report, model))]
    notes = {f"{one.task}: {note}" for one in report.scores for note in one.notes}
    lines += sorted(notes)
    lines += [f"Failed: {one.task} of {one.model}: {one.reason}" for one in report.failures]
    return lines


def _comparisons(compared: Compared) -> list[str]:
    """What the marks mean, and what has none for want of something to compare with."""
    lines = []
    if count := len(compared.by_place):
        names = ", ".join(sorted({one.baseline for one in compared.by_place.values()}))
        lines.append(
            f"▲ ▼ better or worse than {names} by more than chance: paired tests, p ≤ {ALPHA} after Holm's correction "
            f"for {count} comparison{'s' * (count != 1)}."
        )
    lines += [f"Not compared: {one}: the baseline has no such score." for one in compared.new]
    return lines + [f"Not compared: {one}" for one in compared.left_out]


def _table(report: Report) -> list[list[str]]:
    rows = [["task", "metric", *report.models]]
    for task in report.tasks:
        metric = next((one.metric for one in report.scores if one.task == task), "-")
        rows.append([task, metric, *(cell_of(report, model, task) for model in report.models)])
    shared = report.shared_tasks
    if len(shared) > 1:
        means = [report.mean(model) for model in report.models]
        rows.append([f"mean of {len(shared)}", "", *("-" if one is None else f"{one:.4f}" for one in means)])
    return rows


def _cut(report: Report, model: str) -> str:
    """Which texts a model was not given whole."""
    cuts = {one.task: one.cut for one in report.scores if one.model == model}
    if uncounted := [task for task, cut in cuts.items() if not cut.counted]:
        return f"{model} may have cut texts, and does not count them: {len(uncounted)} tasks."
    parts = [f"{task} {cut.cut:,} of {cut.texts:,} ({cut.tokens:,} tokens)" for task, cut in cuts.items() if cut.cut]
    return f"{model} read only the beginning of some texts: {', '.join(parts)}." if parts else ""
