"""Index files and folders, doing only what changed since last time."""

from pathlib import Path
from typing import Annotated

import typer

from likewise.chunking import ChunkSettings
from likewise.cli._output import AsJson, print_json, print_report, progress_bar
from likewise.reading import read
from likewise.searching.index import Index


def index(
    paths: Annotated[list[str], typer.Argument(help="Files and folders; - is standard input.")],
    to: Annotated[Path, typer.Option(help="The index's folder; made if it is not there.")],
    model: Annotated[str | None, typer.Option(help="A model's name or folder.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or int8.")] = None,
    way: Annotated[str | None, typer.Option(help="How to cut: auto, text, markdown, code or whole.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of a chunk at most.")] = None,
    overlap: Annotated[int | None, typer.Option(help="Tokens that neighbouring chunks share.")] = None,
    max_file_mb: Annotated[float, typer.Option(help="Larger files are skipped.")] = 32,
    ignore: Annotated[list[str] | None, typer.Option(help="A pattern to leave out, as in .gitignore.")] = None,
    as_json: AsJson = False,
) -> None:
    """Index files and folders, doing only what changed since last time."""
    documents = read(*paths, max_bytes=int(max_file_mb * 1_000_000), ignore=ignore or ())
    given = {"way": way, "max_tokens": max_tokens, "overlap_tokens": overlap}
    options = {name: value for name, value in given.items() if value is not None}
    chunks = ChunkSettings(**options) if options else None  # type: ignore[arg-type]  # typer checked the types
    with Index(to, model=model, precision=precision, chunks=chunks) as made:
        if as_json:
            report = made.add(documents)
            print_json({"index": str(to), "report": report})
            return
        with progress_bar() as progress:
            report = made.add(documents, progress=progress)
        print_report(report, index=str(to))


PLUGIN = index
