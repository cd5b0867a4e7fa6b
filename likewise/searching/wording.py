"""The words of a question against those of an index: begun words, misspelt ones, phrases, and the words of first hits.

Terms and weights come of it, which BM25 ranks by, and the chunks that hold all phrases, which alone may be found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from likewise.encoding.lexical import WORD, Analyzer, term_of
from likewise.searching.probes import Probe
from likewise.searching.query_text import Begun, Phrase
from likewise.storing import Filter, Ranking, Store, StoredChunk, Term
from likewise.types import Ids, Vectors

How: TypeAlias = Literal["said", "prefix", "spelling", "expansion"]

_MOST_BEGUN = 100  # words that a begun one may stand for
_ALIKE = 0.5  # how alike a word must be to be taken for another one: docs/benchmarks.md
_MOST_ALIKE = 3
_EXPANDING = 10  # words of the first hits, and
_ORIGINAL = 0.5  # what the question's own weigh beside them: both as Abdul-Jaleel et al. have them
_BLOCK = 1_000  # texts that are looked through for phrases at a time


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word to look for."""

    term: Term  # several, if they are counted as one word
    weight: float
    word: str  # as it is shown: with a star if it is begun, a stem if the question does not have it
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a question's words are in an index."""

    words: tuple[Wanted, ...] = ()  # each term once
    among: Ids | None = None  # the only chunks that may be found; None for all
    taken_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by word of the question: stems
    cut: tuple[str, ...] = ()  # what was left out, a sentence each

    @property
    def terms(self) -> list[Term]:
        return [word.term for word in self.words]

    @property
    def weights(self) -> Vectors:
        """(t,) of the terms."""
        return np.array([word.weight for word in self.words], np.float32)


def wording_of(store: Store, probe: Probe, *, among: Ids | None, fuzzy: bool) -> Wording:
    """What the words of a question are in an index.

    Args:
        store: The index's.
        probe: The question.
        among: The only chunks that may be found; None for all.
        fuzzy: Whether words that the index does not have are taken for some that are spelt alike.
    """
    counted = probe.words
    said = [
        Wanted(term, float(count), stem, "said")
        for term, count, stem in zip(counted.terms.tolist(), counted.counts.tolist(), counted.stems, strict=True)
    ]
    likest: dict[str, dict[str, float]] = {}
    if fuzzy:
        said = _respelt(store, said, probe, likest)
    begun = [_begun(store, one) for one in probe.begun]
    return Wording(
        words=_once([*said, *(word for word, _ in begun if word)]),
        among=among,
        taken_for={word: tuple(sorted(stems, key=lambda stem: -stems[stem])) for word, stems in likest.items()},
        cut=tuple(cut for _, cut in begun if cut),
    )


def _once(words: Iterable[Wanted]) -> tuple[Wanted, ...]:
    """Each term once, with the sum of its weights."""
    found: dict[Term, Wanted] = {}
    for word in words:
        before = found.get(word.term)
        found[word.term] = replace(before, weight=before.weight + word.weight) if before else word
    return tuple(found.values())


def _begun(store: Store, begun: Begun) -> tuple[Wanted | None, str]:
    """A begun word as one word that stands for all that begin so, and what was left out of it.

    Several words weigh as if they were one, which is in as many chunks as have any of them (structured queries:
    Pirkola 1998). Otherwise those that are rare, and so often misspelt, would count most.
    """
    found = store.vocabulary().beginning(begun.letters)
    terms = {word.term for word in found[:_MOST_BEGUN]} | set(store.stems_of([term_of(stem) for stem in begun.stems]))
    cut = ""
    if len(found) > _MOST_BEGUN:
        cut = f"{begun.text}*: of {len(found)} words that begin so, the {_MOST_BEGUN} most frequent were looked for"
    if not terms:
        return None, cut
    return Wanted(tuple(sorted(terms)) if len(terms) > 1 else terms.pop(), 1.0, f"{begun.text}*", "prefix"), cut


def _respelt(store: Store, words: Sequence[Wanted], probe: Probe, likest: dict[str, dict[str, float]]) -> list[Wanted]:
    """Words with those in place of the unknown ones that are spelt most alike, each weighing as much as it is alike.

    What was taken for what is put into ``likest``: by word of the question the stems, and how alike they are.
    """
    known = store.stems_of([word.term for word in words if isinstance(word.term, int)])
    found = [word for word in words if word.term in known]
    for word in words:
        if word.term in known:
            continue
        spelt = _as_said(word.word, probe)
        for other, share in store.vocabulary().alike(word.word, at_least=_ALIKE)[:_MOST_ALIKE]:
            likest.setdefault(spelt, {})[other.stem] = share
            found.append(Wanted(other.term, word.weight * share, f"{spelt}~{other.stem}", "spelling"))
    return found


def _as_said(stem: str, probe: Probe) -> str:
    """The word of a question that gave a stem."""
    return next((word for word in WORD.findall(probe.text) if stem in probe.analyzer.words(word)), stem)


def holding(store: Store, phrases: Sequence[Phrase], analyzer: Analyzer, *, where: Filter | None) -> Ids:
    """The chunks that have all phrases, each in their text or in one of their headings, ascending.

    Words that carry grammar alone are in no phrase and in no text: "state of the art" finds "state and art" too.
    """
    wanted = [f" {' '.join(phrase.stems)} " for phrase in phrases if len(phrase.stems) > 1]
    terms = sorted({term_of(stem) for phrase in phrases for stem in phrase.stems})
    candidates = store.having(terms, where=where)
    if not wanted:
        return candidates
    found: list[int] = []
    for start in range(0, len(candidates), _BLOCK):
        for chunk in store.fetch(candidates[start : start + _BLOCK]):
            stems = _stems(chunk, analyzer)
            if all(phrase in stems for phrase in wanted):
                found.append(chunk.id)
    return np.array(found, np.int64)


def _stems(chunk: StoredChunk, analyzer: Analyzer) -> str:
    """The stems of a chunk, with a space around each, and a line for each part that a phrase must be within."""
    return "\n".join(f" {' '.join(analyzer.words(part))} " for part in (*chunk.heading, chunk.text))


def expanded(store: Store, words: Sequence[Wanted], first: Ranking) -> tuple[Wanted, ...]:
    """A question's words, and those that its first hits have most: RM3.

    A hit says a word as often as it is in it, by the hit's length, and counts as much as it scores (the relevance model
    of Lavrenko and Croft 2001, with BM25 in place of the likelihood of the question). The greatest ten share half of
    the weight, the question's own words the other half (Abdul-Jaleel et al. 2004).

    Args:
        store: The index's.
        words: The question's.
        first: The first hits by them.
    """
    total, scores = sum(word.weight for word in words), first.scores.astype(np.float64)
    shares = dict(zip(first.ids.tolist(), (scores / scores.sum()).tolist(), strict=True)) if len(scores) else {}
    heard: dict[int, float] = {}
    for chunk, row in store.word_rows(first.ids).items():
        for term, often in zip(row.terms.tolist(), (row.counts / row.tokens).tolist(), strict=True):
            heard[term] = heard.get(term, 0.0) + shares[chunk] * often
    if not heard:
        return tuple(words)
    chosen = sorted(heard, key=lambda term: (-heard[term], term))[:_EXPANDING]
    stems, whole = store.stems_of(chosen), sum(heard[term] for term in chosen)
    own = [replace(word, weight=_ORIGINAL * word.weight) for word in words]
    share = (1 - _ORIGINAL) * total / whole
    return _once([*own, *(Wanted(term, share * heard[term], stems.get(term, ""), "expansion") for term in chosen)])
