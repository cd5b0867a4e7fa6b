"""Skip-gram: each word around foretells the one in the middle (word2vec)."""

from pathlib import Path

from likewise.words._kernels import NO_KIND, Plan, train_pairs
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
        model="skipgram",
        settings=settings,
        learning_rate=settings.rate(0.025),
        vocabulary=vocabulary,
        tables=tables(vocabulary, subsampling=settings.subsampling, hierarchical=settings.hierarchical),
        kernel=train_pairs,
        plan=Plan(window=settings.window, negatives=settings.negatives, kind=NO_KIND, widest=1),
        input_rows=len(vocabulary),
    )
    vectors, _ = learn(sentences, job, checkpoints=checkpoints, progress=progress)
    return WordVectors(words=vocabulary.words, vectors=vectors, counts=vocabulary.counts)


PLUGIN = _train
