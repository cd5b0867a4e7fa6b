"""GloVe: vectors whose products foretell the logarithm of how often words occur near each other."""

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from likewise.errors import SettingError
from likewise.types import Vectors
from likewise.words._checkpoints import Checkpoints, Position
from likewise.words._counting import fit_records
from likewise.words.cooccurrences import Records, count_cooccurrences, read_records, scatter
from likewise.words.training import Progress, ToldProgress, TrainingSettings, count_for_training
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Sentences

_PIECE = 1 << 16  # records between reports
_LEAST_WORDS = 2
_RATE = 0.05  # of AdaGrad, which lowers it for each number by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class GloveSettings:
    """What GloVe alone has to set, as published (Pennington, Socher and Manning 2014, section 4.2)."""

    cutoff: float = 100.0  # the count from which on pairs have weight 1; 10 suits small corpora
    power: float = 0.75  # of the weight of rarer ones

    def __post_init__(self) -> None:
        if not (self.cutoff > 0 and self.power >= 0):
            raise SettingError(
                f"a cutoff of {self.cutoff} and a power of {self.power} can't be; "
                "expected the first above 0, and the second not below it"
            )


@dataclass(frozen=True, slots=True)
class State:
    """What is fitted: for words and for contexts (V, 2 (D + 1)) a vector and a bias, and the squares of their steps."""

    words: Vectors
    contexts: Vectors

    @classmethod
    def random(cls, words: int, dimension: int, *, seed: int) -> "State":
        """Small random numbers, and squares of 1."""
        random = np.random.default_rng(seed)
        made = []
        for _ in range(2):
            start = (random.random((words, dimension + 1), np.float32) - np.float32(0.5)) / np.float32(dimension)
            made.append(np.hstack([start, np.ones_like(start)]))
        return cls(*made)

    def vectors(self) -> Vectors:
        """The sum of the vectors of words and contexts (V, D), which is better than either (section 4.2)."""
        dimension = self.words.shape[1] // 2 - 1
        return np.ascontiguousarray(self.words[:, :dimension] + self.contexts[:, :dimension])


def train_glove(
    sentences: Sentences,
    settings: TrainingSettings,
    *,
    checkpoints: Path | None = None,
    progress: ToldProgress | None = None,
    glove: GloveSettings = GloveSettings(),
) -> WordVectors:
    """Count pairs of words, then fit vectors to the counts: an epoch reads all counts, not the corpus.

    Args:
        sentences: Read twice.
        settings: Dimension, window, epochs, least count, learning rate, threads and seed; the others are of other
            models.
        checkpoints: A folder to keep the state in after each epoch.
        progress: Is told how far it is, in words of the corpus.
        glove: What is set for GloVe alone.

    Raises:
        SettingError: There is too little text, or the checkpoint is of another training.
        DataError: No two words are near each other.
        StorageError: The disk refused.
    """
    vocabulary = count_for_training(sentences, settings, progress, least=_LEAST_WORDS)
    kept = Checkpoints(checkpoints, model="glove", settings=settings, vocabulary=vocabulary)
    found = kept.read()
    state = State(*found[:2]) if found else State.random(len(vocabulary), settings.dimension, seed=settings.seed)
    first = found[2].epoch if found else 0
    report = _Report(progress, words=vocabulary.total, epochs=settings.epochs)
    with tempfile.TemporaryDirectory(prefix="likewise-glove-") as folder:
        counts = count_cooccurrences(
            sentences, vocabulary, Path(folder), window=settings.window, progress=report.counted
        )
        shards = scatter(counts, Path(folder), seed=settings.seed)
        for epoch in range(first, settings.epochs):
            run_epoch(state, shards, epoch, settings=settings, glove=glove, told=report.fitted)
            if kept.wanted:
                kept.write(state.words, state.contexts, Position(epoch=epoch + 1, blocks=epoch + 1))
    return WordVectors(words=vocabulary.words, vectors=state.vectors(), counts=vocabulary.counts)


def run_epoch(
    state: State,
    shards: Sequence[Path],
    epoch: int,
    *,
    settings: TrainingSettings,
    glove: GloveSettings = GloveSettings(),
    told: Callable[[int, float, float], None] = lambda *_: None,
) -> float:
    """Fit all records once, in an order that seed and epoch choose; gives the mean loss before each step.

    Raises:
        SettingError: The loss is no number any more.
    """
    total, done, rate = 0.0, 0, settings.rate(_RATE)
    records_in_all = sum(shard.stat().st_size for shard in shards) // 12
    order = np.random.default_rng((settings.seed, epoch)).permutation(len(shards))
    with ThreadPoolExecutor(settings.threads) as pool:
        for number in order:
            records = shuffled(read_records(shards[number]), settings.seed, epoch)
            starts = range(0, len(records.rows), _PIECE * settings.threads)
            for start in starts:
                pieces = [start + _PIECE * thread for thread in range(settings.threads)]
                total += sum(pool.map(partial(_fit, state, records, rate=rate, glove=glove), pieces))
                done += min(_PIECE * settings.threads, len(records.rows) - start)
                told(epoch, done / records_in_all, total / done)
    if not np.isfinite(total):
        raise SettingError(f"the loss is {total} in epoch {epoch + 1}; lower the learning rate ({rate})")
    return total / done


def shuffled(records: Records, seed: int, epoch: int) -> Records:
    """Records in the order that an epoch takes them."""
    order = np.random.default_rng((seed, epoch, len(records.rows))).permutation(len(records.rows))
    return Records(records.rows[order], records.columns[order], records.values[order])


def _fit(state: State, records: Records, start: int, *, rate: float, glove: GloveSettings) -> float:
    piece = slice(start, start + _PIECE)
    taken = records.rows[piece], records.columns[piece], records.values[piece]
    return float(fit_records(taken, state.words, state.contexts, rate, glove.cutoff, glove.power))


class _Report:
    """Tells progress in words of the corpus, as the other models do."""

    def __init__(self, progress: ToldProgress | None, *, words: int, epochs: int) -> None:
        self._progress, self._words, self._epochs = progress, words, epochs
        self._since: tuple[float, float] | None = None  # seconds and words when fitting began

    def counted(self, words: int) -> None:
        if self._progress is not None:
            self._progress(Progress(words=words, total=0))

    def fitted(self, epoch: int, share: float, loss: float) -> None:
        if self._progress is None:
            return
        now, words = time.perf_counter(), (epoch + share) * self._words
        before, start = self._since = self._since or (now, words)
        speed = (words - start) / (now - before) if now > before else 0.0
        self._progress(
            Progress(words=round(words), total=self._words * self._epochs, words_per_second=speed, loss=loss)
        )


PLUGIN = train_glove
