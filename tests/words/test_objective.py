"""Training reaches as low an objective as gensim does with the same text and settings."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from word_objective import EPOCHS, MODELS, NEGATIVES, SEEDS, WINDOW, handbook, objective

from likewise.words.trainers import cbow, skipgram
from likewise.words.training import TrainingSettings, train

GOLDEN = Path(__file__).parent.parent / "golden"
GENSIM = json.loads((GOLDEN / "words" / "objective.json").read_text())


def ours(model, seed, monkeypatch):
    learnt = []

    def keep(learn):
        return lambda *arguments, **options: learnt.append(learn(*arguments, **options)) or learnt[-1]

    for trainer in (cbow, skipgram):  # whose outputs are not kept otherwise
        monkeypatch.setattr(trainer, "learn", keep(trainer.learn))
    settings = TrainingSettings(
        dimension=32,
        window=WINDOW,
        negatives=NEGATIVES,
        epochs=EPOCHS,
        min_count=3,
        subsampling=0,
        buckets=20_000,
        seed=seed,
    )
    found = train(handbook(), model, settings=settings)
    outputs = found.subwords.context if model == "fasttext" else learnt[-1][1]
    return objective(handbook(), found.words, found.vectors, outputs, together=model == "cbow")


@pytest.mark.parametrize("model", MODELS)
def test_the_objective_is_as_low_as_gensims(model, monkeypatch):
    reached = [ours(model, seed, monkeypatch) for seed in SEEDS]
    assert np.mean(reached) < 1.01 * np.mean(GENSIM[model])


@pytest.mark.oracle
@pytest.mark.parametrize("model", MODELS)
def test_gensim_reaches_what_is_written_down(model):
    gensims = runpy.run_path(str(GOLDEN / "make_word_objective.py"))["gensims"]
    assert [gensims(model, seed) for seed in SEEDS] == pytest.approx(GENSIM[model], rel=0.01)
