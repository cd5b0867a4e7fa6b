"""What a search would have found, had a text spoken of somebody else: names or pronouns swapped, ranks compared."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.encoder import DenseEncoder
from likewise.encoding.packing import require_count
from likewise.errors import DataError, SettingError
from likewise.evaluating.significance import Interval, interval
from likewise.types import Role, Vectors

Scores = NDArray[np.float32]  # (N,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifts:
    """By how many ranks documents moved, for each query where anything could."""

    queries: tuple[int, ...]  # their places
    values: tuple[float, ...]  # of each of these queries, on average over its documents
    interval: Interval  # of the mean over these queries


def swap_words(text: str, swaps: Mapping[str, str]) -> str:
    """A text with words put in the place of others, all at once.

    Args:
        text: Any.
        swaps: Whole words to what takes their place. One in small letters is found in any case, and that case is kept;
            one with a capital, such as a name, is found as it is spelled alone.

    Raises:
        SettingError: There is nothing to swap.

    Example:
        >>> swap_words("He said that Mark is a mark on his CV.", {"he": "she", "his": "her", "Mark": "Mary"})
        'She said that Mary is a mark on her CV.'
    """
    if not swaps or "" in swaps:
        raise SettingError(f"swaps are {dict(swaps)}; expected words and what takes their place, such as he: she")

    def swapped(match: re.Match[str]) -> str:
        word = match[0]
        if word in swaps:
            return swaps[word]
        if word.lower() not in swaps:
            return word
        found = swaps[word.lower()]
        return found.upper() if word.isupper() and len(word) > 1 else found[:1].upper() + found[1:]

    longest_first = sorted(map(re.escape, swaps), key=len, reverse=True)
    return re.sub(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", swapped, text, flags=re.IGNORECASE)


def query_shifts(
    queries: Sequence[str],
    documents: Sequence[str],
    encoder: DenseEncoder,
    *,
    swaps: Mapping[str, str],
    k: int = 10,
    seed: int = 0,
) -> Shifts:
    """How far documents move when words of the query are swapped.

    The value of a query is the mean distance between the two ranks of each document that is among the first k for
    either form of it: 0 if who is spoken of makes no difference. Queries with nothing to swap are left out.

    Args:
        queries: Texts.
        documents: Texts.
        encoder: Whose search it is: by cosine.
        swaps: As in ``swap_words``.
        k: How many of the first documents count.
        seed: Of the interval.

    Raises:
        DataError: Fewer than two queries hold a word to swap, or there is no document.
        SettingError: There is nothing to swap, or ``k`` is not a whole number of at least 1.
    """
    require_count("k", k)
    forms = [swap_words(text, swaps) for text in queries]
    places = [i for i, (text, form) in enumerate(zip(queries, forms, strict=True)) if text != form]
    if len(places) < 2 or not documents:
        raise _too_few(len(places), "queries", len(queries), swaps)
    found = _encode(encoder, documents, "document")
    before, after = (
        _encode(encoder, [texts[i] for i in places], "query") @ found.T for texts in (queries, forms)
    )  # (C, N) each
    values = []
    for one, other in zip(before, after, strict=True):
        old, new = _ranks(one, one), _ranks(other, other)
        values.append(float(np.abs(new - old)[(old <= k) | (new <= k)].mean()))
    return Shifts(queries=tuple(places), values=tuple(values), interval=interval(values, seed=seed))


def document_shifts(
    queries: Sequence[str],
    documents: Sequence[str],
    encoder: DenseEncoder,
    *,
    swaps: Mapping[str, str],
    k: int = 10,
    seed: int = 0,
) -> Shifts:
    """How far a document falls when its own words are swapped and all other documents stay as they are.

    The value of a query is the mean of new rank minus old, over the documents that have a word to swap and are among
    the first k in either form: above 0 where the swap is a disadvantage, so swap one way alone, such as he to she.
    Queries with no such document are left out.

    Args:
        queries: Texts.
        documents: Texts.
        encoder: Whose search it is: by cosine.
        swaps: As in ``swap_words``.
        k: How many of the first documents count.
        seed: Of the interval.

    Raises:
        DataError: No document holds a word to swap, or fewer than two queries find one that does.
        SettingError: There is nothing to swap, or ``k`` is not a whole number of at least 1.
    """
    require_count("k", k)
    forms = [swap_words(text, swaps) for text in documents]
    changed = np.array([i for i, (text, form) in enumerate(zip(documents, forms, strict=True)) if text != form], int)
    if not len(changed) or len(queries) < 2:
        raise _too_few(len(changed), "documents", len(documents), swaps)
    asked = _encode(encoder, queries, "query")
    before = asked @ _encode(encoder, documents, "document").T  # (Q, N)
    after = asked @ _encode(encoder, [forms[i] for i in changed], "document").T  # (Q, C)
    values = {}
    for query, (scores, others) in enumerate(zip(before, after, strict=True)):
        old, rivals = _ranks(scores, scores[changed]), _ranks(scores, others)
        new = rivals - (scores[changed] > others)  # a document's old form is no rival of its new one
        if (counted := (old <= k) | (new <= k)).any():
            values[query] = float((new - old)[counted].mean())
    if len(values) < 2:
        raise DataError(f"only {len(values)} of {len(queries)} queries find a document to swap words in; raise k ({k})")
    return Shifts(
        queries=tuple(values), values=tuple(values.values()), interval=interval(list(values.values()), seed=seed)
    )


def _encode(encoder: DenseEncoder, texts: Sequence[str], role: Role) -> Vectors:
    """Vectors (N, D) of unit length."""
    vectors = encoder.encode(texts, role=role, overflow="truncate")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _ranks(scores: Scores, asked: Scores) -> NDArray[np.int64]:
    """The rank (C,) that each of the scores asked about has among all, from 1; equal ones share the better."""
    return len(scores) + 1 - np.searchsorted(np.sort(scores), asked, side="right")


def _too_few(count: int, what: str, total: int, swaps: Mapping[str, str]) -> DataError:
    some = ", ".join(list(swaps)[:5])
    return DataError(
        f"{count} of {total} {what} hold a word to swap ({some}): too few to compare, or nothing to search"
    )
