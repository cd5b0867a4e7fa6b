"""The inner loops of word2vec, fastText and Doc2Vec, compiled by numba.

Skip-gram and CBOW: Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546; n-grams: Bojanowski et al. 2017,
arXiv:1607.04606; documents: Le and Mikolov 2014, arXiv:1405.4053. Two departures from the published code make it fast.
The negative samples of a centre serve all of its window (Ji et al. 2016, arXiv:1604.04661), so that they are fetched
once. Whatever takes part in a window is read first and changed last, so that the processor waits for memory once.
What is left to chance is chosen without branches where it can be, for half of them would be foreseen wrongly.

Rows are padded with zeros to a multiple of eight, and stay zero there.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids
from likewise.words._compiling import compiled, inlined
from likewise.words._drawing import (
    KEPT,
    LABEL,
    OTHERS,
    ROW,
    SOURCES,
    TARGETS,
    draw_words,
    follow_way,
    look_around,
    thin,
)
from likewise.words._tables import REACH, STEPS, Tables

NO_KIND, CBOW, NGRAMS, DBOW, DM = range(5)  # what is averaged to foretell what, in ``train_means``
_TOGETHER = 8  # words that a document's vector foretells before it is changed (DBOW)
_PATH = 64  # the longest way in a Huffman tree: counts of 64 bits allow no longer one
_MEAN, _CHANGE, _FIRST = range(3)  # rows of ``around`` in ``train_means``
_LIKELY, _LOSS = range(2)  # columns of ``Tables.curve``
_SCALE = np.float32(STEPS / (2 * REACH))
_REACH = np.float32(REACH)
_ONE, _ZERO = np.float32(1), np.float32(0)


Matrix: TypeAlias = NDArray[np.float32]


class Block(NamedTuple):
    """Some sentences as places in the vocabulary."""

    ids: NDArray[np.int32]  # (N,)
    starts: Ids  # (S + 1,)
    documents: Ids  # (S,): the input row of each one's document


class Plan(NamedTuple):
    """The numbers of a training. ``kind`` is for ``train_means``, ``widest`` the most rows that it averages."""

    window: int
    negatives: int
    kind: int
    widest: int


class _Room(NamedTuple):
    """Arrays to work in, made once a block."""

    lists: NDArray[np.int32]  # (4, L): words of a sentence that are kept, those around one, averaged rows, targets
    foretold: NDArray[np.int32]  # (T, K, 2): output rows of each target, and whether it should be foretold
    sizes: Ids  # (T,): how many they are
    steps: NDArray[np.float32]  # (K, T): how far each goes, by the inputs that it goes towards
    middle: Matrix  # (K, W): copies of output rows
    around: Matrix  # (T, W): copies of input rows, or their mean, its change, and what it was at first


# A kernel takes apart what it is given before its first loop: numba counts references to an array each time that it is
# taken from a tuple, and that cost more than all arithmetic.


@compiled
def train_pairs(
    block: Block, inputs: Matrix, outputs: Matrix, tables: Tables, plan: Plan, rate: float, seed: np.uint64
) -> tuple[float, int]:
    """Skip-gram: each word of a window foretells the one in its middle.

    Args:
        block: What to read.
        inputs: (R, W), changed.
        outputs: (V, W), changed.
        tables: Of the vocabulary.
        plan: The numbers of the training.
        rate: Of learning.
        seed: For what is drawn by chance; not 0.

    Returns:
        The sum of losses, and how many they are.
    """
    ids, starts, _ = block
    keep, noise, ways, paths, _, _, curve = tables
    lists, foretold, sizes, steps, middle, around = _room(block, plan, inputs.shape[1])
    window, negatives, pace, state = plan.window, plan.negatives, np.float32(rate), seed
    loss, terms = 0.0, 0
    for sentence in range(len(starts) - 1):
        count, state = thin(ids, starts[sentence], starts[sentence + 1], keep, lists, state)
        for at in range(count):
            number, state = look_around(at, count, window, lists, state)
            if number == 0:
                continue
            word = lists[KEPT, at]
            if len(ways) > 0:
                follow_way(word, 0, ways, paths, foretold, sizes)
            else:
                state = draw_words(word, 0, negatives, noise, foretold, sizes, state)
            size = sizes[0]
            _fetch_outputs(outputs, size, foretold, middle)
            _fetch_inputs(inputs, number, lists, around)
            loss += _weigh_pairs(middle, around, number, size, foretold, steps, curve)
            _move_inputs(inputs, number, size, lists, steps, middle, pace)
            _move_outputs(outputs, number, size, foretold, steps, around, pace)
            terms += number * size
    return loss, terms


@compiled
def train_means(
    block: Block, inputs: Matrix, outputs: Matrix, tables: Tables, plan: Plan, rate: float, seed: np.uint64
) -> tuple[float, int]:
    """The mean of some rows foretells words; as ``train_pairs``. ``_find_sources`` and ``_find_targets`` say which."""
    ids, starts, documents = block
    keep, noise, ways, paths, rows, spans, curve = tables
    lists, foretold, sizes, steps, _, around = _room(block, plan, inputs.shape[1])
    kind, window, negatives, pace, state = plan.kind, plan.window, plan.negatives, np.float32(rate), seed
    loss, terms = 0.0, 0
    for sentence in range(len(starts) - 1):
        count, state = thin(ids, starts[sentence], starts[sentence + 1], keep, lists, state)
        for at in range(0, count, _TOGETHER if kind == DBOW else 1):
            number, state = look_around(at, count, window, lists, state)
            averaged = _find_sources(kind, at, number, documents[sentence], lists, rows, spans)
            told = _find_targets(kind, at, count, number, lists)
            if averaged == 0:
                continue
            for target in range(told):
                if len(ways) > 0:
                    follow_way(lists[TARGETS, target], target, ways, paths, foretold, sizes)
                else:
                    state = draw_words(lists[TARGETS, target], target, negatives, noise, foretold, sizes, state)
            _average(inputs, averaged, lists, around)
            for target in range(told):
                loss += _weigh(outputs, target, sizes[target], foretold, steps, around, curve)
                _move(outputs, target, sizes[target], foretold, steps, around, pace)
                _follow(around)
                terms += sizes[target]
            _spread(inputs, averaged, lists, around)
    return loss, terms


@compiled
def _room(block: Block, plan: Plan, width: int) -> _Room:
    most, targets = _PATH + plan.negatives + 1, max(2 * plan.window, _TOGETHER)
    return _Room(
        np.empty((4, max(len(block.ids), plan.widest, targets) + 1), np.int32),
        np.empty((targets, most, 2), np.int32),
        np.empty(targets, np.int64),
        np.empty((most, targets), np.float32),
        np.empty((most, width), np.float32),
        np.empty((targets, width), np.float32),
    )


@inlined
def _find_sources(
    kind: int, at: int, number: int, document: int, lists: NDArray[np.int32], rows: NDArray[np.int32], spans: Ids
) -> int:
    """Fill in which input rows are averaged; gives how many."""
    if kind == DBOW:
        lists[SOURCES, 0] = document
        return 1
    if kind == NGRAMS:
        begin = spans[lists[KEPT, at]]
        averaged = spans[lists[KEPT, at] + 1] - begin
        for source in range(averaged):
            lists[SOURCES, source] = rows[begin + source]
        return averaged
    for source in range(number):
        lists[SOURCES, source] = lists[OTHERS, source]
    if kind == DM:
        lists[SOURCES, number] = document
        return number + 1
    return number


@inlined
def _find_targets(kind: int, at: int, count: int, number: int, lists: NDArray[np.int32]) -> int:
    """Fill in which words they foretell; gives how many."""
    if kind == NGRAMS:
        for target in range(number):
            lists[TARGETS, target] = lists[OTHERS, target]
        return number
    told = min(_TOGETHER, count - at) if kind == DBOW else 1
    for target in range(told):
        lists[TARGETS, target] = lists[KEPT, at + target]
    return told


@inlined
def _fetch_outputs(outputs: Matrix, size: int, foretold: NDArray[np.int32], middle: Matrix) -> None:
    for k in range(size):
        _copy(middle, k, outputs, foretold[0, k, ROW])


@inlined
def _fetch_inputs(inputs: Matrix, number: int, lists: NDArray[np.int32], around: Matrix) -> None:
    for other in range(number):
        _copy(around, other, inputs, lists[OTHERS, other])


@inlined
def _weigh_pairs(
    middle: Matrix,
    around: Matrix,
    number: int,
    size: int,
    foretold: NDArray[np.int32],
    steps: Matrix,
    curve: Matrix,
) -> float:
    """Find how far the rows of all pairs are to go; gives the loss."""
    loss = _ZERO
    for other in range(number):
        for k in range(size):
            step, one = _step(_product(around, other, middle, k), foretold[0, k, LABEL], curve)
            steps[k, other] = step
            loss += one
    return float(loss)


@inlined
def _move_inputs(
    inputs: Matrix,
    number: int,
    size: int,
    lists: NDArray[np.int32],
    steps: Matrix,
    middle: Matrix,
    pace: np.float32,
) -> None:
    """Move the words around towards the outputs, or away."""
    for other in range(number):
        for k in range(size):
            _add(inputs, lists[OTHERS, other], steps[k, other] * pace, middle, k)


@inlined
def _move_outputs(
    outputs: Matrix,
    number: int,
    size: int,
    foretold: NDArray[np.int32],
    steps: Matrix,
    around: Matrix,
    pace: np.float32,
) -> None:
    """Move the outputs towards the words around, or away."""
    for k in range(size):
        for other in range(number):
            _add(outputs, foretold[0, k, ROW], steps[k, other] * pace, around, other)


@inlined
def _average(inputs: Matrix, averaged: int, lists: NDArray[np.int32], around: Matrix) -> None:
    """Put the mean of the sources in its places, and zeros in that of its change."""
    share = _ONE / np.float32(averaged)
    for d in range(inputs.shape[1]):
        around[_FIRST, d] = _ZERO
        around[_CHANGE, d] = _ZERO
    for source in range(averaged):
        row = lists[SOURCES, source]
        for d in range(inputs.shape[1]):
            around[_FIRST, d] += share * inputs[row, d]
    _follow(around)


@inlined
def _follow(around: Matrix) -> None:
    """Let the mean be what it will be when its sources are changed, so that each target meets the last one's change."""
    for d in range(around.shape[1]):
        around[_MEAN, d] = around[_FIRST, d] + around[_CHANGE, d]


@inlined
def _spread(inputs: Matrix, averaged: int, lists: NDArray[np.int32], around: Matrix) -> None:
    """Add the mean's change to each of the sources."""
    for source in range(averaged):
        row = lists[SOURCES, source]
        for d in range(inputs.shape[1]):
            inputs[row, d] += around[_CHANGE, d]


@inlined
def _weigh(
    outputs: Matrix,
    target: int,
    size: int,
    foretold: NDArray[np.int32],
    steps: Matrix,
    around: Matrix,
    curve: Matrix,
) -> float:
    """Find how far the outputs of one target are to go; gives the loss."""
    loss = _ZERO
    for k in range(size):
        row = foretold[target, k, ROW]
        score = _ZERO
        for d in range(outputs.shape[1]):
            score += around[_MEAN, d] * outputs[row, d]
        step, one = _step(score, foretold[target, k, LABEL], curve)
        steps[k, target] = step
        loss += one
    return float(loss)


@inlined
def _move(
    outputs: Matrix,
    target: int,
    size: int,
    foretold: NDArray[np.int32],
    steps: Matrix,
    around: Matrix,
    pace: np.float32,
) -> None:
    """Move the outputs of one target towards the mean or away, and note the mean's change."""
    for k in range(size):
        row, step = foretold[target, k, ROW], steps[k, target] * pace
        for d in range(outputs.shape[1]):
            before = outputs[row, d]
            around[_CHANGE, d] += step * before
            outputs[row, d] = before + step * around[_MEAN, d]


@inlined
def _step(score: np.float32, label: int, curve: Matrix) -> tuple[np.float32, np.float32]:
    """Label minus logistic function, and the loss."""
    place = min(max(int((score + _REACH) * _SCALE), 0), STEPS - 1)
    likely = curve[place, _LOSS] if label else curve[STEPS - 1 - place, _LOSS]
    return np.float32(label) - curve[place, _LIKELY], likely


# The three below take a matrix and the number of a row, for numba counts references to each row that is cut out.


@inlined
def _product(one: Matrix, row: int, other: Matrix, place: int) -> np.float32:
    total = _ZERO
    for d in range(one.shape[1]):
        total += one[row, d] * other[place, d]
    return total


@inlined
def _add(to: Matrix, row: int, factor: np.float32, what: Matrix, place: int) -> None:
    for d in range(to.shape[1]):
        to[row, d] += factor * what[place, d]


@inlined
def _copy(to: Matrix, row: int, what: Matrix, place: int) -> None:
    for d in range(to.shape[1]):
        to[row, d] = what[place, d]
