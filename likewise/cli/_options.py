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
