"""Score models on tasks: how good each is, how sure that is, and which differences are more than chance."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from likewise.cli._many import takes_many
from likewise.cli._options import source_options
from likewise.cli._output import as_json_option, note, print_json
from likewise.encoding.models import Source
from likewise.errors import DataError, SettingError, StorageError
from likewise.evaluating.comparing import Compared, Figure, compare_all, read_baseline, save_scores
from likewise.evaluating.costs import measure_costs
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.report import Report, as_markdown, as_text, remarks
from likewise.evaluating.report_page import page
from likewise.evaluating.runner import Result, can_do, evaluate, kept_folder, listed_languages, open_subject
from likewise.evaluating.scores import Failure, Score
from likewise.evaluating.subjects import PairSubject
from likewise.evaluating.task_files import Task, missing_files, read_task, task_names


@click.command(cls=takes_many("--tasks"), name="eval")
@click.argument("models", nargs=-1)
@click.option(
    "--tasks",
    multiple=True,
    metavar="NAME...",
    help="Names, see --list, or TOML files of one's own. If none is named, all that suit the model and whose data is there.",
)
@click.option("--data", type=click.Path(path_type=Path), help="The folder that the data sets lie in.")
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=("auto",),
    show_default=True,
    help="Of the networks; may be given several times, and each model is then scored in each.",
)
@click.option(
    "--baseline",
    help="What to compare with: a file of --save or --json, or a model. Exit 1 on a fall that is no chance.",
)
@click.option("--save", type=click.Path(path_type=Path), help="Write all scores to this file, for --baseline.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with plots; measures speed and memory.")
@click.option(
    "--kept", type=click.Path(path_type=Path), help="Where vectors and scores are kept; else the user's cache."
)
@click.option("--list", "listing", is_flag=True, help="Show the tasks that come along, and end.")
@source_options
@as_json_option
def evaluate_models(
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    data: Path | None,
    precisions: tuple[str, ...],
    baseline: str | None,
    save: Path | None,
    markdown: bool,
    html: Path | None,
    kept: Path | None,
    listing: bool,
    source: Source,
    as_json: bool,
) -> None:
    """Score models on tasks: how good each is, how sure that is, and which differences are more than chance."""
    if listing:
        _list_tasks(as_json)
        return
    if not models:
        raise SettingError("name a model: likewise eval MODEL --tasks stsb-en --data DIR")
    for target in (html, save):
        if target is not None and not target.parent.is_dir():  # said before minutes of work
            raise StorageError(f"can't write {target}: there is no folder {target.parent}")
    folder = kept or kept_folder()
    run = _Run(_tasks(tasks, data), bool(tasks), data, folder, source)
    before = _read_before(baseline)
    names = _labelled(models, precisions, against=baseline if before is None else None)
    results = []
    for label, (model, precision) in names.items():
        for result in run.of(model, label, precision):
            results.append(result)
            if as_json and baseline is None:
                _print_json(result)
    report = _report(list(names), results, before, compares=baseline is not None or len(names) > 1)
    if html is not None:
        costs = {label: measure_costs(model, precision=precision) for label, (model, precision) in names.items()}
        _write(html, page(replace(report, costs=costs)))
    if save is not None:
        save_scores(save, report.scores)
    _show(report, as_json=as_json and baseline is not None, markdown=markdown, silent=as_json)
    _end(report, gate=baseline is not None)


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for all models."""

    tasks: Sequence[Task]
    named: bool  # whether the user chose them
    data: Path | None
    folder: Path
    source: Source

    def of(self, model: str, label: str, precision: str) -> Iterator[Result]:
        """The results of one model."""
        show = _Progress()
        subject = open_subject(
            model, label=label, precision=precision, source=self.source, folder=self.folder, progress=show
        )
        tasks = self.tasks if self.named else self._fitting(subject, model)
        with closing(subject), Keeper(self.folder / "scores.sqlite3") as kept:
            yield from evaluate(subject, tasks, data=self.data, kept=kept, progress=show)
        show.clear()

    def _fitting(self, subject: PairSubject, model: str) -> list[Task]:
        """Of all tasks, those that the model can do, in languages that its card lists if it lists any."""
        listed = set(listed_languages(model, source=self.source))
        possible = [task for task in self.tasks if can_do(subject, task)]
        spoken = [task for task in possible if not listed or listed.issuperset(task.languages)]
        if left := len(possible) - len(spoken):
            languages = ", ".join(sorted({one for task in possible for one in task.languages} - listed))
            note(
                f"{left} tasks are in languages that the card of {subject.name} does not list ({languages}): name "
                "them with --tasks to have them"
            )
        return spoken


class _Progress:
    """One line on a terminal that says what is being done; elsewhere only what takes seconds is announced."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        if not total:
            self.clear()
            note(what)
        elif sys.stderr.isatty():
            self.clear()
            line = f"{what} ({done} of {total})"
            self._drawn = len(line)
            click.echo(line, err=True, nl=False)

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            click.echo("\r" + " " * self._drawn + "\r", err=True, nl=False)
            self._drawn = 0


def _tasks(names: Sequence[str], data: Path | None) -> list[Task]:
    """The named tasks, or all whose data is there."""
    if names:
        tasks = {task.name: task for task in map(read_task, dict.fromkeys(names))}
        if len(tasks) < len(set(names)):
            raise SettingError(f"two of the tasks have one name; they are called as their files: {', '.join(tasks)}")
        return list(tasks.values())
    if data is None:
        raise SettingError("say where the data sets lie: --data DIR, or name TOML files of your own with --tasks")
    found = [task for name in task_names() if not missing_files(task := read_task(name), data)]
    if not found:
        raise SettingError(f"{data} has the data of none of the {len(task_names())} tasks that come along")
    return found


def _labelled(models: Sequence[str], precisions: Sequence[str], *, against: str | None) -> dict[str, tuple[str, str]]:
    """What each model is called in results, with its precision if there are several; one to compare with is first."""
    several = len(set(precisions)) > 1
    found: dict[str, tuple[str, str]] = {}
    if against is not None:
        found[f"{_name(against)} (baseline)" if against in models else _name(against)] = against, precisions[0]
    for model in dict.fromkeys(models):
        for precision in dict.fromkeys(precisions):
            added = f" ({precision})" * several
            label = f"{_name(model)}{added}"
            found[f"{model}{added}" if label in found else label] = model, precision
    return found


def _name(model: str) -> str:
    return Path(model).name if Path(model).is_dir() else model


def _read_before(baseline: str | None) -> list[Score | Figure] | None:
    """The saved scores that a baseline names; None if it is a model."""
    return read_baseline(Path(baseline)) if baseline and Path(baseline).is_file() else None


def _report(
    models: Sequence[str], results: Sequence[Result], before: Sequence[Score | Figure] | None, *, compares: bool
) -> Report:
    """The results, compared with what was saved or with the first model."""
    report = Report(models=models, results=results)
    if not compares:
        return report
    first = [one for one in report.scores if one.model == models[0]]
    others = report.scores if before is not None else [one for one in report.scores if one.model != models[0]]
    return replace(report, compared=compare_all(others, first if before is None else before))


def _show(report: Report, *, as_json: bool, markdown: bool, silent: bool) -> None:
    if as_json:
        for result in report.results:
            _print_json(result, report.compared)
    if not silent:
        print(as_markdown(report) if markdown else as_text(report))
    else:
        for line in remarks(report):
            note(line)


def _end(report: Report, *, gate: bool) -> None:
    """Exit 1 on a fall, 2 if something gave no score."""
    compared = report.compared
    if gate and compared is not None:
        for model, task in compared.fallen:
            fallen = compared.by_place[model, task]
            note(f"{task} of {model} fell by {-fallen.test.difference:.4f} from {fallen.score:.4f}")
        if compared.fallen:
            click.get_current_context().exit(1)
    if report.failures:
        first = report.failures[0]
        count = f"{len(report.failures)} of {len(report.results)}"
        raise DataError(f"{count} gave no score; the first, {first.task} of {first.model}: {first.reason}")
    if gate and compared is not None and (compared.left_out or not compared.by_place):
        raise DataError(f"the gate could not compare {'; '.join(compared.left_out) or 'anything: no task is in both'}")


def _print_json(result: Result, compared: Compared | None = None) -> None:
    if isinstance(result, Failure):
        empty = dict.fromkeys(("metric", "score", "interval"))
        print_json({"model": result.model, "task": result.task, **empty, "error": result.reason})
        return
    values: dict[str, Any] = {name: getattr(result, name) for name in ("model", "task", "metric", "score", "interval")}
    comparison = None if compared is None else compared.by_place.get((result.model, result.task))
    print_json(values if comparison is None else {**values, "compared": asdict(comparison)})


def _list_tasks(as_json: bool) -> None:
    for name in task_names():
        task = read_task(name)
        if as_json:
            print_json({"task": name, "kind": task.kind, "summary": task.summary, "languages": list(task.languages)})
        else:
            print(f"{name}: {task.kind.replace('_', ' ')}. {task.summary}")


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"can't write {target}: {error.strerror}") from error


PLUGIN = evaluate_models
