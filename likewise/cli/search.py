"""Search PATH, an index or a folder of documents that is indexed first, by meaning and by word."""

import os
from pathlib import Path
from typing import cast

import click

from likewise.cli._options import source_options
from likewise.cli._output import as_json_option, note, print_hit, print_json, print_report, progress_bar
from likewise.encoding.models import Source
from likewise.errors import SettingError
from likewise.searching.index import Index, check_request, is_index
from likewise.types import Mode

OWN_FOLDER = ".likewise"  # where the index of a folder that is searched directly is kept, inside that folder


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("query")
@click.option("-k", type=int, default=5, show_default=True, help="How many hits at most.")
@click.option("--mode", default="hybrid", show_default=True, help="hybrid, dense (meaning), lexical (words) or sparse.")
@click.option("--where", help="A filter on metadata: 'lang = \"en\" and year >= 2020'.")
@source_options
@as_json_option
def search(path: Path, query: str, k: int, mode: str, where: str | None, source: Source, as_json: bool) -> None:
    """Search PATH, an index or a folder of documents that is indexed first, by meaning and by word."""
    tree = check_request(query, k=k, mode=mode, where=where)  # before a whole folder is indexed for nothing
    index = Index(path, source=source) if is_index(path) else _indexed(path, source)
    hits = index.search(query, k=k, mode=cast(Mode, mode), where=tree)
    for number, hit in enumerate(hits, start=1):
        if as_json:
            print_json(hit)
        else:
            print_hit(number, hit, shown_source=shown(hit.source))
    if not hits:
        note(f"no hits: {path} holds {len(index)} documents")


def shown(source: str) -> str:
    """A path as a person would type it from here."""
    here = str(Path.cwd()) + os.sep
    return source.removeprefix(here)


def _indexed(folder: Path, source: Source) -> Index:
    """The index of a folder of documents, brought up to date."""
    if folder.exists() and not folder.is_dir():
        raise SettingError(
            f"{folder} is a file; to search it, run: likewise index {folder} --to INDEX, then search INDEX"
        )
    # Reading is imported where there is something to read: an index is searched without it.
    from likewise.reading import read

    documents = read(folder)
    index = Index(folder / OWN_FOLDER, source=source)
    with progress_bar() as progress:
        report = index.add(documents, only=True, progress=progress)
    ignore = index.path / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    if report.added or report.removed:
        print_report(report, index=str(folder))
    return index


PLUGIN = search
