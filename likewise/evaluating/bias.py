"""Which words a model has closer together than others: WEAT, SEAT and RIPA, with how often chance gives as much."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.encoder import DenseEncoder
from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError
from likewise.evaluating.data_files import Row, read_records
from likewise.evaluating.significance import Values, tail_shares

Words: TypeAlias = Sequence[str]
Pair: TypeAlias = tuple[Words, Words]
Source: TypeAlias = Mapping[str, NDArray[np.floating]] | DenseEncoder  # word vectors, or what encodes a word as a text
Found: TypeAlias = NDArray[np.float64]  # (N, D)

TEMPLATES = ("This is {}.", "That is {}.", "There is {}.", "Here is {}.", "{} is here.", "{} is there.")
_LISTS = ("targ1", "targ2", "attr1", "attr2")  # as the published files have them
_SIDES = ("first", "second")
_PARTITIONS = 100_000  # all of them up to two lists of nine words


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTest:
    """Two lists of words that are asked about, and two that stand for what they may be associated with."""

    name: str
    targets: Pair
    attributes: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How far two lists of words lie towards the two ends of something."""

    effect: float  # difference of the lists' means in standard deviations; below 0 if it is the other way round
    p_value: float  # two-sided: of how many partitions of the words in two lists an effect as large comes
    p_one_sided: float  # an effect as high, which is the p-value of the papers
    exact: bool  # whether all partitions were counted; else a sample of them
    values: Mapping[str, float]  # of each target word, towards the first end
    missing: tuple[str, ...]  # words that have no vector, and were left out


def weat(test: WordTest, source: Source, *, partitions: int = _PARTITIONS, seed: int = 0) -> Association:
    """The word embedding association test (Caliskan, Bryson and Narayanan 2017, doi:10.1126/science.aal4230).

    A word is worth its mean cosine to the first attributes minus that to the second. The deviation in the effect is
    that of a sample (N - 1), as in the published figures. The p-value counts the partition as given too, so it is
    never 0.

    Args:
        test: The four lists.
        source: A vector for each word, by its exact spelling; or an encoder, which reads each word as a document.
        partitions: How many; all, if there are no more.
        seed: Of the partitions.

    Raises:
        DataError: Fewer than two words of a target list or one of an attribute list have vectors, or all words are
            worth the same.
        SettingError: ``partitions`` is not a whole number of at least 1.
    """
    return _tested(test, source, ("{}",), partitions, seed)


def seat(
    test: WordTest,
    encoder: DenseEncoder,
    *,
    templates: Sequence[str] = TEMPLATES,
    partitions: int = _PARTITIONS,
    seed: int = 0,
) -> Association:
    """WEAT of sentences that say little but the word (May et al. 2019, arXiv:1903.10561).

    The effect is that of the paper, where each sentence counts. The sentences of a word are never parted for the
    p-value, though: they are much alike, and to count each would find everything significant.

    Args:
        test: The four lists.
        encoder: Reads each sentence as a document.
        templates: Sentences with ``{}`` where the word goes.
        partitions: As in ``weat``.
        seed: As in ``weat``.

    Raises:
        DataError: As ``weat``.
        SettingError: As ``weat``; no template, or one without ``{}``.
    """
    if not templates or not all("{}" in template for template in templates):
        raise SettingError(f"templates are {list(templates)}; expected sentences with {{}} where the word goes")
    return _tested(test, encoder, templates, partitions, seed)


def ripa(
    targets: Pair, pairs: Sequence[tuple[str, str]], source: Source, *, partitions: int = _PARTITIONS, seed: int = 0
) -> Association:
    """The relational inner product association (Ethayarajh, Duvenaud and Hirst 2019, arXiv:1908.06361).

    A word is worth the product of its vector, as long as it is, and the unit vector along which the pairs differ most.

    Args:
        targets: Two lists of words.
        pairs: What differs in the respect that is asked about alone, such as ("man", "woman"). One pair gives the
            direction from the second to the first; of several it is their first principal component.
        source: As in ``weat``.
        partitions: As in ``weat``.
        seed: As in ``weat``.

    Raises:
        DataError: No pair has vectors or differs in them; else as ``weat``.
        SettingError: As ``weat``.
    """
    differences, missing = pair_differences(pairs, source)
    direction = np.linalg.svd(differences, full_matrices=False)[2][0]
    direction = direction * (1 if direction @ differences.sum(axis=0) >= 0 else -1)
    words, vectors, lost = _lists(targets, source, 2, "target")
    return _association(words, [part @ direction for part in vectors], (*missing, *lost), partitions, seed)


def look_up(words: Words, source: Source) -> tuple[list[str], Found]:
    """The words that have a vector, and these vectors (N, D) as float64.

    Raises:
        DataError: A vector is not finite.
    """
    if not isinstance(source, Mapping):
        return list(words), source.encode(list(words), role="document").astype(np.float64)
    known = [word for word in words if word in source]
    vectors = np.array([source[word] for word in known] or np.zeros((0, 0)), np.float64)
    if not np.isfinite(vectors).all():
        word = known[int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])]
        raise DataError(f"the vector of {word!r} holds NaN or infinity; leave it out, or find where it came from")
    return known, vectors


def pair_differences(pairs: Sequence[tuple[str, str]], source: Source) -> tuple[Found, tuple[str, ...]]:
    """First minus second of each pair (P, D) of which both have vectors; and the words that have none.

    Raises:
        DataError: No pair has vectors, or none differs in them.
    """
    words = list(dict.fromkeys(chain.from_iterable(pairs)))
    known, vectors = look_up(words, source)
    places = {word: i for i, word in enumerate(known)}
    both = [(places[first], places[second]) for first, second in pairs if first in places and second in places]
    differences = np.array([vectors[first] - vectors[second] for first, second in both])
    if not differences.any():
        raise DataError(f"none of the {len(pairs)} pairs of words has two vectors that differ; give pairs that have")
    return differences, _missing(words, known)


def read_word_tests(path: Path) -> list[WordTest]:
    """Tests from JSON lines: ``test``, and ``examples`` in each of ``targ1``, ``targ2``, ``attr1`` and ``attr2``.

    Raises:
        DataError: The file can't be read, a line is no test, two have one name, or there is none.
    """
    columns = {"test": "test", **{name: f"{name}.examples" for name in _LISTS}}
    tests: dict[str, WordTest] = {}
    for line, values in read_records(path, "jsonl"):
        row = Row(f"{path}, line {line}", line, values, columns)
        name, lists = row.id("test"), [tuple(row.texts(name)) for name in _LISTS]
        if name in tests:
            raise DataError(f"{row.place}: a test called {name!r} was there before; give each a name of its own")
        tests[name] = WordTest(name=name, targets=(lists[0], lists[1]), attributes=(lists[2], lists[3]))
    if not tests:
        raise DataError(f"{path} has no test; expected JSON lines with test, {', '.join(_LISTS)}")
    return list(tests.values())


def read_word_pairs(path: Path) -> list[tuple[str, str]]:
    """Pairs of words from JSON lines, TSV or CSV with the columns ``first`` and ``second``, such as he and she.

    Raises:
        DataError: The file can't be read, a line is no pair of two different words, or there is none.
    """
    pairs = []
    for line, values in read_records(path):
        row = Row(f"{path}, line {line}", line, values, {name: name for name in _SIDES})
        first, second = (row.text(name).strip() for name in _SIDES)
        if not first or not second or first == second:
            raise DataError(f"{row.place}: expected two different words, got {first!r} and {second!r}")
        pairs.append((first, second))
    if not pairs:
        raise DataError(f"{path} has no pair; expected the columns {' and '.join(_SIDES)}")
    return pairs


def _tested(test: WordTest, source: Source, templates: Sequence[str], partitions: int, seed: int) -> Association:
    """The association of words in sentences."""
    words, vectors, lost = _lists(test.targets, source, 2, "target", templates)
    _, ends, unknown = _lists(test.attributes, source, 1, "attribute", templates)
    # The mean of products with vectors of unit length is the product with their mean.
    towards = _units(ends[0]).mean(axis=(0, 1)) - _units(ends[1]).mean(axis=(0, 1))
    worth = [_units(part) @ towards for part in vectors]  # (N, T) each
    return _association(words, worth, (*lost, *unknown), partitions, seed)


def _association(
    words: Pair, worth: Sequence[NDArray[np.float64]], missing: Iterable[str], partitions: int, seed: int
) -> Association:
    """What the worth of two lists' words (N, T), in T sentences each, comes to."""
    everything = np.concatenate([part.ravel() for part in worth])
    deviation = float(everything.std(ddof=1))
    if deviation <= 1e-12 * (1 + float(np.abs(everything).max())):  # rounding alone
        raise DataError(f"all {len(everything)} target words are associated alike; nothing can be told from them")
    means = np.concatenate([part.mean(axis=1) for part in worth])
    sums, exact = _partitioned(means, len(worth[0]), partitions, seed)
    low, high = tail_shares(sums, float(means[: len(worth[0])].sum()), exact=exact)
    return Association(
        effect=float(worth[0].mean() - worth[1].mean()) / deviation,
        p_value=min(1.0, 2 * min(low, high)),
        p_one_sided=high,
        exact=exact,
        values=dict(zip(chain(*words), means.tolist(), strict=True)),
        missing=tuple(dict.fromkeys(missing)),
    )


def _partitioned(means: Values, first: int, partitions: int, seed: int) -> tuple[Values, bool]:
    """The sum of the first list, for partitions into lists of the same lengths; and whether these are all."""
    require_count("partitions", partitions)
    if comb(len(means), first) <= partitions:
        return means[np.array(list(combinations(range(len(means)), first)))].sum(axis=1), True
    marks = np.tile(np.arange(len(means)) < first, (partitions, 1))
    return np.random.default_rng(seed).permuted(marks, axis=1) @ means, False


def _lists(
    lists: Pair, source: Source, least: int, what: str, templates: Sequence[str] = ("{}",)
) -> tuple[Pair, list[Found], tuple[str, ...]]:
    """The known words of two lists, their vectors (N, T, D) each, and the words that have none."""
    found = [_sentences(words, source, templates) for words in lists]
    for (known, _), words in zip(found, lists, strict=True):
        _require_words(known, words, least, what)
    lost = (word for (known, _), words in zip(found, lists, strict=True) for word in _missing(words, known))
    return (found[0][0], found[1][0]), [vectors for _, vectors in found], tuple(lost)


def _sentences(words: Words, source: Source, templates: Sequence[str]) -> tuple[list[str], Found]:
    """Known words, and the vectors (N, T, D) of each in each template."""
    texts = [template.replace("{}", word) for word in words for template in templates]
    known, vectors = look_up(texts, source)
    kept = list(words) if len(known) == len(texts) else known  # only words by themselves can be unknown
    return kept, vectors.reshape(len(known) // len(templates), len(templates), vectors.shape[1])


def _units(vectors: Found) -> Found:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _missing(words: Words, known: Words) -> tuple[str, ...]:
    return tuple(word for word in words if word not in set(known))


def _require_words(known: Words, words: Words, least: int, what: str) -> None:
    if len(known) < least:
        raise DataError(
            f"of {len(words)} {what} words ({', '.join(words[:3])}, …) {len(known)} have a vector; expected at least "
            f"{least}: is the spelling, capital letters too, that of the vectors?"
        )
