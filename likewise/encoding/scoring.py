"""Pairs of texts to scores, read together by one network: cross-encoders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.batching import pad
from likewise.encoding.compiled import Running
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Engine
from likewise.encoding.feeding import batched
from likewise.encoding.models import Progress, Source, open_model
from likewise.errors import ModelError, SettingError, TooLongError
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.tokenizing import Tokenizer
from likewise.types import Vectors

Ids = NDArray[np.int64]
Pair = tuple[str, str]
_ACTIVATIONS = ("sigmoid", "identity", "softmax")


class PairScorer(Protocol):
    """Whatever scores pairs of texts."""

    labels: tuple[str, ...]

    def score(self, pairs: Sequence[Pair], *, overflow: str = "error") -> Vectors:
        """(N, L) float32, a column for each label; higher is more."""
        ...


class CrossEncoder:
    """A network that reads two texts together. ``likewise.load_scorer`` makes one.

    Args:
        name: What it was loaded as.
        contract: What its scores can be compared with; ``dimension`` is the number of labels.
        tokenizer: The model's own.
        engine: Runs its network.
        declared: Its checkpoint, for labels, activation and inputs.
    """

    def __init__(
        self, name: str, contract: Contract, tokenizer: Tokenizer, engine: Engine, *, declared: Checkpoint
    ) -> None:
        self.name, self.contract, self.tokenizer, self._engine = name, contract, tokenizer, engine
        named: Mapping[str, str] = declared.config.get("id2label") or {}
        self.labels = tuple(str(named.get(str(i), f"LABEL_{i}")) for i in range(contract.dimension))
        self.activation = declared_activation(declared)
        self._segments = declared.reads_segments

    def __repr__(self) -> str:
        return f"CrossEncoder({self.name!r}, labels={list(self.labels)}, activation={self.activation!r})"

    def score(self, pairs: Sequence[Pair], *, overflow: str = "error") -> Vectors:
        """How each pair of texts scores.

        Args:
            pairs: Any number of (query, document), or of whatever two texts the model was trained on.
            overflow: "error" refuses a pair of more tokens than the model takes; "truncate" shortens the longer text
                of the two, token by token, as the models were trained.

        Returns:
            (N, L) float32, after the activation that the model declares.

        Raises:
            TooLongError: A pair is too long and ``overflow`` is "error".
            SettingError: An argument is wrong.
        """
        _check(pairs, overflow)
        left, right = (self.tokenizer.encode([pair[i] for pair in pairs]) for i in range(2))
        room = self.contract.max_tokens - self.tokenizer.pair_special_tokens
        over = [len(a) + len(b) - room for a, b in zip(left, right, strict=True)]
        if max(over, default=0) > 0 and overflow == "error":
            worst = int(np.argmax(over))
            raise TooLongError(
                f"pair {worst} has {over[worst]} tokens more than the model's {self.contract.max_tokens}; choose "
                "overflow='truncate' (the longer text of a pair loses its end), or cut the texts first"
            )
        joined = [self.tokenizer.pair(*_shortened(a, b, room)) for a, b in zip(left, right, strict=True)]
        return _activated(self._run(joined), self.activation)

    def _run(self, joined: Sequence[tuple[Ids, Ids]]) -> Vectors:
        scores = np.empty((len(joined), self.contract.dimension), np.float32)

        def made(rows: Ids, tokens: int, height: int) -> Inputs[Ids]:
            ids, mask = pad([joined[row][0] for row in rows], tokens=tokens, height=height)
            segments, _ = pad([joined[row][1] for row in rows], tokens=tokens, height=height)
            return Inputs(ids, mask, segments if self._segments else None)

        def collect(rows: Ids, found: Vectors) -> None:
            scores[rows] = found

        lengths = [len(ids) for ids, _ in joined]
        limit, budget = self.contract.max_tokens, self._engine.budget_tokens
        self._engine.run(batched(lengths, made, limit=limit, budget_tokens=budget), collect)
        return scores


def load_scorer(
    name_or_folder: str | Path,
    *,
    precision: str = "auto",
    engine: str = "auto",
    source: Source = Source(),
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> CrossEncoder:
    """A cross-encoder, from a model's name or folder; arguments and errors are those of ``likewise.load``."""
    running = Running(engine, precision)
    opened = open_model(name_or_folder, "scores", running, source=source, cache=cache, progress=progress)
    return CrossEncoder(opened.found.name, opened.contract, opened.tokenizer, opened.engine, declared=opened.checkpoint)


def _check(pairs: Sequence[Pair], overflow: str) -> None:
    if isinstance(pairs, str) or any(isinstance(pair, str) or len(pair) != 2 for pair in pairs):
        raise SettingError("score() takes pairs of texts: score([(query, document), …])")
    if overflow not in ("error", "truncate"):
        raise SettingError(f"overflow is {overflow!r}; for pairs it must be 'error' or 'truncate'")


def _shortened(left: Ids, right: Ids, room: int) -> tuple[Ids, Ids]:
    """Two texts in ``room`` tokens: the longer one loses its last token until they fit, the second one at a tie."""
    shorter = min(len(left), len(right))
    if len(left) + len(right) <= room:
        return left, right
    if 2 * shorter <= room:  # the shorter fits beside what is then left of the longer
        most = room - shorter
        return left[:most] if len(left) > len(right) else left, right[:most] if len(right) >= len(left) else right
    return left[: room - room // 2], right[: room // 2]


def declared_activation(declared: Checkpoint) -> str:
    """What a model's files say, in the places where they have said it over the years."""
    inner: Mapping[str, Any] = declared.config.get("sentence_transformers") or {}
    older = declared.config.get("sbert_ce_default_activation_function")
    named = declared.declared.get("activation_fn") or inner.get("activation_fn") or older
    if not named:
        return "sigmoid" if declared.dimension == 1 else "identity"
    name = str(named).rsplit(".", 1)[-1].lower()
    if name not in _ACTIVATIONS:
        raise ModelError(f"{declared.folder} names the activation {named!r}; known are {', '.join(_ACTIVATIONS)}")
    return name


def _activated(logits: Vectors, activation: str) -> Vectors:
    if activation == "softmax":
        return NumpyOps().softmax(logits) if len(logits) else logits
    return NumpyOps().apply(logits, "sigmoid") if activation == "sigmoid" else logits
