"""List the models that can be loaded by name; show what one declares, export it, or see what smaller weights do."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from likewise.cli._options import read_texts, source_options, stay_on_one_core
from likewise.cli._output import as_json_option, note, print_json, print_table
from likewise.cli._recommend import recommend_model
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS, KnownModel
from likewise.encoding.engines.openvino import describe_engine
from likewise.encoding.exporting import FORMATS, PRECISIONS, Exported, export_model
from likewise.encoding.finding import Found
from likewise.encoding.labelled_pairs import read_labelled_pairs
from likewise.encoding.measuring import mixed_texts
from likewise.encoding.models import Source, find_checkpoint, trained_dimensions
from likewise.encoding.quality import NEAREST, Compared, compare_precisions
from likewise.errors import SettingError
from likewise.modelling.checkpoints import Checkpoint, read_checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.families.static import NO_MAXIMUM
from likewise.modelling.tensors import read_tensors, weights_digest
from likewise.settings import to_dict

_TEXTS = 400  # encoded and timed by quantize: a minute for the default model


@click.group(invoke_without_command=True)
@as_json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models that can be loaded by name; show what one declares, export it, or see what smaller weights do."""
    if context.invoked_subcommand is not None:
        return
    rows = [_row(known) for known in KNOWN_MODELS.values()]
    if as_json:
        for row in rows:
            print_json(row)
        return
    here, away = ([row for row in rows if row["installed"] is wanted] for wanted in (True, False))
    for row in here:
        print(f"{row['name']}{' (default)' if row['default'] else ''}: {row['published_as']}, {row['licence']}")
        print(f"  {row['dimension']} dimensions, {row['max_tokens']} tokens, {row['pooling']} pooling")
        print(f"  installed in {row['folder']}")
    print("From a package, or from the hub when first loaded:")
    for row in away:
        print(f"  {row['name']}: {row['published_as']}, {row['licence'] or 'licence as its page says'}")
    print(f"Or any folder in the sentence-transformers format; families: {', '.join(FAMILIES.names())};")
    print("what has no family here runs with the torch extra.")


def _row(known: KnownModel) -> dict[str, Any]:
    folder = known.folder()
    declared = read_checkpoint(folder) if folder else None
    return {
        "name": known.name,
        "default": known.name == DEFAULT_MODEL,
        "published_as": known.published_as,
        "licence": known.licence,
        "installed": folder is not None,
        "folder": str(folder) if folder else None,
        "dimension": declared.dimension if declared else None,
        "max_tokens": declared.max_tokens if declared else None,
        "pooling": declared.pooling if declared else None,
        "how_to_install": known.how_to_install(),
    }


@models.command()
@click.argument("name")
@source_options
@as_json_option
def show(name: str, source: Source, as_json: bool) -> None:
    """Show what the model NAME, or the one in a folder, declares about itself."""
    facts = _facts(*find_checkpoint(name, foreign=True, source=source, progress=note))
    if as_json:
        print_json(facts)
        return
    missing = {"max_tokens": "no limit"}
    for what, value in facts.items():
        shown = value if value not in (None, "", [], {}) else missing.get(what, "none")
        print(f"{what.replace('_', ' ')}: {shown}")


def _facts(found: Found, checkpoint: Checkpoint) -> dict[str, Any]:
    tensors = read_tensors(checkpoint.network).values
    return {
        "name": found.name,
        "folder": str(found.folder),
        "source": found.source,
        "revision": found.revision,
        "licence": found.licence,
        "family": checkpoint.architecture,
        "gives": checkpoint.chain.kind,
        "chain": checkpoint.pooling,
        "normalised": checkpoint.chain.normalise,
        "dimension": checkpoint.dimension,
        "may_be_cut_to": trained_dimensions(checkpoint),
        "max_tokens": None if checkpoint.max_tokens == NO_MAXIMUM else checkpoint.max_tokens,
        "similarity": checkpoint.similarity,
        "prompts": dict(checkpoint.prompts),
        "parameters": sum(value.size for value in tensors.values()),
        "sha256": weights_digest(checkpoint.network),
    }


@models.command()
@click.argument("name")
@click.option("--to", required=True, type=click.Choice(list(FORMATS)), help="The form that others can run.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A folder that is not there yet.")
@click.option("--precision", default="float32", show_default=True, type=click.Choice(PRECISIONS))
@source_options
@as_json_option
def export(name: str, to: str, out: Path, precision: str, source: Source, as_json: bool) -> None:
    """Write the model NAME, or the one in a folder, in a form that other programs run."""
    made = export_model(name, out, to=to, precision=precision, source=source, progress=note)
    _show_exported(made, as_json=as_json)


@models.command()
@click.argument("name")
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=PRECISIONS[1:],
    show_default=True,
    type=click.Choice(PRECISIONS[1:]),
    help="May be given several times; float32 is always measured, to compare with.",
)
@click.option("--texts", "file", type=click.Path(path_type=Path), help="A text a line; else some that come along.")
@click.option("--count", default=_TEXTS, show_default=True, type=click.IntRange(1), help="How many texts to take.")
@click.option(
    "--pairs",
    "labelled",
    type=click.Path(path_type=Path),
    help="Scored pairs: a table with the columns sentence1, sentence2 and score, or JSON lines; .gz too.",
)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Timed passes; medians count.")
@click.option("--to", type=click.Choice(list(FORMATS)[:2]), help="With --out: the form that others can run.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the one --precision to this new folder too.")
@source_options
@as_json_option
def quantize(
    name: str,
    precisions: Sequence[str],
    file: Path | None,
    count: int,
    labelled: Path | None,
    repeats: int,
    to: str | None,
    out: Path | None,
    source: Source,
    as_json: bool,
) -> None:
    """Compare the model NAME in int8 and int4 with float32: size, speed on one core, and quality.

    Texts are read as documents. Quality is how near vectors stay to those of float32, whether each text keeps its
    nearest neighbours among the others and, with --pairs, how well scores agree with those of people.
    """
    if (out is None) != (to is None) or (out is not None and len(precisions) != 1):
        raise SettingError("to write a network, name its folder, its form and one precision: --out, --to, --precision")
    if out is not None and out.exists():  # said before a minute of measuring
        raise SettingError(f"{out} exists; name a folder that does not")
    texts = mixed_texts(count) if file is None else list(dict.fromkeys(read_texts(file)))[:count]
    pairs = None if labelled is None else read_labelled_pairs(labelled)
    stay_on_one_core()
    made = compare_precisions(name, precisions, texts, pairs=pairs, repeats=repeats, source=source, progress=note)
    settings = {
        "model": name,
        "texts": len(set(texts)),
        "source": "mixed" if file is None else str(file),
        "pairs": None if pairs is None else len(pairs.scores),
        "repeats": repeats,
        **describe_engine(),
    }
    if as_json:
        for row in ({"settings": settings}, *made):
            print_json(row)
    else:
        _print_compared(settings, made)
    if out is not None and to is not None:
        _show_exported(
            export_model(name, out, to=to, precision=precisions[0], source=source, progress=note), as_json=as_json
        )


def _print_compared(settings: dict[str, Any], made: Sequence[Compared]) -> None:
    reads_texts, mixed = made[0].quality.neighbours_kept is not None, settings["source"] == "mixed"
    counts = [f"{settings['texts']:,} texts " + ("that come along" if mixed else "of your own")] * reads_texts
    counts += [] if settings["pairs"] is None else [f"{settings['pairs']:,} pairs that people scored"]
    print(f"{settings['model']}: {', '.join(counts)}; one core of {settings['processor']}")
    print_table([_row_of(one) for one in made])
    if reads_texts:
        print(f"kept: the share of each text's {NEAREST} nearest that float32 finds too")
    if reads_texts and mixed and "int8" in (one.precision for one in made):
        print("int8 was calibrated on lines of these texts; --texts FILE measures it on others")


def _row_of(one: Compared) -> dict[str, str]:
    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    quality = one.quality
    return {
        "": one.precision,
        "size": f"{one.size_bytes / 1e6:,.1f} MB",
        "of float32": f"{one.size_share:.0%}",
        "texts/s" if quality.order_kept is None else "pairs/s": f"{one.texts_per_s:,.1f}",
        "speed": f"{one.speedup:.2f}×",
        "cosine": shown(quality.cosine_mean, ".4f"),
        "least": shown(quality.cosine_least, ".4f"),
        "kept": shown(quality.neighbours_kept, ".1%"),
        "same order": shown(quality.order_kept, ".4f"),
        "Spearman": shown(quality.spearman, ".4f"),
    }


def _show_exported(made: Exported, *, as_json: bool) -> None:
    if as_json:
        print_json({**asdict(made), "folder": str(made.folder), "contract": to_dict(made.contract)})
        return
    print(f"{made.name} as {made.to}, {made.contract.precision}, in {made.folder}:")
    for file, size in made.files.items():
        print(f"  {file}: {size:,} bytes")


models.add_command(recommend_model)
PLUGIN = models
