"""Probes of which of two texts a model takes to be nearer to a third: the one that agrees, or the one that looks alike.

All texts are our own, in ``sentences.toml``.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from likewise.evaluating.forms import Numbers
from likewise.evaluating.robustness.changing import shuffle_words
from likewise.evaluating.robustness.findings import Bench, Measured, add_probe
from likewise.evaluating.robustness.sentences import Statement, deeds, mixtures, statements

_TIE = 1e-6  # cosines that differ by less are equal but for rounding


@add_probe("negation")
def negation(bench: Bench) -> Measured:
    """Whether a statement is nearer to itself in other words than to its negation."""
    return _denial(
        bench,
        [one for one in statements(seed=bench.seed) if one.kind == "not"],
        "Below .5 the model goes by the words that two texts share, and hardly sees a 'not': "
        "near 0 it takes a statement and its negation for the same.",
    )


@add_probe("contradiction")
def contradiction(bench: Bench) -> Measured:
    """Whether a statement is nearer to itself in other words than to one with an opposite or another number."""
    return _denial(
        bench,
        [one for one in statements(seed=bench.seed) if one.kind != "not"],
        "Below .5 one changed word (an opposite, a number, none for all, forgot for remembered) counts for less than "
        "other wording does.",
    )


@add_probe("negation_search")
def negation_search(bench: Bench) -> Measured:
    """Whether a search tells a statement from its negation, for a query that means the one and one for the other.

    Each pair of queries counts once, if both find their own text first: what does not see the negation answers both
    with the same text. As in NevIR (Weller, Lawrie and Van Durme 2024, arXiv:2305.07614).
    """
    found = [one for one in statements(seed=bench.seed) if one.kind == "not"]
    says, denies = [one.says for one in found], [one.denies for one in found]
    relevances = bench.subject.relevances
    right = []
    for queries, answers, others in (
        ([one.also for one in found], says, denies),
        ([one.also_denies for one in found], denies, says),
    ):
        right.append(relevances(queries, answers) - relevances(queries, others) > _TIE)
    return Measured(
        measure="pairs of queries that both find their own one of two texts first",
        perfect=1.0,
        indifferent=0.25,
        values=np.logical_and(*right),
        groups=[one.template for one in found],
        facts={"queries that affirm": float(right[0].mean()), "queries that deny": float(right[1].mean())},
        reading=".25 is guessing; at less the model answers both queries with the same of the two texts, whatever is "
        "asked.",
    )


@add_probe("shuffled_words")
def shuffled_words(bench: Bench) -> Measured:
    """Whether a sentence is nearer to itself in other words than to its own words in no order."""
    found = statements(seed=bench.seed)
    says, also = [one.says for one in found], [one.also for one in found]
    shuffled = [shuffle_words(text, seed=bench.seed) for text in says]
    return _nearer(
        bench,
        (says, also, shuffled),
        [one.template for one in found],
        measure="sentences nearer to their paraphrase than to their shuffled words",
        reading="0 is a bag of words: it does not see that the shuffled words are no sentence; the higher, the more "
        "order counts against wording.",
    )


@add_probe("swapped_roles")
def swapped_roles(bench: Bench) -> Measured:
    """Whether who did what counts for more than how it is put: the passive against the active with swapped roles."""
    found = deeds(seed=bench.seed)
    return _nearer(
        bench,
        ([one.active for one in found], [one.passive for one in found], [one.swapped_active for one in found]),
        [one.verb for one in found],
        measure="sentences nearer to their passive than to themselves with the two people swapped",
        reading="0 is a bag of words, for which swapping two people changes nothing and the passive adds two words; "
        "a model that holds who did what to whom reaches 1.",
    )


@add_probe("roles")
def roles(bench: Bench) -> Measured:
    """Whether a model knows who did what to whom, between sentences of the same words and form."""
    found = deeds(seed=bench.seed)
    return _nearer(
        bench,
        ([one.active for one in found], [one.passive for one in found], [one.swapped_passive for one in found]),
        [one.verb for one in found],
        measure="sentences nearer to the passive with the same roles than to that with swapped ones",
        indifferent=0.5,
        reading=".5 is guessing, and what a bag of words gets; above it the vectors hold who did what to whom, below "
        "it they go by who is named first.",
    )


@add_probe("language_mixing")
def language_mixing(bench: Bench) -> Measured:
    """Whether a noun in another language is taken for what it means: against another noun in the sentence's own."""
    found = mixtures(seed=bench.seed)
    return _nearer(
        bench,
        ([one.english for one in found], [one.mixed for one in found], [one.other for one in found]),
        [one.noun for one in found],
        parts=[one.language for one in found],
        measure="English sentences nearer to themselves with a foreign noun than with another English one",
        indifferent=0.5,
        reading=".5 is about what a model gets that does not know the other language; less means that a foreign word "
        "moves a text further than a wrong one.",
    )


def _denial(bench: Bench, found: Sequence[Statement], reading: str) -> Measured:
    says = [one.says for one in found]
    nearer = _nearer(
        bench,
        (says, [one.also for one in found], [one.denies for one in found]),
        [one.template for one in found],
        parts=[] if len({one.kind for one in found}) == 1 else [one.kind for one in found],
        measure="statements nearer to their paraphrase than to their denial",
        reading=reading,
    )
    half = len(says) // 2  # statements of other templates: how unlike texts can be to this model
    unrelated = bench.subject.likenesses(says, [*says[half:], *says[:half]])
    return replace(nearer, facts={**nearer.facts, "cosine to another statement": float(unrelated.mean())})


def _nearer(
    bench: Bench,
    triplets: tuple[Sequence[str], Sequence[str], Sequence[str]],
    groups: Sequence[int],
    *,
    measure: str,
    reading: str,
    indifferent: float = 0.0,
    parts: Sequence[str] = (),
) -> Measured:
    """How often a text is nearer to the second of a triplet, which agrees with it, than to the third; a tie is half."""
    texts, agreeing, opposed = triplets
    right, wrong = (bench.subject.likenesses(texts, other) for other in (agreeing, opposed))
    return Measured(
        measure=measure,
        perfect=1.0,
        indifferent=indifferent,
        values=_preferred(right - wrong),
        groups=groups,
        parts=parts,
        facts={"cosine to what agrees": float(right.mean()), "cosine to what does not": float(wrong.mean())},
        reading=reading,
    )


def _preferred(differences: Numbers) -> Numbers:
    """1 for a difference above 0, half for none (N,)."""
    return np.where(np.abs(differences) <= _TIE, 0.5, differences > 0)
