"""Probe what models hold and what throws them off: negation, word order, typos, long texts, other languages."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from likewise.cli._many import takes_many
from likewise.cli._options import source_options
from likewise.cli._output import aligned, as_json_option, note, print_json, progress_bar
from likewise.encoding.models import Source, load
from likewise.errors import DataError, SettingError
from likewise.evaluating.robustness import PROBES, Failure, Finding, probe, probe_names
from likewise.evaluating.significance import Interval

Results = dict[str, list[Finding | Failure]]  # by model

_HEADER = ("probe", "figure", "may lie from, to", "indifferent", "perfect", "share", "items")


@click.command(name="probe", cls=takes_many("--probes"))
@click.argument("models", nargs=-1)
@click.option(
    "--probes", multiple=True, metavar="NAME...", help="All whose data is there if none is named; see --list."
)
@click.option("--data", type=click.Path(path_type=Path), help="The folder of data sets, which some probes need.")
@click.option("--precision", default="auto", show_default=True, help="Of the networks.")
@click.option("--seed", default=0, show_default=True, help="Of all that is drawn at random.")
@click.option("--list", "listing", is_flag=True, help="Show the probes, and end.")
@source_options
@as_json_option
def probe_models(
    models: tuple[str, ...],
    probes: tuple[str, ...],
    data: Path | None,
    precision: str,
    seed: int,
    listing: bool,
    source: Source,
    as_json: bool,
) -> None:
    """Probe what models hold and what throws them off: negation, word order, typos, long texts, other languages.

    Each probe gives a figure, where it may lie at 95 %, what a model would get that is perfect or that lacks what is
    asked about, and how much of the way between these it is.
    """
    if listing:
        _list(as_json)
        return
    if not models:
        raise SettingError("name a model: likewise probe MODEL --data DIR")
    names = _names(probes, data)
    results: Results = {}
    for model in dict.fromkeys(models):
        encoder = load(model, precision=precision, source=source, progress=note)
        results[model] = []
        with progress_bar() as progress:
            for result in probe(encoder, names, data=data, seed=seed, progress=progress):
                results[model].append(result)
                if as_json:
                    print_json(_row(model, result))
    if not as_json:
        for line in _lines(results):
            print(line)
    _refuse_failures(results)


def _names(asked: Sequence[str], data: Path | None) -> list[str]:
    """The probes to make: those that are asked for, or all whose data is there."""
    if asked:
        return [name for name in dict.fromkeys(asked) if PROBES.find(name)]
    found = probe_names(data)
    if left_out := [name for name in PROBES if name not in found]:
        where = "without --data" if data is None else f"as {data} lacks what they need"
        note(f"left out {where}: {', '.join(left_out)}")
    return found


def _list(as_json: bool) -> None:
    for name, one in PROBES.items():
        if as_json:
            print_json({"probe": name, "summary": one.summary, "files": list(one.files)})
        else:
            needs = f" Needs --data with {', '.join(one.files)}." if one.files else ""
            print(f"{name}: {one.summary}{needs}")


def _row(model: str, result: Finding | Failure) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"model": model, "probe": result.probe, "figure": None, "error": result.reason}
    return {
        "model": model,
        "probe": result.probe,
        "measure": result.measure,
        **_figure(result.interval),
        "indifferent": result.indifferent,
        "perfect": result.perfect,
        "share": result.share,
        "items": result.items,
        "groups": result.groups,
        "parts": [
            {"part": part.name, **_figure(part.interval), "items": part.items, "cut": asdict(part.cut)}
            for part in result.parts
        ],
        "facts": dict(result.facts),
        "cut": asdict(result.cut),
        "reading": result.reading,
    }


def _figure(interval: Interval) -> dict[str, Any]:
    return {"figure": interval.estimate, "interval": [interval.low, interval.high]}


def _lines(results: Results) -> Iterator[str]:
    """A table for each model, what else was found beneath it, and how to read it all at the end."""
    readings: dict[str, str] = {}
    for model, found in results.items():
        findings = [one for one in found if isinstance(one, Finding)]
        yield model
        yield from aligned([_HEADER, *(row for one in findings for row in _rows(one))])
        for one in findings:
            readings[one.probe] = f"{one.probe}: {one.measure}. {one.reading}"
            if one.facts:
                yield f"{one.probe}: {', '.join(f'{name} {value:.4g}' for name, value in one.facts.items())}"
            yield from _cuts(one)
        yield from (f"Failed: {one.probe}: {one.reason}" for one in found if isinstance(one, Failure))
        yield ""
    yield from readings.values()


def _rows(finding: Finding) -> Iterator[tuple[str, ...]]:
    ends = f"{finding.indifferent:.3f}", f"{finding.perfect:.0f}", f"{finding.share:.0%}"
    yield finding.probe, *_cells(finding.interval), *ends, str(finding.items)
    for part in finding.parts:
        yield f"  {part.name}", *_cells(part.interval), "", "", "", str(part.items)


def _cells(interval: Interval) -> tuple[str, str]:
    return f"{interval.estimate:.3f}", f"{interval.low:.3f} to {interval.high:.3f}"


def _cuts(finding: Finding) -> Iterator[str]:
    """What a model had no room for, of each part that says so, or else of all."""
    parts = {f"{finding.probe}, {part.name}": part.cut for part in finding.parts if part.cut.texts}
    for name, cut in (parts or {finding.probe: finding.cut}).items():
        if not cut.counted:
            yield f"{name}: the model may have cut texts, and does not count them"
        elif cut.cut:
            yield f"{name}: {cut.cut:,} of {cut.texts:,} texts cut, {cut.tokens:,} tokens dropped"


def _refuse_failures(results: Results) -> None:
    failures = [(model, one) for model, found in results.items() for one in found if isinstance(one, Failure)]
    if failures:
        model, first = failures[0]
        total = sum(map(len, results.values()))
        raise DataError(
            f"{len(failures)} of {total} found nothing; the first, {first.probe} of {model}: {first.reason}"
        )


PLUGIN = probe_models
