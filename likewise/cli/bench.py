"""Measure how fast this machine encodes, and what share of its peak that is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from likewise.cli._options import read_texts, source_options, stay_on_one_core
from likewise.cli._output import as_json_option, note, print_json, print_table
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.encoder import Encoder
from likewise.encoding.engines.openvino import describe_engine
from likewise.encoding.exporting import PRECISIONS
from likewise.encoding.measuring import Speed, count_work, measure, mixed_texts, token_lengths
from likewise.encoding.models import Source, find_checkpoint, load

_QUANTILES = (0, 25, 50, 75, 95, 100)


@click.group()
def bench() -> None:
    """Measure how fast this machine encodes, and what share of its peak that is."""


@bench.command()
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="A model's name or folder.")
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=("float32", "int8"),
    show_default=True,
    type=click.Choice(PRECISIONS),
    help="May be given several times; float32 is always measured, to compare with.",
)
@click.option("--texts", "file", type=click.Path(path_type=Path), help="A text a line; else 2,000 that come along.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Timed passes; medians count.")
@source_options
@as_json_option
def encode(
    model: str, precisions: Sequence[str], file: Path | None, repeats: int, source: Source, as_json: bool
) -> None:
    """Encode texts on one core, in each precision: texts a second, and the share of the measured peak.

    A pass over all texts warms up; then the precisions take turns. The figures are made of the processor's time. Work
    is counted on real tokens, and once more with padding.
    """
    texts = mixed_texts() if file is None else read_texts(file)
    stay_on_one_core()
    names = dict.fromkeys(("float32", *precisions))
    encoders = {name: load(model, precision=name, source=source, progress=note) for name in names}
    work = count_work(find_checkpoint(model, source=source)[1])
    settings = _settings(model, texts, encoders["float32"], repeats, source="mixed" if file is None else str(file))
    if as_json:
        print_json({"settings": settings})
    else:
        _print_settings(settings)
    speeds = measure(encoders, texts, work, repeats=repeats, progress=note)
    if as_json:
        for speed in speeds:
            print_json(speed)
        return
    print_table([_row(speed) for speed in speeds])
    print("GOP/s: thousand million operations a second on real tokens; peak: of a large product in the same arithmetic")


def _settings(model: str, texts: Sequence[str], encoder: Encoder, repeats: int, *, source: str) -> dict[str, Any]:
    lengths = token_lengths(encoder, texts)
    quantiles = np.percentile(lengths, _QUANTILES).round().astype(int).tolist()
    return {
        "model": model,
        "texts": len(texts),
        "source": source,
        "tokens": int(lengths.sum()),
        "token_percentiles": dict(zip(map(str, _QUANTILES), quantiles, strict=True)),
        "repeats": repeats,
        **describe_engine(),
    }


def _print_settings(settings: dict[str, Any]) -> None:
    at, mixed = settings["token_percentiles"], settings["source"] == "mixed"
    print(f"{settings['model']} on one core of {settings['processor']} ({settings['capabilities']})")
    print(f"{settings['engine']}; medians of {settings['repeats']} passes, in the processor's time")
    print(
        f"{settings['texts']:,} {'mixed texts' if mixed else 'texts of your own'}, {settings['tokens']:,} tokens: "
        f"{at['0']} to {at['100']} each, half have at most {at['50']}, one in twenty over {at['95']}"
    )


def _row(speed: Speed) -> dict[str, str]:
    return {
        "": speed.precision,
        "texts/s": f"{speed.texts_per_s:,.1f}",
        "tokens/s": f"{speed.tokens_per_s:,.0f}",
        "GOP/s": f"{speed.gops:,.1f}",
        "peak": f"{speed.peak_gops:,.1f}",
        "share": f"{speed.share:.1%}",
        "with padding": f"{speed.share_padded:.1%}",
        "cosine": f"{speed.cosine_mean:.4f}",
        "least": f"{speed.cosine_least:.4f}",
    }


PLUGIN = bench
