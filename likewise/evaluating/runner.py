"""Runs tasks over models. What was encoded or scored before is not done again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from platformdirs import user_cache_path

import likewise
from likewise.encoding.finding import Found, find_model
from likewise.encoding.licences import card_values
from likewise.encoding.models import Source, find_checkpoint, load
from likewise.encoding.multi_vector import load_multi_vector
from likewise.encoding.scoring import load_scorer
from likewise.encoding.sparse import load_sparse
from likewise.errors import LikewiseError, SettingError
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.kinds import KINDS
from likewise.evaluating.scores import Failure, Score, from_json, scored, to_json
from likewise.evaluating.subjects import (
    PairSubject,
    Progress,
    ScorerSubject,
    contract_digest,
    dense_subject,
    multi_vector_subject,
    sparse_subject,
)
from likewise.evaluating.task_files import Task, rows_of, task_digest
from likewise.modelling.chain import Kind as Output

Result: TypeAlias = Score | Failure

_LOADERS: Mapping[Output, Callable[..., Any]] = {
    "dense": load,
    "sparse": load_sparse,
    "multi_vector": load_multi_vector,
    "scores": load_scorer,
}
_SUBJECTS: Mapping[Output, Callable[..., PairSubject]] = {
    "dense": dense_subject,
    "sparse": sparse_subject,
    "multi_vector": multi_vector_subject,
    "scores": ScorerSubject,
}


def kept_folder() -> Path:
    """Where vectors and scores are kept if no other folder is named."""
    return user_cache_path("likewise") / "evaluating"


def open_subject(
    name_or_folder: str | Path,
    *,
    label: str = "",
    precision: str = "auto",
    source: Source = Source(),
    folder: Path | None = None,
    progress: Progress = lambda *_: None,
) -> PairSubject:
    """A model of any output, ready to be evaluated.

    Args:
        name_or_folder: As in ``likewise.load``.
        label: What to call it in results; its name if "".
        precision: Of the network, as in ``likewise.load``.
        source: Where it may come from.
        folder: Where its vectors are kept, under the digest of its contract; ``kept_folder`` if None.
        progress: Told what is being done.

    Raises:
        LikewiseError: What ``likewise.load`` raises; SettingError for a similarity that is not evaluated.
    """
    found, output, model = load_any(name_or_folder, precision=precision, source=source, progress=progress)
    return subject_of(label or found.name, output, model, folder=folder, progress=progress)


def subject_of(
    label: str, output: Output, model: Any, *, folder: Path | None = None, progress: Progress = lambda *_: None
) -> PairSubject:
    """A model that is loaded already, as ``load_any`` gives it; arguments and errors are those of ``open_subject``."""
    digest = contract_digest(model.contract)
    kept = Keeper((folder or kept_folder()) / f"vectors-{digest[:32]}.sqlite3")
    subject: PairSubject = _SUBJECTS[output](label, model, kept=kept, progress=progress)
    return subject


def load_any(
    name_or_folder: str | Path,
    *,
    precision: str = "auto",
    source: Source = Source(),
    progress: Progress = lambda *_: None,
) -> tuple[Found, Output, Any]:
    """Where a model is, what it gives, and the model; arguments and errors are those of ``open_subject``."""

    def say(message: str) -> None:
        progress(message, 0, 0)

    found, checkpoint = find_checkpoint(name_or_folder, foreign=True, source=source, progress=say)
    output = checkpoint.chain.kind
    return found, output, _LOADERS[output](name_or_folder, precision=precision, source=source, progress=say)


def listed_languages(name_or_folder: str | Path, *, source: Source = Source()) -> list[str]:
    """The languages that a model's card lists, as ISO 639-1 codes; none if it says nothing, or that they are many."""
    found = find_model(
        name_or_folder, revision=source.revision, offline=source.offline, accept_licence=source.accept_licence
    )
    listed = card_values(found.folder, "language")
    return [] if "multilingual" in listed else listed


def can_do(subject: PairSubject, task: Task) -> bool:
    """Whether a model gives what a task needs."""
    return KINDS.get(task.kind).needs in subject.gives


def evaluate(
    subject: PairSubject,
    tasks: Sequence[Task],
    *,
    data: Path | None,
    kept: Keeper,
    progress: Progress = lambda *_: None,
) -> Iterator[Result]:
    """A model's score on each task, or why there is none.

    Args:
        subject: The model.
        tasks: Any number.
        data: The folder that the tasks' files lie below; None takes that of a task's own file.
        kept: Scores of before, and where new ones are put.
        progress: Told which task is being scored.
    """
    for number, task in enumerate(tasks):
        progress(f"{subject.name}: {task.name}", number, len(tasks))
        try:
            yield _score(subject, task, data, kept)
        except LikewiseError as error:
            yield Failure(model=subject.name, task=task.name, reason=str(error))


def _score(subject: PairSubject, task: Task, data: Path | None, kept: Keeper) -> Score:
    kind = KINDS.get(task.kind)
    if kind.needs not in subject.gives:
        gives = ", ".join(sorted(subject.gives))
        raise SettingError(f"{subject.name} gives {gives}, and a task of {task.kind} needs {kind.needs}")
    digest = task_digest(task, data)
    said = f"{likewise.__version__} {subject.fingerprint} {digest}"
    key = sha256(said.encode()).digest()
    if (line := kept.get([key]).get(key)) is not None:
        return replace(from_json(line.decode()), model=subject.name, task=task.name)
    subject.take_cut()  # of a task before that failed
    outcome = kind.score(rows_of(task, data), task.settings, subject)
    found = scored(outcome, model=subject.name, task=task.name, cut=subject.take_cut(), data=digest)
    kept.put({key: to_json(found).encode()})
    return found
