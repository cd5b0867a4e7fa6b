"""A WordPiece vocabulary that remembers words: texts are cut at their spaces, and a word is looked up once.

BERT's tokenizer cuts at every space and looks at each word alone, so the ids of a text are those of its words in a row.
A word that was seen before costs a look into a dict, which is some ten times faster than to find its pieces again.
"""

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from likewise.tokenizing.vocabulary import LibraryVocabulary, Spans, TokenIds

_MOST_WORDS = 1 << 16  # some 15 MB; then all are forgotten, and the frequent ones are soon back
_LONGEST_KEPT = 40  # characters: longer words hardly come again
_SPLIT_OTHERWISE = "[\\x0b\\x0c\\x1c-\\x1f\\x85]"  # spaces for Python, but no characters at all for BERT's normaliser


class WordByWord:
    """Another vocabulary with a memory for words; its ids are the same.

    Args:
        vocabulary: Of a tokenizer for which ``goes_word_by_word`` is true.
        added: Texts that the tokenizer looks for before it cuts words, such as "[MASK]".
    """

    def __init__(self, vocabulary: LibraryVocabulary, *, added: Sequence[str]) -> None:
        self._vocabulary = vocabulary
        self._known = _Known(vocabulary)
        self._unlike = re.compile("|".join([_SPLIT_OTHERWISE, *map(re.escape, added)]))
        self.size, self.special_ids = vocabulary.size, vocabulary.special_ids
        self.decode, self.id_of, self.token_of = vocabulary.decode, vocabulary.id_of, vocabulary.token_of

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Ids of each text (T,)."""
        return [self._encode(text) for text in texts]

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        """Character span [start, end) of each token (T, 2)."""
        return self._vocabulary.offsets(texts)

    def _encode(self, text: str) -> TokenIds:
        if self._unlike.search(text):
            return self._vocabulary.encode([text])[0]
        ids = list(chain.from_iterable(map(self._known.__getitem__, text.split())))
        return np.array(ids, np.int64)


class _Known(dict[str, list[int]]):
    """Words and their ids, found when they are first asked for."""

    def __init__(self, vocabulary: LibraryVocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, word: str) -> list[int]:
        found: list[int] = self._vocabulary.encode([word])[0].tolist()
        if len(word) <= _LONGEST_KEPT:
            if len(self) >= _MOST_WORDS:
                self.clear()
            self[word] = found
        return found


def goes_word_by_word(library: tokenizers.Tokenizer) -> bool:
    """Whether a tokenizer is BERT's, whose words do not depend on each other."""
    parts = (
        (library.normalizer, normalizers.BertNormalizer),
        (library.pre_tokenizer, pre_tokenizers.BertPreTokenizer),
        (library.model, models.WordPiece),
    )
    added = library.get_added_tokens_decoder().values()
    return all(isinstance(part, kind) for part, kind in parts) and not any(token.normalized for token in added)
