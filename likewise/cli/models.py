"""List the models that can be loaded by name, and whether they are installed."""

import click

from likewise.cli._output import as_json_option, print_json
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.modelling.checkpoints import read_checkpoint


@click.command()
@as_json_option
def models(as_json: bool) -> None:
    """List the models that can be loaded by name, and whether they are installed."""
    for known in KNOWN_MODELS.values():
        folder = known.folder()
        declared = read_checkpoint(folder) if folder else None
        row = {
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
        if as_json:
            print_json(row)
            continue
        print(f"{known.name}{' (default)' if row['default'] else ''}: {known.published_as}, {known.licence}")
        if declared:
            print(f"  {declared.dimension} dimensions, {declared.max_tokens} tokens, {declared.pooling} pooling")
            print(f"  installed in {folder}")
        else:
            print(f"  not installed: {known.how_to_install()}")
    if not as_json:
        print("Any folder in the sentence-transformers format (bert family) can be named by its path instead.")


PLUGIN = models
