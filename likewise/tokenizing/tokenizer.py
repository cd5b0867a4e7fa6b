"""A published ``tokenizer.json``, with its own truncation and padding switched off: both are decided by the caller."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray

from likewise.errors import ArtifactError

TokenIds = NDArray[np.int64]  # (T,)


class Tokenizer:
    """Ids and character offsets of texts.

    Args:
        path: A ``tokenizer.json``.

    Raises:
        ArtifactError: The file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises a bare Exception
            raise ArtifactError(f"{path} can't be read as a tokenizer: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        empty = self._tokenizer.encode("").ids
        probe = self._tokenizer.encode("a", add_special_tokens=False).ids
        framed = self._tokenizer.encode("a").ids
        before = framed.index(probe[0])
        self._before = np.array(empty[:before], np.int64)
        self._after = np.array(empty[before:], np.int64)

    @property
    def special_tokens(self) -> int:
        """How many tokens are put around a text."""
        return len(self._before) + len(self._after)

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Ids of each text, without special tokens."""
        encoded = self._tokenizer.encode_batch_fast(_encodable(texts), add_special_tokens=False)
        return [np.array(one.ids, np.int64) for one in encoded]

    def frame(self, ids: TokenIds) -> TokenIds:
        """Ids with the special tokens around them, as the model expects its input."""
        return np.concatenate([self._before, ids, self._after])

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Character span [start, end) of each token, without special tokens: (T, 2) for each text."""
        encoded = self._tokenizer.encode_batch(_encodable(texts), add_special_tokens=False)
        return [np.fromiter(chain.from_iterable(one.offsets), np.int64).reshape(-1, 2) for one in encoded]


def _encodable(texts: Sequence[str]) -> list[str]:
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
