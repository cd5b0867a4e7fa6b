"""Predict memory, disk, building time and speed for --chunks N, from short measurements on this machine."""

import time
from collections.abc import Sequence
from dataclasses import asdict

import click

from likewise.cli._options import source_options, stay_on_one_core
from likewise.cli._output import as_json_option, note, print_json, print_table
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.measuring import mixed_texts
from likewise.encoding.models import Source, load
from likewise.storing.planning import CHARACTERS, DEPTH, Plan
from likewise.storing.planning import plan as plan_store
from likewise.storing.proposing import usable_precisions
from likewise.storing.shortlists import CODE_PRECISIONS, CodePrecision

_TEXTS = 300  # encoded to see how long all will take


@click.command()
@click.option("--chunks", type=click.IntRange(1), required=True, help="How many there will be.")
@click.option(
    "--characters", type=click.IntRange(1), default=CHARACTERS, show_default=True, help="Of a chunk's text, on average."
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Whose vectors: a model's name or folder.")
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(CODE_PRECISIONS),
    help="Of the shortlist; may be given several times. By default all that are installed.",
)
@source_options
@as_json_option
def plan(
    chunks: int, characters: int, model: str, precisions: Sequence[CodePrecision], source: Source, as_json: bool
) -> None:
    """Predict memory, disk, building time and speed for --chunks N, from short measurements on this machine."""
    stay_on_one_core()
    encoder = load(model, source=source, progress=note)
    encoder.encode(mixed_texts()[:10], role="document", overflow="truncate")  # warms up
    started = time.perf_counter()
    encoder.encode(mixed_texts()[:_TEXTS], role="document", overflow="truncate")
    encoding_s = (time.perf_counter() - started) * chunks / _TEXTS
    chosen, width = precisions or usable_precisions(), encoder.contract.dimension
    rows = [*plan_store(chunks, width=width, characters=characters, precisions=chosen, progress=note)]
    if as_json:
        for row in rows:
            print_json({**asdict(row), "encoding_s": encoding_s})
        return
    print_table([_shown(row) for row in rows])
    click.echo(f"Encoding {chunks:,} texts of usual lengths: {_time(encoding_s)} on one core, from {_TEXTS} measured.")
    click.echo(
        f"A query is for the {DEPTH} nearest at the usual recall, on one core. Searching and building were measured on "
        f"{rows[0].measured_rows:,} made-up vectors and extrapolated: real texts need lists twice as long or half. "
        f"The disk is for texts of {characters} characters on average: see --characters."
    )


def _shown(row: Plan) -> dict[str, str]:
    return {
        "search": row.way,
        "memory": f"{row.memory_mb:,.0f} MB",
        "mapped": f"{row.mapped_mb:,.0f} MB",
        "disk": f"{row.disk_mb:,.0f} MB",
        "building": _time(row.build_s),
        "a query": f"{row.query_ms:.2f} ms",
        "queries/s": f"{1_000 / row.query_ms:,.0f}",
    }


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


PLUGIN = plan
