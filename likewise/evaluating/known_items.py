"""Queries made of documents: a sentence or a heading is taken out of its passage, which is to be found without it.

Such known-item queries need no labels (Azzopardi, de Rijke and Balog 2007, "Building simulated queries for known-item
topics"). Since the very words are taken away, a passage is not found by its own copy of the query.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from likewise.chunking import chunk, embedded_text, paragraph_cuts, sentence_cuts
from likewise.encoding.lexical import Analyzer
from likewise.encoding.packing import require_count
from likewise.types import Chunk, Document

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # kana, Chinese characters and Hangul: about a token each
_WIDE_SIGN = re.compile(f"[{_WIDE}]")
_PIECE = re.compile(rf"[{_WIDE}]|[^\W{_WIDE}]{{1,5}}|[^\w\s]")
_SENTENCE_PIECES = range(6, 41)
_LEAST_REST = 20  # pieces that a passage must keep
_LEAST_LETTERS = 0.8  # of a sentence's characters, blanks counted: no rows of tables, no code
_ENDS = tuple(".!?。！？")


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk, and the document that it is of."""

    document: str  # id
    chunk: Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItems:
    """Made queries, and what they are to be searched in."""

    queries: Sequence[str]  # (Q,)
    relevant: Sequence[Sequence[int]]  # (Q, ...) numbers of the passages that each was taken out of
    texts: Sequence[str]  # (N,) all passages, without what became a query


def cut_passages(documents: Iterable[Document]) -> list[Passage]:
    """Chunks of the default size, as an index cuts them.

    They are measured in pieces of up to five letters, which is about what models' tokens are: so passages do not
    depend on which models are compared.
    """
    return [Passage(document.id, one) for document in documents for one in chunk(document, offsets=pieces)]


def distinct(passages: Sequence[Passage]) -> list[Passage]:
    """The first of each text: a passage that is there twice is no known item."""
    first: dict[str, Passage] = {}
    for passage in passages:
        first.setdefault(embedded_text(passage.chunk), passage)
    return list(first.values())


def pieces(texts: Sequence[str]) -> list[NDArray[np.int64]]:
    """Spans of pieces (T, 2) of each text: words of up to five characters, longer ones in parts, other signs singly."""
    return [np.array([one.span() for one in _PIECE.finditer(text)], np.int64).reshape(-1, 2) for text in texts]


def make_known_items(passages: Sequence[Passage], *, most: int = 200, seed: int = 0) -> KnownItems:
    """Take sentences and headings out of passages, at random.

    A passage gives one query at the most. A sentence is taken only if no other passage has it, a heading only if no
    other document has it; one that stands above several passages is taken out of them all.

    Args:
        passages: To take from.
        most: Queries at the most; half of them of headings, if there are as many.
        seed: Of the draws.

    Returns:
        Fewer queries if the passages do not give more; perhaps none.
    """
    require_count("most", most)
    chance, taken = random.Random(seed), _Taken([passage.chunk for passage in passages])
    _take_headings(passages, taken, chance, most // 2)
    _take_sentences(taken, chance, most)
    texts = [embedded_text(one) for one in taken.chunks]
    return KnownItems(queries=taken.queries, relevant=taken.relevant, texts=texts)


class _Taken:
    """What was taken so far, and what is left of the chunks."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self.chunks = chunks
        self.queries: list[str] = []
        self.relevant: list[list[int]] = []
        self._used: set[int] = set()

    def take(self, query: str, left: Mapping[int, Chunk]) -> None:
        """Make it a query, if none of its chunks gave one before and what is left of them is enough, and lacks it."""
        if self._used.isdisjoint(left) and all(
            _size(one.text) >= _LEAST_REST and query not in " ".join(one.text.split()) for one in left.values()
        ):
            self.queries.append(query)
            self.relevant.append(list(left))
            self._used.update(left)
            for number, one in left.items():
                self.chunks[number] = one


def _take_headings(passages: Sequence[Passage], taken: _Taken, chance: random.Random, most: int) -> None:
    below: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)  # document, heading path → passages
    documents: dict[str, set[str]] = defaultdict(set)  # heading → documents that have it
    for number, passage in enumerate(passages):
        heading = passage.chunk.heading
        for depth, title in enumerate(heading, start=1):
            below[passage.document, heading[:depth]].append(number)
            documents[title].add(passage.document)
    analyzer = Analyzer()
    telling = [path for path in below if len(documents[path[1][-1]]) == 1 and _says_enough(path[1][-1], analyzer)]
    for path in chance.sample(telling, len(telling)):
        if len(taken.queries) == most:
            return
        title = path[1][-1]
        taken.take(title, {number: _without_heading(taken.chunks[number], title) for number in below[path]})


def _take_sentences(taken: _Taken, chance: random.Random, most: int) -> None:
    found = [list(_sentences(one.text)) for one in taken.chunks]
    counts = Counter(sentence for some in found for _, _, sentence in some)
    for number in chance.sample(range(len(found)), len(found)):
        if len(taken.queries) == most:
            return
        if own := [one for one in found[number] if counts[one[2]] == 1]:
            start, end, sentence = chance.choice(own)
            text = taken.chunks[number].text
            taken.take(sentence, {number: replace(taken.chunks[number], text=f"{text[:start]} {text[end:]}")})


def _says_enough(title: str, analyzer: Analyzer) -> bool:
    """Whether a heading has two words that are no stop words, or four characters of a script without blanks."""
    return len(analyzer.words(title)) > 1 or len(_WIDE_SIGN.findall(title)) > 3


def _without_heading(one: Chunk, title: str) -> Chunk:
    """A chunk without a heading, in its path and where it stands on a line of its own."""
    heading = tuple(other for other in one.heading if other != title)
    lines = one.text.splitlines(keepends=True)
    return replace(one, heading=heading, text="".join(line for line in lines if _bare(line) != _bare(title)))


def _bare(text: str) -> str:
    """Letters and digits alone: headings are written with all kinds of marks."""
    return "".join(sign for sign in text if sign.isalnum())


def _sentences(text: str) -> Iterator[tuple[int, int, str]]:
    """Where whole sentences of prose begin and end, and each on one line."""
    cuts = np.concatenate([paragraph_cuts(text), sentence_cuts(text)])[:, 0].tolist()
    for start, end in pairwise(sorted({0, *cuts, len(text)})):
        sentence = " ".join(text[start:end].split())
        letters = sum(sign.isalpha() or sign == " " for sign in sentence)
        if (
            sentence.endswith(_ENDS)
            and sentence[0].isalnum()
            and letters >= _LEAST_LETTERS * len(sentence)
            and _size(sentence) in _SENTENCE_PIECES
        ):
            yield start, end, sentence


def _size(text: str) -> int:
    return len(pieces([text])[0])
