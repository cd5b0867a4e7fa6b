"""The words of a corpus and how often each occurs, counted in bounded memory."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError
from likewise.types import Ids

Sentences: TypeAlias = Iterable[Sequence[str]]  # read once for counting, and once for each epoch
T = TypeVar("T", bound=Hashable)
MAX_TYPES = 10_000_000  # different words kept while counting, about a gigabyte
_TOLD_EVERY = 1000  # sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Words that occur often enough, the most frequent first; ties are in the order of their spelling.

    Raises:
        SettingError: There is no word at all.
    """

    words: Sequence[str]  # (V,)
    counts: Ids  # (V,)
    total: int  # words of the corpus, rare ones too
    sentences: int
    pruned: int = 0  # how often words were forgotten to bound memory, after which the rarest counts are too low
    places: Mapping[str, int] = field(init=False, repr=False, compare=False)  # word → row

    def __post_init__(self) -> None:
        if not self.words:
            raise SettingError(
                f"no word is left of a corpus of {self.total}; give more text, or a lower least count (min_count)"
            )
        object.__setattr__(self, "places", {word: row for row, word in enumerate(self.words)})

    def __len__(self) -> int:
        return len(self.words)

    @property
    def known(self) -> int:
        """Words of the corpus that are in the vocabulary."""
        return int(self.counts.sum())

    def keeping(self, subsampling: float) -> NDArray[np.float64]:
        """The chance of each word to be kept in training (V,), lower for frequent ones.

        Args:
            subsampling: The share of all words from which on a word is thinned out; 0 keeps all. The formula is that of
                word2vec's code, sqrt(t/f) + t/f, not of its paper (Mikolov et al. 2013, arXiv:1310.4546).
        """
        if not subsampling:
            return np.ones(len(self))
        ratio = subsampling * self.known / self.counts
        return np.minimum(np.sqrt(ratio) + ratio, 1.0)


class Words:
    """Lines cut into words at white space, as often as they are asked for.

    >>> list(Words(["The owl", "", "the vole"], lowercase=True))
    [['the', 'owl'], [], ['the', 'vole']]
    """

    def __init__(self, lines: Iterable[str], *, lowercase: bool = False) -> None:
        self._lines, self._lowercase = lines, lowercase

    def lines(self) -> Iterator[str]:
        """The lines as they are cut."""
        return map(str.lower, self._lines) if self._lowercase else iter(self._lines)

    def __iter__(self) -> Iterator[list[str]]:
        return map(str.split, self.lines())


def count_words(
    sentences: Sentences,
    *,
    min_count: int = 5,
    max_types: int = MAX_TYPES,
    progress: Callable[[int], None] | None = None,
) -> Vocabulary:
    """Count the words of a corpus.

    Args:
        sentences: Read once.
        min_count: How often a word must occur to be kept.
        max_types: How many different words are kept in memory. Beyond it the rarest are forgotten, as in word2vec.
        progress: Is told the words read so far.

    Raises:
        SettingError: Nothing is left, or a sentence is a str.
    """
    counts: TypeCounts[str] = TypeCounts(max_types)
    total, number = 0, 0
    for number, words in enumerate(sentences, 1):
        if isinstance(words, str):
            raise SettingError("a sentence is a str, expected its words; wrap the lines in Words(lines)")
        total += len(words)
        counts.add(words)
        if progress and number % _TOLD_EVERY == 0:
            progress(total)
    kept = sorted((item for item in counts.items() if item[1] >= min_count), key=lambda item: (-item[1], item[0]))
    return Vocabulary(
        words=[word for word, _ in kept],
        counts=np.array([count for _, count in kept], np.int64),
        total=total,
        sentences=number,
        pruned=counts.pruned,
    )


class TypeCounts(Generic[T]):
    """Counts of things of which there may be too many: the rarest are forgotten whenever memory is full."""

    def __init__(self, max_types: int) -> None:
        self._counts: Counter[T] = Counter()
        self._max_types = max_types
        self.pruned = 0

    def add(self, things: Iterable[T]) -> None:
        """Count each thing once more."""
        self._counts.update(things)
        while len(self._counts) > self._max_types:
            self.pruned += 1
            for thing in [thing for thing, count in self._counts.items() if count <= self.pruned]:
                del self._counts[thing]

    def items(self) -> Iterable[tuple[T, int]]:
        """Things with their counts."""
        return self._counts.items()

    def __getitem__(self, thing: T) -> int:
        return self._counts[thing]
