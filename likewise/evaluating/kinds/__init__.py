"""One file per kind of task: which rows it needs, and how a model is scored on them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from likewise.errors import DataError
from likewise.evaluating.data_files import Row
from likewise.evaluating.forms import Need
from likewise.registry import Folder

Rows: TypeAlias = Mapping[str, Sequence[Row]]  # by table
Statistic: TypeAlias = Literal["mean", "spearman", "average_precision", "auroc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a table that a kind asks for, by its own names."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    needed: bool = True  # whether a task must have the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a model did: the main metric, others, and what the main one is made of, item by item.

    Raises:
        DataError: A number that is not finite.
    """

    metric: str  # the main one
    metrics: Mapping[str, float]  # with the main one
    items: Sequence[float]  # (N,) for each query, text or pair: of these ``statistic`` makes the main metric
    statistic: Statistic = "mean"
    gold: Sequence[float] = ()  # (N,) what the statistic compares the items with; none for a mean
    ids: Sequence[str] = ()  # (N,) of the items, where they have any
    notes: Sequence[str] = ()  # what a reader of the score should know

    def __post_init__(self) -> None:
        for name, value in self.metrics.items():
            if not math.isfinite(value):
                raise DataError(f"{name} is {value}: the vectors or the data give no score")
        if not all(map(math.isfinite, self.items)):
            raise DataError(f"an item of {self.metric} is not finite: the vectors or the data give no score")

    @property
    def value(self) -> float:
        """The main metric."""
        return self.metrics[self.metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind's file gives as ``PLUGIN``."""

    needs: Need  # what of a model
    tables: Mapping[str, Columns]
    settings: type[Any]  # a dataclass: the section [settings] of a task
    score: Callable[[Rows, Any, Any], Outcome]  # rows, settings, the subject
    defaults: Mapping[str, Any] = field(default_factory=dict)  # settings that differ from the dataclass's defaults
    version: int = 1  # raised when a score changes, so that what was kept is not taken for it


KINDS: Folder[Kind] = Folder("task kind", "likewise.evaluating.kinds")
