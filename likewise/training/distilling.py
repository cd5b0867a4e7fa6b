"""A static model made from another model: a vector for each of its tokens, fitted to whole texts if there are any.

The manner is that of model2vec (Tulkens and van Dongen 2024): the model encodes each token of its vocabulary alone,
the vectors are turned along their principal axes and cut, and frequent tokens weigh less. What is added here is a fit:
given texts, rows are moved so that their average over a text comes close to the model's own vector of it. Afterwards
frequent tokens weigh less once more, and the axes of most variance too, for the mean over a text is dominated by both.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from likewise import __version__
from likewise.artifacts import new_folder
from likewise.encoding.encoder import Encoder
from likewise.encoding.feeding import feeds
from likewise.encoding.finding import Found
from likewise.encoding.models import Source, find_checkpoint, load
from likewise.encoding.static import in_eight_bits, tokenizer_of
from likewise.errors import DataError, ModelError, SettingError
from likewise.evaluating.runner import subject_of
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.network import run
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.static_files import MODEL2VEC, TABLES
from likewise.modelling.tensors import write_tensors
from likewise.tokenizing.bare import FILE
from likewise.tokenizing.bare_files import BareTokenizer, bare_tokenizer
from likewise.words.distilled import Incidence, Matrix, TokenIds, fit_rows, principal_axes, zipf_weights

Progress = Callable[[str, int, int], None]
PRECISIONS = ("float32", "float16", "int8")
_WINDOW = 8192  # texts that are encoded together
_BATCH_TOKENS = 2048
_WHITENING = 0.2  # of 0.5, which would make all axes weigh the same; chosen like ``ridge``: docs/benchmarks.md
_LEAST_VARIANCE = 1e-6  # of the greatest
_HELD_OUT = 20  # one text in so many is not fitted to, but measured with
_CARD = """---
library_name: model2vec
base_model: {teacher}
{licence}tags: [static-embeddings]
---
A static model of {dimension} dimensions, made from {teacher} by likewise {version}: a vector for each token, and for a
text their mean at unit length. `likewise.load`, model2vec and sentence-transformers open this folder.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilSettings:
    """What a static model is like."""

    dimension: int = 256
    precision: str = "int8"  # of the table as it is written
    smoothing: float = 1e-4  # the smaller, the less frequent tokens weigh
    ridge: float = 0.05  # how near rows stay to the vectors of their tokens when they are fitted to texts
    rounds: int = 6  # of the fit

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise SettingError(f"precision is {self.precision!r}; a static model is written in {', '.join(PRECISIONS)}")
        if self.dimension < 1 or self.rounds < 1 or not self.ridge > 0 or not self.smoothing > 0:
            raise SettingError(
                f"dimension is {self.dimension}, rounds {self.rounds}, ridge {self.ridge}, smoothing {self.smoothing}; "
                "the first two must be at least 1, the others above 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """What was made."""

    folder: str
    teacher: str
    tokens: int
    dimension: int
    precision: str
    size_bytes: int  # of the table
    texts: int  # that were fitted to
    cosine_before: float | None  # to the teacher's vectors of texts that were not fitted to; None without texts
    cosine_after: float | None


@dataclass(frozen=True, slots=True)
class _Texts:
    """Texts as ids of the static model's tokenizer, and the teacher's vectors of them."""

    ids: list[TokenIds]
    vectors: Matrix  # (N, D)


def distil(
    name_or_folder: str | Path,
    folder: Path,
    *,
    settings: DistilSettings = DistilSettings(),
    texts: Iterable[str] = (),
    words: Sequence[str] = (),
    source: Source = Source(),
    progress: Progress = lambda *_: None,
) -> Distilled:
    """Write a static model of a model; ``likewise.load``, model2vec and sentence-transformers open it.

    What the teacher gives for texts is kept in the user's cache folder, so a run that was stopped goes on from there.

    Args:
        name_or_folder: The teacher, as in ``likewise.load``: any with one vector a text and a ``tokenizer.json``.
        folder: What to write; nothing may be there. It is there whole, or not at all.
        settings: Dimension, precision, weights and fit.
        texts: To fit the rows to, such as sentences of the kind that will be encoded; some tens of thousands do.
        words: Whole words to add to the vocabulary, which must be a WordPiece one.
        source: Where the teacher may come from.
        progress: Told what is being done, how much of it is done, and of how much.

    Raises:
        ModelError: ``folder`` exists, or the teacher can't be had or used.
        SettingError: The dimension is over the teacher's, or a word is no single one.
        DataError: Texts are given, but too few of them have a token.
        StorageError: The disk refused.
    """
    if folder.exists():
        raise ModelError(f"{folder} exists; name a folder that does not")
    found, checkpoint = find_checkpoint(name_or_folder, source=source)
    if checkpoint.chain.kind != "dense" or checkpoint.chain.static:
        what = "is static itself" if checkpoint.chain.static else f"gives {checkpoint.chain.kind} output"
        raise ModelError(f"{found.name} {what}: a static model is made from a network that gives one vector a text")
    if settings.dimension > checkpoint.dimension:
        raise SettingError(f"dimension is {settings.dimension}; {found.name} has {checkpoint.dimension} and not more")
    bare = bare_tokenizer(checkpoint.network, words=words)
    teacher = load(name_or_folder, source=source, progress=lambda message: progress(message, 0, 0))
    told = _texts(teacher, texts, bare, progress)
    states = _token_vectors(checkpoint, bare, progress)
    table, cosines = _table(states, bare, told, settings, progress)
    with new_folder(folder) as fresh:
        size = _write(fresh, table, bare, found, settings)
    return Distilled(
        folder=str(folder),
        teacher=found.name,
        tokens=len(table),
        dimension=settings.dimension,
        precision=settings.precision,
        size_bytes=size,
        texts=len(told.ids),
        cosine_before=cosines[0] if cosines else None,
        cosine_after=cosines[1] if cosines else None,
    )


def _token_vectors(checkpoint: Checkpoint, bare: BareTokenizer, progress: Progress) -> Matrix:
    """What the teacher gives for each token alone, between its special tokens: (V, D); zeros for tokens of no text.

    The vectors have the length that the network gives them, which tells much of a token. So they are not those of
    ``encode``, and the reference makes them.
    """
    tokenizer, weights = tokenizer_of(checkpoint), checkpoint.folded_weights()
    chain = checkpoint.chain
    unnormalised = replace(checkpoint, chain=replace(chain, links=chain.links[: len(chain.links) - chain.normalise]))
    added = [origin for origin in bare.origins if isinstance(origin, str)]
    spelled = dict(zip(added, tokenizer.encode(added), strict=True))
    places = [place for place, origin in enumerate(bare.origins) if origin is not None]
    origins = [bare.origins[place] for place in places]
    ids = [spelled[one] if isinstance(one, str) else np.array([one], np.int64) for one in origins]
    framed = [tokenizer.frame(one)[: checkpoint.max_tokens] for one in ids]
    found = np.zeros((len(bare.origins), checkpoint.dimension), np.float32)
    done = 0
    for rows, inputs in feeds(framed, limit=checkpoint.max_tokens, budget_tokens=_BATCH_TOKENS):
        progress("encoding tokens", done, len(places))
        some = np.array(places)[rows]
        found[some] = run(NumpyOps(), unnormalised, weights, inputs)[: len(rows)]
        done += len(rows)
    progress("encoding tokens", len(places), len(places))
    return found


def _texts(teacher: Encoder, texts: Iterable[str], bare: BareTokenizer, progress: Progress) -> _Texts:
    """Different texts that have a token, and what the teacher gives for them."""
    tokenizer = bare.tokenizer()
    ids: list[TokenIds] = []
    vectors = [np.empty((0, teacher.contract.dimension), np.float32)]
    remaining = iter(dict.fromkeys(texts))
    subject: Any = subject_of(teacher.name, "dense", teacher, progress=progress)  # keeps what was encoded
    with closing(subject) as kept:
        while window := list(islice(remaining, _WINDOW)):
            found = tokenizer.encode(window)
            known = [place for place, one in enumerate(found) if len(one)]
            ids += [found[place] for place in known]
            vectors.append(kept.vectors([window[place] for place in known], "document"))
    return _Texts(ids, np.concatenate(vectors))


def _table(
    states: Matrix, bare: BareTokenizer, told: _Texts, settings: DistilSettings, progress: Progress
) -> tuple[Matrix, tuple[float, float] | None]:
    """The rows (V, d), and the mean cosine to the teacher before and after the fit, if there was one."""
    real = np.array([origin is not None for origin in bare.origins])
    weights = zipf_weights(len(states), smoothing=settings.smoothing) * real
    if not told.ids:
        axes = principal_axes(states[real], settings.dimension)
        return axes.apply(states) * weights[:, None], None
    if len(told.ids) < 2 * settings.dimension:
        raise DataError(
            f"{len(told.ids)} different texts have a token, and a fit in {settings.dimension} dimensions takes at "
            f"least {2 * settings.dimension}: give more texts, or none"
        )
    axes = principal_axes(told.vectors, settings.dimension)
    targets = axes.apply(told.vectors)
    prior = (states - states[real].mean(axis=0)) @ axes.axes * weights[:, None]
    held = np.arange(len(targets)) % _HELD_OUT == 0
    fitted = Incidence([one for one, out in zip(told.ids, held, strict=True) if not out], len(states))
    prior *= _scale(fitted.means(prior), targets[~held])

    def say(done: int, total: int) -> None:
        progress("fitting to texts", done, total)

    table = fit_rows(fitted, targets[~held], prior, ridge=settings.ridge, rounds=settings.rounds, progress=say)
    others = Incidence([one for one, out in zip(told.ids, held, strict=True) if out], len(states))
    before, after = (_cosine(others.means(rows), targets[held]) for rows in (prior, table))
    whitening = np.maximum(axes.variances / axes.variances[0], _LEAST_VARIANCE) ** -_WHITENING
    return table * weights[:, None] * whitening, (before, after)


def _scale(vectors: Matrix, targets: Matrix) -> np.float32:
    """What vectors are multiplied by to come nearest to targets."""
    return np.float32((vectors * targets).sum() / np.square(vectors).sum())


def _cosine(left: Matrix, right: Matrix) -> float:
    """The mean cosine of rows with their like."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float(((left * right).sum(axis=1) / np.maximum(lengths, np.finfo(np.float32).tiny)).mean())


def _write(folder: Path, table: Matrix, bare: BareTokenizer, found: Found, settings: DistilSettings) -> int:
    """Write the files, and give the bytes of the tensors."""
    tensors: dict[str, np.ndarray[Any, Any]] = {TABLES[1]: table.astype(settings.precision, copy=False)}
    if settings.precision == "int8":
        rows, scales = in_eight_bits(table)
        tensors = {TABLES[1]: rows, "weights": scales}
    config = {
        "model_type": MODEL2VEC,
        "architectures": ["StaticModel"],
        "hidden_dim": settings.dimension,
        "normalize": True,
        "max_length": None,  # texts of any length
        "embedding_dtype": settings.precision,
        "tokenizer_name": found.name,
        "sif_coefficient": settings.smoothing,
    }
    kinds = {"StaticEmbedding": ".", "Normalize": "1_Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds.items())
    ]
    (folder / kinds["Normalize"]).mkdir()
    (folder / FILE).write_text(bare.content, encoding="utf-8")
    for name, value in {"config.json": config, "modules.json": modules}.items():
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    licence = f"license: {found.licence}\n" if found.licence else ""
    card = _CARD.format(teacher=found.name, licence=licence, version=__version__, dimension=settings.dimension)
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_tensors(folder, tensors)
    return sum(value.nbytes for value in tensors.values())
