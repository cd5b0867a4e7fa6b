"""Continuous bag of words: the mean of the words around foretells the one in the middle (word2vec)."""

from pathlib import Path

from likewise.words._kernels import CBOW, Plan, train_means
from likewise.words._learning import Job, learn
from likewise.words._tables import tables
from likewise.words.training import ToldProgress, TrainingSettings, count_for_training
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Sentences


def _train(
    sentences: Sentences, settings: TrainingSettings, *, checkpoints: Path | None, progress: ToldProgress | None
) -> WordVectors:
    vocabulary = count_for_training(sentences, settings, progress, least=2)
    job = Job(
        model="cbow",
        settings=settings,
        learning_rate=settings.rate(0.05),
        vocabulary=vocabulary,
        tables=tables(vocabulary, subsampling=settings.subsampling, hierarchical=settings.hierarchical),
        kernel=train_means,
        plan=Plan(window=settings.window, negatives=settings.negatives, kind=CBOW, widest=2 * settings.window),
        input_rows=len(vocabulary),
    )
    vectors, _ = learn(sentences, job, checkpoints=checkpoints, progress=progress)
    return WordVectors(words=vocabulary.words, vectors=vectors, counts=vocabulary.counts)


PLUGIN = _train
