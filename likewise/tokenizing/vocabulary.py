"""What a tokenizer rests on: texts to ids and back, whichever file format the vocabulary came in."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Protocol, TypeAlias

import numpy as np
import tokenizers
from numpy.typing import NDArray

TokenIds: TypeAlias = NDArray[np.int64]  # (T,)
Spans: TypeAlias = NDArray[np.int64]  # (T, 2)


class Vocabulary(Protocol):
    """Texts to ids, without the special tokens that a model wants around them."""

    @property
    def size(self) -> int:
        """The greatest id plus one: the rows that a table of embeddings needs."""

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids that stand for no text, such as padding."""

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Ids of each text (T,)."""

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        """Character span [start, end) in the text of each of its ids (T, 2)."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text that these ids stand for."""

    def id_of(self, token: str) -> int | None:
        """The id of a token by its name."""

    def token_of(self, token_id: int) -> str | None:
        """The name of an id."""


class LibraryVocabulary:
    """A vocabulary run by the tokenizers library, with its own truncation and padding switched off."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    @cached_property
    def size(self) -> int:
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    @cached_property
    def special_ids(self) -> frozenset[int]:
        added = self._tokenizer.get_added_tokens_decoder()
        return frozenset(token_id for token_id, token in added.items() if token.special)

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        encoded = self._tokenizer.encode_batch_fast(encodable(texts), add_special_tokens=False)
        return [np.array(one.ids, np.int64) for one in encoded]

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        encoded = self._tokenizer.encode_batch(encodable(texts), add_special_tokens=False)
        return [np.fromiter(chain.from_iterable(one.offsets), np.int64).reshape(-1, 2) for one in encoded]

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False)

    def id_of(self, token: str) -> int | None:
        return self._tokenizer.token_to_id(token)

    def token_of(self, token_id: int) -> str | None:
        return self._tokenizer.id_to_token(token_id)


def encodable(texts: Sequence[str]) -> list[str]:
    """Lone surrogates have no UTF-8 form; they become U+FFFD, which keeps every character offset."""
    return [text if text.isascii() else "".join(map(_whole, text)) if _has_surrogate(text) else text for text in texts]


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _whole(character: str) -> str:
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character
