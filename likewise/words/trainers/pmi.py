"""Mutual information: how much more often than by chance words meet, decomposed; a baseline without a network."""

import tempfile
from pathlib import Path

from likewise.words.cooccurrences import count_cooccurrences
from likewise.words.information import factorise, positive_information
from likewise.words.training import Progress, ToldProgress, TrainingSettings, count_for_training
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Sentences


def _train(
    sentences: Sentences, settings: TrainingSettings, *, checkpoints: Path | None, progress: ToldProgress | None
) -> WordVectors:
    """Nothing is kept in ``checkpoints``, and epochs mean nothing: the counts are decomposed once."""
    del checkpoints
    vocabulary = count_for_training(sentences, settings, progress, least=2)
    told = None if progress is None else (lambda words: progress(Progress(words=words, total=0)))
    with tempfile.TemporaryDirectory(prefix="likewise-pmi-") as folder:
        counts = count_cooccurrences(
            sentences, vocabulary, Path(folder), window=settings.window, harmonic=False, progress=told
        )
        matrix = positive_information(counts)
    return factorise(matrix, vocabulary, dimension=settings.dimension, seed=settings.seed)


PLUGIN = _train
