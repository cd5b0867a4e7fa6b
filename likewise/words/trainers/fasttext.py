"""fastText: skip-gram over words and their n-grams of characters, so that words never seen have vectors."""

from pathlib import Path

import numpy as np

from likewise.types import Ids
from likewise.words._kernels import NGRAMS, Plan, train_means
from likewise.words._learning import Job, learn
from likewise.words._tables import tables
from likewise.words.subwords import FastTextArguments, Subwords, compose, ngram_ids
from likewise.words.training import ToldProgress, TrainingSettings, count_for_training
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Sentences, Vocabulary


def _train(
    sentences: Sentences, settings: TrainingSettings, *, checkpoints: Path | None, progress: ToldProgress | None
) -> WordVectors:
    vocabulary = count_for_training(sentences, settings, progress, least=2)
    rows, spans = _rows(vocabulary, settings)
    widest = int(np.diff(spans).max())
    job = Job(
        model="fasttext",
        settings=settings,
        learning_rate=settings.rate(0.05),
        vocabulary=vocabulary,
        tables=tables(
            vocabulary, subsampling=settings.subsampling, hierarchical=settings.hierarchical, rows=(rows, spans)
        ),
        kernel=train_means,
        plan=Plan(window=settings.window, negatives=settings.negatives, kind=NGRAMS, widest=widest),
        input_rows=len(vocabulary) + settings.buckets,
    )
    inputs, outputs = learn(sentences, job, checkpoints=checkpoints, progress=progress)
    own, buckets = inputs[: len(vocabulary)], inputs[len(vocabulary) :]
    subwords = Subwords(own=own, buckets=buckets, context=outputs, arguments=_arguments(vocabulary, settings))
    vectors = compose(vocabulary.words, own, subwords)
    return WordVectors(words=vocabulary.words, vectors=vectors, counts=vocabulary.counts, subwords=subwords)


def _rows(vocabulary: Vocabulary, settings: TrainingSettings) -> tuple[Ids, Ids]:
    """The input rows of each word, its own and then those of its n-grams, and where they start."""
    ids, starts = ngram_ids(vocabulary.words, min_n=settings.min_n, max_n=settings.max_n, buckets=settings.buckets)
    count = len(vocabulary)
    return np.insert(ids + count, starts[:-1], np.arange(count)), starts + np.arange(count + 1)


def _arguments(vocabulary: Vocabulary, settings: TrainingSettings) -> FastTextArguments:
    return FastTextArguments(
        window=settings.window,
        epochs=settings.epochs,
        min_count=settings.min_count,
        negatives=settings.negatives,
        loss="hierarchical" if settings.hierarchical else "negative",
        buckets=settings.buckets,
        min_n=settings.min_n,
        max_n=settings.max_n,
        sampling=settings.subsampling,
        tokens=vocabulary.total,
    )


PLUGIN = _train
