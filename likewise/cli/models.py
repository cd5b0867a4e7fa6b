"""List the models that can be loaded by name; show what one declares, or export it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from likewise.cli._output import as_json_option, note, print_json
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS, KnownModel
from likewise.encoding.exporting import FORMATS, PRECISIONS, export_model
from likewise.encoding.finding import Found, find_model
from likewise.encoding.models import Source, trained_dimensions
from likewise.modelling.checkpoints import Checkpoint, read_checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.tensors import read_tensors, weights_digest
from likewise.settings import to_dict

C = TypeVar("C", bound=Callable[..., Any])


def source_options(command: C) -> C:
    """The options of where a model may come from."""
    for option in (
        click.option("--accept-licence", is_flag=True, help="Use it although its licence is not a permissive one."),
        click.option("--offline", is_flag=True, default=None, help="Open no socket."),
        click.option("--revision", help="A branch, tag or commit of the hub."),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@as_json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models that can be loaded by name; show what one declares, or export it."""
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
def show(name: str, revision: str | None, offline: bool | None, accept_licence: bool, as_json: bool) -> None:
    """Show what the model NAME, or the one in a folder, declares about itself."""
    found = find_model(name, revision=revision, offline=offline, accept_licence=accept_licence, progress=note)
    facts = _facts(found, read_checkpoint(found.folder, foreign=True))
    if as_json:
        print_json(facts)
        return
    for what, value in facts.items():
        print(f"{what.replace('_', ' ')}: {value if value not in (None, '', [], {}) else 'none'}")


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
        "max_tokens": checkpoint.max_tokens,
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
def export(
    name: str,
    to: str,
    out: Path,
    precision: str,
    revision: str | None,
    offline: bool | None,
    accept_licence: bool,
    as_json: bool,
) -> None:
    """Write the model NAME, or the one in a folder, in a form that other programs run."""
    source = Source(revision=revision, offline=offline, accept_licence=accept_licence)
    made = export_model(name, out, to=to, precision=precision, source=source, progress=note)
    if as_json:
        print_json({**asdict(made), "folder": str(made.folder), "contract": to_dict(made.contract)})
        return
    print(f"{made.name} as {to}, in {made.folder}:")
    for file, size in made.files.items():
        print(f"  {file}: {size:,} bytes")


PLUGIN = models
