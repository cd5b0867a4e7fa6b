"""Show how a text becomes a vector, step by step; of two texts, also what makes them alike."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from likewise.cli._options import source_options
from likewise.cli._output import as_json_option, note, print_json
from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.explaining import Comparison, Trace, compare, focus, trace
from likewise.encoding.explaining_page import page
from likewise.encoding.models import Source, find_checkpoint, load
from likewise.encoding.static import tokenizer_of
from likewise.errors import SettingError, StorageError
from likewise.types import Role

_SHOWN = 40  # tokens of a text that are printed


@click.command()
@click.argument("texts", nargs=-1, required=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="A model's name or folder.")
@click.option("--role", default="document", show_default=True, type=click.Choice(["query", "document"]))
@click.option("--token", help="Follow what this one looks at; the last word if none is named.")
@click.option("--html", type=click.Path(path_type=Path), help="Draw it all as one page in this file.")
@source_options
@as_json_option
def explain(
    texts: tuple[str, ...],
    model: str,
    role: Role,
    token: str | None,
    html: Path | None,
    source: Source,
    as_json: bool,
) -> None:
    """Show how a text becomes a vector, step by step; of two texts, also what makes them alike."""
    if len(texts) > 2:
        raise SettingError(f"explain takes one text or two, got {len(texts)}: put each in quotation marks")
    if token is not None and len(texts) == 2:
        raise SettingError("--token follows a token of one text; leave it out, or give one text")
    found, checkpoint = find_checkpoint(model, source=source, progress=note)
    weights, tokenizer = checkpoint.folded_weights(), tokenizer_of(checkpoint)
    traces = [trace(checkpoint, weights, tokenizer, text, role=role) for text in texts]
    alike = None
    focus(traces[0], token)  # refused before anything is printed
    if len(texts) == 2:
        encoder = load(model, precision="float32", source=source, progress=note)
        alike = compare(lambda some: encoder.encode(some, role=role), (texts[0], texts[1]))
    if html is not None:
        _write(html, page(found.name, checkpoint.pooling, traces, alike, token=token))
        note(f"drawn: {html}")
    if as_json:
        for step in _steps(traces, alike):
            print_json(step)
        return
    print(f"{found.name}: {checkpoint.architecture}, {checkpoint.pooling}; computed in float32 by the plain reference")
    for one in traces:
        _print_trace(one, token if len(traces) == 1 else None)
    if alike is not None:
        _print_alike(alike)


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"can't write {target}: {error.strerror}") from error


def _steps(traces: list[Trace], alike: Comparison | None) -> Iterator[dict[str, Any]]:
    """Each step with all its numbers."""
    for number, one in enumerate(traces):
        for name in ("pieces", "ids", "spans", "lookup", "places", "attention", "states", "shares", "vector"):
            value = getattr(one, name)
            yield {"text": number, "step": name, "value": value.tolist() if isinstance(value, np.ndarray) else value}
    if alike is not None:
        yield {"step": "alike", "value": {**asdict(alike), "holds": alike.holds}}


def _print_trace(one: Trace, token: str | None) -> None:
    chosen = focus(one, token)
    print(f"\n“{one.text}”\n")
    print("1. Pieces, their rows in the vocabulary's table, what their places add, and their shares of the vector")
    print(f"   {'piece':<16}{'id':>8}  {'row begins':<26}{'length':>7}{'place':>8}{'share':>8}")
    for i, piece in enumerate(one.pieces[:_SHOWN]):
        begins = " ".join(f"{value:+.3f}" for value in one.lookup[i, :3])
        place = "later" if one.places is None else f"{np.linalg.norm(one.places[i]):.3f}"
        length = np.linalg.norm(one.lookup[i])
        print(f"   {piece:<16}{one.ids[i]:>8}  {begins:<26}{length:>7.3f}{place:>8}{one.shares[i]:>8.3f}")
    if len(one.pieces) > _SHOWN:
        print(f"   … {len(one.pieces) - _SHOWN} more; --json and --html have them all")
    if len(one.attention):
        print(f"\n2. Attention: what {one.pieces[chosen]!r} looks at, over all heads, and the most focused head")
    for number, layer in enumerate(one.attention, start=1):
        row = layer[:, chosen]  # (H, T)
        head = int(row.max(axis=1).argmax())
        best = int(row[head].argmax())
        most = f"head {head + 1}: {one.pieces[best]} {row[head, best]:.2f}"
        print(f"   layer {number}: {_heaviest(one, row.mean(axis=0))}; {most}")
    begins = " ".join(f"{value:+.4f}" for value in one.vector[:6])
    print(f"\n3. The vector: {len(one.vector)} numbers, {begins} …, of length {np.linalg.norm(one.vector):.4f}")


def _heaviest(one: Trace, weights: Any) -> str:
    return ", ".join(f"{one.pieces[i]} {weights[i]:.2f}" for i in np.argsort(-weights, kind="stable")[:4])


def _print_alike(alike: Comparison) -> None:
    print(f"\nThe two have a cosine of {alike.cosine:.4f}. Without a word it falls by")
    for word in alike.words[:10]:
        print(f"   {word.loss:+.4f}  {word.text} (text {word.side + 1})")
    named = ", ".join(word.text for word in alike.named)
    verdict = "so they matter" if alike.holds else "so the words named are NOT what makes them alike"
    print(f"Checked: without {named} together it is {alike.without_named:.4f},")
    print(f"without as many random other words {alike.without_random:.4f} on average: {verdict}")


PLUGIN = explain
