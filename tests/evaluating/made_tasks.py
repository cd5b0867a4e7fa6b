"""Made data of each kind, and an encoder whose vectors are the same on every machine."""

import json
from pathlib import Path
from random import Random

import numpy as np

from likewise.encoding.contract import Contract
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.subjects import dense_subject

MADE = Path(__file__).parent / "made"
KINDS_BY_MTEB = Path(__file__).parent / "golden" / "kinds.json"
WIDTH = 16


class WordsEncoder:
    """A text's vector is the mean of its words'; those are random, seeded by the word."""

    def __init__(self, *, normalise=True, prompts=None, seed="", similarity="cosine"):
        self.contract = Contract(
            architecture="words",
            weights=f"words {seed}",
            tokenizer="blanks",
            pooling="mean",
            normalise=normalise,
            max_tokens=1000,
            dimension=WIDTH,
            precision="float32",
            prompts=prompts or {},
            similarity=similarity,
        )
        self.asked = []  # texts and their roles, as they were asked for
        self._seed = seed

    def encode(self, texts, *, role, overflow="error"):
        self.asked += [(text, role) for text in texts]
        prompt = self.contract.prompt(role)
        found = np.array([self._vector(prompt + text) for text in texts], np.float32).reshape(-1, WIDTH)
        return found / np.linalg.norm(found, axis=1, keepdims=True) if self.contract.normalise else found

    def _vector(self, text):
        words = [Random(self._seed + word) for word in text.split() or [""]]
        return np.mean([[random.random() - 0.5 for _ in range(WIDTH)] for random in words], axis=0)


def words_subject(**options):
    """The encoder as tasks see it, nothing kept."""
    return dense_subject("words", WordsEncoder(**options), kept=Keeper(None))


def rows(name):
    """The rows of a file of made data."""
    return [json.loads(line) for line in (MADE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def column(name, key):
    return [row[key] for row in rows(name)]
