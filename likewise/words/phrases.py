"""Collocations: pairs of words that belong together are made one, such as "new_york"."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from likewise.errors import SettingError
from likewise.words.vocabulary import MAX_TYPES, Sentences, TypeCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Pairs that are joined, with their scores from -1 to 1."""

    scores: dict[tuple[str, str], float]
    joint: str = "_"

    def join(self, words: Sequence[str]) -> list[str]:
        """The words with pairs made one, from the left on; a word is in one pair at most.

        >>> Phrases(scores={("barn", "owl"): 0.9}).join(["a", "barn", "owl", "barn"])
        ['a', 'barn_owl', 'barn']
        """
        joined: list[str] = []
        at = 0
        while at < len(words):
            pair = at + 1 < len(words) and (words[at], words[at + 1]) in self.scores
            joined.append(f"{words[at]}{self.joint}{words[at + 1]}" if pair else words[at])
            at += 2 if pair else 1
        return joined


class JoinedSentences:
    """Sentences with their phrases joined, as often as they are asked for."""

    def __init__(self, sentences: Sentences, phrases: Phrases) -> None:
        self._sentences, self._phrases = sentences, phrases

    def __iter__(self) -> Iterator[list[str]]:
        return map(self._phrases.join, self._sentences)


def find_phrases(
    sentences: Sentences, *, min_count: int = 5, threshold: float = 0.5, max_types: int = MAX_TYPES
) -> Phrases:
    """Pairs of neighbours whose normalised pointwise mutual information reaches a threshold.

    It is ln(p(a, b) / (p(a) p(b))) / -ln p(a, b): 1 if the two only occur together, 0 if they meet by chance
    (Bouma 2009, "Normalized (pointwise) mutual information in collocation extraction").

    Args:
        sentences: Read once.
        min_count: How often the pair must occur.
        threshold: From -1 to 1.
        max_types: Different words and pairs kept in memory, each; the rarest are forgotten beyond it.

    Raises:
        SettingError: The threshold can't be.
    """
    if not -1 <= threshold <= 1:
        raise SettingError(f"the threshold of phrases is {threshold}, expected a number from -1 to 1")
    words: TypeCounts[str] = TypeCounts(max_types)
    pairs: TypeCounts[tuple[str, str]] = TypeCounts(max_types)
    total = 0
    for sentence in sentences:
        total += len(sentence)
        words.add(sentence)
        pairs.add(pairwise(sentence))
    scores = {}
    for (first, second), count in pairs.items():
        # A word that was forgotten and came back may be counted less often than its pair.
        alone = max(words[first], count), max(words[second], count)
        if count >= min_count and (score := _information(count, *alone, total)) >= threshold:
            scores[first, second] = score
    return Phrases(scores=scores)


def _information(count: int, first: int, second: int, total: int) -> float:
    if count == total:  # one pair is all there is
        return 1.0
    return math.log(count * total / (first * second)) / -math.log(count / total)
