"""A vocabulary that passes over the words it does not know, as encoders over word vectors do."""

from collections.abc import Sequence

from likewise.tokenizing.vocabulary import Spans, TokenIds, Vocabulary


class KnownWords:
    """Another vocabulary without its unknown token: a word that it lacks is no token at all.

    Args:
        vocabulary: Gives ``unknown_id`` for words that it lacks.
        unknown_id: That id.
    """

    def __init__(self, vocabulary: Vocabulary, *, unknown_id: int) -> None:
        self._vocabulary, self._unknown_id = vocabulary, unknown_id
        self.size, self.special_ids = vocabulary.size, vocabulary.special_ids
        self.decode, self.id_of, self.token_of = vocabulary.decode, vocabulary.id_of, vocabulary.token_of

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Ids of the known words of each text (T,)."""
        return [ids[ids != self._unknown_id] for ids in self._vocabulary.encode(texts)]

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        """Character span [start, end) of each known word (T, 2)."""
        every = zip(self._vocabulary.encode(texts), self._vocabulary.offsets(texts), strict=True)
        return [spans[ids != self._unknown_id] for ids, spans in every]
