"""Maps of vectors that take what is known of a label out of them, and models with such a map in their chain."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise import __version__
from likewise.artifacts import new_folder
from likewise.encoding.compiled import contract_of
from likewise.encoding.encoder import DenseEncoder
from likewise.encoding.exporting import FORMATS
from likewise.encoding.models import Progress, Source, find_checkpoint
from likewise.encoding.packing import require_count, require_vectors, shape_of
from likewise.errors import DataError, ModelError, ShapeError, StorageError
from likewise.evaluating._arguments import Labels, require_labels, require_same_length
from likewise.evaluating.bias import TEMPLATES
from likewise.modelling.chain import read_json
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.steps import Dense
from likewise.modelling.tensors import write_tensors
from likewise.registry import Table
from likewise.types import Vectors

Matrix: TypeAlias = NDArray[np.float64]

_HELD = 5  # one vector in so many is held out to see whether a label can still be told
_NOTE = """
## Changed

likewise {version} added the last Dense module of this model{normalised}. It maps vectors so that something is no longer
told by them; the weights before it are those of the original.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """An affine map of vectors to vectors of the same width.

    Raises:
        ShapeError: The two are not (D, D) and (D,) float32.
    """

    matrix: Vectors  # (D, D)
    bias: Vectors  # (D,)

    def __post_init__(self) -> None:
        width = self.bias.size
        if self.matrix.shape != (width, width) or self.bias.shape != (width,):
            raise ShapeError(f"got a matrix {self.matrix.shape} and a bias {self.bias.shape}; expected (D, D) and (D,)")
        if self.matrix.dtype != np.float32 or self.bias.dtype != np.float32:
            raise ShapeError(f"got {shape_of(self.matrix)} and {shape_of(self.bias)}; expected float32")

    def apply(self, vectors: Vectors) -> Vectors:
        """Vectors (N, D) mapped, as long as they come out.

        Raises:
            ShapeError: Not (N, D) float32.
            SettingError: A component is not finite.
        """
        require_vectors(vectors, "vectors", dimension=len(self.bias))
        return vectors @ self.matrix.T + self.bias


def hard_debias(differences: Matrix, *, dimensions: int = 1) -> Projection:
    """Take out the directions along which pairs differ most.

    The "neutralise" step of hard debiasing (Bolukbasi et al. 2016, arXiv:1607.06520, section 6), for every text alike:
    which words may keep a gender, and the "equalise" step for those, are of word lists and no map of vectors.

    Args:
        differences: (P, D) of pairs that differ in what is to go alone; ``bias.pair_differences`` gives them.
        dimensions: How many directions.

    Raises:
        DataError: The pairs differ along fewer directions, or by what is not finite.
        SettingError: ``dimensions`` is not a whole number of at least 1.
    """
    require_count("dimensions", dimensions)
    if not np.isfinite(differences).all():
        raise DataError("a difference of a pair is NaN or infinite; leave it out, or find where it came from")
    basis = _rows_spanned(np.atleast_2d(differences))
    if len(basis) < dimensions:
        raise DataError(f"the pairs differ along {len(basis)} directions; {dimensions} can't be taken out")
    return _without(basis[:dimensions])


def inlp(vectors: Vectors, labels: Labels, *, rounds: int = 50, seed: int = 0) -> Projection:
    """Take out what a linear classifier goes by, again and again until it goes by nothing.

    Iterative null-space projection (Ravfogel et al. 2020, arXiv:2004.07667, algorithm 1), here with Fisher's linear
    discriminant. It ends when a label is told of vectors held out no better than by chance and one standard error.

    Args:
        vectors: (N, D) float32, as the encoder gives them.
        labels: (N,) of two classes or more.
        rounds: At most so many.
        seed: Of which vectors are held out.

    Raises:
        ShapeError: Not (N, D) float32 and (N,).
        DataError: One class alone, or one with fewer than two vectors.
        SettingError: A component is not finite, or ``rounds`` is not a whole number of at least 1.
    """
    require_count("rounds", rounds)
    centred, _, classes = _labelled(vectors, labels)
    order = np.random.default_rng(seed).permutation(len(centred))
    order = order[np.argsort(classes[order], kind="stable")]  # of each class as many are held out
    held, kept = order[::_HELD], np.setdiff1d(order, order[::_HELD])
    every = range(classes.max() + 1)
    chance = 1 / len(every)
    enough = chance + np.sqrt(chance * (1 - chance) / len(held))
    basis = np.zeros((0, centred.shape[1]))
    for _ in range(rounds):
        left = centred - centred @ basis.T @ basis
        left -= left[kept].mean(axis=0)
        means = np.stack([left[kept][classes[kept] == one].mean(axis=0) for one in every])  # (C, D)
        directions = np.linalg.solve(_covariance(left[kept]), means.T).T
        scores = left[held] @ directions.T - (directions * means).sum(axis=1) / 2  # (N, C)
        right = scores.argmax(axis=1) == classes[held]
        if np.mean([right[classes[held] == one].mean() for one in np.unique(classes[held])]) <= enough:
            break
        basis = _rows_spanned(np.concatenate([basis, directions / np.linalg.norm(directions)]))
    return _without(basis)


def leace(vectors: Vectors, labels: Labels) -> Projection:
    """Make the means of all classes one, with the least change: no linear classifier can then tell a label.

    Least-squares concept erasure (Belrose et al. 2023, arXiv:2306.03819, section 4). The covariance is shrunk (Ledoit
    and Wolf 2004), which a few vectors need; that the means become one does not depend on it. It holds for the vectors
    that it is fitted to, so give several times as many as they have dimensions if it is to hold for others.

    Args:
        vectors: (N, D) float32, as the encoder gives them.
        labels: (N,) of two classes or more.

    Raises:
        ShapeError: Not (N, D) float32 and (N,).
        DataError: One class alone, or one with fewer than two vectors.
        SettingError: A component is not finite.
    """
    centred, mean, classes = _labelled(vectors, labels)
    marks = np.eye(classes.max() + 1)[classes]
    shared = centred.T @ (marks - marks.mean(axis=0)) / len(centred)  # (D, C)
    lengths, axes = np.linalg.eigh(_covariance(centred))
    whiten = axes / np.sqrt(lengths) @ axes.T
    colour = axes * np.sqrt(lengths) @ axes.T
    basis = _rows_spanned((whiten @ shared).T)
    erased = colour @ basis.T @ basis @ whiten
    return Projection((np.eye(len(mean)) - erased).astype(np.float32), (erased @ mean).astype(np.float32))


METHODS: Table[Callable[[Vectors, Vectors], Projection]] = Table("way of debiasing")  # of what ``encode_pairs`` gives
METHODS.add("hard")(lambda first, second: hard_debias((first - second).astype(np.float64)))
METHODS.add("inlp")(lambda first, second: inlp(*_marked(first, second)))
METHODS.add("leace")(lambda first, second: leace(*_marked(first, second)))


def encode_pairs(
    pairs: Sequence[tuple[str, str]], encoder: DenseEncoder, *, templates: Sequence[str] = TEMPLATES
) -> tuple[Vectors, Vectors]:
    """The vectors (N, D) of sentences with the first word of each pair, and of the same with its second.

    Args:
        pairs: What differs in the respect that is to go alone.
        encoder: Reads each sentence as a document.
        templates: Sentences with ``{}`` where the word goes.
    """
    texts = [[one.replace("{}", pair[side]) for pair in pairs for one in templates] for side in (0, 1)]
    return encoder.encode(texts[0], role="document"), encoder.encode(texts[1], role="document")


def save_debiased(
    name_or_folder: str | Path,
    projection: Projection,
    folder: Path,
    *,
    source: Source = Source(),
    progress: Progress = lambda _: None,
) -> None:
    """Write a model whose vectors are those of another, mapped; ``likewise.load`` and sentence-transformers open it.

    The map comes after everything else as a Dense module, and what has unit length gets it again. So it is part of the
    contract, and an index of the original is not opened with it. sentence-transformers before 5.7 refuses the folder,
    as it has no Dense modules that add to their input.

    Args:
        name_or_folder: The other model, as in ``likewise.load``.
        projection: Fitted to vectors as that model gives them.
        folder: What to write; nothing may be there. It is there whole, or not at all.
        source: Where the model may come from.
        progress: Told, in a sentence, before anything that takes seconds.

    Raises:
        ModelError: ``folder`` exists, or the model can't be had, or gives no single vector of the projection's width.
        StorageError: The disk refused.
    """
    if folder.exists():
        raise ModelError(f"{folder} exists; name a folder that does not")
    found, checkpoint = find_checkpoint(name_or_folder, source=source, progress=progress)
    if checkpoint.chain.kind != "dense" or checkpoint.dimension != len(projection.bias):
        raise ModelError(
            f"{found.name} gives {checkpoint.chain.kind} output of {checkpoint.dimension} dimensions; the projection "
            f"is of dense vectors of {len(projection.bias)}"
        )
    try:
        with new_folder(folder) as fresh:
            fresh.rmdir()  # it was made for us alone; a model is made as any folder is
            contract = contract_of(checkpoint, precision="float32")
            FORMATS["sentence-transformers"](found, checkpoint, contract, fresh)
            _append(fresh, checkpoint, projection)
    except OSError as error:
        raise StorageError(f"can't write {folder}: {error.strerror or error}") from error


def _append(folder: Path, checkpoint: Checkpoint, projection: Projection) -> None:
    """Put the projection behind the modules of a folder, and a Normalize module behind it if there was one."""
    modules: list[dict[str, Any]] = read_json(folder / "modules.json")
    for kind in ("Dense", "Normalize")[: 1 + checkpoint.chain.normalise]:
        i = len(modules)
        place = {"name": str(i), "path": f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
        modules.append({"idx": i, **place})
        (folder / place["path"]).mkdir()
        if kind == "Dense":
            _write_map(folder / place["path"], projection)
    (folder / "modules.json").write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")
    normalised = ", and the Normalize module after it" if checkpoint.chain.normalise else ""
    with (folder / "README.md").open("a", encoding="utf-8") as file:
        file.write(_NOTE.format(version=__version__, normalised=normalised))


def _write_map(folder: Path, projection: Projection) -> None:
    """A Dense module that adds to its input what the projection changes.

    The rounding of small weights is then a share of the change. In the whole matrix, where each row has a 1, int8 would
    round the change away: bias came back to 60 % with a model of 384 dimensions.
    """
    width = len(projection.bias)
    step = Dense(width, width, bias=True, activation="Identity", residual=True)
    (folder / "config.json").write_text(json.dumps(step.config(), indent=2) + "\n", encoding="utf-8")
    values = {"weight": projection.matrix - np.eye(width, dtype=np.float32), "bias": projection.bias}
    write_tensors(folder, {theirs: values[ours] for ours, theirs in step.keys().items()})


def _marked(first: Vectors, second: Vectors) -> tuple[Vectors, list[int]]:
    """Vectors (N, D) of both sides, and which each is of."""
    return np.concatenate([first, second]), [0] * len(first) + [1] * len(second)


def _labelled(vectors: Vectors, labels: Labels) -> tuple[Matrix, Matrix, NDArray[np.intp]]:
    """Vectors (N, D) from their mean (D,), and classes (N,) from 0."""
    require_vectors(vectors, "vectors")
    marks = require_labels("labels", labels)
    require_same_length("vectors", "labels", vectors, marks)
    _, classes, counts = np.unique(marks, return_inverse=True, return_counts=True)
    if len(counts) < 2 or counts.min() < 2:
        raise DataError(f"the classes have {counts.tolist()} vectors; expected two classes of two vectors at the least")
    mean = vectors.mean(axis=0, dtype=np.float64)
    return vectors - mean, mean, classes


def _covariance(centred: Matrix) -> Matrix:
    """The covariance (D, D), shrunk towards a sphere by as much as it is uncertain.

    Ledoit and Wolf 2004, "A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices", section 3.2.
    """
    count, width = centred.shape
    covariance = centred.T @ centred / count
    sphere = np.eye(width) * max(np.trace(covariance) / width, 1e-12)  # it has an inverse whatever is left
    off = float(((covariance - sphere) ** 2).sum())
    uncertain = float(((centred**2).sum(axis=1) ** 2).mean() - (covariance**2).sum()) / count
    share = min(1.0, uncertain / off) if off else 1.0
    return (1 - share) * covariance + max(share, 1e-6) * sphere


def _rows_spanned(rows: Matrix) -> Matrix:
    """An orthonormal basis (R, D) of what rows span, the direction of most length first."""
    _, lengths, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[lengths > 1e-9 * max(float(lengths.max(initial=0)), 1e-300)]


def _without(basis: Matrix) -> Projection:
    """The orthogonal projection that takes out what an orthonormal basis (R, D) spans."""
    width = basis.shape[1]
    return Projection((np.eye(width) - basis.T @ basis).astype(np.float32), np.zeros(width, np.float32))
