"""Measure which words a model has closer together than others, and take such a bias out of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from likewise.cli._many import takes_many
from likewise.cli._options import source_options
from likewise.cli._output import ProgressLine, as_json_option, note, print_json, print_score, print_table
from likewise.encoding.encoder import DenseEncoder
from likewise.encoding.models import Source, load
from likewise.errors import DataError, SettingError
from likewise.evaluating.bias import Association, WordTest, read_word_pairs, read_word_tests, seat, weat
from likewise.evaluating.comparing import compare_all
from likewise.evaluating.debiasing import METHODS, encode_pairs, save_debiased
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.report import Report, as_text
from likewise.evaluating.runner import Result, evaluate, kept_folder, open_subject
from likewise.evaluating.significance import holm
from likewise.evaluating.task_files import Task, missing_files, read_task

_PATH = click.Path(path_type=Path)
_ALPHA = 0.05
_MEASURES: Mapping[str, Callable[[WordTest, DenseEncoder], Association]] = {"words": weat, "sentences": seat}

Place = tuple[str, str]  # test, and what words were read in
Found = dict[Place, Association]


@dataclass(frozen=True, slots=True)
class _Cure:
    """How a model is to be debiased."""

    method: str
    pairs: Sequence[tuple[str, str]]
    to: Path


@click.command(name="bias", cls=takes_many("--tasks"))
@click.argument("model")
@click.option(
    "--tests", required=True, type=_PATH, help="JSON lines: test, and examples in targ1, targ2, attr1, attr2."
)
@click.option("--debias", "method", type=click.Choice(list(METHODS)), help="Also take out what parts the --pairs.")
@click.option("--pairs", type=_PATH, help="JSON lines, TSV or CSV: first, second; words that differ in bias alone.")
@click.option("--to", type=_PATH, help="The folder to write the debiased model to, which may not exist.")
@click.option("--tasks", multiple=True, metavar="NAME...", help="With --debias: to score before and after.")
@click.option("--data", type=_PATH, help="The folder that the tasks' data sets lie in.")
@click.option("--precision", default="float32", show_default=True, help="Of the networks that are measured.")
@click.option("--kept", type=_PATH, help="Where vectors and scores of tasks are kept; else the user's cache.")
@source_options
@as_json_option
def measure_bias(
    model: str,
    tests: Path,
    method: str | None,
    pairs: Path | None,
    to: Path | None,
    tasks: tuple[str, ...],
    data: Path | None,
    precision: str,
    kept: Path | None,
    source: Source,
    as_json: bool,
) -> None:
    """Measure which words a model has closer together than others, and take such a bias out of it.

    Each test asks whether its first targets are nearer to its first attributes than its second targets are: as words
    (WEAT) and in sentences that say little else (SEAT). With --debias a new model is written, and tests and tasks are
    shown before and after.
    """
    asked, chosen = read_word_tests(tests), _tasks(tasks, data)
    cure = _cure(method, pairs, to, tasks)
    encoder = load(model, precision=precision, source=source, progress=note)
    found = {model: _measured(encoder, asked)}
    results: list[Result] = []
    if cure is not None:
        projection = METHODS.find(cure.method)(*encode_pairs(cure.pairs, encoder))
        save_debiased(model, projection, cure.to, source=source, progress=note)
        found[str(cure.to)] = _measured(load(cure.to, precision=precision), asked)
        for one in found:
            results += _scored(one, chosen, precision, data, kept or kept_folder(), source)
    report = _report(list(found), results)
    if as_json:
        _print_json(found, report)
    else:
        _print(found, cure, report)
    if report.failures:
        first = report.failures[0]
        raise DataError(f"{first.task} of {first.model} gave no score: {first.reason}")


def _tasks(names: Sequence[str], data: Path | None) -> list[Task]:
    """The tasks of these names, whose data is there: said before minutes of work."""
    tasks = [read_task(name) for name in dict.fromkeys(names)]
    for task in tasks:
        if missing := missing_files(task, data):
            raise SettingError(f"{task.name} lacks {missing[0]}: check --data, the folder that the sets lie in")
    return tasks


def _cure(method: str | None, pairs: Path | None, to: Path | None, tasks: Sequence[str]) -> _Cure | None:
    if method is None:
        if pairs or to or tasks:
            raise SettingError("--pairs, --to and --tasks are of a model that is debiased: say how, with --debias")
        return None
    if pairs is None or to is None:
        raise SettingError(
            "--debias takes words that differ in bias alone, and a folder to write: --pairs FILE --to FOLDER"
        )
    if to.exists():
        raise SettingError(f"{to} exists; name a folder that does not")
    return _Cure(method, read_word_pairs(pairs), to)


def _measured(encoder: DenseEncoder, tests: Sequence[WordTest]) -> Found:
    """What each test finds, of words alone and in sentences."""
    found, show = Found(), ProgressLine()
    for number, test in enumerate(tests):
        show("testing words", number, len(tests))
        for name, measure in _MEASURES.items():
            found[test.name, name] = measure(test, encoder)
    show.clear()
    return found


def _scored(
    model: str, tasks: Sequence[Task], precision: str, data: Path | None, folder: Path, source: Source
) -> Iterator[Result]:
    show = ProgressLine()
    subject = open_subject(model, label=model, precision=precision, source=source, folder=folder, progress=show)
    with closing(subject), Keeper(folder / "scores.sqlite3") as kept:
        yield from evaluate(subject, tasks, data=data, kept=kept, progress=show)
    show.clear()


def _report(models: Sequence[str], results: Sequence[Result]) -> Report:
    """The scores of the second model beside those of the first."""
    report = Report(models=models, results=results)
    before, after = ([one for one in report.scores if one.model == model] for model in (models[0], models[-1]))
    return replace(report, compared=compare_all(after, before)) if results else report


def _print_json(found: Mapping[str, Found], report: Report) -> None:
    for model, associations in found.items():
        for (test, read_in), one in associations.items():
            print_json({"model": model, "test": test, "read_in": read_in, **asdict(one)})
    for result in report.results:
        print_score(result, report.compared)


def _print(found: Mapping[str, Found], cure: _Cure | None, report: Report) -> None:
    before, *others = found.values()
    for read_in in _MEASURES:
        rows = []
        for test in (name for name, how in before if how == read_in):
            places = [one[test, read_in] for one in (before, *others)]
            names = ("effect", "p") if cure is None else ("before", "p", "after", "p after")
            cells = [cell for one in places for cell in (f"{one.effect:+.2f}", f"{one.p_value:.2g}")]
            rows.append({read_in: test, **dict(zip(names, cells, strict=True))})
        print_table(rows)
        print()
    print("effect: how much nearer the first targets are to the first attributes, in standard deviations; p: how often")
    print("words parted at random into two lists give as much, in either direction")
    for model, associations in found.items():
        print(f"{model}: {_beyond_chance(associations)}")
    if report.results:
        print(f"\n{as_text(report)}")


def _beyond_chance(found: Found) -> str:
    raised = holm([one.p_value for one in found.values()])
    names = [f"{test} ({read_in})" for (test, read_in), p in zip(found, raised, strict=True) if p <= _ALPHA]
    return f"beyond chance, over all {len(found)} together (Holm, p ≤ {_ALPHA}): {', '.join(names) or 'none'}"


PLUGIN = measure_bias
