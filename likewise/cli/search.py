"""Search PATH, an index or a folder of documents that is indexed first, by meaning and by word."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from likewise.cli._options import ranking_options, source_options
from likewise.cli._output import as_json_option, note, print_hit, print_json, print_report, progress_bar
from likewise.encoding.models import Source
from likewise.errors import SettingError
from likewise.searching.index import Index, is_index
from likewise.searching.requests import check_request, check_texts
from likewise.searching.settings import SearchSettings
from likewise.types import Mode

if TYPE_CHECKING:
    from likewise.searching.reasons import Reasons

OWN_FOLDER = ".likewise"  # where the index of a folder that is searched directly is kept, inside that folder


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("query")
@click.option("-k", type=int, default=5, show_default=True, help="How many hits at most.")
@click.option("--mode", help="hybrid (by default), dense (meaning; the default of --like), lexical (words) or sparse.")
@click.option("--where", help="A filter on metadata: 'lang = \"en\" and year >= 2020'.")
@click.option("--like", is_flag=True, help="QUERY is a document's id or path: find more like it.")
@click.option("--unlike", multiple=True, metavar="TEXT", help="What hits shall not be about; with --like, another id.")
@ranking_options
@click.option("--why", is_flag=True, help="Say what made each hit.")
@click.option("--recall", type=float, help="Share of the nearest vectors that must be found: above 0, at most 1.")
@source_options
@as_json_option
def search(
    path: Path,
    query: str,
    k: int,
    mode: str | None,
    where: str | None,
    recall: float | None,
    like: bool,
    unlike: tuple[str, ...],
    why: bool,
    changes: dict[str, Any],
    source: Source,
    as_json: bool,
) -> None:
    """Search PATH, an index or a folder of documents that is indexed first, by meaning and by word.

    In QUERY, "words in quotes" are those that every hit has next to each other, and begin* stands for all words that
    begin so.
    """
    chosen = cast(Mode, mode or ("dense" if like else "hybrid"))
    tree = check_request(query, k=k, mode=chosen, where=where, recall=recall)  # before a folder is indexed for nothing
    check_texts(unlike, "unlike")
    SearchSettings(**changes)
    if like and why:
        raise SettingError("--why explains what a question found; it can't be combined with --like")
    index = Index(path, source=source) if is_index(path) else _indexed(path, source, chosen)
    if recall is not None:
        changes["recall"] = recall
    settings = replace(index.settings(), **changes)
    if like:
        example, others = _id(query), [_id(one) for one in unlike]
        hits = index.like(example, k=k, mode=chosen, where=tree, unlike=others, settings=settings)
    else:
        hits = index.search(query, k=k, mode=chosen, where=tree, unlike=unlike, settings=settings)
    reasons = index.explain(query, hits, where=tree, settings=settings) if why and hits else []
    taken = {"taken_for": dict(hits.taken_for)} if hits.taken_for else {}
    for number, hit in enumerate(hits, start=1):
        reason = reasons[number - 1] if reasons else None
        if as_json:
            told = {"why": _told(reason)} if reason else {}
            print_json({**asdict(hit), **told, **taken})
        else:
            print_hit(number, hit, shown_source=shown(hit.source), reasons=reason)
    for word, stems in hits.taken_for.items():
        note(f"{word} is in no text; looked for {', '.join(stems)}")
    for cut in hits.unfinished:
        note(cut)
    if recall is not None and hits.expected_recall is not None:
        note(f"of the nearest by meaning, at least {hits.expected_recall:.1%} are expected to be found")
    if not hits:
        quoted = settings.marks and not like and any(mark in query for mark in '"“„')
        hint = "; every hit must have what is in quotes, unless you add --no-marks" if quoted else ""
        note(f"no hits: {path} holds {len(index)} documents{hint}")


def _id(named: str) -> str:
    """A document's id as the index has it: that of a file is its whole path."""
    return str(Path(named).resolve()) if Path(named).exists() else named


def _told(reasons: "Reasons") -> dict[str, Any]:
    """Reasons as JSON values, without the hit that they are of."""
    told = asdict(reasons)
    del told["hit"]
    return told


def shown(source: str) -> str:
    """A path as a person would type it from here."""
    here = str(Path.cwd()) + os.sep
    return source.removeprefix(here)


def _indexed(folder: Path, source: Source, mode: Mode) -> Index:
    """The index of a folder of documents, brought up to date."""
    if folder.exists() and not folder.is_dir():
        raise SettingError(
            f"{folder} is a file; to search it, run: likewise index {folder} --to INDEX, then search INDEX"
        )
    if mode == "sparse" and folder.is_dir() and not is_index(folder / OWN_FOLDER):
        raise SettingError(
            f"{folder} is no index, and one made on the way has no sparse vectors: run likewise index {folder} "
            "--to INDEX --sparse MODEL, then search INDEX"
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
