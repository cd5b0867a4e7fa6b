"""SentencePiece's normaliser: a table of replacements, then rules for spaces (Kudo and Richardson 2018, section 3.2).

The table is a trie in a double array (Aoe 1989, in the layout of Darts-clone) followed by the replacements. The same in
the tokenizers library looks up whole grapheme clusters, which differs as soon as marks are combined: so this is ours.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from likewise.errors import ArtifactError
from likewise.tokenizing.sentencepiece_file import PieceType, SentencePieceModel

SPACE = "\u2581"  # what stands for a space in pieces
_DEEPEST = 64  # bytes of a key; published tables stay below 24
_MOST = 2_000_000  # nodes below a character; published tables have 300,000 in all


@dataclass(frozen=True, slots=True)
class Aligned:
    """A normalised text, and for each of its characters the span [start, end) of the original that it came from."""

    text: str
    starts: list[int]
    ends: list[int]


class Normalizer:
    """Turns a text into what the pieces are looked for in.

    Raises:
        ArtifactError: The table of replacements is damaged.
    """

    def __init__(self, model: SentencePieceModel) -> None:
        self._table = Charsmap(model.charsmap, source=str(model.path))
        self._prefix = SPACE if model.add_dummy_prefix and not model.whitespace_as_suffix else ""
        self._suffix = SPACE if model.add_dummy_prefix and model.whitespace_as_suffix else ""
        self._squeeze = model.remove_extra_whitespaces
        self._kept = longest_of([piece.text for piece in model.pieces if piece.type == PieceType.USER_DEFINED])
        found = {key: new for i in range(128) for key, new in self._table.below(chr(i)).items() if key.isascii()}
        self._ascii = {ord(key): new for key, new in found.items() if len(key) == 1}
        self._simple = not self._kept and len(self._ascii) == len(found)

    def normalize(self, text: str) -> str:
        """The text as the pieces see it."""
        made = text.translate(self._ascii) if self._simple and text.isascii() else ""
        if self._squeeze:
            made = re.sub(" {2,}", " ", made).strip(" ")
        return self._prefix + made.replace(" ", SPACE) + self._suffix if made else self.align(text).text

    def align(self, text: str) -> Aligned:
        """The text as the pieces see it, with where each character came from."""
        found = list(self._replaced(text))
        skip = next((i for i, (new, _, _) in enumerate(found) if new != " "), len(found)) if self._squeeze else 0
        found = found[skip:]
        if not found:
            return Aligned("", [], [])
        made: list[tuple[str, int, int]] = [(self._prefix, found[0][1], found[0][1])] if self._prefix else []
        after_space = self._squeeze
        for new, start, end in found:
            kept = new.lstrip(" ") if after_space else new
            made += [(SPACE if character == " " else character, start, end) for character in kept]
            after_space = self._squeeze and (kept.endswith(" ") if kept else after_space)
        while self._squeeze and made and made[-1][0] == SPACE:
            made.pop()
        made += [(self._suffix, len(text), len(text))] if self._suffix else []
        return Aligned("".join(new for new, _, _ in made), [start for _, start, _ in made], [end for *_, end in made])

    def _replaced(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Each replacement with the span that it replaces; the longest key wins, and user-defined symbols stay."""
        at = 0
        while at < len(text):
            symbol = self._kept.match(text, at) if self._kept else None
            new, size = (symbol[0], len(symbol[0])) if symbol else self._table.longest(text, at)
            yield new, at, at + size
            at += size


class Charsmap:
    """The replacements of a precompiled table: a trie behind its size in bytes, then texts that end in a zero.

    A published one has 225,000 keys, most of which no text holds; those below a character are read when it is met.
    """

    def __init__(self, content: bytes, *, source: str) -> None:
        self._source = source
        self._below: dict[str, tuple[dict[str, str], list[int]]] = {}  # first character → its keys, their lengths
        self._children: dict[int, list[tuple[int, int]]] = {}  # base → (label, unit) of each child
        self._units, self._bases, self._texts = [0], [0], b""
        if content:
            self._read(content)

    def longest(self, text: str, at: int) -> tuple[str, int]:
        """What the longest key at this place becomes, and its length; without one, the character itself."""
        first = text[at]
        if first not in self._below:
            keys = self.below(first)
            self._below[first] = keys, sorted({len(key) for key in keys}, reverse=True)
        keys, lengths = self._below[first]
        for length in lengths:
            key = text[at : at + length]
            if key in keys:
                return keys[key], len(key)
        return first, 1

    def below(self, first: str) -> dict[str, str]:
        """The keys that begin with this character, and what they become.

        Raises:
            ArtifactError: The table is damaged.
        """
        try:
            return {key.decode(): self._text(value) for key, value in self._entries(first.encode())}
        except (IndexError, ValueError) as error:
            raise ArtifactError(f"{self._source} is damaged, in the table of its normaliser: {error}") from error

    def _read(self, content: bytes) -> None:
        try:
            (size,) = struct.unpack_from("<I", content)
            units = np.frombuffer(content, "<u4", count=size // 4, offset=4)
        except (struct.error, ValueError) as error:
            raise ArtifactError(f"{self._source} is damaged, in the table of its normaliser: {error}") from error
        self._texts = content[4 + size :]
        labels = units & 0x800000FF  # values have the highest bit, and no label
        inner = np.flatnonzero((labels > 0) & (labels < 256))
        parents = zip((inner ^ labels[inner]).tolist(), labels[inner].tolist(), inner.tolist(), strict=True)
        for base, label, unit in parents:
            self._children.setdefault(base, []).append((label, unit))
        offsets = (units >> 10) << ((units & (1 << 9)) >> 6)
        self._units, self._bases = units.tolist(), (np.arange(len(units)) ^ offsets.astype(np.int64)).tolist()

    def _entries(self, prefix: bytes) -> Iterator[tuple[bytes, int]]:
        """Keys that begin so, and their values. Equal endings share their units: it is a graph without loops."""
        unit = 0
        for byte in prefix:
            below = dict(self._children.get(self._bases[unit], ()))
            if byte not in below:
                return
            unit = below[byte]
        waiting = [(prefix, unit)]
        seen = 0
        while waiting:
            key, unit = waiting.pop()
            seen += 1
            if seen > _MOST or len(key) > _DEEPEST:
                raise ValueError("its trie does not end")
            if self._units[unit] >> 8 & 1:
                yield key, self._units[self._bases[unit]] & 0x7FFFFFFF
            waiting += [(key + bytes([label]), child) for label, child in self._children.get(self._bases[unit], ())]

    def _text(self, start: int) -> str:
        end = self._texts.find(b"\0", start)
        if end < 0 or start >= len(self._texts):
            raise ValueError("a replacement is missing")
        return self._texts[start:end].decode()


def longest_of(symbols: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern for the longest of these symbols at a place; None if there are none."""
    ordered = sorted(symbols, key=lambda symbol: (-len(symbol), symbol))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None
