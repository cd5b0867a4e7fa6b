"""A SentencePiece ``.model`` run by the tokenizers library, with SentencePiece's own ids for every text.

Only pieces that SentencePiece finds in texts get names that the library can find: control, unknown and byte pieces get
a space in front, which no normalised text holds. So a text never turns into a special token by spelling its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import models

from likewise.errors import ArtifactError
from likewise.tokenizing.sentencepiece_file import PieceType, SentencePieceModel, read_sentencepiece
from likewise.tokenizing.sentencepiece_normalizing import SPACE, Aligned, Normalizer, longest_of
from likewise.tokenizing.sentencepiece_search import UnigramSearch, may_tie
from likewise.tokenizing.vocabulary import Spans, TokenIds, encodable

_FOUND = (PieceType.NORMAL, PieceType.USER_DEFINED)
_STAND_INS = 0x100000  # plane 16, for private use: one character for each user-defined symbol
_PER_BYTE = 0.1  # of a user-defined symbol: what its score grows by
_NOBODY = "\U0010ffff"  # never a character, so never a piece


@dataclass(frozen=True, slots=True)
class Layout:
    """Which id a model's table has for each piece (P,), and tokens that are not in the file."""

    ids: NDArray[np.int64]
    extra: dict[str, int]

    @classmethod
    def plain(cls, model: SentencePieceModel) -> "Layout":
        """Ids as they stand in the file."""
        return cls(np.arange(len(model.pieces)), {})

    @classmethod
    def fairseq(cls, model: SentencePieceModel) -> "Layout":
        """Ids as fairseq gave them out (XLM-R): ``<s> <pad> </s> <unk>`` first, the others one up, ``<mask>`` last."""
        ids = np.arange(len(model.pieces)) + 1
        names = {"<s>": 0, "</s>": 2, "<unk>": 3}
        for i, piece in enumerate(model.pieces):
            ids[i] = names.get(piece.text, ids[i])
        return cls(ids, {"<pad>": 1, "<mask>": len(ids) + 1})


class SentencePieceVocabulary:
    """The pieces of a ``.model`` file.

    Raises:
        ArtifactError: The file is missing, damaged, or asks for something that is not supported.
    """

    def __init__(self, path: Path, *, fairseq: bool = False) -> None:
        self.model = model = read_sentencepiece(path)
        self._layout = Layout.fairseq(model) if fairseq else Layout.plain(model)
        symbols = [piece.text for piece in model.pieces if piece.type == PieceType.USER_DEFINED]
        self._stand_ins = {s: chr(_STAND_INS + i) for i, s in enumerate(symbols)} if model.kind == "bpe" else {}
        self._symbols = longest_of(list(self._stand_ins))
        try:
            self._normalizer = Normalizer(model)
            self._library = _library(model, self._stand_ins)
        except Exception as error:  # the library raises a bare Exception
            raise ArtifactError(f"{path} can't be used as a SentencePiece model: {error}") from error
        self._ids = {piece.text: int(i) for piece, i in zip(model.pieces, self._layout.ids, strict=True)}
        self._ids |= self._layout.extra
        self._tokens = {token_id: token for token, token_id in self._ids.items()}
        self._places = {int(token_id): place for place, token_id in enumerate(self._layout.ids)}
        at = {piece.text: i for i, piece in enumerate(model.pieces) if piece.type == PieceType.BYTE}
        self._bytes = [at.get(f"<0x{byte:02X}>", -1) for byte in range(256)]

    @property
    def size(self) -> int:
        return max(self._tokens) + 1

    @property
    def special_ids(self) -> frozenset[int]:
        silent = (PieceType.CONTROL, PieceType.UNKNOWN)
        own = {self._ids[piece.text] for piece in self.model.pieces if piece.type in silent}
        return frozenset(own | set(self._layout.extra.values()))

    def control(self, place: int) -> str:
        """The name of the piece at a place in the file, such as that of the first token; empty if there is none."""
        return self.model.pieces[place].text if 0 <= place < len(self.model.pieces) else ""

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        normalized = [self._normalizer.normalize(text) for text in encodable(texts)]
        places = [self._places_and_spans(text)[0] if self._ties(text) else None for text in normalized]
        quick = [i for i, row in enumerate(places) if row is None]
        masked = [self._masked(normalized[i])[0] if self._stand_ins else normalized[i] for i in quick]
        for i, one in zip(quick, self._library.encode_batch_fast(masked, add_special_tokens=False), strict=True):
            row = np.array(one.ids, np.int64)
            spelled = self.model.byte_fallback and (row == self.model.unknown_id).any()
            places[i] = self._places_and_spans(normalized[i])[0] if spelled else row
        return [self._layout.ids[row] for row in places if row is not None]

    def offsets(self, texts: Sequence[str]) -> list[Spans]:
        return [self._offsets(self._normalizer.align(text)) for text in encodable(texts)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, as SentencePiece gives it: control pieces have none, unknown ones a surface."""
        parts: list[str] = []
        spelled = bytearray()
        for token_id in ids:
            place = self._places.get(int(token_id), -1)
            piece = self.model.pieces[place] if place >= 0 else None
            if piece and piece.type == PieceType.BYTE:
                spelled.append(int(piece.text[3:5], 16))
                continue
            parts.append(_spelled(spelled))
            spelled.clear()
            if piece and piece.type == PieceType.UNKNOWN:
                parts.append(self.model.unknown_surface)
            elif piece and piece.type != PieceType.CONTROL:
                parts.append(self._visible(piece.text, first=not any(parts)))
        return "".join([*parts, _spelled(spelled)])

    def id_of(self, token: str) -> int | None:
        return self._ids.get(token)

    def token_of(self, token_id: int) -> str | None:
        return self._tokens.get(token_id)

    def _visible(self, piece: str, *, first: bool) -> str:
        bare = self.model.add_dummy_prefix or self.model.remove_extra_whitespaces
        return (piece.removeprefix(SPACE) if first and bare else piece).replace(SPACE, " ")

    def _masked(self, text: str) -> tuple[str, list[str]]:
        """A normalised text with one character for each user-defined symbol, and what each character stands for.

        So the library's merges can't reach into a symbol, as SentencePiece's can't.
        """
        characters: list[str] = []
        shown: list[str] = []
        at = 0
        while at < len(text):
            symbol = self._symbols.match(text, at) if self._symbols else None
            unit = symbol[0] if symbol else text[at]
            taken = _STAND_INS <= ord(unit[0]) < _STAND_INS + len(self._stand_ins)
            characters.append(self._stand_ins[unit] if symbol else _NOBODY if taken else unit)
            shown.append(unit)
            at += len(unit)
        return "".join(characters), shown

    def _places_and_spans(self, normalized: str) -> tuple[TokenIds, list[tuple[int, int]]]:
        """Places of the pieces in the file, and the span of each in the normalised text."""
        masked, shown = self._masked(normalized) if self._stand_ins else (normalized, list(normalized))
        ends = np.concatenate([[0], np.cumsum([len(unit) for unit in shown], dtype=np.int64)]).tolist()
        places: list[int] = []
        spans: list[tuple[int, int]] = []
        for place, start, end in self._found(masked):
            if place != self.model.unknown_id or not self.model.byte_fallback:
                places.append(place)
                spans.append((ends[start], ends[end]))
                continue
            for i in range(start, end):
                spelled = shown[i].encode()
                places += [self._bytes[byte] for byte in spelled]
                spans += [(ends[i], ends[i + 1])] * len(spelled)
        return np.array(places, np.int64), spans

    def _ties(self, normalized: str) -> bool:
        return self.model.kind == "unigram" and may_tie(normalized)

    def _found(self, masked: str) -> list[tuple[int, int, int]]:
        """Place, start and end of each piece; the last two in the masked text."""
        if self._ties(masked):
            return self._search.search(masked)
        encoded = self._library.encode(masked, add_special_tokens=False)
        return [(place, *span) for place, span in zip(encoded.ids, encoded.offsets, strict=True)]

    @cached_property
    def _search(self) -> UnigramSearch:
        pieces = enumerate(zip(self.model.pieces, _scores(self.model), strict=True))
        scores = {piece.text: (place, score) for place, (piece, score) in pieces if piece.type in _FOUND}
        worst = min(piece.score for piece in self.model.pieces if piece.type == PieceType.NORMAL)
        return UnigramSearch(scores, unknown=self.model.unknown_id, worst=worst)

    def _offsets(self, aligned: Aligned) -> Spans:
        _, spans = self._places_and_spans(aligned.text)
        flat = [(aligned.starts[start], aligned.ends[end - 1]) for start, end in spans]
        return np.array(flat, np.int64).reshape(-1, 2)


def _library(model: SentencePieceModel, stand_ins: dict[str, str]) -> tokenizers.Tokenizer:
    names = [piece.text if piece.type in _FOUND else f" {piece.text}" for piece in model.pieces]
    if model.kind == "bpe":
        vocabulary = {stand_ins.get(name, name): i for i, name in enumerate(names)}
        merging = models.BPE(vocabulary, _merges(model), unk_token=names[model.unknown_id], fuse_unk=True)
        return tokenizers.Tokenizer(merging)
    return tokenizers.Tokenizer(models.Unigram(list(zip(names, _scores(model), strict=True)), model.unknown_id, False))


def _merges(model: SentencePieceModel) -> list[tuple[str, str]]:
    """Every pair that makes a piece, best piece first: SentencePiece merges by the score of what comes out."""
    normal = [(-piece.score, i, piece.text) for i, piece in enumerate(model.pieces) if piece.type == PieceType.NORMAL]
    known = {text for _, _, text in normal}
    merges: list[tuple[str, str]] = []
    for _, _, text in sorted(normal):
        pairs = ((text[:cut], text[cut:]) for cut in range(1, len(text)))
        merges += [pair for pair in pairs if pair[0] in known and pair[1] in known]
    return merges


def _scores(model: SentencePieceModel) -> list[float]:
    """Scores for the search: a user-defined symbol outdoes every other way to spell it; the rest can't be found.

    All others are negative, being logarithms of probabilities; that of a symbol grows with its bytes. Its last bit
    decides ties behind it, and was found by comparing with release 0.2.3.
    """
    best = max(piece.score for piece in model.pieces if piece.type == PieceType.NORMAL)
    scores = []
    for piece in model.pieces:
        if piece.type == PieceType.USER_DEFINED:
            scores.append(_PER_BYTE * (len(piece.text.encode()) - 1))
        else:
            scores.append(piece.score if piece.type == PieceType.NORMAL else best)
    return scores


def _spelled(content: bytes | bytearray) -> str:
    return content.decode(errors="replace")
