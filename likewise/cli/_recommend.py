"""Recommend one of the models on this machine for a task of one's own; a part of ``likewise models``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from likewise.cli._many import takes_many
from likewise.cli._output import aligned, as_json_option, print_json, progress_bar
from likewise.evaluating.advice import Advice, Standing, recommend, verdict
from likewise.evaluating.samples import SampleSettings, read_sample
from likewise.modelling.families.static import NO_MAXIMUM

_FEW_LANGUAGES = 4
_DEFAULTS = SampleSettings()
_PATH = click.Path(path_type=Path)


@click.command(name="recommend", cls=takes_many("--models"))
@click.option("--task", "kind", required=True, metavar="KIND", help="What for: retrieval, clustering, sts, ...")
@click.option("--sample", required=True, type=_PATH, help="Your documents, or a labelled task file (.toml).")
@click.option("--queries", type=_PATH, help='Lines {"query": ..., "relevant": [path, ...]}; else queries are made.')
@click.option("--models", multiple=True, metavar="NAME...", help="Names or folders; else all on this machine.")
@click.option("--precision", default="auto", show_default=True, help="Of the networks.")
@click.option("--most-passages", default=_DEFAULTS.most_passages, show_default=True, help="Read by each model.")
@click.option("--seed", default=_DEFAULTS.seed, show_default=True, help="Of what is drawn at random.")
@click.option("--kept", type=_PATH, help="Where vectors are kept; else the user's cache.")
@as_json_option
def recommend_model(
    kind: str,
    sample: Path,
    queries: Path | None,
    models: tuple[str, ...],
    precision: str,
    most_passages: int,
    seed: int,
    kept: Path | None,
    as_json: bool,
) -> None:
    """Recommend one of the models on this machine for a task of your own, and say how sure that is.

    Models are ranked on labelled queries, or on queries that are made of the documents; words alone (BM25) compete too.
    """
    settings = SampleSettings(most_passages=most_passages, seed=seed)
    chosen = read_sample(sample, kind=kind, queries=queries, settings=settings)
    with progress_bar() as progress:
        advice = recommend(chosen, models, precision=precision, folder=kept, progress=progress)
    if as_json:
        for place, one in enumerate(advice.standings, start=1):
            print_json(_row(place, one))
        print_json(_summary(advice))
        return
    print(f"{chosen.name}. {' '.join(_scripts(advice))}\n")
    for table in (_scores(advice), _facts(advice)):
        print("\n".join(aligned(table)), end="\n\n")
    for line in (*verdict(advice), "", *chosen.notes, *(f"Left out: {one}" for one in advice.left_out)):
        print(line)


def _row(place: int, one: Standing) -> dict[str, Any]:
    return {
        "place": place,
        "model": one.name,
        "metric": one.score.metric,
        "score": one.score.score,
        "interval": one.score.interval,
        "metrics": one.score.metrics,
        "lead_of_first": asdict(one.lead) if one.lead else None,
        "p_value": one.p_value,
        **(asdict(one.facts) if one.facts else {}),
    }


def _summary(advice: Advice) -> dict[str, Any]:
    return {
        "sample": advice.sample.name,
        "verdict": verdict(advice),
        "scripts": advice.scripts,
        "notes": advice.sample.notes,
        "left_out": advice.left_out,
    }


def _scripts(advice: Advice) -> list[str]:
    """In which scripts the texts are, as far as that tells which languages."""
    shares = [f"{share:.0%} {script.title()}" for script, share in advice.scripts.items() if share >= 0.005]
    return [f"Letters: {', '.join(shares)}; languages are not detected."] if shares else []


def _scores(advice: Advice) -> list[list[str]]:
    rows = [["", "model", advice.standings[0].score.metric, "behind the first by", "p"]]
    for place, one in enumerate(advice.standings, start=1):
        rows.append([f"{place}.", one.name, _bounded(one.score.score, *one.score.interval), "", ""])
        if one.lead is not None:
            rows[-1][3:] = [_bounded(one.lead.estimate, one.lead.low, one.lead.high), f"{one.p_value:.2g}"]
    return rows


def _bounded(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _facts(advice: Advice) -> list[list[str]]:
    rows = [["model", "texts/s", "MB", "licence", "dimensions", "max tokens", "passages cut", "documents longer"]]
    rows[0].append("languages")
    for one in advice.standings:
        if (facts := one.facts) is None:
            rows.append([one.name, *["-"] * 7, "stems of English"])
            continue
        rows.append([one.name, f"{facts.texts_per_s:.0f}", f"{facts.size_bytes / 1e6:.0f}"])
        limit = "no limit" if facts.max_tokens == NO_MAXIMUM else str(facts.max_tokens)
        rows[-1] += [facts.licence or "not declared", str(facts.dimension), limit]
        rows[-1] += [_share(facts.passages_cut), _share(facts.documents_cut), _languages(facts.languages)]
    return rows


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _languages(languages: Sequence[str]) -> str:
    if len(languages) > _FEW_LANGUAGES:
        return f"{len(languages)} languages"
    return ", ".join(languages) or "not declared"
