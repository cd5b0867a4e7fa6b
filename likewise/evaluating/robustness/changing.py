"""Texts changed in ways that should, or should not, change their vectors: typos, case, and the order of words.

A change depends on the text and the seed alone, not on the texts beside it.
"""

import re
from collections.abc import Callable
from random import Random

from likewise.errors import SettingError
from likewise.registry import Table

Typo = Callable[[str, Random], str]  # a word of four letters or more to the word with one typo

TYPOS: Table[Typo] = Table("kind of typo")
CASES: Table[Callable[[str], str]] = Table("case")

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LEAST_LETTERS = 4
_WORDS = re.compile(r"[^\W\d_]+")


@TYPOS.add("swap")
def _swap(word: str, chance: Random) -> str:
    """Two neighbouring letters that differ, in the other order."""
    places = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    if not places:
        return _double(word, chance)
    i = chance.choice(places)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


@TYPOS.add("drop")
def _drop(word: str, chance: Random) -> str:
    """A letter left out."""
    i = chance.randrange(1, len(word))
    return word[:i] + word[i + 1 :]


@TYPOS.add("double")
def _double(word: str, chance: Random) -> str:
    """A letter written twice."""
    i = chance.randrange(1, len(word))
    return word[:i] + word[i] + word[i:]


@TYPOS.add("neighbour")
def _neighbour(word: str, chance: Random) -> str:
    """A letter in whose place another is that lies beside it on an English keyboard."""
    places = [i for i in range(1, len(word)) if _beside(word[i])]
    if not places:
        return _double(word, chance)
    i = chance.choice(places)
    return word[:i] + chance.choice(_beside(word[i])) + word[i + 1 :]


CASES.add("lower")(str.lower)
CASES.add("upper")(str.upper)
CASES.add("title")(str.title)
CASES.add("alternating")(lambda text: "".join(one.upper() if i % 2 else one.lower() for i, one in enumerate(text)))


def misspell(text: str, kind: str, *, share: float = 1 / 3, seed: int = 0) -> str:
    """A text with typos in some of its words of four letters or more, one a word and never in its first letter.

    Args:
        text: Any; without such a word it stays as it is.
        kind: One of ``TYPOS``. Where a word leaves no room for it, as "aaaa" for a swap, a letter is doubled.
        share: Of these words that get one; rounded, but at least one word.
        seed: Of the choice of words and letters.

    Raises:
        UnknownNameError: No such kind.
        SettingError: ``share`` is not above 0 and at most 1.

    Example:
        >>> misspell("Where is the station?", "drop", seed=1)
        'Whre is the station?'
    """
    typo = TYPOS.find(kind)
    if not 0 < share <= 1:
        raise SettingError(f"share is {share!r}; expected a number above 0, and at most 1")
    chance = Random(f"{seed} {kind} {text}")
    words = [found for found in _WORDS.finditer(text) if len(found[0]) >= _LEAST_LETTERS]
    if not words:
        return text
    chosen = chance.sample(words, max(1, round(share * len(words))))
    for found in sorted(chosen, key=lambda one: -one.start()):
        text = text[: found.start()] + typo(found[0], chance) + text[found.end() :]
    return text


def shuffle_words(text: str, *, seed: int = 0) -> str:
    """A text with its words in another order; what it ends with, such as a full stop, stays there.

    Words are what blanks part. A text of fewer than two different words stays as it is.

    Example:
        >>> shuffle_words("The cat sat on a mat.")
        'cat mat on sat The a.'
    """
    body, ending = _parted(text)
    words = body.split()
    if len(set(words)) < 2:
        return text
    chance, order = Random(f"{seed} {text}"), list(words)
    while order == words:
        chance.shuffle(order)
    return " ".join(order) + ending


def swap_neighbours(text: str, *, seed: int = 0) -> str:
    """A text with two neighbouring words swapped, neither its first nor its last, as these show by their case.

    A text without two such words that differ stays as it is.

    Example:
        >>> swap_neighbours("The cat sat on a mat.")
        'The cat sat a on mat.'
    """
    words = text.split()
    places = [i for i in range(1, len(words) - 2) if words[i].lower() != words[i + 1].lower()]
    if not places:
        return text
    i = Random(f"{seed} {text}").choice(places)
    words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words)


def _beside(letter: str) -> str:
    """The keys beside a letter's in its row, in its case."""
    for row in _KEYS:
        if (place := row.find(letter.lower())) >= 0:
            near = row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
            return near.upper() if letter.isupper() else near
    return ""


def _parted(text: str) -> tuple[str, str]:
    """A text, and the punctuation that it ends with."""
    body = text.rstrip(" .!?")
    return body, text[len(body) :]
