"""The inner loops of word2vec, fastText and Doc2Vec, compiled by numba.

Skip-gram and CBOW: Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546; n-grams: Bojanowski et al. 2017,
arXiv:1607.04606; documents: Le and Mikolov 2014, arXiv:1405.4053. Two departures from the published code make it fast.
The negative samples of a centre serve all of its window (Ji et al. 2016, arXiv:1604.04661), so that they are fetched
once. Whatever takes part in a window is read first and changed last, so that the processor waits for memory once.

Rows are padded with zeros to a multiple of eight, and stay zero there.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.types import Ids
from likewise.words._compiling import compiled, inlined
from likewise.words._tables import REACH, STEPS, Tables

NO_KIND, CBOW, NGRAMS, DBOW, DM = range(5)  # what is averaged to foretell what, in ``train_means``
_TOGETHER = 8  # words that a document's vector foretells before it is changed (DBOW)
_PATH = 64  # the longest way in a Huffman tree: counts of 64 bits allow no longer one
_MEAN, _CHANGE = 0, 1  # rows of ``around`` in ``train_means``
_SCALE = np.float32(STEPS / (2 * REACH))
_REACH = np.float32(REACH)
_ONE, _ZERO = np.float32(1), np.float32(0)
_A, _B, _C = np.uint64(13), np.uint64(7), np.uint64(17)  # shifts of xorshift64 (Marsaglia 2003)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


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

    kept: NDArray[np.int32]  # words of a sentence that are not left out
    others: NDArray[np.int32]  # words around one
    sources: NDArray[np.int32]  # input rows that are averaged
    targets: NDArray[np.int32]  # words that are foretold
    rows: NDArray[np.int32]  # output rows of a word
    labels: NDArray[np.float32]  # of each of them
    steps: NDArray[np.float32]  # how far each goes, by the inputs that it goes towards
    middle: NDArray[np.float32]  # copies of output rows
    around: NDArray[np.float32]  # copies of input rows, or their mean and its change


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
    state = seed
    room = _room(block, plan, inputs.shape[1])
    loss, terms = 0.0, 0
    for sentence in range(len(block.starts) - 1):
        count, state = _thin(block, sentence, tables, room.kept, state)
        for at in range(count):
            number, state = _look_around(at, count, plan.window, room, state)
            if number == 0:
                continue
            size, state = _outputs(room.kept[at], tables, plan.negatives, room, state)
            loss += _change_pairs(inputs, outputs, size, number, tables, room, np.float32(rate))
            terms += number * size
    return loss, terms


@compiled
def train_means(
    block: Block, inputs: Matrix, outputs: Matrix, tables: Tables, plan: Plan, rate: float, seed: np.uint64
) -> tuple[float, int]:
    """The mean of some rows foretells words; as ``train_pairs``. Which rows and words, ``_choose`` says."""
    state = seed
    room = _room(block, plan, inputs.shape[1])
    loss, terms = 0.0, 0
    for sentence in range(len(block.starts) - 1):
        count, state = _thin(block, sentence, tables, room.kept, state)
        for at in range(0, count, _TOGETHER if plan.kind == DBOW else 1):
            number, state = _look_around(at, count, plan.window, room, state)
            averaged, told = _choose(plan.kind, at, count, number, block.documents[sentence], tables, room)
            if averaged == 0 or told == 0:
                continue
            _average(inputs, averaged, room)
            for target in range(told):
                size, state = _outputs(room.targets[target], tables, plan.negatives, room, state)
                loss += _change_outputs(outputs, size, tables, room, np.float32(rate))
                terms += size
            for source in range(averaged):
                _add(inputs, room.sources[source], _ONE, room.around, _CHANGE)
    return loss, terms


@compiled
def _room(block: Block, plan: Plan, width: int) -> _Room:
    outputs, most = _PATH + plan.negatives + 1, max(2 * plan.window, _TOGETHER)
    return _Room(
        np.empty(len(block.ids), np.int32),
        np.empty(2 * plan.window, np.int32),
        np.empty(plan.widest, np.int32),
        np.empty(most, np.int32),
        np.empty(outputs, np.int32),
        np.empty(outputs, np.float32),
        np.empty((outputs, most), np.float32),
        np.empty((outputs, width), np.float32),
        np.empty((most, width), np.float32),
    )


@compiled
def _thin(
    block: Block, sentence: int, tables: Tables, kept: NDArray[np.int32], state: np.uint64
) -> tuple[int, np.uint64]:
    """Copy a sentence, frequent words left out by chance; gives how many there are."""
    count = 0
    for place in range(block.starts[sentence], block.starts[sentence + 1]):
        state = _next(state)
        if np.uint32(state >> _HALF) <= tables.keep[block.ids[place]]:
            kept[count] = block.ids[place]
            count += 1
    return count, state


@compiled
def _look_around(at: int, count: int, widest: int, room: _Room, state: np.uint64) -> tuple[int, np.uint64]:
    """Fill in the words around one, in a window of chance size; gives how many."""
    state = _next(state)
    reach = 1 + int((state >> _HALF) % np.uint64(widest))
    number = 0
    for place in range(max(0, at - reach), min(count, at + reach + 1)):
        if place != at:
            room.others[number] = room.kept[place]
            number += 1
    return number, state


@compiled
def _outputs(word: int, tables: Tables, negatives: int, room: _Room, state: np.uint64) -> tuple[int, np.uint64]:
    """Fill in the output rows of a word and their labels: itself and negative samples, or its way in the tree."""
    rows, labels = room.rows, room.labels
    if len(tables.nodes) > 0:
        begin, end = tables.paths[word], tables.paths[word + 1]
        for k in range(end - begin):
            rows[k], labels[k] = tables.nodes[begin + k], tables.labels[begin + k]
        return end - begin, state
    rows[0], labels[0] = word, _ONE
    size = 1
    count = np.uint64(len(tables.alias))
    for _ in range(negatives):
        state = _next(state)
        drawn = np.int64(((state >> _HALF) * count) >> _HALF)
        if np.uint32(state & _LOW) > tables.threshold[drawn]:
            drawn = np.int64(tables.alias[drawn])
        if drawn != word:
            rows[size], labels[size] = drawn, _ZERO
            size += 1
    return size, state


@compiled
def _change_pairs(
    inputs: Matrix, outputs: Matrix, size: int, number: int, tables: Tables, room: _Room, rate: np.float32
) -> float:
    """Move the rows of all pairs of one word's outputs and the words around; gives the loss."""
    loss = 0.0
    for k in range(size):
        _copy(room.middle, k, outputs, room.rows[k])
    for other in range(number):
        _copy(room.around, other, inputs, room.others[other])
        for k in range(size):
            step, one = _step(_product(room.around, other, room.middle, k), room.labels[k], tables)
            room.steps[k, other] = step * rate
            loss += float(one)
    for other in range(number):
        for k in range(size):
            _add(inputs, room.others[other], room.steps[k, other], room.middle, k)
    for k in range(size):
        for other in range(number):
            _add(outputs, room.rows[k], room.steps[k, other], room.around, other)
    return loss


@compiled
def _change_outputs(outputs: Matrix, size: int, tables: Tables, room: _Room, rate: np.float32) -> float:
    """Move the outputs of one word towards the mean or away, and note the mean's change; gives the loss."""
    loss = 0.0
    for k in range(size):
        step, one = _step(_product(room.around, _MEAN, outputs, room.rows[k]), room.labels[k], tables)
        room.steps[k, 0] = step * rate
        loss += float(one)
    for k in range(size):
        _add(room.around, _CHANGE, room.steps[k, 0], outputs, room.rows[k])
        _add(outputs, room.rows[k], room.steps[k, 0], room.around, _MEAN)
    return loss


@compiled
def _average(inputs: Matrix, averaged: int, room: _Room) -> None:
    """Put the mean of the sources in its place, and zeros in that of its change."""
    room.around[:2] = _ZERO
    for source in range(averaged):
        _add(room.around, _MEAN, _ONE / np.float32(averaged), inputs, room.sources[source])


@compiled
def _choose(kind: int, at: int, count: int, number: int, document: int, tables: Tables, room: _Room) -> tuple[int, int]:
    """Fill in which rows are averaged and which words they foretell; gives both numbers."""
    word = room.kept[at]
    if kind == DBOW:
        told = min(_TOGETHER, count - at)
        room.sources[0] = document
        room.targets[:told] = room.kept[at : at + told]
        return 1, told
    if kind == NGRAMS:
        averaged = tables.spans[word + 1] - tables.spans[word]
        room.sources[:averaged] = tables.rows[tables.spans[word] : tables.spans[word + 1]]
        room.targets[:number] = room.others[:number]
        return averaged, number
    room.targets[0] = word
    room.sources[:number] = room.others[:number]
    if kind == DM:
        room.sources[number] = document
        return number + 1, 1
    return number, 1


@inlined
def _step(score: np.float32, label: np.float32, tables: Tables) -> tuple[np.float32, np.float32]:
    """Label minus logistic function, and the loss."""
    place = min(max(int((score + _REACH) * _SCALE), 0), STEPS - 1)
    likely = tables.loss[place] if label > _ZERO else tables.loss[STEPS - 1 - place]
    return label - tables.logistic[place], likely


@inlined
def _next(state: np.uint64) -> np.uint64:
    state ^= state << _A
    state ^= state >> _B
    state ^= state << _C
    return state


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
