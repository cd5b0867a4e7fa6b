"""Index files and folders (- is standard input), doing only what changed since last time."""

from dataclasses import asdict
from pathlib import Path

import click

from likewise.chunking import ChunkSettings
from likewise.cli._options import source_options
from likewise.cli._output import as_json_option, print_json, print_report, progress_bar
from likewise.encoding.models import Source
from likewise.reading import read
from likewise.searching.index import Index


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--to", required=True, type=click.Path(path_type=Path), help="The index's folder; made if not there.")
@click.option("--model", help="A model's name or folder.")
@click.option("--precision", help="auto, float32, int8 or int4.")
@click.option("--way", help="How to cut: auto, text, markdown, code or whole.")
@click.option("--max-tokens", type=int, help="Tokens of a chunk at most.")
@click.option("--overlap", type=int, help="Tokens that neighbouring chunks share.")
@click.option("--analyzer", help="How texts become words: auto, plain, or a language such as english.")
@click.option("--sparse", help="A model of learned sparse vectors (SPLADE): its name or folder.")
@click.option("--max-file-mb", type=float, default=32, show_default=True, help="Larger files are skipped.")
@click.option("--token-vectors", metavar="MODEL", help="Also keep a ColBERT model's vectors of tokens, for --rerank.")
@click.option("--ignore", multiple=True, help="A pattern to leave out, as in .gitignore; may be repeated.")
@source_options
@as_json_option
def index(
    paths: tuple[str, ...],
    to: Path,
    model: str | None,
    precision: str | None,
    way: str | None,
    max_tokens: int | None,
    overlap: int | None,
    analyzer: str | None,
    sparse: str | None,
    max_file_mb: float,
    token_vectors: str | None,
    ignore: tuple[str, ...],
    source: Source,
    as_json: bool,
) -> None:
    """Index files and folders (- is standard input), doing only what changed since last time."""
    documents = read(*paths, max_bytes=int(max_file_mb * 1_000_000), ignore=ignore)
    given = {"way": way, "max_tokens": max_tokens, "overlap_tokens": overlap}
    options = {name: value for name, value in given.items() if value is not None}
    chunks = ChunkSettings(**options) if options else None  # type: ignore[arg-type]  # click checked the types
    with Index(
        to, model=model, precision=precision, chunks=chunks, analyzer=analyzer, sparse=sparse, source=source
    ) as made:
        if as_json:
            report = made.add(documents)
            if token_vectors:
                made.keep_token_vectors(token_vectors)
            print_json({"index": str(to), "report": asdict(report)})
            return
        with progress_bar() as progress:
            report = made.add(documents, progress=progress)
            if token_vectors:
                made.keep_token_vectors(token_vectors, progress=progress)
        print_report(report, index=str(to))


PLUGIN = index
