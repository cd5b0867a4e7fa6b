"""The tokenizer of a static model: the model's own, with nothing around texts."""

import json
from pathlib import Path

import tokenizers
from tokenizers import models

from likewise.errors import ArtifactError
from likewise.tokenizing.known_words import KnownWords
from likewise.tokenizing.templates import parse_template
from likewise.tokenizing.tokenizer import Tokenizer
from likewise.tokenizing.vocabulary import LibraryVocabulary, Vocabulary
from likewise.tokenizing.word_by_word import WordByWord, goes_word_by_word

FILE = "tokenizer.json"


def open_bare_tokenizer(folder: Path, *, known_only: bool) -> Tokenizer:
    """The tokenizer of ``tokenizer.json`` without the special tokens that it puts around texts.

    Args:
        folder: Where the file is.
        known_only: Pass over what the vocabulary lacks, where it has a token for that.

    Raises:
        ArtifactError: The file is missing or damaged.
    """
    path = folder / FILE
    try:
        return bare(path.read_text(encoding="utf-8"), known_only=known_only)
    except Exception as error:  # the library raises a bare Exception
        raise ArtifactError(f"{path} can't be read as a tokenizer: {error}") from error


def bare(content: str, *, known_only: bool) -> Tokenizer:
    """As ``open_bare_tokenizer``, from the content of the file; raises what the library does."""
    library = tokenizers.Tokenizer.from_str(content)
    vocabulary = _vocabulary(library)
    unknown = _unknown_id(library, content) if known_only else None
    if unknown is not None:
        vocabulary = KnownWords(vocabulary, unknown_id=unknown)
    return Tokenizer.of(vocabulary, parse_template("$A", "$A", vocabulary.id_of))


def _vocabulary(library: tokenizers.Tokenizer) -> Vocabulary:
    plain = LibraryVocabulary(library)
    if not goes_word_by_word(library):
        return plain
    added = [token.content for token in library.get_added_tokens_decoder().values()]
    return WordByWord(plain, added=added)


def _unknown_id(library: tokenizers.Tokenizer, content: str) -> int | None:
    """The id of what the vocabulary lacks; Unigram models alone say it as a number."""
    if isinstance(library.model, models.Unigram):
        found: int | None = json.loads(content)["model"].get("unk_id")
        return found
    name = library.model.unk_token
    return None if name is None else library.token_to_id(name)
