"""The inner loops of GloVe, compiled by numba: counting pairs in a table, and fitting vectors to the counts."""

from math import log

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids, Vectors
from likewise.words._compiling import compiled

_MIXER, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)  # of Fibonacci hashing


@compiled
def count_pairs(
    sentences: tuple[NDArray[np.int32], Ids],
    at: int,
    words: int,
    weights: NDArray[np.float64],
    table: tuple[Ids, NDArray[np.float64]],
    used: int,
    most: int,
) -> tuple[int, int]:
    """Count the words from place ``at`` on with those before them, until a table of keys and values is full.

    Gives the place to go on from, and how many slots are used; the table is by open addressing,
    its keys are those of pairs and 1 more, and 0 for none.
    """
    ids, starts = sentences
    keys, values = table
    mask = np.uint64(len(keys) - 1)
    sentence = np.searchsorted(starts, at, side="right") - 1
    while at < len(ids) and used + len(weights) <= most:
        while at >= starts[sentence + 1]:
            sentence += 1
        for distance in range(1, min(len(weights), at - starts[sentence]) + 1):
            first, second = ids[at], ids[at - distance]
            key = np.int64(min(first, second)) * words + max(first, second) + 1
            mixed = np.uint64(key) * _MIXER
            slot = (mixed ^ (mixed >> _SHIFT)) & mask
            while keys[slot] != key and keys[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == 0:
                keys[slot] = key
                used += 1
            values[slot] += weights[distance - 1]
        at += 1
    return at, used


@compiled
def fit_records(
    records: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]],
    words: Vectors,
    contexts: Vectors,
    rate: float,
    cutoff: float,
    power: float,
) -> float:
    """One step of AdaGrad for each record, in order; gives the sum of the weighted squares before each step.

    A row of ``words`` or ``contexts`` is a vector and its bias (D + 1), then the sums of squared steps of each (D + 1).
    """
    rows, columns, values = records
    width = words.shape[1] // 2
    dimension = width - 1
    step, one = np.float32(rate), np.float32(1)
    total = 0.0
    for record in range(len(rows)):
        word, word_squares = words[rows[record], :width], words[rows[record], width:]
        context, context_squares = contexts[columns[record], :width], contexts[columns[record], width:]
        product = np.float32(0)
        for d in range(dimension):
            product += word[d] * context[d]
        value = values[record]
        difference = product + word[dimension] + context[dimension] - np.float32(log(value))
        weight = np.float32(1.0 if value >= cutoff else (value / cutoff) ** power)
        total += weight * difference * difference
        slope = step * weight * difference
        for d in range(dimension):
            of_word, of_context = slope * context[d], slope * word[d]
            squares, others = word_squares[d], context_squares[d]  # read before anything is written
            word[d] -= of_word * (one / np.sqrt(squares))
            context[d] -= of_context * (one / np.sqrt(others))
            word_squares[d] = squares + of_word * of_word
            context_squares[d] = others + of_context * of_context
        word[dimension] -= slope / np.sqrt(word_squares[dimension])
        context[dimension] -= slope / np.sqrt(context_squares[dimension])
        word_squares[dimension] += slope * slope
        context_squares[dimension] += slope * slope
    return total
