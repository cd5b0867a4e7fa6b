"""Vectors of words: looked up by spelling, and kept in a folder that is memory-mapped when it is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.artifacts import MANIFEST, new_folder, read_manifest, write_manifest
from likewise.errors import ArtifactError, SettingError, ShapeError, UnknownWordError
from likewise.safetensors_file import read_file, stored_dtypes, write_file
from likewise.settings import from_dict
from likewise.types import Ids, Vectors
from likewise.words.subwords import FastTextArguments, Subwords, compose

TENSORS = "vectors.safetensors"
KIND, VERSION = "word vectors", 1
_NEAR, _CANDIDATES, _LENGTHS = 3, 50_000, 2  # spellings named, at most compared, and how much longer they may be


@dataclass(frozen=True, slots=True, kw_only=True)
class WordVectors:
    """Words and their vectors, frequent words first.

    Raises:
        ShapeError: The arrays do not fit together.
        SettingError: A word is empty, holds a line's end, or is there twice.
    """

    words: Sequence[str]  # (V,)
    vectors: Vectors  # (V, D) float32, may be memory-mapped
    counts: Ids | None = None  # (V,) how often each word was in the corpus, where that is known
    subwords: Subwords | None = None  # of fastText: with them, words never seen have vectors too
    places: Mapping[str, int] = field(init=False, repr=False, compare=False)  # word → row

    def __post_init__(self) -> None:
        count = len(self.words)
        if self.vectors.ndim != 2 or len(self.vectors) != count or self.vectors.dtype != np.float32:
            raise ShapeError(
                f"vectors are {self.vectors.dtype} of shape {self.vectors.shape}, expected ({count}, D) float32"
            )
        if self.counts is not None and self.counts.shape != (count,):
            raise ShapeError(f"counts have shape {self.counts.shape}, expected ({count},)")
        if self.subwords is not None and self.subwords.own.shape != self.vectors.shape:
            raise ShapeError(f"the words' own rows have shape {self.subwords.own.shape}, not {self.vectors.shape}")
        places = {word: row for row, word in enumerate(self.words)}
        object.__setattr__(self, "places", places)
        if len(places) != count:
            twice = next(word for row, word in enumerate(self.words) if places[word] != row)
            raise SettingError(f"the word {twice!r} is there twice; leave one out")
        wrong = [word for word in self.words if not word or "\n" in word]
        if wrong:
            raise SettingError(f"{wrong[0]!r} can't be a word: it is empty or holds a line's end")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.places

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    def vector(self, word: str) -> NDArray[np.float32]:
        """The vector of a word (D,); of one never seen it is the mean of its n-grams', where there are such.

        Raises:
            UnknownWordError: It has none. The error names words that are spelt alike.
        """
        return self.look_up([word])[0]

    def look_up(self, words: Sequence[str]) -> Vectors:
        """The vectors of several words (N, D), as ``vector`` gives them.

        Raises:
            UnknownWordError: One has none.
        """
        rows = [self.places.get(word, -1) for word in words]
        found = np.empty((len(words), self.dimension), np.float32)
        for at, (word, row) in enumerate(zip(words, rows, strict=True)):
            if row >= 0:
                found[at] = self.vectors[row]
            else:
                found[at] = self._unseen(word)
        return found

    def _unseen(self, word: str) -> NDArray[np.float32]:
        if word and self.subwords is not None:
            composed = compose([word], None, self.subwords)[0]
            if composed.any():  # else it has no n-gram either
                return composed
        raise UnknownWordError(word, self.near_spellings(word), known=len(self))

    def near_spellings(self, word: str) -> list[str]:
        """Words that are spelt much like one: first those that differ in case alone."""
        folded = word.casefold()
        same = [known for known in self.words if known.casefold() == folded]
        alike = (
            known
            for known in self.words
            if abs(len(known) - len(word)) <= _LENGTHS and (known[0] == word[:1] or known[-1] == word[-1:])
        )
        close = get_close_matches(word, islice(alike, _CANDIDATES), n=_NEAR, cutoff=0.7)
        return list(dict.fromkeys([*same, *close]))[:_NEAR]


def save(vectors: WordVectors, folder: Path, *, settings: Mapping[str, Any] | None = None) -> None:
    """Write vectors as a folder: all of it, or nothing.

    Args:
        vectors: What to keep.
        folder: May not exist.
        settings: JSON values to keep in the manifest, such as those of the training.

    Raises:
        SettingError: The folder is there already.
        StorageError: The disk refused.
    """
    if folder.exists():
        raise SettingError(f"{folder} is there already; give a name that is not taken")
    with new_folder(folder) as fresh:
        write_tensors(vectors, fresh / TENSORS)
        values = {"words": len(vectors), "dimension": vectors.dimension, "settings": dict(settings or {})}
        write_manifest(fresh, kind=KIND, version=VERSION, values=values)


def load(folder: Path) -> WordVectors:
    """Vectors from a folder that ``save`` wrote. They are mapped, not read: only rows that are asked for take memory.

    Raises:
        ArtifactError: It is damaged, or holds something else.
    """
    read_manifest(folder, kind=KIND, version=VERSION)
    return read_tensors(folder / TENSORS)


def load_settings(folder: Path) -> dict[str, Any]:
    """The settings that were kept with the vectors of a folder.

    Raises:
        ArtifactError: As ``load``.
    """
    found: dict[str, Any] = read_manifest(folder, kind=KIND, version=VERSION).get("settings", {})
    return found


def is_folder_of_vectors(path: Path) -> bool:
    """Whether there is a folder with a manifest; ``load`` says whether it is one of word vectors."""
    return (path / MANIFEST).is_file()


def write_tensors(vectors: WordVectors, path: Path) -> None:
    """Write one safetensors file: vectors, words (their UTF-8, a line each), and counts and n-grams if there are any.

    Raises:
        StorageError: The disk refused.
    """
    values: dict[str, NDArray[Any]] = {"vectors": vectors.vectors, "words": encode_words(vectors.words)}
    metadata = {"kind": KIND}
    if vectors.counts is not None:
        values["counts"] = vectors.counts.astype(np.int64)
    if vectors.subwords is not None:
        values |= {"own": vectors.subwords.own, "buckets": vectors.subwords.buckets}
        metadata |= {f"fasttext.{name}": str(value) for name, value in asdict(vectors.subwords.arguments).items()}
        if vectors.subwords.context is not None:
            values["context"] = vectors.subwords.context
    write_file(path, values, dtypes=stored_dtypes(values, None), metadata=metadata)


def encode_words(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words as the bytes of their lines."""
    return np.frombuffer("".join(f"{word}\n" for word in words).encode(), np.uint8)


def read_tensors(path: Path) -> WordVectors:
    """Vectors from a file that ``write_tensors`` wrote; they are mapped, not read.

    Raises:
        ArtifactError: It is damaged, or holds something else.
    """
    found = read_file(path)
    values = found.values
    if not {"vectors", "words"} <= values.keys() or values["words"].dtype != np.uint8:
        raise ArtifactError(
            f"{path} holds the tensors {', '.join(sorted(values)) or 'of nothing'}; expected 'vectors' (V, D) and "
            f"'words', the bytes of one word a line: it is no file of word vectors"
        )
    try:
        words = values["words"].tobytes().decode().split("\n")[:-1]
        subwords = _subwords(values, found.metadata) if "buckets" in values else None
        return WordVectors(words=words, vectors=values["vectors"], counts=values.get("counts"), subwords=subwords)
    except (SettingError, ShapeError, KeyError, ValueError) as error:
        raise ArtifactError(f"{path} holds no word vectors that make sense: {error}") from error


def _subwords(values: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> Subwords:
    texts = {name.removeprefix("fasttext."): text for name, text in metadata.items() if name.startswith("fasttext.")}
    kinds = {name: type(value) for name, value in asdict(FastTextArguments()).items()}
    arguments = {name: kinds.get(name, str)(text) for name, text in texts.items()}
    return Subwords(
        own=values["own"],
        buckets=values["buckets"],
        context=values.get("context"),
        arguments=from_dict(FastTextArguments, arguments),
    )
