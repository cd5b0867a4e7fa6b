"""Words as the bytes of their characters, as ELMo reads them: a word is a row of 50 ids instead of one."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise.errors import ArtifactError, SettingError
from likewise.tokenizing.templates import parse_template
from likewise.tokenizing.tokenizer import Tokenizer
from likewise.tokenizing.vocabulary import Spans

FILE = "characters.json"
"""The tokenizer's file in a folder whose network reads characters; it says ``{"characters_per_word": 50}``."""

_LENGTH = 50  # ids of a word
_BEGIN, _END, _PADDING = 259, 260, 261  # of a word; a byte's id is the byte plus 1, for 0 pads texts
# Words as the Penn treebank cuts them: "do n't", "dog 's"; any other mark is a word of its own.
_WORD = re.compile(r"\w+(?=n['’]t\b)|n['’]t\b|['’](?:s|re|ve|ll|d|m)\b|\w+|[^\w\s]", re.IGNORECASE)


def open_characters(path: Path) -> Tokenizer:
    """The tokenizer that ``characters.json`` declares.

    Raises:
        ArtifactError: The file is damaged, or asks for words of another length.
    """
    try:
        declared = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} can't be read: {error}") from error
    if declared != (expected := {"characters_per_word": _LENGTH}):
        raise ArtifactError(f"{path} says {declared!r:.100}, expected {expected}: words are read in this way alone")
    return character_tokenizer()


def character_tokenizer() -> Tokenizer:
    """The tokenizer of a network that reads characters; its ids are (T, 50) for each text.

    The network itself puts the begin and the end around a text, so there are no special tokens.
    """
    vocabulary = CharacterVocabulary()
    return Tokenizer.of(vocabulary, parse_template("$A", "$A", vocabulary.id_of), pad_id=0)


class CharacterVocabulary:
    """Words by their bytes, as published with ELMo (Peters et al. 2018, arXiv:1802.05365).

    A word is its begin (259), each byte of its UTF-8 plus 1, its end (260), and padding (261) up to 50. Of a word with
    more than 48 bytes the network sees the first 48, as it was trained.
    """

    size = _PADDING + 1
    special_ids = frozenset({0, 257, 258, _BEGIN, _END, _PADDING})  # 257 and 258 begin and end texts

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Ids of each text (T, 50)."""
        return [
            np.array([_letters(text[start:end]) for start, end in _words(text)], np.int64).reshape(-1, _LENGTH)
            for text in texts
        ]

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        """Character span [start, end) of each word (T, 2)."""
        return [np.array(list(_words(text)), np.int64).reshape(-1, 2) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Words can't be decoded one id after the other.

        Raises:
            SettingError: Always; ``offsets`` tells which part of a text a word is.
        """
        raise SettingError(
            f"got {len(ids)} ids of characters, expected none to decode: use offsets() for a text's words"
        )

    def id_of(self, token: str) -> int | None:
        """The id of a byte by its two hexadecimal digits."""
        return int(token, 16) + 1 if re.fullmatch("[0-9a-f]{2}", token) else None

    def token_of(self, token_id: int) -> str | None:
        """A byte as two hexadecimal digits."""
        return f"{token_id - 1:02x}" if 1 <= token_id <= 256 else None


def _words(text: str) -> Iterator[tuple[int, int]]:
    # To re, a mark that belongs to a letter (category M) is none of the word: the pattern sees a letter in its place.
    shape = "".join("a" if unicodedata.category(c).startswith("M") else c for c in text)
    return (found.span() for found in _WORD.finditer(shape))


def _letters(word: str) -> list[int]:
    known = word.encode("utf-8", "ignore")[: _LENGTH - 2]
    return [_BEGIN, *(byte + 1 for byte in known), _END] + [_PADDING] * (_LENGTH - 2 - len(known))
