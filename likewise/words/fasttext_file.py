"""fastText's ``.bin`` files of version 12, read and written: words, n-grams and the output layer.

A file is a magic number and a version, the arguments of the training, the dictionary, and two matrices. Quantised
models, and those of classifiers, hold other things and are refused.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.errors import ArtifactError
from likewise.safetensors_file import new_file
from likewise.settings import from_dict
from likewise.types import Ids, Vectors
from likewise.words._rows import (
    MAX_DIMENSION,
    MAX_WORD_BYTES,
    WordList,
    check_finite,
    damaged,
    reading,
    require_plain,
    room_for,
)
from likewise.words.subwords import FastTextArguments, Subwords, compose
from likewise.words.vectors import WordVectors

MAGIC = struct.pack("<i", 793712314)
_VERSION = 12
_ARGUMENTS = struct.Struct("<12id")
_DICTIONARY = struct.Struct("<3i2q")
_ENTRY = struct.Struct("<qb")  # after a word and a zero byte: how often it came, and whether it is a label
_SHAPE = struct.Struct("<?2q")  # whether it is quantised, rows, columns
_LOSSES = {1: "hierarchical", 2: "negative", 3: "softmax"}
_MODELS = {1: "cbow", 2: "skipgram"}
_CLASSIFIER = 3
_LAST_ARGUMENTS = ("buckets", "min_n", "max_n", "lr_update_rate", "sampling")
_NOT_PRUNED = -1
_BLOCK = 4096


@dataclass(slots=True)
class _Cursor:
    """A place in the bytes of a file; it never goes over their end."""

    path: Path
    data: mmap.mmap
    at: int = 0

    def take(self, shape: struct.Struct, what: str) -> tuple[Any, ...]:
        if self.at + shape.size > len(self.data):
            raise damaged(self.path, f"it ends within {what}")
        found = shape.unpack_from(self.data, self.at)
        self.at += shape.size
        return found

    def word(self) -> bytes:
        end = self.data.find(b"\0", self.at, self.at + MAX_WORD_BYTES)
        if end <= self.at:
            raise damaged(self.path, f"at byte {self.at} of it there is no word")
        found = self.data[self.at : end]
        self.at = end + 1
        return found

    def matrix(self, what: str, dimension: int) -> tuple[int, int]:
        """Where the numbers of a matrix start, and how many rows it has."""
        quantised, rows, columns = self.take(_SHAPE, f"the shape of {what}")
        if quantised:
            raise ArtifactError(f"{self.path} is a quantised fastText model, which is not read here; use the .bin one")
        start, size = self.at, rows * columns * 4
        if rows < 0 or columns != dimension or size > len(self.data) - start:
            raise damaged(
                self.path,
                f"{what} is said to be {rows} rows of {columns} numbers; expected rows of {dimension}, and "
                f"{len(self.data) - start} bytes follow",
            )
        self.at += size
        return start, rows


def read_fasttext(path: Path) -> WordVectors:
    """Vectors of words and n-grams from a ``.bin`` file, which are mapped; those of words are composed of them.

    Raises:
        ArtifactError: It is damaged, quantised, of a classifier, or of another version.
    """
    with reading(path):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            cursor = _Cursor(path, data)
            dimension, values = _read_arguments(cursor)
            words, counts, values["tokens"] = _read_dictionary(cursor)
            inputs = cursor.matrix("the matrix of words and n-grams", dimension)
            context = cursor.matrix("the output layer", dimension)
            if cursor.at != len(data):
                raise damaged(path, f"{len(data) - cursor.at} bytes follow its last matrix")
        mapped = np.asarray(np.memmap(path, np.uint8, "r"))
        rows = _mapped(mapped, inputs, dimension)
        own, buckets = rows[: len(words)], rows[len(words) :]
        if len(rows) < len(words) or (len(buckets) != values["buckets"] and (values["max_n"] or len(buckets))):
            raise damaged(path, f"it has {len(rows)} rows for {len(words)} words and {values['buckets']} buckets")
        arguments = from_dict(FastTextArguments, values)
        subwords = Subwords(own=own, buckets=buckets, context=_mapped(mapped, context, dimension), arguments=arguments)
        return _composed(path, words, counts, subwords)


def write_fasttext(vectors: WordVectors, path: Path) -> None:
    """Write a ``.bin`` file; what was read from one is written back to the bit.

    Vectors without n-grams become a model that cuts no n-grams; where counts or the output layer are not known, each
    word counts once and the layer is 0, as a training that did not begin has it.

    Args:
        vectors: What to write.
        path: Replaced if it is there.

    Raises:
        SettingError: A word holds white space.
        StorageError: The disk refused.
    """
    require_plain(vectors.words, "fastText")
    subwords = vectors.subwords or _without_ngrams(vectors)
    counts = np.ones(len(vectors), np.int64) if vectors.counts is None else vectors.counts
    arguments, dimension = subwords.arguments, vectors.dimension
    context = np.zeros((len(vectors), dimension), np.float32) if subwords.context is None else subwords.context
    with new_file(path) as file:
        file.write(MAGIC + struct.pack("<i", _VERSION) + _packed(arguments, dimension))
        file.write(_DICTIONARY.pack(len(vectors), len(vectors), 0, arguments.tokens or int(counts.sum()), _NOT_PRUNED))
        for word, count in zip(vectors.words, counts.tolist(), strict=True):
            file.write(word.encode() + b"\0" + _ENTRY.pack(count, 0))
        for parts in ((subwords.own, subwords.buckets), (context,)):
            file.write(_SHAPE.pack(False, sum(map(len, parts)), dimension))
            for part in parts:
                for start in range(0, len(part), _BLOCK):
                    file.write(part[start : start + _BLOCK].astype("<f4").tobytes())


def _read_arguments(cursor: _Cursor) -> tuple[int, dict[str, Any]]:
    """D, and the values of ``FastTextArguments``."""
    magic, version = cursor.take(struct.Struct("<4si"), "its first numbers")
    if magic != MAGIC or version != _VERSION:
        raise ArtifactError(f"{cursor.path} is no fastText model of version {_VERSION} (it says {magic!r}, {version})")
    found = cursor.take(_ARGUMENTS, "its arguments")
    dimension, loss, model = found[0], found[6], found[7]
    if model == _CLASSIFIER:
        raise ArtifactError(f"{cursor.path} is a fastText classifier; only models of words are read here")
    if not 0 < dimension <= MAX_DIMENSION or model not in _MODELS or loss not in _LOSSES:
        raise damaged(cursor.path, f"it says dimension {dimension}, loss {loss} and model {model}")
    names = ("window", "epochs", "min_count", "negatives", "word_ngrams")
    values = dict(zip(names, found[1:6], strict=True)) | {"loss": _LOSSES[loss], "model": _MODELS[model]}
    return dimension, values | dict(zip(_LAST_ARGUMENTS, found[8:], strict=True))


def _packed(arguments: FastTextArguments, dimension: int) -> bytes:
    return _ARGUMENTS.pack(
        dimension,
        arguments.window,
        arguments.epochs,
        arguments.min_count,
        arguments.negatives,
        arguments.word_ngrams,
        {name: number for number, name in _LOSSES.items()}[arguments.loss],
        {name: number for number, name in _MODELS.items()}[arguments.model],
        *(getattr(arguments, name) for name in _LAST_ARGUMENTS),
    )


def _read_dictionary(cursor: _Cursor) -> tuple[list[str], Ids, int]:
    """The words, how often each came, and how many tokens the corpus had."""
    size, words, labels, tokens, pruned = cursor.take(_DICTIONARY, "its dictionary")
    if labels > 0:
        raise ArtifactError(
            f"{cursor.path} has {labels} labels: it is a classifier; only models of words are read here"
        )
    if pruned != _NOT_PRUNED:
        raise ArtifactError(f"{cursor.path} is a pruned fastText model, which is not read here; use the .bin one")
    least = _ENTRY.size + 2  # a word of one character, and its end
    if size < 1 or size != words or labels or tokens < 0 or size * least > len(cursor.data) - cursor.at:
        raise damaged(cursor.path, f"its dictionary promises {size} entries, of which {words} words, {labels} labels")
    found, counts = WordList(cursor.path), np.empty(size, np.int64)
    for number in range(size):
        raw = cursor.word()
        counts[number], kind = cursor.take(_ENTRY, "its dictionary")
        if not found.take(raw) or kind != 0 or counts[number] < 0:
            raise damaged(
                cursor.path, f"entry {number} ({raw[:40]!r}) is there twice, no word, or has a negative count"
            )
    found.warn()
    return found.words, counts, tokens


def _mapped(data: NDArray[np.uint8], place: tuple[int, int], dimension: int) -> Vectors:
    start, rows = place
    return data[start : start + rows * dimension * 4].view("<f4").reshape(rows, dimension)


def _composed(path: Path, words: list[str], counts: Ids, subwords: Subwords) -> WordVectors:
    if not subwords.arguments.max_n:
        return WordVectors(words=words, vectors=subwords.own, counts=counts, subwords=subwords)
    vectors = room_for(*subwords.own.shape)
    for start in range(0, len(words), _BLOCK):
        block = slice(start, start + _BLOCK)
        vectors[block] = compose(words[block], subwords.own[block], subwords)
        check_finite(path, words[block], vectors[block])
    return WordVectors(words=words, vectors=vectors, counts=counts, subwords=subwords)


def _without_ngrams(vectors: WordVectors) -> Subwords:
    return Subwords(
        own=vectors.vectors,
        buckets=np.empty((0, vectors.dimension), np.float32),
        arguments=FastTextArguments(buckets=0, min_n=0, max_n=0),
    )
