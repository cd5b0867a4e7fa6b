"""SentencePiece's ``.model``: a protobuf message, read field by field, so that no package for either is needed.

The fields are those of ``sentencepiece_model.proto``: pieces with score and type, the trainer's settings of which few
matter after training, and the normaliser's.
"""

import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TypeAlias

from likewise.errors import ArtifactError

Value: TypeAlias = int | bytes
Fields: TypeAlias = Mapping[int, list[Value]]  # field number → its values in order

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_UNIGRAM, _BPE = 1, 2
_KINDS = {_UNIGRAM: "unigram", _BPE: "bpe", 3: "word", 4: "char"}


class PieceType(IntEnum):
    """What a piece is for; only the first, fourth and fifth are found in texts."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of the vocabulary; its place is its id."""

    text: str
    score: float
    type: PieceType


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePieceModel:
    """What a ``.model`` file says. ``charsmap`` is empty if characters stay as they are."""

    path: Path
    pieces: tuple[Piece, ...]
    kind: str
    byte_fallback: bool
    unknown_surface: str
    unknown_id: int
    begin_id: int
    end_id: int
    padding_id: int
    charsmap: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    whitespace_as_suffix: bool


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Read a ``.model`` file.

    Raises:
        ArtifactError: It is missing, damaged, or asks for something that is not supported; the message says what.
    """
    try:
        content = path.read_bytes()
        message = _fields(content)
        pieces = tuple(_piece(_message(value)) for value in message.get(1, []))
        trainer, normalizer = (_message(message[number][-1]) for number in (2, 3))
    except (OSError, ValueError, KeyError, struct.error) as error:
        reason = f"a part is missing: field {error}" if isinstance(error, KeyError) else str(error)
        raise ArtifactError(f"{path} can't be read as a SentencePiece model: {reason}") from error
    _refuse_unsupported(path, message, trainer, normalizer)
    model = SentencePieceModel(
        path=path,
        pieces=pieces,
        kind=_KINDS[_number(trainer, 3, _UNIGRAM)],
        byte_fallback=bool(_number(trainer, 35, 0)),
        unknown_surface=_text(trainer, 44, " \u2047 "),
        unknown_id=next((i for i, piece in enumerate(pieces) if piece.type == PieceType.UNKNOWN), -1),
        begin_id=_number(trainer, 41, 1),
        end_id=_number(trainer, 42, 2),
        padding_id=_number(trainer, 43, -1),
        charsmap=_content(normalizer, 2),
        add_dummy_prefix=bool(_number(normalizer, 3, 1)),
        remove_extra_whitespaces=bool(_number(normalizer, 4, 1)),
        whitespace_as_suffix=bool(_number(trainer, 24, 0)),
    )
    _check(path, model)
    return model


def _fields(data: bytes) -> Fields:
    """The values of a message by field number, in order; unknown fields are kept, as protobuf does."""
    found: dict[int, list[Value]] = defaultdict(list)
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            found[key >> 3].append(value)
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"byte {at} is no protobuf field")
        if at + size > len(data):
            raise ValueError(f"it is cut short: {at + size - len(data)} bytes are missing behind byte {len(data)}")
        found[key >> 3].append(data[at : at + size])
        at += size
    return dict(found)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it is cut short in the middle of a number")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise ValueError(f"byte {at} is no protobuf number")


def _message(value: Value) -> Fields:
    if isinstance(value, int):
        raise ValueError("a number stands where a message should")
    return _fields(value)


def _piece(fields: Fields) -> Piece:
    (score,) = struct.unpack("<f", _content(fields, 2) or bytes(4))
    return Piece(_text(fields, 1, ""), score, PieceType(_number(fields, 3, PieceType.NORMAL)))


def _number(fields: Fields, number: int, default: int) -> int:
    value = fields.get(number, [default])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {number} is no number")
    return value - (1 << 64) if value >= 1 << 63 else value


def _content(fields: Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    if isinstance(value, int):
        raise ValueError(f"field {number} is a number where text should be")
    return value


def _text(fields: Fields, number: int, default: str) -> str:
    return _content(fields, number).decode() if number in fields else default


def _refuse_unsupported(path: Path, message: Fields, trainer: Fields, normalizer: Fields) -> None:
    kind = _number(trainer, 3, _UNIGRAM)
    if kind not in (_UNIGRAM, _BPE):
        raise ArtifactError(
            f"{path} is a SentencePiece model of kind {_KINDS.get(kind, kind)}; unigram and bpe are read"
        )
    if not _number(normalizer, 5, 1):
        raise ArtifactError(f"{path} keeps spaces as they are (escape_whitespaces=false), which is not supported")
    if any(_content(_message(value), 2) for value in message.get(5, [])):
        raise ArtifactError(f"{path} has a denormaliser, which is not supported")


def _check(path: Path, model: SentencePieceModel) -> None:
    """What the format promises, and what this library can't honour."""
    types = [piece.type for piece in model.pieces]
    if types.count(PieceType.UNKNOWN) != 1:
        raise ArtifactError(f"{path} has {types.count(PieceType.UNKNOWN)} unknown pieces, expected one")
    if len({piece.text for piece in model.pieces}) < len(types) or not all(piece.text for piece in model.pieces):
        raise ArtifactError(f"{path} has a piece that is empty or there twice")
    if PieceType.NORMAL not in types:
        raise ArtifactError(f"{path} has no pieces to make texts of")
    if model.kind == "bpe" and PieceType.UNUSED in types:
        raise ArtifactError(f"{path} is a bpe model with unused pieces (a restricted vocabulary): not supported")
    known = {piece.text for piece in model.pieces if piece.type == PieceType.BYTE}
    if model.byte_fallback and not {f"<0x{byte:02X}>" for byte in range(256)} <= known:
        raise ArtifactError(f"{path} falls back to bytes, but does not have all 256 of them")
