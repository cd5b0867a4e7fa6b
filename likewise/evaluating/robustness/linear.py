"""Linear probes: what a linear classifier reads from vectors about the order of words, parts of speech, and meaning.

Each is taught on one half and tells the other, by logistic regression over components of equal spread. Order and
meaning are asked of the same sentences, so that they can be compared. Intervals are of what is told; another half to be
taught on would move figures too.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from likewise.evaluating.data_files import RowSource, read_rows
from likewise.evaluating.probes import regression_labels
from likewise.evaluating.robustness.changing import swap_neighbours
from likewise.evaluating.robustness.findings import Bench, Measured, add_probe
from likewise.types import Vectors

_QUESTIONS = "banking77/train.tsv.gz"
_SENTENCES = 4_000  # half of them to be taught on
_GLOSSES = "wordnet_glosses/synsets.jsonl.gz"
_SPEECH = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
_WORDS = 500  # of each part of speech
_ENDINGS = (1, 2, 3, 4)  # letters


@add_probe("linear_order", files=(_QUESTIONS,))
def linear_order(bench: Bench) -> Measured:
    """How well a linear classifier tells a sentence from itself with two neighbouring words swapped.

    The task is "bigram shift" of Conneau et al. 2018, arXiv:1805.01070, on customers' questions to a bank.
    """
    texts, _ = _questions(bench)
    swapped = [swap_neighbours(text, seed=bench.seed) for text in texts]
    vectors = bench.subject.vectors([*texts, *swapped], "plain")
    labels = ["as written"] * len(texts) + ["swapped"] * len(texts)
    sentences = np.tile(np.arange(len(texts)), 2)
    return _taught(
        vectors,
        labels,
        sentences,
        parts=True,
        measure="accuracy: is the sentence as written, or are two words swapped",
        indifferent=0.5,
        reading="Set it beside linear_meaning, of the same sentences, by their shares of the way to perfect; .5 holds "
        "nothing of word order.",
    )


@add_probe("linear_meaning", files=(_QUESTIONS,))
def linear_meaning(bench: Bench) -> Measured:
    """How well a linear classifier tells what a sentence asks for, of 77 intents."""
    texts, intents = _questions(bench)
    vectors = bench.subject.vectors(texts, "plain")
    return _taught(
        vectors,
        intents,
        np.arange(len(texts)),
        measure="accuracy: which of 77 intents a sentence has",
        indifferent=1 / len(set(intents)),
        reading="What linear_order and linear_speech are to be compared with: how much of the way to perfect the same "
        "kind of classifier gets about meaning.",
    )


@add_probe("linear_speech", files=(_GLOSSES,))
def linear_speech(bench: Bench) -> Measured:
    """How well a linear classifier tells the part of speech of a word alone: noun, verb, adjective or adverb.

    Words are WordNet's that it lists as one part of speech, those most used in its definitions and examples. What the
    same classifier tells by the last one to four letters is what the model has to surpass.
    """
    found = _words(bench)
    words = [word for some in found.values() for word in some]
    labels = [speech for speech, some in found.items() for _ in some]
    order = Random(bench.seed).sample(range(len(words)), len(words))
    words, labels = [words[i] for i in order], [labels[i] for i in order]
    places = np.arange(len(words))
    return _taught(
        bench.subject.vectors(words, "plain"),
        labels,
        places,
        parts=True,
        measure="accuracy: is a word a noun, a verb, an adjective or an adverb",
        indifferent=float(_right(_endings(words), labels, places).mean()),
        reading="Indifferent is what the last letters of a word tell, not guessing, which is .25: only what is above "
        "that does the model hold of parts of speech itself.",
    )


def _questions(bench: Bench) -> tuple[list[str], list[str]]:
    """Sentences in which two words can be swapped, and their intents."""
    rows = read_rows(RowSource(file=_QUESTIONS, columns={"text": "text", "intent": "label"}), bench.folder())
    kept = [row for row in rows if swap_neighbours(row.text("text"), seed=bench.seed) != row.text("text")]
    drawn = Random(bench.seed).sample(kept, min(_SENTENCES, len(kept)))
    return [row.text("text") for row in drawn], [row.id("intent") for row in drawn]


def _words(bench: Bench) -> Mapping[str, list[str]]:
    """Words by their part of speech, the most used first."""
    speech: dict[str, set[str]] = {}
    uses = Counter[str]()
    columns = {"synset": "synset", "lemmas": "lemmas", "text": "definition", "examples": "examples"}
    for row in read_rows(RowSource(file=_GLOSSES, columns=columns), bench.folder()):
        for lemma in row.texts("lemmas"):
            speech.setdefault(lemma, set()).add(row.id("synset").partition("-")[0])
        for text in (row.text("text"), *row.texts("examples")):
            uses.update(re.findall("[a-z]+", text.lower()))
    found: dict[str, list[str]] = {name: [] for name in _SPEECH.values()}
    for word in sorted((one for one in speech if re.fullmatch("[a-z]{3,}", one)), key=lambda one: (-uses[one], one)):
        if len(speech[word]) == 1 and len(some := found[_SPEECH[next(iter(speech[word]))]]) < _WORDS:
            some.append(word)
    return found


def _taught(
    vectors: Vectors,
    labels: Sequence[str],
    groups: NDArray[np.int64],
    *,
    measure: str,
    indifferent: float,
    reading: str,
    parts: bool = False,
) -> Measured:
    """How often a classifier is right that was taught on half of the groups, about the others."""
    held = _held(groups)
    return Measured(
        measure=measure,
        perfect=1.0,
        indifferent=indifferent,
        values=_right(_evened(vectors, held), labels, groups),
        groups=groups[held],
        parts=[label for label, one in zip(labels, held, strict=True) if one] if parts else [],
        reading=reading,
    )


def _held(groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows (N,) are told, not taught: those of every other group, which come in no order."""
    return groups % 2 == 1


def _right(vectors: Vectors, labels: Sequence[str], groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each held row (H,) was told rightly by what the others taught."""
    held, known = _held(groups), np.array(labels)
    return regression_labels(vectors[~held], known[~held], vectors[held]) == known[held]


def _evened(vectors: Vectors, held: NDArray[np.bool_]) -> Vectors:
    """Vectors (N, D) whose components spread alike among those that teach, so that the penalty suits any model."""
    known = vectors[~held].astype(np.float64)
    spread = known.std(axis=0)
    return ((vectors - known.mean(axis=0)) / np.where(spread > 0, spread, 1)).astype(np.float32)


def _endings(words: Sequence[str]) -> Vectors:
    """A component (N, D) for each ending of one to four letters, 1 for the words that have it."""
    places: dict[str, int] = {}
    rows = [[places.setdefault(f"{n}{word[-n:]}", len(places)) for n in _ENDINGS] for word in words]
    found = np.zeros((len(words), len(places)), np.float32)
    for row, columns in enumerate(rows):
        found[row, columns] = 1
    return found
