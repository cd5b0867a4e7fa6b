"""A text's way to its vector, step by step with real numbers, and what makes two texts alike."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise.errors import ModelError, SettingError, TooLongError
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.network import run
from likewise.modelling.ops import Array, Inputs, Weights
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.ops.tracing_ops import TracingOps
from likewise.modelling.pooling import POOLINGS
from likewise.modelling.steps import Pooling
from likewise.tokenizing import Tokenizer
from likewise.types import Role, Vectors

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_DRAWS = 20  # random sets of words that named ones are compared with


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What a network made of one text, in float32 by the numpy reference."""

    text: str  # with the role's prompt
    pieces: tuple[str, ...]  # (T,) with the special tokens
    ids: NDArray[np.int64]  # (T,)
    spans: tuple[tuple[int, int] | None, ...]  # (T,) characters of ``text``; None for special tokens
    lookup: Array  # (T, D) rows of the vocabulary's table
    places: Array | None  # (T, D) what positions add to them; None where they come in another way
    attention: Array  # (L, H, T, T) of each layer and head: of each token over all
    states: Array  # (T, D) after the last layer
    shares: Array  # (T,) of the pooled vector, which sum to 1
    vector: Array  # (D,)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of one of two texts."""

    side: int  # 0 or 1
    text: str
    start: int
    end: int
    loss: float  # by how much the cosine falls without it


@dataclass(frozen=True, slots=True)
class Comparison:
    """What makes two texts alike, and whether that held when it was taken away."""

    cosine: float
    words: tuple[Word, ...]  # of both texts, those that matter most first
    named: tuple[Word, ...]  # the first few of them
    without_named: float  # the cosine without all of the named words
    without_random: float  # without as many random other ones, on average over the draws

    @property
    def holds(self) -> bool:
        """Whether removing the named words costs more than removing as many random ones."""
        return self.without_named < self.without_random


def trace(checkpoint: Checkpoint, weights: Weights, tokenizer: Tokenizer, text: str, *, role: Role) -> Trace:
    """Run one text through the reference network and keep each step.

    Raises:
        TooLongError: The text has more tokens than the model takes.
        ModelError: The model gives something else than one vector a text.
        SettingError: The text has no token.
    """
    if checkpoint.chain.kind != "dense" or checkpoint.family.characters:
        raise ModelError(f"only models that make one vector of token ids are explained yet, not {checkpoint.pooling}")
    whole = checkpoint.prompts.get(role, "") + text
    (plain,) = tokenizer.encode([whole])
    if not len(plain):
        raise SettingError("the text has no token: give one with words in it")
    ids = tokenizer.frame(plain)
    if len(ids) > checkpoint.max_tokens:
        raise TooLongError(f"the text has {len(ids)} tokens and the model reads {checkpoint.max_tokens}: shorten it")
    inputs = Inputs(ids[None], np.ones((1, len(ids)), np.int64))
    ops = TracingOps()
    states = checkpoint.family.forward(ops, weights, checkpoint.settings, inputs)[0]  # (T, D)
    (offsets,) = tokenizer.offsets([whole])
    before = tokenizer.tokens_before
    spans: list[tuple[int, int] | None] = [None] * len(ids)
    spans[before : before + len(plain)] = [(int(start), int(end)) for start, end in offsets]
    assert ops.looked_up is not None
    return Trace(
        text=whole,
        pieces=tuple(tokenizer.token_of(int(one)) for one in ids),
        ids=ids,
        spans=tuple(spans),
        lookup=ops.looked_up[0],
        places=None if ops.places is None else ops.places[0],
        attention=_stacked([layer[0] for layer in ops.attention_weights], len(ids)),
        states=states,
        shares=_shares(checkpoint, states),
        vector=run(NumpyOps(), checkpoint, weights, inputs)[0],
    )


def focus(traced: Trace, token: str | None) -> int:
    """The place of a token to follow: the last that spells ``token``, or of none, the last word's first piece.

    Raises:
        SettingError: No token of the text is spelled so.
    """
    if token is None:
        words = [match.start() for match in _WORD.finditer(traced.text)]
        last = words[-1] if words else 0
        return next(i for i, span in enumerate(traced.spans) if span and (span[1] > last or not words))
    spelled = {i: traced.text[slice(*span)].strip().lower() for i, span in enumerate(traced.spans) if span}
    found = [i for i, word in spelled.items() if token.lower() in (word, traced.pieces[i].lower())]
    if not found:
        raise SettingError(f"no token is spelled {token!r}; the text has {', '.join(dict.fromkeys(spelled.values()))}")
    return found[-1]


def pair_terms(left: Trace, right: Trace) -> Array:
    """What each pair of tokens adds to the dot product of two mean-pooled vectors, over both lengths: (T, S).

    It sums to the cosine of the pooled vectors, exactly, as a mean is a sum of its tokens.
    """
    lengths = [np.linalg.norm(one.states.mean(axis=0)) for one in (left, right)]
    return left.states @ right.states.T / (len(left.ids) * len(right.ids) * lengths[0] * lengths[1])


def compare(
    encode: Callable[[Sequence[str]], Vectors], texts: tuple[str, str], *, most: int = 3, seed: int = 0
) -> Comparison:
    """Which words make two texts alike: each is left out in turn, and what that costs is what it was worth.

    The check takes all the named words out at once, and as many random others, in several draws.

    Args:
        encode: Texts to vectors (N, D).
        texts: The two.
        most: Name so many words of each text, but never more than half of them.
        seed: Of the draws.

    Raises:
        SettingError: A text has fewer than two words: nothing of it could be left out.
    """
    found = [[match.span() for match in _WORD.finditer(text)] for text in texts]
    if min(map(len, found)) < 2:
        raise SettingError("to compare two texts each needs at least two words: what makes them alike is left out")
    variants = [_without(texts[side], [span]) for side in (0, 1) for span in found[side]]
    vectors = _units(encode([*texts, *variants]))
    left, right, fewer = vectors[0], vectors[1], iter(vectors[2:])
    cosine = float(left @ right)
    words = [
        Word(side, texts[side][start:end], start, end, cosine - float(next(fewer) @ (right, left)[side]))
        for side in (0, 1)
        for start, end in found[side]
    ]
    ranked = sorted(words, key=lambda word: -word.loss)
    counts = [min(most, len(spans) // 2) for spans in found]
    named = [[word for word in ranked if word.side == side][: counts[side]] for side in (0, 1)]
    sets = [[[(word.start, word.end) for word in some] for some in named]]
    sets += _draws(found, named, seed)
    pairs = _units(encode([_without(text, spans) for one in sets for text, spans in zip(texts, one, strict=True)]))
    cosines = (pairs[0::2] * pairs[1::2]).sum(axis=1)
    chosen = tuple(word for word in ranked if word in named[word.side])
    return Comparison(cosine, tuple(ranked), chosen, float(cosines[0]), float(cosines[1:].mean()))


def _draws(found: list[list[tuple[int, int]]], named: list[list[Word]], seed: int) -> list[list[list[tuple[int, int]]]]:
    """For each draw and text, as many random words that are not the named ones; fewer if there are no more."""
    random = np.random.default_rng(seed)
    others = [
        [span for span in spans if span not in {(word.start, word.end) for word in some}]
        for spans, some in zip(found, named, strict=True)
    ]
    return [
        [
            [spans[i] for i in random.permutation(len(spans))[: len(some)]]
            for spans, some in zip(others, named, strict=True)
        ]
        for _ in range(_DRAWS)
    ]


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return " ".join(text.split())


def _units(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _stacked(layers: list[Array], tokens: int) -> Array:
    """Layers that may differ in their heads, as one array; those without a head stay 0. (L, H, T, T)."""
    heads = max((len(layer) for layer in layers), default=0)
    stacked = np.zeros((len(layers), heads, tokens, tokens), np.float32)
    for i, layer in enumerate(layers):
        stacked[i, : len(layer)] = layer
    return stacked


def _shares(checkpoint: Checkpoint, states: Array) -> Array:
    """How much of the pooled vector each token is: its part along that vector, or the features it wins by max."""
    poolings = [link.step for link in checkpoint.chain.links if isinstance(link.step, Pooling)]
    if not poolings:
        raise ModelError(f"how {checkpoint.pooling} weighs tokens is not explained yet")
    mask = np.ones((1, len(states)), np.int64)
    shares = []
    for mode in poolings[0].modes:
        pool = POOLINGS.find(mode)
        if mode == "max":
            shares.append(np.bincount(states.argmax(axis=0), minlength=len(states)) / states.shape[1])
            continue
        weights = pool(NumpyOps(), np.eye(len(states), dtype=np.float32)[None], mask)[0]  # (T,): poolings are linear
        pooled = weights @ states
        shares.append(weights * (states @ pooled) / max(float(pooled @ pooled), 1e-12))
    return np.mean(shares, axis=0).astype(np.float32)
