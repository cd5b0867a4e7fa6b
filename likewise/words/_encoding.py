"""Sentences as places in a vocabulary; lines of text are cut and looked up by machine code, which holds no lock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids
from likewise.words._compiling import compiled, inlined
from likewise.words.vocabulary import Sentences, Vocabulary, Words

_PART_WORDS, _PART_CHARACTERS = 10_000, 1 << 16  # read at once
_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # of the hash (FNV-1a, 64 bits)
_FOLD = np.uint64(32)
_NEWLINE = ord("\n")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Some sentences as places in a vocabulary, without the words that it lacks."""

    ids: NDArray[np.int32]  # (N,)
    starts: Ids  # (S + 1,): of each sentence, and the end
    words: Ids  # (S,): of each sentence, those too that the vocabulary lacks

    def __len__(self) -> int:
        return len(self.words)

    def __add__(self, more: "Encoded") -> "Encoded":
        return Encoded(
            np.concatenate([self.ids, more.ids]),
            np.concatenate([self.starts, more.starts[1:] + len(self.ids)]),
            np.concatenate([self.words, more.words]),
        )

    def cut(self, begin: int, end: int) -> "Encoded":
        """Some of the sentences."""
        starts = self.starts[begin : end + 1]
        return Encoded(self.ids[starts[0] : starts[-1]], starts - starts[0], self.words[begin:end])


class _Lookup(NamedTuple):
    """The words of a vocabulary, found by a hash of their letters (open addressing)."""

    letters: NDArray[np.uint8]  # of all words, UTF-8
    ends: Ids  # (V + 1,): where the letters of each word start
    slots: NDArray[np.int32]  # (P,): a place or -1; P is a power of two


def encode_blocks(sentences: Sentences, vocabulary: Vocabulary, *, skip: int, least: int) -> Iterator[Encoded]:
    """Sentences, together until they have so many words.

    Args:
        sentences: ``Words`` are looked up several times as fast as others.
        vocabulary: What they are looked up in.
        skip: Sentences to leave out at the beginning.
        least: Words of a block, but of the last.
    """
    if isinstance(sentences, Words):
        parts = _from_lines(sentences, vocabulary, skip)
    else:
        parts = _from_words(sentences, vocabulary, skip)
    held = Encoded(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int64))
    for part in parts:
        held += part
        ends = np.cumsum(held.words)
        begin = before = 0
        while (end := int(np.searchsorted(ends, before + least)) + 1) <= len(ends):
            yield held.cut(begin, end)
            begin, before = end, ends[end - 1]
        held = held.cut(begin, len(held))
    if len(held):
        yield held


def _from_words(sentences: Sentences, vocabulary: Vocabulary, skip: int) -> Iterator[Encoded]:
    words: list[str] = []
    lengths: list[int] = []
    for sentence in islice(sentences, skip, None):
        words.extend(sentence)
        lengths.append(len(sentence))
        if len(words) >= _PART_WORDS:
            yield _encode(words, lengths, vocabulary)
            words, lengths = [], []
    if lengths:
        yield _encode(words, lengths, vocabulary)


def _encode(words: Sequence[str], lengths: Sequence[int], vocabulary: Vocabulary) -> Encoded:
    ids = np.fromiter(map(vocabulary.places.get, words, repeat(-1)), np.int32, len(words))
    known = ids >= 0
    seen = np.concatenate([[0], np.cumsum(known)])  # (N + 1,): known words before each
    ends = np.concatenate([[0], np.cumsum(lengths)])  # (S + 1,)
    return Encoded(ids[known], seen[ends], np.array(lengths, np.int64))


def _from_lines(sentences: Words, vocabulary: Vocabulary, skip: int) -> Iterator[Encoded]:
    lookup = _lookup(vocabulary)
    lines: list[str] = []
    size = 0
    for line in islice(sentences.lines(), skip, None):
        lines.append(line)
        size += len(line)
        if size >= _PART_CHARACTERS:
            yield _cut_lines(lines, lookup)
            lines, size = [], 0
    if lines:
        yield _cut_lines(lines, lookup)


def _cut_lines(lines: Sequence[str], lookup: _Lookup) -> Encoded:
    text = "\n".join(lines)
    if not text.isascii() or text.count("\n") >= len(lines):  # Python knows more kinds of white space
        text = "\n".join(" ".join(line.split()) for line in lines)
    starts, words = np.zeros(len(lines) + 1, np.int64), np.zeros(len(lines), np.int64)
    return Encoded(_look_up(_letters(text), lookup, starts, words), starts, words)


def _letters(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def _lookup(vocabulary: Vocabulary) -> _Lookup:
    sizes = [len(_letters(word)) for word in vocabulary.words]
    slots = np.full(1 << (2 * len(sizes)).bit_length(), -1, np.int32)
    lookup = _Lookup(_letters("".join(vocabulary.words)), np.concatenate([[0], np.cumsum(sizes)]), slots)
    _fill(lookup)
    return lookup


@compiled
def _fill(lookup: _Lookup) -> None:
    letters, ends, slots = lookup
    for place in range(len(ends) - 1):
        mixed = _SEED
        for at in range(ends[place], ends[place + 1]):
            mixed = (mixed ^ np.uint64(letters[at])) * _PRIME
        slots[_find(letters, ends[place], ends[place + 1], mixed, letters, ends, slots)] = place


@compiled
def _look_up(text: NDArray[np.uint8], lookup: _Lookup, starts: Ids, words: Ids) -> NDArray[np.int32]:
    """Places of known words; fills in where each sentence starts, and its words."""
    letters, ends, slots = lookup
    ids = np.empty(len(text) // 2 + 1, np.int32)
    number = sentence = at = 0
    while at < len(text):
        if _is_blank(text[at]):
            if text[at] == _NEWLINE:
                sentence += 1
                starts[sentence] = number
            at += 1
            continue
        begin, mixed = at, _SEED
        while at < len(text) and not _is_blank(text[at]):
            mixed = (mixed ^ np.uint64(text[at])) * _PRIME
            at += 1
        words[sentence] += 1
        ids[number] = slots[_find(text, begin, at, mixed, letters, ends, slots)]
        number += ids[number] >= 0
    starts[sentence + 1] = number
    return ids[:number].copy()


@inlined
def _find(
    text: NDArray[np.uint8],
    begin: int,
    end: int,
    mixed: np.uint64,
    letters: NDArray[np.uint8],
    ends: Ids,
    slots: NDArray[np.int32],
) -> int:
    """The slot of a word, or the free one that it would have."""
    last = len(slots) - 1
    slot = int(np.int64((mixed ^ (mixed >> _FOLD)) & np.uint64(last)))
    while slots[slot] >= 0:
        first = ends[slots[slot]]
        same = ends[slots[slot] + 1] - first == end - begin
        at = begin
        while same and at < end:
            same = text[at] == letters[first + at - begin]
            at += 1
        if same:
            break
        slot = (slot + 1) & last
    return slot


@inlined
def _is_blank(letter: np.uint8) -> bool:
    """Whether it is white space to ``str.split``, in ASCII."""
    return bool(letter == 32 or 9 <= letter <= 13 or 28 <= letter <= 31)
