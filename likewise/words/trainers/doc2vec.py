"""Doc2Vec: a vector for each document, which foretells its words, alone or with the words around (PV-DBOW, PV-DM)."""

from pathlib import Path

from likewise.errors import SettingError
from likewise.words._kernels import DBOW, DM, Plan, train_means
from likewise.words._learning import Job, learn
from likewise.words._tables import tables
from likewise.words.documents import DocumentVectors
from likewise.words.training import ToldProgress, TrainingSettings, count_for_training
from likewise.words.vocabulary import Sentences


def _train(
    sentences: Sentences, settings: TrainingSettings, *, checkpoints: Path | None, progress: ToldProgress | None
) -> DocumentVectors:
    if settings.hierarchical:
        raise SettingError("doc2vec is trained with negative samples alone; leave out 'hierarchical'")
    vocabulary = count_for_training(sentences, settings, progress, least=1)
    with_words = settings.documents == "dm"
    count = len(vocabulary) if with_words else 0
    job = Job(
        model="doc2vec",
        settings=settings,
        learning_rate=settings.rate(0.025),
        vocabulary=vocabulary,
        tables=tables(vocabulary, subsampling=settings.subsampling, hierarchical=False),
        kernel=train_means,
        plan=Plan(
            window=settings.window,
            negatives=settings.negatives,
            kind=DM if with_words else DBOW,
            widest=2 * settings.window + 1,
        ),
        input_rows=count + vocabulary.sentences,
        documents_from=count,
    )
    inputs, outputs = learn(sentences, job, checkpoints=checkpoints, progress=progress)
    return DocumentVectors(
        vectors=inputs[count:],
        words=vocabulary.words,
        counts=vocabulary.counts,
        outputs=outputs,
        inputs=inputs[:count] if with_words else None,
        window=settings.window,
        negatives=settings.negatives,
        subsampling=settings.subsampling,
    )


PLUGIN = _train
