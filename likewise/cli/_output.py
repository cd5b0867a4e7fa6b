"""What every command prints the same way: JSON lines on stdout, messages and progress on stderr."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

import click

from likewise.types import Hit

if TYPE_CHECKING:
    from likewise.evaluating.comparing import Compared
    from likewise.evaluating.runner import Result
    from likewise.searching.adding import AddReport, Progress
    from likewise.searching.reasons import Reasons, Term

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line on stdout, and nothing else."
)
_SHOWN_LINES = 6
_SHOWN_SKIPPED = 20
_SHOWN_WORDS = 5


def print_json(value: Any) -> None:
    """One line; characters that a terminal can't print stay readable as escapes."""
    print(json.dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value, default=str))


def print_score(result: "Result", compared: "Compared | None" = None) -> None:
    """A line of JSON for a score, beside its baseline's if there is one, or for a task that gave none."""
    names = ("model", "task", "metric", "score", "interval")
    values = {name: getattr(result, name, None) for name in names}
    if reason := getattr(result, "reason", ""):
        values["error"] = reason
    if compared is not None and (comparison := compared.by_place.get((result.model, result.task))) is not None:
        values["compared"] = asdict(comparison)
    print_json(values)


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows of one set of columns, for a person: the first to the left, the others to the right, empty ones left out."""
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    for number, row in enumerate([dict(zip(columns, columns, strict=True)), *rows]):
        first, *others = columns
        line = "  ".join([row[first].ljust(widths[first]), *(row[name].rjust(widths[name]) for name in others)])
        click.echo(click.style(line, bold=not number))


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of as many cells each, for a person: lines whose columns begin at one place, all to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def print_hit(number: int, hit: Hit, *, shown_source: str, reasons: "Reasons | None" = None) -> None:
    """A hit for a person: where it is, how it was found, its text, and why it is one."""
    where = " › ".join(hit.heading)
    ranks = ", ".join(f"{name} {rank}" for name, (rank, _) in hit.ranks.items())
    place = f"page {_page(hit)}" if _page(hit) else f"characters {hit.start}-{hit.end}"
    click.echo(click.style(f"{number}. {shown_source}", bold=True) + (f"  {where}" if where else ""))
    click.echo(click.style(f"   score {hit.score:.4f} ({ranks}), {place}", dim=True))
    lines = [line.strip() for line in hit.text.splitlines() if line.strip()]
    for line in lines[:_SHOWN_LINES]:
        print(f"   {line[:160]}{'…' if len(line) > 160 else ''}")
    if len(lines) > _SHOWN_LINES:
        print(f"   … {len(lines) - _SHOWN_LINES} more lines")
    if reasons is not None:
        _print_reasons(reasons)
    print()


def _print_reasons(reasons: "Reasons") -> None:
    """What made a hit, a line for each kind of reason that there is."""
    stages = ", ".join(f"{name} {rank} ({score:.3f})" for name, (rank, score) in reasons.hit.ranks.items())
    told = {"stages": f"{stages} → {reasons.hit.score:.3f}"}
    if reasons.terms:
        terms = " + ".join(f"{_term(term)} {term.score:.2f}" for term in reasons.terms)
        told["words"] = f"{terms} = {reasons.lexical:.2f}"
    else:
        told["words"] = "none in common"
    if reasons.phrases:
        told["phrases"] = ", ".join(f"“{phrase}”" for phrase in reasons.phrases)
    if reasons.cosine is not None:
        losses = ", ".join(f"{one.word} {one.loss:+.3f}" for one in reasons.words[:_SHOWN_WORDS])
        told["meaning"] = f"cosine {reasons.cosine:.3f}" + (f", of which {losses}" if losses else "")
    if reasons.passage is not None:
        text = " ".join(reasons.passage.text.split()).lstrip("#|-*> ")
        told["closest"] = f"{reasons.passage.cosine:.3f} “{text[:140]}{'…' if len(text) > 140 else ''}”"
    if reasons.max_sim is not None:
        pairs = " + ".join(f"{pair.query}~{pair.chunk} {pair.score:.2f}" for pair in reasons.pairs)
        told["tokens"] = f"{pairs} = {reasons.max_sim:.2f}"
    for name, line in told.items():
        click.echo(f"   {click.style(name.ljust(8), fg='cyan')} {line}")


def _term(term: "Term") -> str:
    return f"{term.word} (of the first hits)" if term.how == "expansion" else term.word


def print_report(report: "AddReport", *, index: str) -> None:
    """What adding did, on stderr; what was left out comes with its reason."""
    parts = [f"{report.files} files", f"{report.unchanged} unchanged", f"{report.added} documents added"]
    parts += [f"{report.removed} removed"] if report.removed else []
    parts += [f"{report.chunks} chunks", f"{report.reused} of them known"] if report.chunks else []
    parts += [f"{report.dropped_tokens} tokens over the model's maximum dropped"] if report.dropped_tokens else []
    note(f"{index}: {', '.join(parts)}; {report.seconds:.1f} s")
    for skipped in report.skipped[:_SHOWN_SKIPPED]:
        note(f"  skipped {skipped.path}: {skipped.reason}")
    if len(report.skipped) > _SHOWN_SKIPPED:
        note(f"  … and {len(report.skipped) - _SHOWN_SKIPPED} more; --json lists them all")


def note(message: str) -> None:
    """A message for a person, on stderr."""
    print(message, file=sys.stderr)


@contextmanager
def progress_bar() -> "Iterator[Progress]":
    """A bar on a terminal; elsewhere only what takes seconds is announced, once."""
    if not sys.stderr.isatty():
        announced: set[str] = set()

        def announce(what: str, done: int, total: int) -> None:
            if not total and done == 0 and what not in announced:
                announced.add(what)
                note(what)

        yield announce
        return
    with ExitStack() as stack:
        bars: dict[str, Any] = {}

        def draw(what: str, done: int, total: int) -> None:
            if total and what not in bars:
                bars[what] = stack.enter_context(click.progressbar(length=total, label=what, file=sys.stderr))
            if what in bars:
                bars[what].update(done - bars[what].pos)
            else:
                note(what)

        yield draw


class ProgressLine:
    """One line on a terminal that says what is being done; elsewhere only what takes seconds is announced."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        if not total:
            self.clear()
            note(what)
        elif sys.stderr.isatty():
            self.clear()
            line = f"{what} ({done} of {total})"
            self._drawn = len(line)
            click.echo(line, err=True, nl=False)

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            click.echo("\r" + " " * self._drawn + "\r", err=True, nl=False)
            self._drawn = 0


def _page(hit: Hit) -> int:
    """The page that a hit starts on, from 1; 0 if its document has no pages."""
    starts = hit.metadata.get("pages")
    if not isinstance(starts, list):
        return 0
    return sum(1 for start in starts if isinstance(start, int) and start <= hit.start)
