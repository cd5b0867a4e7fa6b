"""Choose settings of INDEX on labelled queries of your own, and say whether that gains more than chance."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from likewise.cli._many import takes_many
from likewise.cli._output import as_json_option, note, print_json, print_table, progress_bar
from likewise.errors import SettingError
from likewise.evaluating.tuning import AxisReport, Gain, TuneSettings, Tuning, index_labels, put_to_use, tune
from likewise.evaluating.tuning.cutting import own_documents
from likewise.reading import Reading, read
from likewise.searching.index import is_index

_PATH = click.Path(path_type=Path)
_DEFAULTS = TuneSettings()


@click.command(cls=takes_many("--documents"), name="tune")
@click.argument("index", type=_PATH)
@click.option(
    "--queries", required=True, type=_PATH, help='Lines {"id": ..., "text": ...}, with their answers or --qrels.'
)
@click.option("--qrels", type=_PATH, help="Which documents answer: query, document, grade; as BEIR or TREC have it.")
@click.option("--measure", default="", help="ndcg@10, recall@100, span_recall@5, span_iou@5, ...; else what suits.")
@click.option("--folds", default=_DEFAULTS.folds, show_default=True, help="Of the cross-validation, outer and inner.")
@click.option("--seed", default=_DEFAULTS.seed, show_default=True, help="Of the folds.")
@click.option("--documents", multiple=True, metavar="PATH...", help="All that was indexed, to try chunk sizes on.")
@click.option(
    "--max-tokens", multiple=True, type=int, help="A chunk size to try; may be repeated. Else the usual ones."
)
@click.option("--search-only", is_flag=True, help="Leave the chunks as they are: nothing is embedded.")
@click.option(
    "--write", is_flag=True, help="Put the choice into INDEX's settings if it is better. Tries no chunk sizes."
)
@click.option("--to", type=_PATH, help="Put the choice, chunk sizes too, into a new index here if it is better.")
@click.option("--anyway", is_flag=True, help="With --write or --to: also if the gain may be chance.")
@click.option("--kept", type=_PATH, help="Where what was tried is kept; else the user's cache.")
@as_json_option
def tune_index(
    index: Path,
    queries: Path,
    qrels: Path | None,
    measure: str,
    folds: int,
    seed: int,
    documents: tuple[str, ...],
    max_tokens: tuple[int, ...],
    search_only: bool,
    write: bool,
    to: Path | None,
    anyway: bool,
    kept: Path | None,
    as_json: bool,
) -> None:
    """Choose settings of INDEX on labelled queries of your own, and say whether that gains more than chance.

    Chunk sizes, BM25's parameters and the fusion are tried by nested cross-validation: figures are of queries that had
    no part in the choice.
    """
    _check(to, write=write, anyway=anyway)
    settings = TuneSettings(measure=measure, folds=folds, seed=seed, max_tokens=max_tokens)
    labels = index_labels(index, queries=queries, qrels=qrels)
    again = None if write or search_only else _documents(index, documents)
    if again is None and (max_tokens or to is not None):
        raise SettingError("chunk sizes are tried on the documents: name all that was indexed with --documents")
    with progress_bar() as progress:
        found = tune(index, labels, documents=again or (), settings=settings, folder=kept, progress=progress)
    if as_json:
        for one in found.axes:
            print_json(_axis(one))
        print_json(_summary(found, tried_chunks=again is not None))
    else:
        _show(found, tried_chunks=again is not None)
    if write or to is not None:
        _put_to_use(found, index, again or (), to, anyway=anyway, kept=kept)


def _check(to: Path | None, *, write: bool, anyway: bool) -> None:
    if write and to is not None:
        raise SettingError("--write changes the index itself and --to makes another: ask for one of them")
    if anyway and not write and to is None:
        raise SettingError("--anyway says when to write: give it with --write or --to NEW_INDEX")
    if to is not None and is_index(to):
        raise SettingError(f"{to} is an index already: name a new folder with --to")


def _documents(index: Path, paths: tuple[str, ...]) -> Reading | None:
    """What to cut in other ways: what is named, or else the files that the index was made of."""
    return read(*paths) if paths else own_documents(index)


def _put_to_use(
    found: Tuning, index: Path, documents: "Reading | tuple[()]", to: Path | None, *, anyway: bool, kept: Path | None
) -> None:
    if found.choice == found.now or not (found.gain.significant or anyway):
        hint = "" if found.choice == found.now else "; --anyway writes it all the same"
        note(f"nothing was written: no difference is significant{hint}")
        return
    put_to_use(found, index, documents=documents, to=to, folder=kept)
    note(f"{to or index} answers as chosen from now on")


def _show(found: Tuning, *, tried_chunks: bool) -> None:
    print(f"{found.queries} queries, {found.measure}, {found.folds} folds\n")
    print_table([_row(one, found.folds) for one in found.axes])
    print(f"\nAll together, on held-out queries: {_gained(found.gain)}.")
    for line in (found.verdict, *_vectors(found), *_remarks(found, tried_chunks=tried_chunks)):
        print(line)


def _row(one: AxisReport, folds: int) -> dict[str, str]:
    low, high = one.alone.difference.low, one.alone.difference.high
    return {
        "setting": one.name,
        "now": one.now,
        "chosen": "as it is" if one.chosen == one.now else one.chosen,
        "folds agreeing": f"{one.agreeing} of {folds}",
        "tried": str(one.tried),
        "alone gains": f"{one.alone.difference.estimate:+.4f} ({low:+.4f} to {high:+.4f})",
        "p": f"{one.alone.p_value:.2g}",
    }


def _gained(gain: Gain) -> str:
    difference = gain.difference
    return (
        f"{gain.before:.4f} before, {gain.after:.4f} after, {difference.estimate:+.4f} "
        f"({difference.low:+.4f} to {difference.high:+.4f} at 95 %)"
    )


def _vectors(found: Tuning) -> list[str]:
    """What vectors in fewer bits would cost."""
    parts = [f"{one.precision} {one.difference.estimate:+.4f} (p {one.p_value:.2g})" for one in found.smaller]
    return [f"With the choice, vectors in fewer bits and not rescored would change it by: {', '.join(parts)}."]


def _remarks(found: Tuning, *, tried_chunks: bool) -> list[str]:
    left = [] if tried_chunks else ["Chunk sizes were not tried: that takes the documents, see --documents."]
    return [*left, *(f"{one[:1].upper()}{one[1:]}." for one in found.notes)]


def _axis(one: AxisReport) -> dict[str, Any]:
    return {"setting": one.name, "now": one.now, "chosen": one.chosen, "agreeing": one.agreeing, "tried": one.tried} | {
        "alone": _facts(one.alone)
    }


def _summary(found: Tuning, *, tried_chunks: bool) -> dict[str, Any]:
    return {
        "measure": found.measure,
        "queries": found.queries,
        "folds": found.folds,
        **_facts(found.gain),
        "verdict": found.verdict,
        "choice": asdict(found.choice),
        "changed": found.choice != found.now,
        "vectors": [asdict(one) for one in found.smaller],
        "notes": _remarks(found, tried_chunks=tried_chunks),
    }


def _facts(gain: Gain) -> dict[str, Any]:
    return {
        "before": gain.before,
        "after": gain.after,
        "difference": gain.difference.estimate,
        "interval": (gain.difference.low, gain.difference.high),
        "p_value": gain.p_value,
        "significant": gain.significant,
    }


PLUGIN = tune_index
