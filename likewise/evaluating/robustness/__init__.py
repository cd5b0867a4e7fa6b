"""Probes of what a model's vectors hold, and of what throws them off course.

Each gives one figure with what a perfect model and one that lacks what is asked about would get. Another is one
function with ``add_probe`` in one of these files.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from likewise.encoding.encoder import DenseEncoder
from likewise.errors import LikewiseError
from likewise.evaluating.data_files import find_file
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.robustness import batches, linear, pairs, searches
from likewise.evaluating.robustness.findings import PROBES, Bench, Failure, Finding, find
from likewise.evaluating.subjects import Progress, dense_subject

__all__ = ["PROBES", "Failure", "Finding", "probe", "probe_names"]

_ADDING = (batches, linear, pairs, searches)  # imported for the probes that they add


def probe_names(data: Path | None = None) -> list[str]:
    """The probes whose data is there.

    Args:
        data: The folder that data sets lie in; None for the probes that bring their own texts.
    """
    return [
        name
        for name, one in PROBES.items()
        if all(data is not None and find_file(data, file) is not None for file in one.files)
    ]


def probe(
    encoder: DenseEncoder,
    names: Sequence[str],
    *,
    data: Path | None = None,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> Iterator[Finding | Failure]:
    """What probes find out about a model, one after the other.

    Args:
        encoder: Of any prompts; texts that are neither queries nor documents are read as ``evaluate`` reads the
            sentences of a pair. What it has no room for is cut, and counted.
        names: Of ``PROBES``, such as ``probe_names`` gives.
        data: The folder that data sets lie in.
        seed: Of all that is drawn: words of sentences, typos, halves to be taught on, resamples of intervals.
        progress: Told how many probes are made.

    Returns:
        For each name what was found, or why nothing was.

    Raises:
        UnknownNameError: No such probe; before any is made.
        SettingError: The model's similarity is neither the cosine nor the dot product.
    """
    for name in names:
        PROBES.find(name)
    return _found(encoder, names, data, seed, progress)


def _found(
    encoder: DenseEncoder, names: Sequence[str], data: Path | None, seed: int, progress: Progress
) -> Iterator[Finding | Failure]:
    own = str(getattr(encoder, "name", "the model"))
    with Keeper(None) as kept:
        bench = Bench(encoder=encoder, subject=dense_subject(own, encoder, kept=kept), data=data, seed=seed)
        for done, name in enumerate(names):
            progress(f"{own}: probing", done, len(names))
            try:
                yield find(name, bench)
            except LikewiseError as error:
                yield Failure(probe=name, reason=str(error))
        progress(f"{own}: probing", len(names), len(names))
