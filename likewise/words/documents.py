"""Vectors of documents, and of new ones: the same for the same text each time (Doc2Vec)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.artifacts import new_folder, read_manifest, write_manifest
from likewise.errors import ArtifactError, SettingError, ShapeError
from likewise.safetensors_file import read_file, stored_dtypes, write_file
from likewise.types import Ids, Vectors
from likewise.words.vectors import encode_words
from likewise.words.vocabulary import Vocabulary

KIND, VERSION = "document vectors", 1
_TENSORS = "vectors.safetensors"
_TOGETHER = 8  # places of a text between two changes of its vector
_NOISE_POWER = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentVectors:
    """Vectors of the documents that were trained on, in their order, and what new ones need.

    Raises:
        ShapeError: The arrays do not fit together.
    """

    vectors: Vectors  # (N, D) float32
    words: Sequence[str]  # (V,), frequent ones first
    counts: Ids  # (V,)
    outputs: Vectors  # (V, D) float32: what a document's vector is multiplied with to foretell a word
    inputs: Vectors | None = None  # (V, D) float32: vectors of words, where they help to foretell (PV-DM)
    window: int = 5
    negatives: int = 5
    subsampling: float = 1e-3
    vocabulary: Vocabulary = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape = (len(self.words), self.vectors.shape[-1])
        for name, matrix in (("outputs", self.outputs), ("inputs", self.inputs)):
            if matrix is not None and matrix.shape != shape:
                raise ShapeError(f"{name} have shape {matrix.shape}, expected {shape}")
        total = int(self.counts.sum())
        found = Vocabulary(words=self.words, counts=self.counts, total=total, sentences=len(self.vectors))
        object.__setattr__(self, "vocabulary", found)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    def infer(self, documents: Sequence[Sequence[str]], *, epochs: int = 50, learning_rate: float = 0.025) -> Vectors:
        """Vectors of new documents; all else stays as it was trained.

        Args:
            documents: N documents, each its words. Unknown words are left out.
            epochs: How often each is read.
            learning_rate: It falls to zero in a straight line.

        Returns:
            (N, D) float32; zeros for a document without a known word. What is drawn by chance depends on the document
            alone, so a text has the same vector each time.

        Raises:
            SettingError: A document is a str.
        """
        found = np.zeros((len(documents), self.dimension), np.float32)
        noise = np.cumsum(self.counts**_NOISE_POWER)
        keeping = self.vocabulary.keeping(self.subsampling)
        for row, words in enumerate(documents):
            if isinstance(words, str):
                raise SettingError("a document is a str, expected its words; write text.split()")
            places = self.vocabulary.places
            ids = np.array([places[word] for word in words if word in places], np.int64)
            if len(ids):
                random = np.random.default_rng(_seed(words))
                vector = (random.random(self.dimension) - 0.5) / self.dimension
                for epoch in range(epochs):
                    kept = ids[random.random(len(ids)) <= keeping[ids]]
                    self._read(kept, vector, learning_rate * (1 - epoch / epochs), noise, random)
                found[row] = vector
        return found

    def _read(
        self,
        ids: Ids,
        vector: NDArray[np.float64],
        rate: float,
        noise: NDArray[np.float64],
        random: np.random.Generator,
    ) -> None:
        """Change a document's vector (D,) by reading it once."""
        for start in range(0, len(ids), _TOGETHER):
            targets = ids[start : start + _TOGETHER]  # (T,)
            around, sizes = self._around(ids, start, len(targets))  # (T, D), (T,)
            drawn = np.searchsorted(noise, random.random((len(targets), self.negatives)) * noise[-1], side="right")
            rows = np.column_stack([targets, drawn])  # (T, 1 + K)
            labels = np.zeros(rows.shape)
            labels[:, 0] = 1
            hidden = (vector + around) / sizes[:, None]
            weights = self.outputs[rows]  # (T, 1 + K, D)
            steps = labels - 1 / (1 + np.exp(-np.einsum("td,tkd->tk", hidden, weights)))
            steps[:, 1:][drawn == targets[:, None]] = 0  # a word is no negative of itself
            vector += rate * np.einsum("tk,tkd->d", steps, weights)

    def _around(self, ids: Ids, start: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Sums of the words around each place (T, D), and of how many the mean with the document's vector is (T,)."""
        sums, sizes = np.zeros((count, self.dimension)), np.ones(count, np.int64)
        if self.inputs is None:
            return sums, sizes
        for at in range(start, start + count):
            others = np.concatenate([ids[max(0, at - self.window) : at], ids[at + 1 : at + self.window + 1]])
            sums[at - start], sizes[at - start] = self.inputs[others].sum(axis=0), len(others) + 1
        return sums, sizes


def save(documents: DocumentVectors, folder: Path, *, settings: Mapping[str, Any] | None = None) -> None:
    """Write vectors of documents as a folder: all of it, or nothing.

    Args:
        documents: What to keep.
        folder: May not exist.
        settings: JSON values to keep in the manifest, such as those of the training.

    Raises:
        SettingError: The folder is there already.
        StorageError: The disk refused.
    """
    if folder.exists():
        raise SettingError(f"{folder} is there already; give a name that is not taken")
    tensors: dict[str, NDArray[Any]] = {
        "vectors": documents.vectors,
        "words": encode_words(documents.words),
        "counts": documents.counts,
        "outputs": documents.outputs,
    }
    if documents.inputs is not None:
        tensors["inputs"] = documents.inputs
    values = {
        "reading": {name: getattr(documents, name) for name in ("window", "negatives", "subsampling")},
        "settings": dict(settings or {}),
    }
    with new_folder(folder) as fresh:
        write_file(fresh / _TENSORS, tensors, dtypes=stored_dtypes(tensors, None), metadata={"kind": KIND})
        write_manifest(fresh, kind=KIND, version=VERSION, values=values)


def load(folder: Path) -> DocumentVectors:
    """Vectors of documents from a folder that ``save`` wrote; mapped, not read.

    Raises:
        ArtifactError: It is damaged, or holds something else.
    """
    manifest = read_manifest(folder, kind=KIND, version=VERSION)
    values = read_file(folder / _TENSORS).values
    try:
        return DocumentVectors(
            vectors=values["vectors"],
            words=values["words"].tobytes().decode().split("\n")[:-1],
            counts=values["counts"],
            outputs=values["outputs"],
            inputs=values.get("inputs"),
            **manifest["reading"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{folder / _TENSORS} holds no vectors of documents that make sense: {error}") from error


def _seed(words: Sequence[str]) -> int:
    text = "\n".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")
