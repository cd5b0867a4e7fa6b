"""Which of the models on this machine serves a user's task: ranked on a sample of the user's own, with what each costs.

The first of a ranking was chosen because it is first, so a test of it against the second alone would find too much.
Here p-values are corrected for all pairs of contestants, which holds whichever of them comes first.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.encoding.models import Source
from likewise.errors import LikewiseError, ModelError, SettingError
from likewise.evaluating.comparing import ALPHA
from likewise.evaluating.languages import scripts_of, undeclared_scripts
from likewise.evaluating.local_models import ModelFacts, local_models, model_facts
from likewise.evaluating.runner import load_any, subject_of
from likewise.evaluating.samples import Sample
from likewise.evaluating.scores import Score, compare, difference_interval, scored
from likewise.evaluating.significance import Interval, holm
from likewise.evaluating.subjects import Cut, Progress
from likewise.evaluating.words import WordSearch

_NOTHING_CUT = Cut(0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A contestant's place in the ranking."""

    score: Score
    lead: Interval | None  # of the first one's score over this one's, at 95 %; None for the first
    p_value: float  # how often chance gives such a lead, corrected for all pairs of contestants
    facts: ModelFacts | None  # None for words alone, which need no model

    @property
    def name(self) -> str:
        return self.score.model

    @property
    def behind(self) -> bool:
        """Whether the first is better by more than chance gives."""
        return self.p_value <= ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The contestants, best first, and what a reader should know."""

    sample: Sample
    standings: Sequence[Standing]
    differing: int  # pairs of contestants that differ by more than chance gives
    scripts: Mapping[str, float]  # in which the sample is written, and their shares
    left_out: Sequence[str]  # models on this machine that could not be scored, and why


def recommend(
    sample: Sample,
    models: Sequence[str] = (),
    *,
    precision: str = "auto",
    folder: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Advice:
    """Rank models on a sample. Nothing is downloaded.

    Where the sample asks for searching, words alone (BM25) are a contestant too.

    Args:
        sample: From ``read_sample``.
        models: Names or folders; all in packages and in the hub's cache if none is named.
        precision: Of the networks, as in ``likewise.load``.
        folder: Where vectors are kept; the user's cache if None.
        progress: Told what is being done.

    Raises:
        ModelError: No model is here that can be scored.
        LikewiseError: A model that is named can't be scored.
    """
    scores: list[Score] = []
    facts: dict[str, ModelFacts | None] = {}
    left_out = []
    for label, name in _labels(models or local_models()).items():
        try:
            score, facts[label] = _contest(name, label, sample, precision=precision, folder=folder, progress=progress)
        except LikewiseError as error:
            if models:
                raise
            left_out.append(f"{label}: {error}")
        else:
            scores.append(score)
    if not scores:
        raise ModelError(_no_model(left_out))
    if sample.needs == "search":
        words = WordSearch()
        facts[words.name] = None
        scores.append(scored(sample.score(words), model=words.name, task=sample.name, cut=_NOTHING_CUT, data=""))
    standings, differing = rank(scores, facts)
    return Advice(
        sample=sample,
        standings=standings,
        differing=differing,
        scripts=scripts_of(sample.passages),
        left_out=left_out,
    )


def rank(scores: Sequence[Score], facts: Mapping[str, ModelFacts | None]) -> tuple[list[Standing], int]:
    """Scores on one sample, best first, each beside the first; and how many pairs of them differ.

    Args:
        scores: Of equal ones, the one that comes first is ranked first.
        facts: By model.

    Raises:
        DataError: They are not of the same items.
    """
    order = sorted(scores, key=lambda one: -one.score)
    pairs = list(combinations(range(len(order)), 2))
    raised = holm([compare(order[low], order[high]).p_value for high, low in pairs]).tolist() if pairs else []
    p_values = dict(zip(pairs, raised, strict=True))
    standings = [
        Standing(
            score=one,
            lead=difference_interval(one, order[0]) if place else None,
            p_value=p_values.get((0, place), 1.0),
            facts=facts[one.model],
        )
        for place, one in enumerate(order)
    ]
    return standings, sum(p_value <= ALPHA for p_value in raised)


def verdict(advice: Advice) -> list[str]:
    """What the ranking means, a sentence each."""
    first, *others = advice.standings
    if not others:
        return [f"{first.name} is the only contestant: there is nothing to compare it with."]
    lines = [_how_sure(first, others, advice.differing)]
    alike = [first, *(one for one in others if not one.behind)]
    lines += _cheapest(alike)
    lines += _words(advice.standings)
    for one in advice.standings:
        scripts = undeclared_scripts(advice.scripts, one.facts.languages) if one.facts else []
        if scripts:
            shares = ", ".join(f"{advice.scripts[script]:.0%} {script.title()}" for script in scripts)
            lines.append(f"{one.name} declares no language of letters that your texts have: {shares}.")
    return lines


def _how_sure(first: Standing, others: Sequence[Standing], differing: int) -> str:
    count = len(first.score.items)
    if not differing:
        return f"No difference is significant: on {count} items, all of this may be chance."
    behind = [one.name for one in others if one.behind]
    alike = [f"{one.name} (p {one.p_value:.2g})" for one in others if not one.behind]
    if not alike:
        return f"{first.name} is the best: every difference to it is significant."
    better = f"is significantly better than {_listed(behind)}" if behind else "is significantly better than none"
    return f"{first.name} scores best and {better}; its lead over {_listed(alike)} may be chance."


def _cheapest(alike: Sequence[Standing]) -> list[str]:
    """Of models that can't be told apart, the fastest and the smallest."""
    measured = [(one.name, one.facts) for one in alike if one.facts]
    if len(measured) < 2:
        return []
    fastest = max(measured, key=lambda one: one[1].texts_per_s)[0]
    smallest = min(measured, key=lambda one: one[1].size_bytes)[0]
    also = "the smallest" if smallest == fastest else f"{smallest} the smallest"
    return [f"Of the models that can't be told from the first, {fastest} is the fastest here and {also}."]


def _words(standings: Sequence[Standing]) -> list[str]:
    """Whether a model is worth it."""
    words = next((one for one in standings if one.facts is None), None)
    if words is None or words.behind:
        return []
    return ["No model is shown to be better than words alone (BM25) on this sample."]


def _contest(
    name: str, label: str, sample: Sample, *, precision: str, folder: Path | None, progress: Progress
) -> tuple[Score, ModelFacts]:
    found, output, model = load_any(name, precision=precision, source=Source(offline=True), progress=progress)
    with closing(subject_of(label, output, model, folder=folder, progress=progress)) as subject:
        if sample.needs not in subject.gives:
            gives = ", ".join(sorted(subject.gives))
            raise SettingError(f"{label} gives {gives}, and this task needs {sample.needs}")
        outcome = sample.score(subject)
        score = scored(outcome, model=label, task=sample.name, cut=subject.take_cut(), data="")
    progress(f"{label}: measuring its speed", 0, 0)
    return score, model_facts(found, output, model, passages=sample.passages, documents=sample.documents)


def _labels(models: Sequence[str]) -> dict[str, str]:
    """What each is called in results → what it is loaded by: folders by their last name, if no other has it."""
    short = [Path(name).resolve().name if Path(name).is_dir() else name for name in models]
    return {one if short.count(one) == 1 else name: name for one, name in zip(short, models, strict=True)}


def _no_model(left_out: Sequence[str]) -> str:
    if left_out:
        return f"no model on this machine could be scored: {'; '.join(left_out)}"
    how = KNOWN_MODELS[DEFAULT_MODEL].how_to_install()
    return f"there is no model on this machine: {how}, or name folders of models (--models)"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + [names[-1]])
