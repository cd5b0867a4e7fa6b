"""How often words occur near each other, counted in bounded memory: what does not fit is kept on disk, sorted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise.errors import DataError, SettingError, StorageError
from likewise.types import Ids
from likewise.words._counting import count_pairs
from likewise.words.vocabulary import Sentences, Vocabulary

_PAIR = np.dtype([("key", "<i8"), ("value", "<f8")])
_SLOT_BYTES = 64  # of which 16 are the table, and the others are for sorting it
_FULL = 0.7  # share of slots in use from which on a table is slow
_BATCH_WORDS = 100_000  # counted between looks at how full it is
_MERGED = 1 << 21  # pairs read from all runs at a time
_FEWEST_SLOTS = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooccurrences:
    """Counts of unordered pairs of words, as sorted runs in files."""

    words: int  # V
    runs: tuple[Path, ...]  # a pair may be in several
    pairs: int  # in all runs together

    def blocks(self) -> Iterator[tuple[Ids, Ids, NDArray[np.float64]]]:
        """All pairs, each once, in the order of their rows: lower row (N,), higher or same row (N,), count (N,)."""
        for keys, values in _merged([np.memmap(run, _PAIR, "r") for run in self.runs]):
            yield keys // self.words, keys % self.words, values


@dataclass(frozen=True, slots=True)
class Records:
    """Entries of the symmetric matrix of counts, both ways round and in no order."""

    rows: NDArray[np.int32]  # (N,)
    columns: NDArray[np.int32]  # (N,)
    values: NDArray[np.float32]  # (N,)


_RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f4")])


def count_cooccurrences(
    sentences: Sentences,
    vocabulary: Vocabulary,
    folder: Path,
    *,
    window: int = 15,
    harmonic: bool = True,
    memory_bytes: int = 1 << 29,
    progress: Callable[[int], None] | None = None,
) -> Cooccurrences:
    """Count pairs of words that are at most some words apart in a sentence; words not in the vocabulary are left out.

    Args:
        sentences: Read once.
        vocabulary: The words that count.
        folder: Where runs are written; it must be there.
        window: Words to each side.
        harmonic: Whether a pair at distance d counts 1/d, as GloVe has it, or 1.
        memory_bytes: For counts, and for sorting them; if they are more, what there is goes to disk, and counting goes
            on with an empty table.
        progress: Is told how many words of the sentences were read.

    Raises:
        SettingError: The window or the memory is too small.
        DataError: No two words are near each other.
        StorageError: The disk refused.
    """
    slots = 1 << max(memory_bytes // _SLOT_BYTES, 1).bit_length() - 1
    needed = 1 << (2 * vocabulary.known * window).bit_length()  # there are no more pairs, even if all differ
    if window < 1 or slots < max(_FEWEST_SLOTS, 2 * window):  # the words beside one must find room in an empty table
        raise SettingError(
            f"a window of {window} words and {memory_bytes} bytes of memory do not go together; "
            f"expected 1 word and {max(_FEWEST_SLOTS, 2 * window) * _SLOT_BYTES} bytes, or more"
        )
    slots = min(slots, max(needed, _FEWEST_SLOTS))
    keys, values = np.zeros(slots, np.int64), np.zeros(slots, np.float64)
    weights = 1 / np.arange(1, window + 1) if harmonic else np.ones(window)
    runs: list[Path] = []
    used = pairs = 0
    for ids, starts, read in _batches(sentences, vocabulary):
        at = 0
        while at < len(ids):
            at, used = count_pairs(
                (ids, starts), at, len(vocabulary), weights, (keys, values), used, int(slots * _FULL)
            )
            if at < len(ids):
                pairs += _spill(keys, values, runs, folder)
                used = 0
        if progress is not None:
            progress(read)
    pairs += _spill(keys, values, runs, folder) if used else 0
    if not pairs:
        raise DataError("no two words of the vocabulary are near each other; give longer sentences")
    return Cooccurrences(words=len(vocabulary), runs=tuple(runs), pairs=pairs)


def scatter(counts: Cooccurrences, folder: Path, *, seed: int = 0, shard_bytes: int = 1 << 26) -> list[Path]:
    """Write both orders of each pair into files by chance, each of which fits into memory to be shuffled.

    Args:
        counts: What to write.
        folder: Where; it must be there.
        seed: Of the choice.
        shard_bytes: About how large a file gets.

    Raises:
        StorageError: The disk refused.
    """
    random = np.random.default_rng(seed)
    shards = [folder / f"records-{n:04d}" for n in range(ceil(2 * counts.pairs * _RECORD.itemsize / shard_bytes))]
    for shard in shards:
        _append(shard, np.empty(0, _RECORD))
    for rows, columns, values in counts.blocks():
        same = rows == columns
        records = np.empty(2 * len(rows) - int(same.sum()), _RECORD)
        records["row"] = np.append(rows, columns[~same])
        records["column"] = np.append(columns, rows[~same])
        records["value"] = np.append(np.where(same, 2 * values, values), values[~same])  # a word beside itself: twice
        chosen = random.integers(len(shards), size=len(records))
        for number, shard in enumerate(shards):
            _append(shard, records[chosen == number])
    return shards


def read_records(shard: Path) -> Records:
    """The records of one file that ``scatter`` wrote."""
    found = np.fromfile(shard, _RECORD)
    return Records(*(np.ascontiguousarray(found[name]) for name in ("row", "column", "value")))


def _batches(sentences: Sentences, vocabulary: Vocabulary) -> Iterator[tuple[NDArray[np.int32], Ids, int]]:
    """Sentences as places in the vocabulary (N,), where each starts (S + 1,), and how many words were read."""
    ids: list[int] = []
    starts, read = [0], 0
    places = vocabulary.places
    for sentence in sentences:
        ids += [places[word] for word in sentence if word in places]
        starts.append(len(ids))
        read += len(sentence)
        if len(ids) >= _BATCH_WORDS:
            yield np.array(ids, np.int32), np.array(starts, np.int64), read
            ids, starts = [], [0]
    if ids:
        yield np.array(ids, np.int32), np.array(starts, np.int64), read


def _spill(keys: Ids, values: NDArray[np.float64], runs: list[Path], folder: Path) -> int:
    """Write what the table holds as one more run, empty it, and say how many pairs it had."""
    used = np.flatnonzero(keys)
    order = used[np.argsort(keys[used])]
    run = np.empty(len(order), _PAIR)
    run["key"], run["value"] = keys[order] - 1, values[order]
    runs.append(folder / f"run-{len(runs):04d}")
    _append(runs[-1], run)
    keys[:], values[:] = 0, 0
    return len(run)


def _append(path: Path, records: NDArray[np.void]) -> None:
    try:
        with path.open("ab") as file:
            file.write(records.view(np.uint8).data)
    except OSError as error:
        raise StorageError(f"can't write {path}: {error.strerror}") from error


def _merged(runs: Sequence[NDArray[np.void]]) -> Iterator[tuple[Ids, NDArray[np.float64]]]:
    """The pairs of sorted runs in the order of their keys, each once with its sum."""
    places = [0] * len(runs)
    step = max(_MERGED // len(runs), 1)
    while True:
        parts = [run[at : at + step] for run, at in zip(runs, places, strict=True)]
        ends = [
            int(part["key"][-1])
            for part, run, at in zip(parts, runs, places, strict=True)
            if len(part) and at + len(part) < len(run)
        ]
        # What lies beyond the first end may still come in another run, too.
        if ends:
            parts = [part[: np.searchsorted(part["key"], min(ends), "right")] for part in parts]
        together = np.concatenate(parts)
        if not len(together):
            return
        places = [at + len(part) for at, part in zip(places, parts, strict=True)]
        together = together[np.argsort(together["key"], kind="stable")]
        starts = np.flatnonzero(np.diff(together["key"], prepend=-1))
        yield together["key"][starts], np.add.reduceat(together["value"], starts)
