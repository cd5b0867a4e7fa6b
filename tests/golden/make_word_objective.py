"""Writes what gensim reaches of the objective of word2vec and fastText on the example handbook.

Run as ``PYTHONPATH=tests python tests/golden/make_word_objective.py`` where gensim is installed;
``tests/words/test_objective.py`` reads the file.
"""

import json
from pathlib import Path

import numpy as np
from gensim.models import FastText, Word2Vec
from word_objective import EPOCHS, MODELS, NEGATIVES, SEEDS, WINDOW, handbook, objective


def gensims(model: str, seed: int) -> float:
    """Train, and measure."""
    kind = FastText if model == "fasttext" else Word2Vec
    options = {"vector_size": 32, "window": WINDOW, "negative": NEGATIVES, "min_count": 3, "sample": 0, "workers": 1}
    if model == "fasttext":
        options["bucket"] = 20_000
    made = kind(handbook(), sg=int(model != "cbow"), epochs=EPOCHS, seed=seed, **options)
    vectors = made.wv.vectors
    if model == "fasttext":  # it trains the sum of n + 1 rows over n, and keeps their mean
        grams = np.array([len(rows) for rows in made.wv.buckets_word])
        vectors = vectors * ((grams + 1) / grams)[:, None]
    return objective(handbook(), made.wv.index_to_key, vectors, made.syn1neg, together=model == "cbow")


def main() -> None:
    """Measure each model with each seed."""
    found = {model: [round(gensims(model, seed), 5) for seed in SEEDS] for model in MODELS}
    to = Path(__file__).parent / "words" / "objective.json"
    to.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
