"""Text to counted words: the sparse side of search, whose weights come from counts (BM25)."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from zlib import crc32

import numpy as np
import Stemmer
from numpy.typing import NDArray

from likewise.encoding.languages import ELISIONS, STOP_WORDS, language_of, script_language
from likewise.errors import UnknownNameError

AUTO, PLAIN, DEFAULT = "auto", "plain", "english"
VERSION = 2  # kept in every index with the analyzer's name: another version gives other terms

# Letters that stand without spaces between words.
_IDEOGRAMS = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
_UNSPACED = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u1000-\u109f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
# Vowel signs and accents are no \w to Python, but cut no word in two.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u0900-\u0963\u0966-\u0dff\u200c\u200d"
LETTER = rf"[\w{_MARKS}{_UNSPACED}]"
WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)*")
_RUNS = re.compile(rf"(?P<ideograms>[{_IDEOGRAMS}]+)|(?P<unspaced>[{_UNSPACED}]+)|[^{_IDEOGRAMS}{_UNSPACED}]+")
_IDENTIFIER = re.compile(r"[^\W_]_+[^\W_]|[a-z0-9][A-Z]|[A-Z]{2}[a-z]{2}")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+|[^\W_A-Za-z0-9]+")
_REMEMBERED = 100_000  # words whose terms are kept


@dataclass(frozen=True, slots=True)
class WordCounts:
    """What a text says, as a sparse vector. A term is the 32-bit checksum of a stem."""

    terms: NDArray[np.uint32]  # (t,) ascending, each once
    counts: NDArray[np.uint16]  # (t,)
    stems: tuple[str, ...]  # of the terms
    length: int  # words counted, stop words left out


class Analyzer:
    """Words in one spelling: case folded, without those that carry grammar alone, cut to their stem by Snowball.

    Identifiers stand for themselves and for their parts (getUserName: getusername, get, user, name). Scripts that put
    no spaces between words give pairs of letters (Chinese, Japanese, Korean) or triples (Thai, Lao, Burmese, Khmer).
    Words of another script than the language's are stemmed as those of the script's own most common language.

    Args:
        name: A language that Snowball knows, or "plain": no stemming, and every word counts.

    Raises:
        UnknownNameError: No such language.
    """

    def __init__(self, name: str = DEFAULT) -> None:
        if name not in analyzer_names():
            raise UnknownNameError("analyzer", name, [AUTO, *analyzer_names()])
        self.name = name
        self._stemmers: dict[str, Stemmer.Stemmer] = {}
        self._terms_of = lru_cache(_REMEMBERED)(self._analysed)

    @property
    def record(self) -> str:
        """What an index keeps of it."""
        return f"{self.name}-{VERSION}"

    def words(self, text: str) -> list[str]:
        """The stems of a text, in order.

        Example:
            >>> Analyzer().words("How do I charge the batteries of E-4172?")
            ['charg', 'batteri', 'e', '4172']
        """
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        return list(chain.from_iterable(map(self._terms_of, WORD.findall(text))))

    def beginning(self, word: str) -> str:
        """What stems begin with of words that begin as ``word`` does; "" in scripts that put no spaces between words.

        Example:
            >>> Analyzer().beginning("get_User")
            'getuser'
        """
        word = unicodedata.normalize("NFC", word).replace("_", "").strip("'’")
        if any(run["ideograms"] or run["unspaced"] for run in _RUNS.finditer(word)):
            return ""
        return _folded(word, self._language(word))

    def count(self, texts: Sequence[str]) -> list[WordCounts]:
        """The counted words of each text."""
        return [_counts(self.words(text)) for text in texts]

    def _analysed(self, word: str) -> tuple[str, ...]:
        if word.isascii():
            return tuple(self._spaced(word))
        found: list[str] = []
        for run in _RUNS.finditer(word):
            if run["ideograms"]:
                found += _grams(run[0], 2)
            elif run["unspaced"]:
                found += _grams(run[0], 3)
            else:
                found += self._spaced(run[0])
        return tuple(found)

    def _spaced(self, word: str) -> Iterator[str]:
        """Terms of a word that spaces set apart."""
        if _IDENTIFIER.search(word):
            yield from self._stems([word.replace("_", "")])
            yield from self._stems(_PART.findall(word))
        else:
            yield from self._stems([word.strip("_'’")])

    def _stems(self, words: Iterable[str]) -> Iterator[str]:
        for word in words:
            language = self._language(word)
            folded = _folded(word, language)
            if folded and folded not in STOP_WORDS.get(language, ()):
                yield self._stemmer(language).stemWord(folded) if language != PLAIN else folded

    def _language(self, word: str) -> str:
        """Whose word it is, by its script."""
        language = script_language(word)
        if self.name == PLAIN or (language is None and self.name in _NOT_LATIN):
            return PLAIN
        if language is None or self.name in _SHARING.get(language, ()):
            return self.name
        return language

    def _stemmer(self, language: str) -> Stemmer.Stemmer:
        if language not in self._stemmers:
            self._stemmers[language] = Stemmer.Stemmer(language, 0)  # words are remembered here already
        return self._stemmers[language]


# Languages of Snowball's that are written in another script than Latin, and which script's words they take over.
_SHARING = {"russian": ("serbian",), "hindi": ("nepali",), "arabic": ("persian",)}
_NOT_LATIN = frozenset(
    ["arabic", "armenian", "greek", "hindi", "nepali", "persian", "russian", "tamil"]
)  # Serbian's stemmer writes Latin


@lru_cache(1)
def analyzer_names() -> tuple[str, ...]:
    """All analyzers, sorted; "auto" chooses one of them."""
    older = {"porter", "dutch_porter"}  # earlier stemmers of languages that have a better one
    return tuple(sorted({PLAIN, *Stemmer.algorithms()} - older))


def term_of(stem: str) -> int:
    """The number that stands for a stem: its CRC-32."""
    return crc32(stem.encode())


def chosen_analyzer(name: str, texts: Iterable[str]) -> Analyzer:
    """The analyzer of that name; with "auto" the one that suits the first of ``texts``.

    Where no language is clearly ahead it is English for plain letters alone, whose stemmer seldom does harm, and
    "plain" for what is written with others: mixed languages, and those without a list of common words.

    Raises:
        UnknownNameError: No such analyzer; the nearest are named.
    """
    if name != AUTO:
        return Analyzer(name)
    sample = list(texts)
    return Analyzer(language_of(sample) or (DEFAULT if all(text.isascii() for text in sample) else PLAIN))


def _folded(word: str, language: str) -> str:
    if language == "turkish":  # whose i has a dot in capitals too
        word = word.replace("I", "ı").replace("İ", "i").partition("'")[0].partition("’")[0]
    word = word.casefold().replace("’", "'")
    if "'" in word and language in ELISIONS:
        before, _, after = word.partition("'")
        word = after if before in ELISIONS[language] else word
    return word


def _grams(letters: str, length: int) -> list[str]:
    """All runs of so many letters; a shorter text is one of itself."""
    return [letters[i : i + length] for i in range(max(1, len(letters) - length + 1))]


def _counts(words: Sequence[str]) -> WordCounts:
    counted: dict[int, int] = {}
    stems: dict[int, str] = {}
    for stem, count in Counter(words).items():
        term = term_of(stem)
        counted[term] = counted.get(term, 0) + count
        stems.setdefault(term, stem)
    terms = sorted(counted)
    counts = np.array([min(counted[term], 0xFFFF) for term in terms], np.uint16)
    return WordCounts(np.array(terms, np.uint32), counts, tuple(map(stems.__getitem__, terms)), len(words))
