"""Train vectors of words and documents from sentences; each model is one file in ``trainers``."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from likewise.errors import SettingError
from likewise.registry import Folder
from likewise.words.documents import DocumentVectors
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Sentences, Vocabulary, count_words


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How to train. The defaults are those of the published word2vec and fastText, but for one epoch.

    Raises:
        SettingError: One of them can't be.
    """

    dimension: int = 100
    window: int = 5  # words to each side, at most: each window is of a chance size up to it
    negatives: int = 5  # words drawn by chance for each one that was there
    hierarchical: bool = False  # foretell the way to a word in a Huffman tree, not the word among negatives
    epochs: int = 1
    min_count: int = 5
    subsampling: float = 1e-3  # the share of all words from which on a word is thinned out; 0 for none
    learning_rate: float | None = None  # to begin with; None is what each model's published code begins with
    final_learning_rate: float = 1e-4  # which it falls to in a straight line
    min_n: int = 3  # characters of an n-gram, at least (fastText)
    max_n: int = 6  # and at most
    buckets: int = 2_000_000  # for n-grams, by hash
    documents: Literal["dbow", "dm"] = "dbow"  # whether a document's vector foretells alone or with words around
    threads: int = 1  # with more than one, two runs differ by a little
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"dimension": 1, "window": 1, "negatives": 1, "epochs": 1, "min_count": 1, "threads": 1, "seed": 0}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise SettingError(f"{name} is {getattr(self, name)}, expected {lowest} or more")
        if self.subsampling < 0:
            raise SettingError(f"subsampling is {self.subsampling}, expected 0 or more")
        self.rate(math.inf)
        if not 0 < self.min_n <= self.max_n or self.buckets < 1:
            raise SettingError(
                f"n-grams of {self.min_n} to {self.max_n} characters in {self.buckets} buckets can't be; "
                "expected a least length from 1 on, a greatest not below it, and a bucket at least"
            )
        if self.documents not in ("dbow", "dm"):
            raise SettingError(f"documents is {self.documents!r}, expected 'dbow' or 'dm'")

    def rate(self, published: float) -> float:
        """The learning rate to begin with, which is the published one unless another was asked for.

        Raises:
            SettingError: It is not above 0, or would not fall.
        """
        first = published if self.learning_rate is None else self.learning_rate
        if not first > 0:
            raise SettingError(f"learning_rate is {first}, expected more than 0")
        if not 0 <= self.final_learning_rate <= first:
            raise SettingError(
                f"the learning rate falls from {first} to {self.final_learning_rate}; "
                "expected the second between 0 and the first"
            )
        return first


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training is."""

    words: int  # of the corpus, rare ones too, over all epochs
    total: int  # 0 while the corpus is counted
    words_per_second: float = 0.0  # since this process began to train
    loss: float = 0.0  # mean over the last while, in nats for one output


ToldProgress: TypeAlias = Callable[[Progress], None]


class Trainer(Protocol):
    """What a file in ``trainers`` has as its ``PLUGIN``."""

    def __call__(
        self,
        sentences: Sentences,
        settings: TrainingSettings,
        *,
        checkpoints: Path | None,
        progress: ToldProgress | None,
    ) -> WordVectors | DocumentVectors: ...


MODELS: Folder[Trainer] = Folder("model", "likewise.words.trainers")


def train(
    sentences: Sentences,
    model: str,
    *,
    settings: TrainingSettings | None = None,
    checkpoints: Path | None = None,
    progress: ToldProgress | None = None,
) -> WordVectors | DocumentVectors:
    """Train vectors.

    Args:
        sentences: Each one its words, such as ``Words(Corpus(paths))``, which is read fastest. They are read once to
            count, and once for each epoch, so a generator will not do. For ``doc2vec`` each is a document.
        model: ``skipgram``, ``cbow``, ``fasttext``, ``glove``, ``pmi`` or ``doc2vec``.
        settings: How. With one thread the same settings and sentences give the same vectors.
        checkpoints: A folder to keep the state of the training in while it lasts. If there is one of the same training,
            it goes on from there, with one thread to the very vectors that it would have had.
        progress: Is told how far the training is.

    Returns:
        Vectors of words, or of documents for ``doc2vec``.

    Raises:
        UnknownNameError: There is no such model.
        SettingError: There is too little text, the sentences can't be read again, or the checkpoint is of another
            training.
        MissingExtraError: numba is not installed.
        StorageError: The disk refused.
    """
    if iter(sentences) is sentences:
        raise SettingError("the sentences can be read only once; give a list, or an object that starts again each time")
    trainer = MODELS.get(model)
    return trainer(sentences, settings or TrainingSettings(), checkpoints=checkpoints, progress=progress)


def count_for_training(
    sentences: Sentences, settings: TrainingSettings, progress: ToldProgress | None, *, least: int
) -> Vocabulary:
    """The vocabulary of a training.

    Args:
        sentences: Read once.
        settings: Of the training.
        progress: Is told how many words were counted.
        least: The fewest words that can be trained.

    Raises:
        SettingError: It has fewer, or fewer than dimensions.
    """
    told = None if progress is None else (lambda words: progress(Progress(words=words, total=0)))
    vocabulary = count_words(sentences, min_count=settings.min_count, progress=told)
    if len(vocabulary) < max(least, settings.dimension):
        raise SettingError(
            f"{len(vocabulary)} different words occur {settings.min_count} times or more, too few for "
            f"{settings.dimension} dimensions; give more text, or choose a lower least count or fewer dimensions"
        )
    return vocabulary
