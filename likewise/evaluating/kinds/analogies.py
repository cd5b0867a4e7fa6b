"""Word analogies: whether the vector of b - a + c is nearest to d's, as king - man + woman is to queen's."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from likewise.evaluating.forms import unit
from likewise.evaluating.kinds import Columns, Kind, Outcome, Rows
from likewise.evaluating.subjects import Subject

_BLOCK = 4096  # questions answered together


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogySettings:
    """There is nothing to set."""


def _score(rows: Rows, _settings: AnalogySettings, subject: Subject) -> Outcome:
    """Mikolov et al. 2013, arXiv:1301.3781, section 4: a question's own words are no answers."""
    questions = rows["questions"]
    asked = [[row.text(name) for name in ("a", "b", "c", "d")] for row in questions]
    words = sorted({word for question in asked for word in question})
    place = {word: i for i, word in enumerate(words)}
    vectors = unit(subject.vectors(words, "plain"))
    places = np.array([[place[word] for word in question] for question in asked])  # (Q, 4)
    right = np.empty(len(places), bool)
    for start in range(0, len(places), _BLOCK):
        a, b, c, d = places[start : start + _BLOCK].T
        cosines = (vectors[b] - vectors[a] + vectors[c]) @ vectors.T  # (B, V), up to the length of what is sought
        for own in (a, b, c):
            cosines[np.arange(len(own)), own] = -np.inf
        right[start : start + _BLOCK] = cosines.argmax(axis=1) == d
    sections = defaultdict(list)
    for row, one in zip(questions, right.tolist(), strict=True):
        if row.has("section"):
            sections[row.id("section")].append(one)
    return Outcome(
        metric="accuracy",
        metrics={
            "accuracy": float(right.mean()),
            **{f"accuracy of {name}": float(np.mean(some)) for name, some in sections.items()},
        },
        items=right.astype(float).tolist(),
        notes=[f"the {len(words)} words of the questions are all the answers that there are"],
    )


PLUGIN = Kind(
    needs="vectors",
    tables={"questions": Columns(required=("a", "b", "c", "d"), optional=("section",))},
    settings=AnalogySettings,
    score=_score,
)
