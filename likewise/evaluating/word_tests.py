"""How well vectors of words agree with people: on how alike two words are, and on analogies."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.corpora import read_lines
from likewise.errors import DataError, UnknownWordError
from likewise.evaluating.agreement import spearman
from likewise.words.asking import answer_questions, cosine
from likewise.words.vectors import WordVectors

Spelling: TypeAlias = Callable[[str], str]  # how a test's words are made those of a vocabulary, such as ``str.lower``

_HEAD = ("a", "b", "c", "d")  # of a table
METHODS = {
    "add": "3CosAdd",
    "mul": "3CosMul",
    "add, all words": "3CosAdd, question words allowed",
    "mul, all words": "3CosMul, question words allowed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WordScore:
    """What one test gave."""

    test: str
    metric: str
    score: float
    asked: int  # questions or pairs of the test
    answered: int  # of these, those whose words all have vectors; only they count


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two words, and how alike people find them."""

    first: str
    second: str
    score: float


@dataclass(frozen=True, slots=True)
class Question:
    """a is to b as c is to d."""

    section: str
    words: tuple[str, str, str, str]


def similarity_score(
    vectors: WordVectors, pairs: Sequence[Likeness], *, test: str, spelling: Spelling = str
) -> WordScore:
    """Spearman's correlation of cosines and people's scores, as WordSim-353 is used (Finkelstein et al. 2002).

    Raises:
        DataError: Fewer than two pairs have vectors.
    """
    expected, found = [], []
    for pair in pairs:
        try:
            found.append(cosine(vectors, spelling(pair.first), spelling(pair.second)))
        except UnknownWordError:
            continue
        expected.append(pair.score)
    if len(found) < 2:
        raise DataError(f"{test}: {len(found)} of {len(pairs)} pairs have vectors for both words; expected 2 or more")
    score = spearman(expected, found)
    return WordScore(test=test, metric="Spearman", score=score, asked=len(pairs), answered=len(found))


def analogy_scores(
    vectors: WordVectors, questions: Sequence[Question], *, test: str, spelling: Spelling = str
) -> list[WordScore]:
    """Shares of analogies answered rightly, by each of ``METHODS``, over all and for each section.

    All words of the vocabulary are possible answers (Mikolov et al. 2013, arXiv:1301.3781, section 4); leave words
    out of ``vectors`` to ask among fewer.

    Raises:
        DataError: There is no question whose words all have vectors.
    """
    known = [one for one in questions if all(spelling(word) in vectors for word in one.words)]
    if not known:
        raise DataError(f"{test}: none of its {len(questions)} questions has vectors for all words")
    rows = np.array([[vectors.places[spelling(word)] for word in one.words] for one in known])
    right = {method: answers == rows[:, 3] for method, answers in answer_questions(vectors, rows[:, :3]).items()}
    sections = np.array([one.section for one in known])
    names = dict.fromkeys(one.section for one in questions if one.section)
    asked = {name: sum(one.section == name for one in questions) for name in names}
    scores = [_share(test, METHODS[method], marks, len(questions)) for method, marks in right.items()]
    return scores + [
        _share(f"{test}: {name}", METHODS["add"], right["add"][sections == name], asked[name])
        for name in names
        if (sections == name).any()
    ]


def read_pairs(path: Path) -> list[Likeness]:
    """Pairs of words and a score in any order of the three columns, tabs or commas between them; "#" starts a remark.

    Raises:
        DataError: A line other than the first is something else.
    """
    pairs = []
    for number, line in _lines(path):
        fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split(","))]
        words = [field for field in fields if not _is_number(field)]
        scores = [float(field) for field in fields if _is_number(field)]
        if (len(words), len(scores)) == (2, 1):
            pairs.append(Likeness(words[0], words[1], scores[0]))
        elif number > 1:
            raise DataError(f"{path}, line {number} is {line[:60]!r}; expected two words and a score")
    return pairs


def read_questions(path: Path) -> list[Question]:
    """Analogies: four words a line below lines with ": section", as published; or a table of section, a, b, c, d.

    Raises:
        DataError: A line is something else.
    """
    questions, section = [], ""
    for number, line in _lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        *place, a, b, c, d = ["", "", "", "", *(line.split("\t") if "\t" in line else line.split())][-5:]
        if not a:
            raise DataError(f"{path}, line {number} is {line[:60]!r}; expected four words, or a section and four")
        if (a, b, c, d) != _HEAD:
            questions.append(Question(place[0] or section, (a, b, c, d)))
    return questions


def _share(test: str, metric: str, right: NDArray[np.bool_], asked: int) -> WordScore:
    return WordScore(test=test, metric=metric, score=float(right.mean()), asked=asked, answered=len(right))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that say something, and their numbers from 1."""
    for number, line in enumerate(read_lines(path), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
