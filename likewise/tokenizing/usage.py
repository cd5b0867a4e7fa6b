"""What a vocabulary makes of texts: how much it packs into a token, and which tokens it uses."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.tokenizing.tokenizer import Tokenizer

_TOGETHER = 1000  # texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Counts over texts, without the special tokens around them."""

    characters: int
    tokens: int
    unknown: int
    frequent: tuple[tuple[str, int], ...]
    longest: tuple[str, ...]

    @property
    def characters_per_token(self) -> float:
        """How far a token goes; 0 if there are none."""
        return self.characters / self.tokens if self.tokens else 0.0


def measure_usage(tokenizer: Tokenizer, texts: Iterable[str], *, max_characters: int, shown: int = 12) -> Usage:
    """Encode texts until there were ``max_characters``, and count.

    Args:
        tokenizer: Whose tokens are counted.
        texts: Read no further than needed.
        max_characters: The text that reaches it is the last.
        shown: How many of the most frequent tokens, and of the longest used, are named; ties go to the lower id.
    """
    counts = np.zeros(tokenizer.vocabulary_size, np.int64)  # (V,)
    characters = 0
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) == _TOGETHER or characters >= max_characters:
            counts += _counted(tokenizer, batch)
            batch.clear()
        if characters >= max_characters:
            break
    counts += _counted(tokenizer, batch)
    used = np.flatnonzero(counts).tolist()
    frequent = sorted(used, key=lambda token_id: (-counts[token_id], token_id))[:shown]
    longest = sorted(used, key=lambda token_id: (-len(tokenizer.token_of(token_id)), token_id))[:shown]
    unknown = [tokenizer.id_of(name) for name in ("[UNK]", "<unk>")]
    return Usage(
        characters=characters,
        tokens=int(counts.sum()),
        unknown=int(sum(counts[token_id] for token_id in unknown if token_id is not None)),
        frequent=tuple((tokenizer.token_of(token_id), int(counts[token_id])) for token_id in frequent),
        longest=tuple(tokenizer.token_of(token_id) for token_id in longest),
    )


def _counted(tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.int64]:
    ids = np.concatenate([*tokenizer.encode(texts), np.zeros(0, np.int64)])
    return np.bincount(ids, minlength=tokenizer.vocabulary_size)
