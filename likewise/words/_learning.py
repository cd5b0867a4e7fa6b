"""The course of a training: blocks of sentences through a kernel on several threads, with checkpoints."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from likewise.errors import SettingError
from likewise.words._checkpoints import Checkpoints, Position
from likewise.words._encoding import Encoded, encode_blocks
from likewise.words._kernels import Block, Matrix, Plan
from likewise.words._tables import Tables
from likewise.words.training import Progress, ToldProgress, TrainingSettings
from likewise.words.vocabulary import Sentences, Vocabulary

_BLOCK_WORDS = 10_000  # as in the published code; the learning rate is one over a block
_LANES = 8  # numbers in a vector register, which rows are padded to
_MEMORY = 0.99  # of the shown loss, for each block
_CHECKPOINT_S = 300.0

Kernel = Callable[[Block, Matrix, Matrix, Tables, Plan, float, np.uint64], tuple[float, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is trained, and how. ``documents_from`` is the input row of the first sentence's document."""

    model: str
    settings: TrainingSettings
    learning_rate: float  # to begin with
    vocabulary: Vocabulary
    tables: Tables
    kernel: Kernel
    plan: Plan
    input_rows: int
    documents_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    block: Block
    before: Position
    after: Position


class _Course:
    """The weights, how far they are trained, and the loss of late. Only one thread changes all but the weights."""

    def __init__(self, job: Job, inputs: Matrix, outputs: Matrix, position: Position) -> None:
        self.job, self.inputs, self.outputs, self.position = job, inputs, outputs, position
        self.loss, self.weight = 0.0, 0.0
        self._lock = Lock()

    def run(self, work: _Work) -> None:
        """Train on one block."""
        settings = self.job.settings
        total = self.job.vocabulary.total * settings.epochs
        fall = (self.job.learning_rate - settings.final_learning_rate) * work.before.words / total
        loss, terms = self.job.kernel(
            work.block,
            self.inputs,
            self.outputs,
            self.job.tables,
            self.job.plan,
            self.job.learning_rate - fall,
            np.random.SeedSequence([settings.seed, work.before.blocks]).generate_state(1, np.uint64)[0] | np.uint64(1),
        )
        with self._lock:
            if work.after.blocks > self.position.blocks:
                self.position = work.after
            self.loss, self.weight = self.loss * _MEMORY + loss, self.weight * _MEMORY + terms

    @property
    def mean_loss(self) -> float:
        """Of one output, over the last hundred blocks or so; 0 before any."""
        return self.loss / self.weight if self.weight else 0.0


def learn(
    sentences: Sentences, job: Job, *, checkpoints: Path | None, progress: ToldProgress | None
) -> tuple[Matrix, Matrix]:
    """Train; gives inputs (R, D) and outputs (V, D) float32.

    Raises:
        SettingError: The sentences change from one reading to the next, none has two known words, or it diverged.
        StorageError: The disk refused.
    """
    kept = Checkpoints(checkpoints, model=job.model, settings=job.settings, vocabulary=job.vocabulary)
    found = kept.read()
    course = _Course(job, *(_new_weights(job) if found is None else found))
    pool = ThreadPoolExecutor(job.settings.threads)
    try:
        _train(sentences, course, pool, kept, progress)
    except KeyboardInterrupt:
        pool.shutdown(cancel_futures=True)
        kept.write(course.inputs, course.outputs, course.position)
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return _trained(course)


def _train(
    sentences: Sentences, course: _Course, pool: ThreadPoolExecutor, kept: Checkpoints, progress: ToldProgress | None
) -> None:
    began, words_before, saved = time.monotonic(), course.position.words, time.monotonic()
    pending: deque[Future[None]] = deque()
    for work in _works(sentences, course.job, course.position):
        pending.append(pool.submit(course.run, work))
        if len(pending) > 2 * course.job.settings.threads:
            pending.popleft().result()
        if kept.wanted and time.monotonic() - saved > _CHECKPOINT_S:
            _finish(pending)
            kept.write(course.inputs, course.outputs, course.position)
            saved = time.monotonic()
        if progress:
            words = course.position.words
            speed = (words - words_before) / max(time.monotonic() - began, 1e-9)
            total = course.job.vocabulary.total * course.job.settings.epochs
            progress(Progress(words=words, total=total, words_per_second=speed, loss=course.mean_loss))
    _finish(pending)


def _finish(pending: deque[Future[None]]) -> None:
    while pending:
        pending.popleft().result()


def _works(sentences: Sentences, job: Job, position: Position) -> Iterator[_Work]:
    """The blocks of all epochs, from a position on."""
    for epoch in range(position.epoch, job.settings.epochs):
        for block in encode_blocks(sentences, job.vocabulary, skip=position.sentence, least=_BLOCK_WORDS):
            work = _work(block, job, position)
            position = work.after
            yield work
        words = position.words - epoch * job.vocabulary.total
        if words != job.vocabulary.total:
            raise SettingError(
                f"the corpus has {words} words now, but {job.vocabulary.total} when it was counted; "
                "it may not change while it is trained on"
            )
        position = Position(epoch=epoch + 1, blocks=position.blocks, words=position.words)


def _work(encoded: Encoded, job: Job, before: Position) -> _Work:
    documents = np.arange(len(encoded)) + before.sentence + job.documents_from
    after = Position(
        epoch=before.epoch,
        sentence=before.sentence + len(encoded),
        blocks=before.blocks + 1,
        words=before.words + int(encoded.words.sum()),
    )
    return _Work(block=Block(encoded.ids, encoded.starts, documents), before=before, after=after)


def _new_weights(job: Job) -> tuple[Matrix, Matrix, Position]:
    """Small random inputs and outputs of zero, as in the published code; columns beyond the dimension are zero."""
    dimension = job.settings.dimension
    width = -(-dimension // _LANES) * _LANES
    inputs = np.zeros((job.input_rows, width), np.float32)
    random = np.random.default_rng(job.settings.seed)
    for row in range(0, job.input_rows, _BLOCK_WORDS):  # in parts, for the random numbers take memory too
        part = inputs[row : row + _BLOCK_WORDS, :dimension]
        part[:] = (random.random(part.shape, np.float32) - 0.5) * (2 / dimension)
    return inputs, np.zeros((len(job.vocabulary), width), np.float32), Position()


def _trained(course: _Course) -> tuple[Matrix, Matrix]:
    dimension = course.job.settings.dimension
    inputs, outputs = course.inputs[:, :dimension], course.outputs[:, :dimension]
    if not outputs.any():
        raise SettingError("nothing was learnt: no sentence has two known words; put more than one word in a line")
    if not (np.isfinite(inputs).all() and np.isfinite(outputs).all()):
        rate = course.job.learning_rate
        raise SettingError(f"the training diverged at a learning rate of {rate}; choose a lower one")
    return np.ascontiguousarray(inputs), np.ascontiguousarray(outputs)
