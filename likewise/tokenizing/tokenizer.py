"""A model's own tokenizer: ids, offsets and names of its tokens, and the special tokens that it wants around texts."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray

from likewise.errors import ArtifactError, SettingError
from likewise.tokenizing.declaring import Declaration, read_declaration
from likewise.tokenizing.templates import Template, parse_template, template_of
from likewise.tokenizing.vocabulary import LibraryVocabulary, Spans, TokenIds, Vocabulary

_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)


class Tokenizer:
    """Ids and character offsets of texts. Truncation and padding are decided by the caller, not by the file.

    Args:
        path: A ``tokenizer.json``. What stands beside it in ``tokenizer_config.json`` counts too.

    Raises:
        ArtifactError: The file is missing or damaged.
        ModelError: It puts texts together in a way that can't be followed.
    """

    def __init__(self, path: Path) -> None:
        try:
            library = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises a bare Exception
            raise ArtifactError(f"{path} can't be read as a tokenizer: {error}") from error
        declared = read_declaration(path.parent)
        padding = library.padding
        self._vocabulary: Vocabulary = LibraryVocabulary(library)
        self._template = _declared_template(declared, library) or template_of(library)
        self.pad_id: int = padding["pad_id"] if padding else pad_id_of(declared, self._vocabulary)

    @classmethod
    def of(cls, vocabulary: Vocabulary, template: Template, *, pad_id: int = 0) -> "Tokenizer":
        """A tokenizer made of its parts."""
        made = cls.__new__(cls)
        made._vocabulary, made._template, made.pad_id = vocabulary, template, pad_id
        return made

    @property
    def special_tokens(self) -> int:
        """How many tokens are put around a text."""
        return len(self._template.single) - 1

    @property
    def tokens_before(self) -> int:
        """How many of the special tokens stand before a text."""
        return self._template.before

    @property
    def pair_special_tokens(self) -> int:
        """How many tokens are put around and between two texts.

        Raises:
            ModelError: The model has no template for pairs.
        """
        return len(self._template.pairs()) - 2

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids that stand for no text: those around texts, padding, masks and the like."""
        return self._vocabulary.special_ids | self._template.special_ids()

    @property
    def vocabulary_size(self) -> int:
        """The greatest id plus one, added tokens included: the fewest rows that a table of embeddings may have."""
        return self._vocabulary.size

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Ids of each text, without special tokens."""
        return self._vocabulary.encode(_several(texts))

    def frame(self, ids: TokenIds) -> TokenIds:
        """Ids with the special tokens around them, as the model expects its input."""
        return self._template.frame(ids)

    def pair(self, left_ids: TokenIds, right_ids: TokenIds) -> tuple[TokenIds, NDArray[np.int64]]:
        """Ids of two texts with the special tokens around and between them, and the segment of each id (T,).

        Raises:
            ModelError: The model has no template for pairs.
        """
        return self._template.join(left_ids, right_ids)

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        """Character span [start, end) of each token, without special tokens: (T, 2) for each text."""
        return self._vocabulary.offsets(_several(texts))

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Names of the tokens of each text, as they stand in the vocabulary, without special tokens."""
        return [[self.token_of(int(token_id)) for token_id in ids] for ids in self.encode(texts)]

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        """The text of these ids. Byte-level BPE gives back what was encoded, to the byte; others may have changed it.

        Bytes that are no text go in as ``data.decode("latin-1")``, and out by ``.encode("latin-1")``.
        """
        return self._vocabulary.decode([int(token_id) for token_id in ids])

    def id_of(self, token: str) -> int | None:
        """The id of a token by its name; None if there is none of that name."""
        return self._vocabulary.id_of(token)

    def token_of(self, token_id: int) -> str:
        """The name of an id.

        Raises:
            SettingError: No token has this id.
        """
        token = self._vocabulary.token_of(token_id) if token_id >= 0 else None
        if token is None:
            raise SettingError(
                f"no token has the id {token_id}; this vocabulary goes from 0 to {self.vocabulary_size - 1}"
            )
        return token

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """How many tokens the model gets for each text (N,), special tokens included."""
        return np.array([len(ids) + self.special_tokens for ids in self.encode(texts)], np.int64)

    def fit(self, text: str, budget: int) -> tuple[str, int]:
        """The longest beginning of a text found that has at most ``budget`` tokens, special ones included.

        It ends between two tokens and never inside a character, nor before a mark or joiner that belongs to one.

        Returns:
            The beginning, and how many tokens of the text were dropped.

        Raises:
            SettingError: The budget is too small for the special tokens alone.
        """
        room = budget - self.special_tokens
        if room < 0:
            raise SettingError(f"budget is {budget}; the special tokens alone are {self.special_tokens}")
        (spans,) = self.offsets([text])
        if len(spans) <= room:
            return text, 0
        for kept in range(room, 0, -1):
            end = int(spans[kept - 1, 1])
            # Some tokens split one character; and a beginning can have more tokens than it has in the whole text.
            if spans[kept, 0] >= end and not _inside_character(text, end) and len(self.encode([text[:end]])[0]) <= room:
                return text[:end], len(spans) - kept
        return "", len(spans)


def pad_id_of(declared: Declaration, vocabulary: Vocabulary, *, default: int = 0) -> int:
    """The id of the padding token that a folder declares, or else the default.

    Raises:
        ArtifactError: The declared token is not in the vocabulary.
    """
    name = declared.token("pad_token")
    if name is None:
        return default
    found = vocabulary.id_of(name)
    if found is None:
        raise ArtifactError(f"{declared.folder} declares the padding token {name!r}, which its vocabulary lacks")
    return found


def _declared_template(declared: Declaration, library: tokenizers.Tokenizer) -> Template | None:
    """The template by switches that the classes for Llama and Gemma obey whatever ``tokenizer.json`` says."""
    templates = declared.switched_templates() if declared.switches_rule else None
    return parse_template(*templates, library.token_to_id) if templates else None


def _several(texts: Sequence[str]) -> Sequence[str]:
    if isinstance(texts, str):
        raise SettingError("texts is one str, expected a list of them; write [text]")
    return texts


def _inside_character(text: str, at: int) -> bool:
    """Whether what stands before and behind this place is seen as one character."""
    if not 0 < at < len(text):
        return False
    behind = text[at]
    joined = _JOINER in (behind, text[at - 1])
    return joined or unicodedata.category(behind).startswith("M") or ord(behind) in _SKIN_TONES
