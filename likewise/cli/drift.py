"""Tell whether the queries or documents of two periods differ by more than chance gives."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import get_args

import click

from likewise.cli._options import source_options
from likewise.cli._output import ProgressLine, aligned, as_json_option, print_json
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.models import Source
from likewise.errors import SettingError
from likewise.evaluating.data_files import read_texts
from likewise.evaluating.drift import ALPHA, Drift, drift
from likewise.evaluating.runner import open_subject
from likewise.evaluating.subjects import Cut, EncoderSubject
from likewise.types import Role

_PATH = click.Path(path_type=Path)
_MOST = 2_000  # a few seconds of tests; differences that so many do not show are small


@dataclass(frozen=True, slots=True)
class _Period:
    """The texts of one period that are compared."""

    file: str
    texts: Sequence[str]
    found: int  # in the file


@click.command(name="drift")
@click.argument("before", type=_PATH)
@click.argument("after", type=_PATH)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="That makes the vectors which are compared.")
@click.option("--role", default="query", show_default=True, type=click.Choice(get_args(Role)), help="Of the texts.")
@click.option("--column", default="text", show_default=True, help="Of JSON lines, TSV or CSV: where the texts are.")
@click.option("--group", default="", help="A column, such as the chunks' document: one text of each is compared.")
@click.option(
    "--alpha",
    default=ALPHA,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The chance of an alarm though nothing changed.",
)
@click.option("--most", default=_MOST, show_default=True, type=click.IntRange(1), help="Texts of each period.")
@click.option("--precision", default="auto", show_default=True, help="Of the network.")
@click.option("--seed", default=0, show_default=True, help="Of all that is drawn at random.")
@click.option("--kept", type=_PATH, help="Where vectors are kept; else the user's cache.")
@source_options
@as_json_option
def find_drift(
    before: Path,
    after: Path,
    model: str,
    role: Role,
    column: str,
    group: str,
    alpha: float,
    most: int,
    precision: str,
    seed: int,
    kept: Path | None,
    source: Source,
    as_json: bool,
) -> None:
    """Tell whether the queries or documents of two periods differ by more than chance gives.

    BEFORE and AFTER are files of at least 20 texts: one a line, or JSON lines, TSV or CSV with a column of them. Texts
    must have nothing to do with each other; of what comes in groups, name the column that says which with --group.
    Exit 1 if they differ, so that it can stop a pipeline; 0 if not.
    """
    periods = [_read(file, column=column, group=group, most=most, seed=seed) for file in (before, after)]
    show = ProgressLine()
    subject = open_subject(model, precision=precision, source=source, folder=kept, progress=show)
    if not isinstance(subject, EncoderSubject):
        raise SettingError(f"{subject.name} scores pairs of texts and gives no vectors, which are what is compared")
    vectors, cuts = [], []
    for period in periods:
        vectors.append(subject.vectors(period.texts, role))
        cuts.append(subject.take_cut())
    subject.close()
    show.clear()
    found = drift(vectors[0], vectors[1], alpha=alpha, seed=seed)
    if as_json:
        print_json(_row(subject.name, periods, cuts, found))
    else:
        _show(periods, cuts, found)
    click.get_current_context().exit(int(found.drifted))


def _read(file: Path, *, column: str, group: str, most: int, seed: int) -> _Period:
    texts = read_texts(file, column=column, group=group, seed=seed)
    drawn = sorted(Random(seed).sample(range(len(texts)), min(most, len(texts))))
    return _Period(str(file), [texts[i] for i in drawn], len(texts))


def _row(model: str, periods: Sequence[_Period], cuts: Sequence[Cut], found: Drift) -> dict[str, object]:
    sides = {
        name: {"file": period.file, "texts": len(period.texts), "of": period.found, "cut": asdict(cut)}
        for name, period, cut in zip(("before", "after"), periods, cuts, strict=True)
    }
    return {"model": model, **sides, **asdict(found), "drifted": found.drifted}


def _show(periods: Sequence[_Period], cuts: Sequence[Cut], found: Drift) -> None:
    for name, period, cut in zip(("before", "after"), periods, cuts, strict=True):
        drawn = f" of {period.found:,}, drawn at random" if len(period.texts) < period.found else ""
        dropped = f"; {cut.cut:,} cut, {cut.tokens:,} tokens dropped" if cut.cut else ""
        print(f"{name}: {len(period.texts):,} texts{drawn}, {period.file}{dropped}")
    tests = (("told apart by a classifier, .5 by chance", found.classifier), ("mean discrepancy", found.discrepancy))
    rows = [("test", "value", "p"), *((name, f"{one.value:.4f}", f"{one.p_value:.3f}") for name, one in tests)]
    print("\n".join(aligned([*rows, ("both together", "", f"{found.p_value:.3f}")])))
    if found.drifted:
        print(f"They differ by more than chance gives: p is at most {found.alpha}.")
    else:
        print(f"No difference beyond what chance gives was found: p is over {found.alpha}.")


PLUGIN = find_drift
