"""Bitext mining: whether the nearest sentence in another language is the translation."""

from dataclasses import dataclass

import numpy as np

from likewise.evaluating.bitext import mining_f1, nearest
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.labels import precision
from likewise.evaluating.subjects import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class BitextMiningSettings:
    """There is nothing to set."""


def _score(rows: Rows, _settings: BitextMiningSettings, subject: Subject) -> Outcome:
    pairs = rows["pairs"]
    left, right = (subject.vectors([row.text(name) for row in pairs], "plain") for name in ("left", "right"))
    gold, found = np.arange(len(pairs)), nearest(left, right)
    right_ones = found == gold
    # F1 of each sentence as a class of its own, whose mean is the weighted F1.
    items = 2 * right_ones / (1 + np.bincount(found, minlength=len(pairs)))
    return Outcome(
        metric="f1",
        metrics={
            "f1": mining_f1(gold, found),
            "accuracy": float(right_ones.mean()),
            "precision": precision(gold, found, average="weighted"),
        },
        items=items.tolist(),
    )


PLUGIN = Kind(
    needs="vectors",
    tables={"pairs": Columns(required=("left", "right"))},
    settings=BitextMiningSettings,
    score=_score,
)
