"""Clustering: whether groups that k-means finds are those that people made."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from likewise.encoding.packing import require_count
from likewise.evaluating.clusters import adjusted_rand_index, matched_accuracy, purity, v_measure
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.kinds.classification import labels_of
from likewise.evaluating.subjects import Subject
from likewise.registry import require

_METRICS = {
    "v_measure": v_measure,
    "ari": adjusted_rand_index,
    "accuracy": matched_accuracy,
    "purity": purity,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteringSettings:
    """MTEB's recipe: k-means over several draws of texts, with replacement."""

    most_texts: int = 0  # draw from so many, chosen at random; 0 is all
    draws: int = 10
    draw_size: int = 16_384
    batch: int = 512  # of k-means
    seed: int = 42

    def __post_init__(self) -> None:
        for name in ("draws", "draw_size", "batch"):
            require_count(name, getattr(self, name))
        require_count("most_texts", self.most_texts + 1)


def _score(rows: Rows, settings: ClusteringSettings, subject: Subject) -> Outcome:
    cluster: Any = require("sklearn.cluster", feature="clustering", extra="evaluating")
    texts, chance = list(rows["texts"]), random.Random(settings.seed)
    if settings.most_texts:
        texts = [texts[i] for i in chance.sample(range(len(texts)), k=min(settings.most_texts, len(texts)))]
    labels = labels_of(texts)
    vectors = subject.vectors([row.text("text") for row in texts], "plain")
    means = cluster.MiniBatchKMeans(
        n_clusters=len(np.unique(labels)), batch_size=settings.batch, n_init=1, random_state=settings.seed
    )
    values: dict[str, list[float]] = {name: [] for name in _METRICS}
    for _ in range(settings.draws):
        drawn = np.array(chance.choices(range(len(texts)), k=settings.draw_size))
        found = means.fit_predict(vectors[drawn])
        for name, metric in _METRICS.items():
            values[name].append(metric(labels[drawn], found))
    return Outcome(
        metric="v_measure",
        metrics={name: float(np.mean(some)) for name, some in values.items()},
        items=values["v_measure"],
        notes=[
            f"items are {settings.draws} draws of the same texts, so that the interval is of k-means and not of texts"
        ],
    )


PLUGIN = Kind(
    needs="vectors",
    tables={"texts": Columns(required=("text", "label"))},
    settings=ClusteringSettings,
    score=_score,
)
