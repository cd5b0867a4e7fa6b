"""Settings chosen on a user's own queries: what each is worth, how sure that is, and the choice put to use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from likewise.chunking import ChunkSettings
from likewise.encoding.packing import Precision, require_count
from likewise.errors import DataError, SettingError
from likewise.evaluating.significance import Interval, PairedTest, holm, interval, paired_test
from likewise.evaluating.subjects import Progress
from likewise.evaluating.tuning.axes import Axis, Setup, axes_of, usual_chunks
from likewise.evaluating.tuning.choosing import Folds, HeldOut, choose, held_out
from likewise.evaluating.tuning.cutting import Cuttings
from likewise.evaluating.tuning.labels import LabelledQueries, read_labels
from likewise.evaluating.tuning.listing import Listing, list_index
from likewise.evaluating.tuning.measures import OF_DOCUMENTS, OF_SPANS, measure_of
from likewise.evaluating.tuning.trying import Trial
from likewise.searching.index import Index
from likewise.storing import open_store
from likewise.types import Document

_SURE = 0.05
_SMALLER: tuple[Precision, ...] = ("float16", "int8", "binary")
_FEW = 50  # queries, below which only great differences show


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSettings:
    """How settings are tried.

    Raises:
        SettingError: A value that makes no sense.
    """

    measure: str = ""  # as in ``measure_of``; "" for ndcg@10, or span_recall_within@4000 where spans answer
    folds: int = 5  # outer and inner ones
    seed: int = 0  # of the folds
    max_tokens: Sequence[int] = ()  # sizes of chunks to try; none for the usual ones

    def __post_init__(self) -> None:
        require_count("folds", self.folds)
        if self.folds < 2:
            raise SettingError("folds is 1; with at least 2, something is chosen on one and measured on another")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What choosing was worth, on queries that had no part in it."""

    before: float  # the measure with the index as it is
    after: float  # with what was chosen for each fold without it
    difference: Interval  # at 95 %
    test: PairedTest
    p_value: float  # two-sided; of axes, corrected for all of them

    @property
    def significant(self) -> bool:
        """Whether it is a rise, and more than chance gives."""
        return self.difference.estimate > 0 and self.p_value <= _SURE


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisReport:
    """One axis: what the index has, what was chosen, and what choosing on this axis alone is worth."""

    name: str
    now: str
    chosen: str  # on all queries, together with the other axes
    agreeing: int  # how many folds chose the same
    tried: int  # alternatives
    alone: Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Smaller:
    """What vectors in fewer bits would cost, searched without rescoring, with the choice; nothing is chosen by it."""

    precision: Precision
    value: float  # the measure, on all queries
    difference: Interval  # to float32, at 95 %
    p_value: float  # two-sided, corrected for all precisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What was tried, and what came out."""

    measure: str
    queries: int
    folds: int
    now: Setup
    choice: Setup  # on all queries
    gain: Gain  # of choosing on all axes together
    axes: Sequence[AxisReport]
    smaller: Sequence[Smaller]
    notes: Sequence[str]  # what a reader should know

    @property
    def verdict(self) -> str:
        """What it means, in a sentence."""
        if self.choice == self.now:
            return "The index is best left as it is: nothing that was tried gains more than chance may give."
        if self.gain.significant:
            return f"The choice is better by more than chance gives (p {self.gain.p_value:.2g})."
        return (
            f"No difference is significant (p {self.gain.p_value:.2g}, {self.queries} queries): what was chosen may be "
            "no better than what is there."
        )


def kept_folder() -> Path:
    """Where what was found out is kept if no other folder is named."""
    return user_cache_path("likewise") / "tuning"


def index_labels(index: str | Path, *, queries: Path, qrels: Path | None = None) -> LabelledQueries:
    """Labelled queries of files, for an index: ``read_labels`` says what is in them.

    Raises:
        ArtifactError: There is no index, or it is damaged.
        DataError: A line of the files can't be used.
    """
    with open_store(index, mode="read") as store:
        return read_labels(queries, qrels, list_index(store))


def tune(
    index: str | Path,
    labels: LabelledQueries,
    *,
    documents: Iterable[Document] = (),
    settings: TuneSettings = TuneSettings(),
    folder: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Tuning:
    """Try settings of an index on labelled queries. The index stays as it is.

    How documents are cut, BM25's parameters, fusion, smoothing, feedback and, if there is a reranker, its depth are
    chosen one after the other, by nested cross-validation: inner folds choose, and what was chosen is measured on an
    outer fold that had no part in it. How good each setup is on each query is kept, so that a run that was stopped
    goes on from there.

    Args:
        index: Its folder.
        labels: From ``read_labels``, or made of ids of the index's documents.
        documents: All that the index holds, to be cut in other ways; none to keep how it cuts.
        settings: How settings are tried.
        folder: Where what is found out is kept; ``kept_folder`` if None.
        progress: Told what is being done, how much of it is done and of how much.

    Raises:
        ArtifactError: There is no index, or it is damaged.
        DataError: It is empty, ``documents`` are not what it holds, a label names what it does not hold, or there are
            fewer queries than folds need.
        UnknownNameError: No such measure.
        SettingError: Chunks that the model has no room for.
    """
    if len(labels.texts) < 2 * settings.folds:
        raise DataError(
            f"{len(labels.texts)} queries are too few for {settings.folds} folds: give at least {2 * settings.folds}, "
            "or ask for fewer folds"
        )
    name = settings.measure or (OF_SPANS if labels.spans else OF_DOCUMENTS)
    measure = measure_of(name, labels)
    with Cuttings(Path(index), documents, folder=folder or kept_folder(), progress=progress) as cuttings:
        _require_known(labels, cuttings.listing)
        now = Setup(chunks=cuttings.facts.chunks, search=cuttings.search)
        axes = axes_of(now, _chunks(cuttings, now.chunks, settings) if documents else ())
        trial = Trial(labels, measure, name=name, cutting_of=cuttings.of, keeper=cuttings.keeper)
        _try_all(axes, now, trial, progress)
        report = _Choosing(axes, now, trial, len(labels.texts), Folds(count=settings.folds, seed=settings.seed))
        choice, gain, found = report.outcome(progress)
        smaller = _smaller(trial, choice, progress)
    notes = list(labels.notes)
    if len(labels.texts) < _FEW:
        notes.append(f"{len(labels.texts)} queries show great differences only; {_FEW} and more are better")
    return Tuning(
        measure=name,
        queries=len(labels.texts),
        folds=settings.folds,
        now=now,
        choice=choice,
        gain=gain,
        axes=found,
        smaller=smaller,
        notes=notes,
    )


def put_to_use(
    tuning: Tuning,
    index: str | Path,
    *,
    documents: Iterable[Document] = (),
    to: Path | None = None,
    folder: Path | None = None,
) -> None:
    """Let an index answer as was chosen.

    Args:
        tuning: What ``tune`` gave.
        index: The folder of the index that was tuned.
        documents: As given to ``tune``; needed for a new index.
        to: The folder of a new index of the same documents, cut as was chosen; None to change the settings of the
            index itself.
        folder: As given to ``tune``: what was embedded there is not embedded again.

    Raises:
        SettingError: The choice cuts documents otherwise, and no new folder is named.
        LockedError: Another process is writing to the index.
    """
    if to is not None:
        with Cuttings(Path(index), documents, folder=folder or kept_folder(), progress=lambda *_: None) as cuttings:
            made = cuttings.save(to, tuning.choice.chunks)
        made.configure(tuning.choice.search)
        return
    if tuning.choice.chunks != tuning.now.chunks:
        raise SettingError(
            "the choice cuts documents otherwise, and an index can't be cut again: name a folder for a new one"
        )
    Index(index).configure(tuning.choice.search)


@dataclass(frozen=True, slots=True)
class _Choosing:
    """All that choosing needs."""

    axes: Sequence[Axis]
    now: Setup
    trial: Trial
    queries: int
    folds: Folds

    def outcome(self, progress: Progress) -> tuple[Setup, Gain, list[AxisReport]]:
        """The choice on all queries, what choosing is worth, and what each axis is worth alone."""
        choice = choose(self.axes, self.now, self.trial.values, np.arange(self.queries), self.folds)
        alone = []
        for number, axis in enumerate(self.axes):
            progress("choosing in folds", number, len(self.axes) + 1)
            alone.append(held_out([axis], self.now, self.trial.values, self.queries, self.folds))
        together = held_out(self.axes, self.now, self.trial.values, self.queries, self.folds)
        progress("choosing in folds", len(self.axes) + 1, len(self.axes) + 1)
        tests = [self._test(one) for one in alone]
        raised = holm([test.p_value for test in tests])
        reports = [
            AxisReport(
                name=axis.name,
                now=axis.shown(self.now),
                chosen=axis.shown(choice),
                agreeing=sum(axis.shown(setup) == axis.shown(choice) for setup in together.setups),
                tried=len(axis.options(self.now)) - 1,
                alone=self._gain(one, test, float(p_value)),
            )
            for axis, one, test, p_value in zip(self.axes, alone, tests, raised, strict=True)
        ]
        test = self._test(together)
        return choice, self._gain(together, test, test.p_value), reports

    def _test(self, held: HeldOut) -> PairedTest:
        return paired_test(self.trial.values(self.now), held.values)

    def _gain(self, held: HeldOut, test: PairedTest, p_value: float) -> Gain:
        before = self.trial.values(self.now)
        return Gain(
            before=float(before.mean()),
            after=float(held.values.mean()),
            difference=interval(held.values - before),
            test=test,
            p_value=p_value,
        )


def _smaller(trial: Trial, choice: Setup, progress: Progress) -> list[Smaller]:
    """Each vector precision below float32 beside it."""
    whole, values = trial.values(choice), []
    for number, precision in enumerate(_SMALLER):
        progress("trying vectors in fewer bits", number, len(_SMALLER))
        values.append(trial.values(choice, vectors=precision))
    progress("trying vectors in fewer bits", len(_SMALLER), len(_SMALLER))
    raised = holm([paired_test(whole, some).p_value for some in values])
    return [
        Smaller(
            precision=precision,
            value=float(some.mean()),
            difference=interval(some - whole),
            p_value=float(p_value),
        )
        for precision, some, p_value in zip(_SMALLER, values, raised, strict=True)
    ]


def _try_all(axes: Sequence[Axis], now: Setup, trial: Trial, progress: Progress) -> None:
    """Each alternative beside the rest as it is: most of what choosing will ask for."""
    for axis in axes:
        options = axis.options(now)
        for number, one in enumerate(options):
            progress(f"trying {axis.name}", number, len(options))
            trial.values(one)
        progress(f"trying {axis.name}", len(options), len(options))


def _chunks(cuttings: Cuttings, now: ChunkSettings, settings: TuneSettings) -> list[ChunkSettings]:
    if not settings.max_tokens:
        return usual_chunks(now, max_tokens=cuttings.facts.contract.max_tokens)
    way = "auto" if now.way == "whole" else now.way
    return [
        ChunkSettings(way=way, max_tokens=size, prepend_heading=now.prepend_heading) for size in settings.max_tokens
    ]


def _require_known(labels: LabelledQueries, listing: Listing) -> None:
    for query, judged in labels.qrels.items():
        for document in judged:
            if document not in listing.lengths and not listing.is_blank(document):
                raise DataError(f"query {query!r}: no document of the index has the id {document!r}")
    for query, spans in labels.spans.items():
        for span in spans:
            if span.end > listing.lengths.get(span.document, 0):
                raise DataError(
                    f"query {query!r}: the span {span.start} to {span.end} is not within a document of the index "
                    f"called {span.document!r}"
                )
