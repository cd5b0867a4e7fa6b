"""What several commands are told the same way."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from likewise.corpora import read_lines
from likewise.encoding.models import Source
from likewise.errors import SettingError


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of where a model may come from, which the command is given together as its ``source``."""

    @click.option("--revision", help="A branch, tag or commit of the hub.")
    @click.option("--offline", is_flag=True, default=None, help="Open no socket.")
    @click.option("--accept-licence", is_flag=True, help="Use it although its licence is not a permissive one.")
    @wraps(command)
    def together(*, revision: str | None, offline: bool | None, accept_licence: bool, **others: Any) -> None:
        command(source=Source(revision=revision, offline=offline, accept_licence=accept_licence), **others)

    return together


def ranking_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of how to rank, of which the command is given those that were used together as its ``changes``."""

    @click.option("--fusion", help="How rankings become one: scores, reciprocal_rank, convex or distribution.")
    @click.option("--rerank", "reranker", metavar="MODEL", help="A cross-encoder or ColBERT that reads hits again.")
    @click.option("--rerank-depth", type=int, help="How many hits it reads.")
    @click.option("--budget-ms", type=float, help="What that may take.")
    @click.option(
        "--feedback", type=int, metavar="N", help="Let the meaning of the first N chunks join the question's."
    )
    @click.option("--marks/--no-marks", default=None, help='Whether "phrases" and begin* mean more than text.')
    @click.option("--expansion", type=int, metavar="N", help="Let the words of the first N chunks join the question's.")
    @click.option("--fuzzy", is_flag=True, default=None, help="Take words that are not there for those spelt alike.")
    @click.option("--diversity", type=float, help="From 0, by relevance alone, to 1, by unlikeness alone.")
    @click.option("--per-document", type=int, metavar="N", help="At most N hits of one document.")
    @click.option("--alike", type=float, metavar="COSINE", help="Of chunks at least so much alike show the best alone.")
    @click.option("--half-life-days", type=float, metavar="DAYS", help="A hit so much older counts half.")
    @click.option("--date-field", metavar="FIELD", help="The metadata that says how old a document is.")
    @wraps(command)
    def together(**given: Any) -> None:
        changes = {name: given.pop(name) for name in _RANKING}
        command(changes={name: value for name, value in changes.items() if value is not None}, **given)

    return together


_RANKING = (
    "fusion",
    "reranker",
    "rerank_depth",
    "budget_ms",
    "feedback",
    "marks",
    "expansion",
    "fuzzy",
    "diversity",
    "per_document",
    "alike",
    "half_life_days",
    "date_field",
)


def read_texts(file: Path) -> list[str]:
    """The texts of ``--texts``: one a line."""
    texts = [line for line in read_lines(file) if line.strip()]
    if not texts:
        raise SettingError(f"--texts: {file} holds no text; it must hold one a line")
    return texts


def stay_on_one_core() -> None:
    """Where the system can be told so; engines take as many threads as there are cores to use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
