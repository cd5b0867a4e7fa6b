"""Texts to what a network is given: prompts, ids, special tokens, what is too long, batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.batching import pad, plan
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Feed
from likewise.errors import SettingError, TooLongError
from likewise.modelling.ops import Inputs
from likewise.tokenizing import Tokenizer
from likewise.types import Overflow, Role

TokenIds = NDArray[np.int64]  # (T,)


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts as ids without special tokens, a row each that fits the model."""

    ids: list[TokenIds]
    texts: NDArray[np.int64]  # (R,) the text that each row is of; several rows where a text was cut into pieces
    tokens: NDArray[np.int64]  # (N,) tokens that each text has, special tokens counted
    dropped: NDArray[np.int64]  # (N,) of these, how many the model will not see


def rows_of(tokenizer: Tokenizer, contract: Contract, texts: Sequence[str], *, role: Role, overflow: Overflow) -> Rows:
    """The rows of texts, with the role's prompt in front.

    Raises:
        TooLongError: A text is too long and ``overflow`` is "error".
        SettingError: ``texts`` is a single str, or ``role`` or ``overflow`` is not known.
    """
    _check(texts, role, overflow)
    prompt, limit = contract.prompt(role), contract.max_tokens
    ids = tokenizer.encode([prompt + text for text in texts] if prompt else texts)
    tokens = np.array([len(one) + tokenizer.special_tokens for one in ids], np.int64)  # (N,)
    over = np.maximum(tokens - limit, 0)
    room = limit - tokenizer.special_tokens
    if over.any() and overflow == "error":
        raise TooLongError(_too_long(tokens, limit))
    if over.any() and overflow == "chunk":
        pieces = [(row, one[i : i + room]) for row, one in enumerate(ids) for i in range(0, max(len(one), 1), room)]
        numbers = np.array([row for row, _ in pieces], np.int64)
        return Rows([piece for _, piece in pieces], numbers, tokens, np.zeros_like(over))
    return Rows([one[:room] for one in ids], np.arange(len(ids)), tokens, over)


def prompt_tokens(tokenizer: Tokenizer, contract: Contract, *, role: Role) -> int:
    """How many tokens from the start of a text are its prompt's, with the special tokens before it."""
    prompt = contract.prompt(role)
    if not prompt:
        return 0
    ids = tokenizer.encode([prompt])[0]
    return len(ids) + tokenizer.tokens_before


def feeds(
    framed: Sequence[TokenIds], *, limit: int, budget_tokens: int, pooled_from: int | None = None
) -> Iterator[Feed]:
    """Batches of ids that have their special tokens.

    Args:
        framed: (T,) for each row.
        limit: The most tokens of a row; padding never goes beyond it.
        budget_tokens: Tokens of a batch.
        pooled_from: The first token that pooling may use; None gives the network no such input.
    """

    def made(rows: NDArray[np.int64], tokens: int, height: int) -> Inputs[NDArray[np.int64]]:
        ids, mask = pad([framed[row] for row in rows], tokens=tokens, height=height)
        if pooled_from is None:
            return Inputs(ids, mask)
        pooled = mask.copy()
        pooled[: len(rows), :pooled_from] = 0
        return Inputs(ids, mask, None, pooled)

    yield from batched([len(one) for one in framed], made, limit=limit, budget_tokens=budget_tokens)


Make = Callable[[NDArray[np.int64], int, int], Inputs[NDArray[np.int64]]]  # rows, padded length, height


def batched(lengths: Sequence[int], make: Make, *, limit: int, budget_tokens: int) -> Iterator[Feed]:
    """Batches over rows of ``lengths``, whose inputs ``make`` makes."""
    for batch in plan(np.array(lengths, np.int64), budget_tokens=budget_tokens, limit=limit):
        yield batch.rows, make(batch.rows, batch.tokens, batch.height)


def _check(texts: Sequence[str], role: str, overflow: str) -> None:
    require_texts(texts)
    for name, got, known in (
        ("role", role, ("query", "document")),
        ("overflow", overflow, ("error", "truncate", "chunk")),
    ):
        if got not in known:
            raise SettingError(f"{name} is {got!r}; it must be one of {', '.join(map(repr, known))}")


def require_texts(texts: Sequence[str]) -> None:
    """Refuse a single str, which is a sequence of str too."""
    if isinstance(texts, str):
        raise SettingError(f"encode() takes many texts, got one str: use encode([{texts[:20]!r}], …)")


def _too_long(tokens: NDArray[np.int64], limit: int) -> str:
    worst = int(tokens.argmax())
    return (
        f"{int((tokens > limit).sum())} of {len(tokens)} texts are over the model's {limit} tokens; "
        f"text {worst} has {tokens[worst]}. Choose overflow='truncate' (read the beginning) or 'chunk' (average of "
        "the pieces), or cut the texts with likewise.chunk first"
    )
