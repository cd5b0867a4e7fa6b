"""Texts to sparse vectors over a vocabulary, whose weights a network learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.compiled import Running
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Engine
from likewise.encoding.feeding import feeds, rows_of
from likewise.encoding.models import Progress, Source, open_model
from likewise.errors import SettingError
from likewise.modelling.checkpoints import QUERY_WEIGHTS
from likewise.modelling.ops import Array
from likewise.tokenizing import Tokenizer
from likewise.types import Overflow, Role


@dataclass(frozen=True, slots=True, eq=False)
class SparseVector:
    """The terms that a text has weight in; all others are 0."""

    terms: NDArray[np.int64]  # (t,) token ids, ascending, each once
    weights: Array  # (t,) float32, positive


class SparseEncoder(Protocol):
    """Whatever turns texts into sparse vectors over one vocabulary."""

    contract: Contract

    def encode(self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error") -> list[SparseVector]: ...


class SpladeEncoder:
    """A SPLADE model (Formal et al. 2021, arXiv:2109.10086). ``likewise.load_sparse`` makes one.

    Args:
        name: What it was loaded as.
        contract: What its vectors can be compared with; ``dimension`` is the size of the vocabulary.
        tokenizer: The model's own.
        engine: Runs its network.
        query_weights: (V,) weights of a query's tokens, if queries need no network.
    """

    def __init__(
        self, name: str, contract: Contract, tokenizer: Tokenizer, engine: Engine, *, query_weights: Array | None
    ) -> None:
        self.name, self.contract, self.tokenizer = name, contract, tokenizer
        self._engine, self._query_weights = engine, query_weights

    def __repr__(self) -> str:
        return f"SpladeEncoder({self.name!r}, vocabulary={self.contract.dimension})"

    def encode(
        self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error", most_terms: int | None = None
    ) -> list[SparseVector]:
        """Sparse vectors of many texts.

        Args:
            texts: Any number.
            role: What the texts are to the search.
            overflow: As in ``Encoder.encode``; "chunk" takes the greatest weight over a text's pieces.
            most_terms: Keep only so many terms of the greatest weights; ties go to the lower id. None keeps all.

        Raises:
            TooLongError: A text is too long and ``overflow`` is "error".
            SettingError: An argument is wrong.
        """
        if most_terms is not None and most_terms < 1:
            raise SettingError(f"most_terms is {most_terms}; it must be at least 1, or None for all terms")
        rows = rows_of(self.tokenizer, self.contract, texts, role=role, overflow=overflow)
        if role == "query" and self._query_weights is not None:
            parts = [_looked_up(ids, self._query_weights) for ids in rows.ids]
        else:
            parts = self._run(rows.ids)
        pieces: list[list[SparseVector]] = [[] for _ in rows.tokens]
        for text, part in zip(rows.texts.tolist(), parts, strict=True):
            pieces[text].append(part)
        return [_top(_greatest(some), most_terms) for some in pieces]

    def tokens(self, vector: SparseVector) -> list[tuple[str, float]]:
        """The terms of a vector as the vocabulary spells them, heaviest first."""
        order = np.argsort(-vector.weights, kind="stable")
        return [(self.tokenizer.token_of(int(vector.terms[i])), float(vector.weights[i])) for i in order]

    def _run(self, ids: Sequence[NDArray[np.int64]]) -> list[SparseVector]:
        found: dict[int, SparseVector] = {}

        def collect(rows: NDArray[np.int64], weights: Array) -> None:
            found.update({row: _sparse(dense) for row, dense in zip(rows.tolist(), weights, strict=True)})

        framed = [self.tokenizer.frame(one) for one in ids]
        budget, limit = self._engine.budget_tokens, self.contract.max_tokens
        self._engine.run(feeds(framed, limit=limit, budget_tokens=budget), collect)
        return [found[row] for row in range(len(framed))]


def load_sparse(
    name_or_folder: str | Path,
    *,
    precision: str = "auto",
    engine: str = "auto",
    source: Source = Source(),
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> SpladeEncoder:
    """A sparse encoder, from a model's name or folder; arguments and errors are those of ``likewise.load``."""
    running = Running(engine, precision)
    opened = open_model(name_or_folder, "sparse", running, source=source, cache=cache, progress=progress)
    query_weights = opened.checkpoint.weights()[QUERY_WEIGHTS] if opened.checkpoint.chain.query_weights else None
    name, contract = opened.found.name, opened.contract
    return SpladeEncoder(name, contract, opened.tokenizer, opened.engine, query_weights=query_weights)


def _sparse(dense: Array) -> SparseVector:
    terms = np.flatnonzero(dense > 0)
    return SparseVector(terms, dense[terms].astype(np.float32))


def _looked_up(ids: NDArray[np.int64], weights: Array) -> SparseVector:
    """Each token of a text once, with its own weight; special tokens have none."""
    terms = np.unique(ids)
    terms = terms[weights[terms] > 0]
    return SparseVector(terms, weights[terms])


def _greatest(pieces: Sequence[SparseVector]) -> SparseVector:
    """The greatest weight that a term has in any piece."""
    if len(pieces) == 1:
        return pieces[0]
    terms, where = np.unique(np.concatenate([piece.terms for piece in pieces]), return_inverse=True)
    weights = np.zeros(len(terms), np.float32)
    np.maximum.at(weights, where, np.concatenate([piece.weights for piece in pieces]))
    return SparseVector(terms, weights)


def _top(vector: SparseVector, most: int | None) -> SparseVector:
    if most is None or len(vector.terms) <= most:
        return vector
    kept = np.sort(np.argsort(-vector.weights, kind="stable")[:most])
    return SparseVector(vector.terms[kept], vector.weights[kept])
