"""Encoders whose probes come out as can be told beforehand, and small data in the layout of published sets."""

import json
import re
from functools import cache
from itertools import pairwise
from random import Random

import numpy as np

from likewise.encoding.contract import Contract
from likewise.evaluating.robustness.sentences import deeds, mixtures, statements

WIDTH = 24
LANGUAGES = ("en", "de", "es", "ru", "zh")
_INTENTS = {"money": "cash bank coin loan debt wallet", "animals": "dog horse cat goat owl mouse"}
_FRAMES = ("where did you see the {} before {}", "why is there a {} beside my {}", "we asked for a {} and a {} today")


class MadeEncoder:
    """A text's vector is the mean of those of its features, each random and seeded by the feature."""

    def __init__(self, features, *, name="made", width=WIDTH):
        self.name = name
        self.contract = Contract(
            architecture=name,
            weights="none",
            tokenizer="none",
            pooling="mean",
            normalise=True,
            max_tokens=10_000,
            dimension=width,
            precision="float32",
        )
        self._features = features

    def encode(self, texts, *, role, overflow="error"):
        found = [
            np.mean([_vector(one, self.contract.dimension) for one in self._features(text)], axis=0) for text in texts
        ]
        stacked = np.array(found, np.float32).reshape(-1, self.contract.dimension)
        return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


@cache
def _vector(feature, width):
    return np.random.default_rng(list(feature.encode())).normal(size=width)


def words(text):
    """In small letters, in no order."""
    return sorted(re.findall(r"\w+", text.lower())) or [""]


def cased_words(text):
    return sorted(re.findall(r"\w+", text)) or [""]


def unnegated_words(text):
    """All words but those that deny."""
    return [word for word in words(text) if word not in ("not", "does", "do", "did")]


def pairs_of_words(text):
    """Neighbouring words, so that order tells."""
    found = re.findall(r"\w+", text.lower())
    return [f"{left} {right}" for left, right in pairwise(found)] or [""]


def first_words(text):
    """What a model reads that takes 100 words."""
    return words(" ".join(text.split()[:100]))


def letters(text):
    """Letters in threes, which a typo leaves most of."""
    padded = f" {text.lower()} "
    return [padded[i : i + 3] for i in range(len(padded) - 2)]


class Understanding:
    """One feature for all of our own sentences that mean the same, and another for any other text."""

    def __init__(self):
        self._meanings = {}
        for one in statements(seed=0):
            self._meanings |= {one.says: one.says, one.also: one.says}
            self._meanings |= {one.denies: one.denies, one.also_denies: one.denies}
        for one in deeds(seed=0):
            self._meanings |= {one.active: one.active, one.passive: one.active}
            self._meanings |= {one.swapped_active: one.swapped_active, one.swapped_passive: one.swapped_active}
        for one in mixtures(seed=0):
            self._meanings |= {one.english: one.english, one.mixed: one.english, one.other: one.other}

    def __call__(self, text):
        return [self._meanings.get(text, text)]


class LeakyEncoder(MadeEncoder):
    """One that lets a text's neighbours into its vector."""

    def encode(self, texts, *, role, overflow="error"):
        found = super().encode(texts, role=role, overflow=overflow)
        return (found + 0.1 * found.mean(axis=0)).astype(np.float32)


def write_sets(folder):
    """Small data in the layout of the published sets that probes read."""
    _write(folder / "banking77" / "train.tsv", "\n".join(["label\ttext", *_questions()]))
    _write(folder / "wordnet_glosses" / "synsets.jsonl", "\n".join(map(json.dumps, _synsets())))
    _write(folder / "xquad" / "paragraphs.jsonl", "\n".join(map(json.dumps, _paragraphs())))
    return folder


def _write(path, text):
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n", encoding="utf-8")


def _questions():
    """Two intents by their nouns, in the same frames."""
    for intent, nouns in _INTENTS.items():
        for first in nouns.split():
            for second in nouns.split():
                yield from (f"{intent}\t{frame.format(first, second)}" for frame in _FRAMES if first != second)


def _synsets():
    """Made words of which half are spelled after their part of speech, and two that are of none or of two."""
    chance = Random(0)
    made = {"noun": "ness", "verb": "ate", "adj": "ous", "adv": "ly"}
    for speech, ending in made.items():
        for i in range(60):
            word = "".join(chance.choices("bcdfgklmnprst", k=5)) + (ending if i % 2 else "")
            yield {"synset": f"{speech}-{i}", "lemmas": [word], "definition": f"made {word}", "examples": [word]}
    yield {"synset": "noun-99", "lemmas": ["both", "two words"], "definition": "both both both", "examples": []}
    yield {"synset": "verb-99", "lemmas": ["both"], "definition": "both", "examples": []}


def _paragraphs():
    """German says the same in the same words; the others are of words that nothing else has."""
    chance = Random(1)
    for i in range(12):
        topic = [f"word{chance.randrange(10_000)}" for _ in range(8)]
        for language in LANGUAGES:
            text = topic if language in ("en", "de") else [f"{language}{word[::-1]}" for word in topic]
            questions = [{"id": f"{i}-{n}", "question": " ".join(topic[n : n + 4])} for n in range(2)]
            yield {"lang": language, "para_id": str(i), "title": "none", "context": " ".join(text), "qas": questions}
