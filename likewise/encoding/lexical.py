"""Text to counted words: the sparse side of search, whose weights come from counts (BM25)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import Stemmer
from numpy.typing import NDArray

ANALYZER = "english-1"  # kept in every index: another analyzer gives other terms

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# Words that carry grammar, not content. Question words stay out too: in a query they say what kind of answer is wanted.
_STOP = frozenset(
    """
    a about above after again against all am an and any are as at be because been before being below between both
    but by can could did do does doing down during each few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just me more most my myself no nor not now of off on
    once only or other our ours ourselves out over own same she should so some such than that the their theirs them
    themselves then there these they this those through to too under until up very was we were what when where which
    while who whom why will with would you your yours yourself yourselves
    """.split()  # noqa: SIM905 - a word list reads better as words
)


@dataclass(frozen=True, slots=True)
class WordCounts:
    """What a text says, as a sparse vector. A term is the 32-bit checksum of a stem."""

    terms: NDArray[np.uint32]  # (t,) ascending, each once
    counts: NDArray[np.uint16]  # (t,)
    length: int  # words counted, stop words left out


class Analyzer:
    """Lower-cased Unicode words, without English stop words, cut to their stem (Porter 2 by Snowball)."""

    def __init__(self) -> None:
        self._stemmer = Stemmer.Stemmer("english")

    def words(self, text: str) -> list[str]:
        """The stems of a text, in order.

        Example:
            >>> Analyzer().words("How do I charge the batteries of E-4172?")
            ['charg', 'batteri', 'e', '4172']
        """
        found = (word.replace("’", "'") for word in _WORD.findall(text.lower()))
        stems: list[str] = self._stemmer.stemWords([word for word in found if word not in _STOP])
        return stems

    def count(self, texts: Sequence[str]) -> list[WordCounts]:
        """The counted words of each text."""
        return [_counts(self.words(text)) for text in texts]


def _counts(words: Sequence[str]) -> WordCounts:
    counted = Counter(crc32(word.encode("utf-8", "replace")) for word in words)
    terms = np.array(sorted(counted), np.uint32)
    counts = np.array([min(counted[int(term)], 0xFFFF) for term in terms], np.uint16)
    return WordCounts(terms, counts, len(words))
