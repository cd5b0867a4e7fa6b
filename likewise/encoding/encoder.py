"""Texts to vectors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.batching import pad, plan
from likewise.encoding.contract import Contract
from likewise.encoding.engine import Engine
from likewise.errors import SettingError, TooLongError
from likewise.tokenizing import Tokenizer
from likewise.types import Overflow, Role, Vectors

_WINDOW = 4096  # texts sorted and encoded together when streaming: enough to fill batches, few megabytes


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
    """

    def __init__(self, name: str, contract: Contract, tokenizer: Tokenizer, engine: Engine) -> None:
        self.name, self.contract, self.tokenizer, self._engine = name, contract, tokenizer, engine

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
        _check(texts, role, overflow)
        prompt = self.contract.prompt(role)
        ids = self.tokenizer.encode([prompt + text for text in texts] if prompt else texts)
        special = self.tokenizer.special_tokens
        tokens = np.array([len(one) + special for one in ids], np.int64)  # (N,)
        limit = self.contract.max_tokens
        over = np.maximum(tokens - limit, 0)
        if over.any() and overflow == "error":
            raise TooLongError(_too_long(tokens, limit))
        if over.any() and overflow == "chunk":
            return Encoded(self._encode_pieces(ids, limit - special), tokens, np.zeros_like(over))
        return Encoded(self._run([one[: limit - special] for one in ids]), tokens, over)

    def stream(self, texts: Iterable[str], *, role: Role, overflow: Overflow = "error") -> Iterator[Encoded]:
        """As ``encode_counted`` for any number of texts, some thousands at a time, in memory that does not grow."""
        remaining = iter(texts)
        while window := list(islice(remaining, _WINDOW)):
            yield self.encode_counted(window, role=role, overflow=overflow)

    def _run(self, ids: Sequence[NDArray[np.int64]]) -> Vectors:
        """Vectors (N, D) of ids that fit the model."""
        framed = [self.tokenizer.frame(one) for one in ids]
        lengths = np.array([len(one) for one in framed], np.int64)
        batches = (
            (batch.rows, *pad([framed[row] for row in batch.rows], tokens=batch.tokens, height=batch.height))
            for batch in plan(lengths, limit=self.contract.max_tokens)
        )
        return self._engine.run(batches, rows=len(framed))

    def _encode_pieces(self, ids: Sequence[NDArray[np.int64]], limit: int) -> Vectors:
        """Each text as the mean of its pieces' vectors, weighted by their tokens: (N, D)."""
        pieces = [(row, one[i : i + limit]) for row, one in enumerate(ids) for i in range(0, max(len(one), 1), limit)]
        vectors = self._run([piece for _, piece in pieces])
        means = np.zeros((len(ids), self.contract.dimension), np.float32)
        weights = np.array([max(len(piece), 1) for _, piece in pieces], np.float32)
        np.add.at(means, [row for row, _ in pieces], vectors * weights[:, None])
        if self.contract.normalise:
            return means / np.linalg.norm(means, axis=1, keepdims=True)
        totals = np.zeros(len(ids), np.float32)
        np.add.at(totals, [row for row, _ in pieces], weights)
        return means / totals[:, None]


def _check(texts: Sequence[str], role: str, overflow: str) -> None:
    if isinstance(texts, str):
        raise SettingError(f"encode() takes many texts, got one str: use encode([{texts[:20]!r}], …)")
    for name, got, known in (
        ("role", role, ("query", "document")),
        ("overflow", overflow, ("error", "truncate", "chunk")),
    ):
        if got not in known:
            raise SettingError(f"{name} is {got!r}; it must be one of {', '.join(map(repr, known))}")


def _too_long(tokens: NDArray[np.int64], limit: int) -> str:
    worst = int(tokens.argmax())
    return (
        f"{int((tokens > limit).sum())} of {len(tokens)} texts are over the model's {limit} tokens; "
        f"text {worst} has {tokens[worst]}. Choose overflow='truncate' (read the beginning) or 'chunk' (average of "
        "the pieces), or cut the texts with likewise.chunk first"
    )
