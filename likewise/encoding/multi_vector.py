"""Texts to a vector for each token, and their late interaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.compiled import Running
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Engine
from likewise.encoding.feeding import batched, rows_of
from likewise.encoding.models import Progress, Source, open_model
from likewise.errors import ModelError, ShapeError
from likewise.modelling.late_interaction import Expansion, LateInteraction, read_late_interaction
from likewise.modelling.ops import Inputs
from likewise.tokenizing import Tokenizer
from likewise.types import Overflow, Role, Vectors

Ids = NDArray[np.int64]


class MultiVectorEncoder(Protocol):
    """Whatever turns texts into a vector for each token."""

    contract: Contract

    def encode(self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error") -> list[Vectors]: ...

    def pieces(self, text: str, *, role: Role) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class _Row:
    """A text as the network is given it."""

    ids: Ids  # (T,)
    mask: Ids  # (T,) 1 for tokens that others look at
    kept: Ids  # (T,) 1 for tokens whose vector is kept


class ColbertEncoder:
    """A ColBERT model (Khattab and Zaharia 2020, arXiv:2004.12832). ``likewise.load_multi_vector`` makes one.

    Args:
        name: What it was loaded as.
        contract: What its vectors can be compared with.
        tokenizer: The model's own.
        engine: Runs its network.
        interaction: What it declares about queries and documents.
    """

    def __init__(
        self, name: str, contract: Contract, tokenizer: Tokenizer, engine: Engine, *, interaction: LateInteraction
    ) -> None:
        self.name, self.contract, self.tokenizer, self._engine = name, contract, tokenizer, engine
        self._interaction = interaction
        self._skipped = [id for word in interaction.skipped if (id := tokenizer.id_of(word)) is not None]
        self._filler = _filler(tokenizer, interaction.expansion)
        self._markers = {role: _marker(tokenizer, text) for role, text in interaction.prompts.items()}

    def __repr__(self) -> str:
        return f"ColbertEncoder({self.name!r}, dimension={self.contract.dimension})"

    def encode(self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error") -> list[Vectors]:
        """The vectors of each text's tokens.

        Args:
            texts: Any number.
            role: Queries are filled up with mask tokens if the model says so, documents lose those of its skip list.
            overflow: As in ``Encoder.encode``; "chunk" gives the vectors of all pieces.

        Returns:
            (T, D) float32 for each text, of unit length if the contract says ``normalise``.

        Raises:
            TooLongError: A text is too long and ``overflow`` is "error".
            SettingError: An argument is wrong.
        """
        rows = rows_of(self.tokenizer, self._limits(role), texts, role=role, overflow=overflow)
        found = self._run([self._row(ids, role) for ids in rows.ids])
        of_text: list[list[Vectors]] = [[] for _ in rows.tokens]
        for text, vectors in zip(rows.texts.tolist(), found, strict=True):
            of_text[text].append(vectors)
        return [np.concatenate(parts) for parts in of_text]

    def pieces(self, text: str, *, role: Role) -> list[str]:
        """The tokens that the vectors of a text stand for, in their order, as far as ``overflow="truncate"`` reads."""
        (ids,) = rows_of(self.tokenizer, self._limits(role), [text], role=role, overflow="truncate").ids
        row = self._row(ids, role)
        return [self.tokenizer.token_of(int(id)) for id in row.ids[row.kept > 0]]

    def _limits(self, role: Role) -> Contract:
        """The contract with the role's own maximum, and without a prompt that is put in as a token."""
        most = self._interaction.query_tokens if role == "query" else self._interaction.document_tokens
        if role == "query" and self._interaction.expansion and self._interaction.expansion.cut:
            most = self._interaction.expansion.length
        tokens = min(most or self.contract.max_tokens, self.contract.max_tokens)
        marker = self._markers.get(role)
        prompt = self._interaction.prompts.get(role, "") if marker is None else ""
        return replace(self.contract, max_tokens=tokens - (marker is not None), prompts={role: prompt})

    def _row(self, ids: Ids, role: Role) -> _Row:
        framed, marker = self.tokenizer.frame(ids), self._markers.get(role)
        if marker is not None:
            framed = np.insert(framed, self.tokenizer.tokens_before, marker)
        mask, kept = np.ones_like(framed), np.ones_like(framed)
        if role == "document" or self._interaction.skips_queries:
            kept[np.isin(framed, self._skipped)] = 0
        expansion = self._interaction.expansion
        if role == "query" and expansion and len(framed) < expansion.length:
            more = expansion.length - len(framed)
            framed = np.append(framed, np.full(more, self._filler, np.int64))
            mask = np.append(mask, np.full(more, int(expansion.attend), np.int64))
            kept = np.append(kept, np.ones(more, np.int64))
        return _Row(framed, mask, kept)

    def _run(self, rows: Sequence[_Row]) -> list[Vectors]:
        found: dict[int, Vectors] = {}

        def made(numbers: Ids, tokens: int, height: int) -> Inputs[Ids]:
            ids, mask = np.zeros((2, height, tokens), np.int64)
            mask[len(numbers) :, 0] = 1
            for place, number in enumerate(numbers):
                row = rows[number]
                ids[place, : len(row.ids)], mask[place, : len(row.ids)] = row.ids, row.mask
            return Inputs(ids, mask)

        def collect(numbers: Ids, states: Vectors) -> None:
            for number, vectors in zip(numbers.tolist(), states, strict=True):
                found[number] = vectors[: len(rows[number].ids)][rows[number].kept > 0]

        lengths = [len(row.ids) for row in rows]
        limit, budget = max([self.contract.max_tokens, *lengths]), self._engine.budget_tokens
        self._engine.run(batched(lengths, made, limit=limit, budget_tokens=budget), collect)
        return [found[number] for number in range(len(rows))]


def max_sim(query: Vectors, document: Vectors) -> float:
    """Of each query token the greatest dot product with a document token, summed: (T, D) and (S, D) to a score.

    Khattab and Zaharia 2020, arXiv:2004.12832, equation 3. A document without tokens scores -inf.
    """
    if query.ndim != 2 or document.ndim != 2 or query.shape[1] != document.shape[1]:
        raise ShapeError(f"max_sim takes (T, D) and (S, D), got {query.shape} and {document.shape}")
    return float((query @ document.T).max(axis=1).sum()) if len(document) else float("-inf")


def max_sim_scores(queries: Sequence[Vectors], documents: Sequence[Vectors]) -> Vectors:
    """``max_sim`` of every query with every document: (Q, N) float32."""
    scores = np.full((len(queries), len(documents)), -np.inf, np.float32)
    filled = [n for n, document in enumerate(documents) if len(document)]
    if not filled:
        return scores
    together = np.concatenate([documents[n] for n in filled])  # (S, D)
    starts = np.cumsum([0, *(len(documents[n]) for n in filled[:-1])])
    for q, query in enumerate(queries):
        scores[q, filled] = np.maximum.reduceat(query @ together.T, starts, axis=1).sum(axis=0)
    return scores


def load_multi_vector(
    name_or_folder: str | Path,
    *,
    precision: str = "auto",
    engine: str = "auto",
    source: Source = Source(),
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> ColbertEncoder:
    """A late-interaction encoder, from a model's name or folder; arguments and errors as in ``likewise.load``."""
    running = Running(engine, precision)
    opened = open_model(name_or_folder, "multi_vector", running, source=source, cache=cache, progress=progress)
    interaction = read_late_interaction(opened.checkpoint)
    contract = replace(opened.contract, prompts=dict(interaction.prompts))
    return ColbertEncoder(opened.found.name, contract, opened.tokenizer, opened.engine, interaction=interaction)


def _filler(tokenizer: Tokenizer, expansion: Expansion | None) -> int:
    """The token that queries are filled up with."""
    if expansion is None:
        return 0
    for name in [expansion.token] if expansion.token else ["[MASK]", "<mask>", "</s>", "<|endoftext|>"]:
        if (found := tokenizer.id_of(name)) is not None:
            return found
    raise ModelError(
        "the model fills queries up with mask tokens, and its tokenizer has none: name one in query_expansion's token"
    )


def _marker(tokenizer: Tokenizer, prompt: str) -> int | None:
    """The one token that a prompt is, if it is one that stands for a role, such as "[Q]" or "[unused0]"."""
    for name in (prompt, prompt.strip()):
        if prompt.strip().startswith("[") and (found := tokenizer.id_of(name)) is not None:
            return found
    return None
