"""Measure how fast this machine encodes, and what share of its peak that is."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from likewise.cli._output import as_json_option, note, print_json
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.encoder import Encoder
from likewise.encoding.engines.openvino import describe_engine
from likewise.encoding.finding import find_model
from likewise.encoding.measuring import Speed, count_work, measure, mixed_texts, token_lengths
from likewise.encoding.models import load
from likewise.errors import SettingError
from likewise.modelling.checkpoints import read_checkpoint

_PRECISIONS = ("float32", "int8", "int4")
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
    type=click.Choice(_PRECISIONS),
    help="May be given several times; float32 is always measured, to compare with.",
)
@click.option("--texts", "file", type=click.Path(path_type=Path), help="A text a line; else 2,000 that come along.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Timed passes; medians count.")
@as_json_option
def encode(model: str, precisions: Sequence[str], file: Path | None, repeats: int, as_json: bool) -> None:
    """Encode texts on one core, in each precision: texts a second, and the share of the measured peak.

    A pass over all texts warms up; then the precisions take turns. The figures are made of the processor's time. Work
    is counted on real tokens, and once more with padding.
    """
    texts = mixed_texts() if file is None else _read(file)
    _pin()
    names = dict.fromkeys(("float32", *precisions))
    encoders = {name: load(model, precision=name, progress=note) for name in names}
    work = count_work(read_checkpoint(find_model(model).folder))
    settings = _settings(model, texts, encoders["float32"], repeats, source="mixed" if file is None else str(file))
    if as_json:
        print_json({"settings": settings})
    else:
        print("; ".join(f"{name} {value}" for name, value in settings.items()))
    for speed in measure(encoders, texts, work, repeats=repeats):
        if as_json:
            print_json(speed)
        else:
            print(_for_people(speed))


def _read(file: Path) -> list[str]:
    try:
        texts = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--texts: {file} can't be read as UTF-8 text: {error}") from error
    if not texts:
        raise SettingError(f"--texts: {file} holds no text; it must hold one a line")
    return texts


def _pin() -> None:
    """Stay on one core, where the system can be told so; engines take as many threads as there are cores to use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _settings(model: str, texts: Sequence[str], encoder: Encoder, repeats: int, *, source: str) -> dict[str, object]:
    lengths = token_lengths(encoder, texts)
    return {
        "model": model,
        "texts": len(texts),
        "source": source,
        "tokens": int(lengths.sum()),
        "tokens_" + "_".join(map(str, _QUANTILES)): np.percentile(lengths, _QUANTILES).round().astype(int).tolist(),
        "repeats": repeats,
        "threads": 1,
        **describe_engine(),
    }


def _for_people(speed: Speed) -> str:
    one = asdict(speed)
    return (
        "{precision}: {texts_per_s:.1f} texts/s, {tokens_per_s:.0f} tokens/s; {gops:.1f} GOP/s on real tokens, "
        "{share:.1%} of the {peak_gops:.1f} GOP/s measured as peak ({gops_padded:.1f} and {share_padded:.1%} with "
        "padding); cosine to float32 {cosine_mean:.5f}, at least {cosine_least:.5f}"
    ).format(**one)


PLUGIN = bench
