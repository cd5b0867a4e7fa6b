"""Texts to vectors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.contract import Contract
from likewise.encoding.engines import Engine
from likewise.encoding.feeding import Rows, feeds, prompt_tokens, rows_of
from likewise.encoding.packing import Packed, Packing, pack, truncate
from likewise.encoding.static import StaticEngine
from likewise.tokenizing import Tokenizer
from likewise.types import Overflow, Role, Vectors

_WINDOW = 4096  # texts sorted and encoded together when streaming: enough to fill batches, few megabytes


class DenseEncoder(Protocol):
    """Whatever turns texts into vectors of one length."""

    contract: Contract

    def encode(self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error") -> Vectors:
        """(N, D) float32."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors, and what it took to make them."""

    vectors: Vectors  # (N, D) float32
    tokens: NDArray[np.int64]  # (N,) tokens that each text has, special tokens counted
    dropped: NDArray[np.int64]  # (N,) of these, how many the model did not see; 0 unless overflow is "truncate"


class Encoder:
    """A model that turns texts into vectors. ``likewise.load`` makes one.

    Args:
        name: What it was loaded as.
        contract: What its vectors can be compared with.
        tokenizer: The model's own.
        engine: Runs its network.
        splits_prompt: Whether the prompt's tokens are left out of pooling.
    """

    def __init__(
        self, name: str, contract: Contract, tokenizer: Tokenizer, engine: Engine, *, splits_prompt: bool = False
    ) -> None:
        self.name, self.contract, self.tokenizer, self._engine = name, contract, tokenizer, engine
        self._splits_prompt = splits_prompt
        self.revision: str | None = None  # the commit, if the model came from the hub

    def __repr__(self) -> str:
        return f"Encoder({self.name!r}, dimension={self.contract.dimension}, precision={self.contract.precision!r})"

    def encode(self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error") -> Vectors:
        """Vectors of many texts.

        Args:
            texts: Any number; an empty list gives (0, D).
            role: What the texts are to the search: the model's own prompt for it is put in front.
            overflow: What happens to a text of more than ``contract.max_tokens`` tokens. "error" refuses it,
                "truncate" reads its beginning, "chunk" reads it in pieces and averages their vectors.

        Returns:
            (N, D) float32, of unit length if the contract says ``normalise``.

        Raises:
            TooLongError: A text is too long and ``overflow`` is "error".
            SettingError: ``texts`` is a single str, or ``role`` or ``overflow`` is none of the above.
        """
        return self.encode_counted(texts, role=role, overflow=overflow).vectors

    def encode_counted(self, texts: Sequence[str], *, role: Role, overflow: Overflow = "error") -> Encoded:
        """As ``encode``, together with the tokens that each text has and how many of them were dropped."""
        rows = rows_of(self.tokenizer, self.contract, texts, role=role, overflow=overflow)
        vectors = _joined(self._run(rows.ids, role), rows, normalise=self.contract.normalise)
        if self.contract.truncated_from is not None:
            vectors = truncate(vectors, self.contract.dimension)
        return Encoded(vectors, rows.tokens, rows.dropped)

    def stream(self, texts: Iterable[str], *, role: Role, overflow: Overflow = "error") -> Iterator[Encoded]:
        """As ``encode_counted`` for any number of texts, some thousands at a time, in memory that does not grow."""
        remaining = iter(texts)
        while window := list(islice(remaining, _WINDOW)):
            yield self.encode_counted(window, role=role, overflow=overflow)

    def pack(self, vectors: Vectors) -> Packed:
        """Vectors (N, D) of this encoder in the precision that its contract stores them with."""
        return pack(vectors, self.packing)

    @property
    def packing(self) -> Packing:
        """How vectors are stored."""
        return self.contract.packing()

    def _run(self, ids: Sequence[NDArray[np.int64]], role: Role) -> Vectors:
        """What the network gives for ids that fit the model: (R, D)."""
        if isinstance(self._engine, StaticEngine):
            return self._engine.average(ids)
        framed = [self.tokenizer.frame(one) for one in ids]
        vectors = np.empty((len(framed), self.contract.truncated_from or self.contract.dimension), np.float32)

        def collect(rows: NDArray[np.int64], found: Vectors) -> None:
            vectors[rows] = found

        skipped = prompt_tokens(self.tokenizer, self.contract, role=role) if self._splits_prompt else None
        budget, limit = self._engine.budget_tokens, self.contract.max_tokens
        self._engine.run(feeds(framed, limit=limit, budget_tokens=budget, pooled_from=skipped), collect)
        return vectors


def _joined(vectors: Vectors, rows: Rows, *, normalise: bool) -> Vectors:
    """Each text as the mean of its rows' vectors (R, D), weighted by their tokens: (N, D)."""
    if len(vectors) == len(rows.tokens):
        return vectors
    means = np.zeros((len(rows.tokens), vectors.shape[1]), np.float32)
    weights = np.array([max(len(piece), 1) for piece in rows.ids], np.float32)
    np.add.at(means, rows.texts, vectors * weights[:, None])
    if normalise:
        return means / np.linalg.norm(means, axis=1, keepdims=True)
    totals = np.zeros(len(means), np.float32)
    np.add.at(totals, rows.texts, weights)
    return means / totals[:, None]
